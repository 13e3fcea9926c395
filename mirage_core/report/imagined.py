"""The report's section on helper images that a video model imagined: how close they come to the true view."""

import json
from pathlib import Path
from typing import Any

from mirage_core import manifest, storage

STAGE = "imagined-helpers"
"""Stage whose artifact holds the imagined helper images of a data set."""
QUALITY_FILE = "quality.json"


def imagined_section(data: Path) -> dict[str, Any] | None:
    """What `imagined.html` shows of a data set's imagined helper images; None where it has none, or they lie elsewhere.

    Args:
        data: Data set folder, beside the artifacts that it was made of.
    """
    root, waiting = data.parent.parent, [data]
    while waiting:
        folder = waiting.pop()
        made = manifest.read(str(folder))
        if made.stage == STAGE:
            return _section(folder, made)
        folders = [root / parent.stage / parent.digest for parent in manifest.parents(made)]
        waiting += [folder for folder in folders if (folder / storage.MANIFEST_NAME).is_file()]
    return None


def _section(folder: Path, made: manifest.Manifest) -> dict[str, Any]:
    samples = [
        {
            "type": strip.stem.replace("_", " "),
            "strip": strip.read_bytes(),
            "video": strip.with_suffix(".webp").read_bytes(),
            "file": str(strip.with_suffix(".mp4").relative_to(folder)),
        }
        for strip in sorted((folder / "samples").glob("*.png"))
    ]
    settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    lines = json.loads((folder / QUALITY_FILE).read_text(encoding="utf-8"))
    return {"manifest": made, "settings": settings, "lines": lines, "samples": samples}
