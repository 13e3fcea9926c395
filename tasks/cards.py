"""One card per stage in the Prefect UI: what it made, from what, and a few pictures.

The flow writes it after the stage, also when the stage was cached: Prefect's own asset events are lost then.
"""

import base64
import io
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from prefect.artifacts import create_markdown_artifact

from mirage_core import manifest, storage
from mirage_core.manifest import Manifest
from tasks.artifact import Artifact, folder, root
from tasks.patience import patiently

MAX_PICTURES = 4
PICTURE_PX = 96
NUM_COLORS = 64
"""Four palette pictures of this size stay below 40 KB of text; a card is a row in Prefect's database."""


def with_card(artifact: Artifact) -> Artifact:
    """Write the artifact's card under its stage's name, and hand it on; the UI keeps earlier cards as history."""
    markdown = render_card(artifact)
    about = f"{artifact.stage} {artifact.digest}"
    patiently(lambda: create_markdown_artifact(key=artifact.stage, markdown=markdown, description=about))
    return artifact


def render_card(artifact: Artifact) -> str:
    """The card as markdown."""
    record = manifest.read(artifact.uri)
    facts = {
        "artifact": f"`{artifact.uri}`",
        "stage version": record.version,
        "seed": "none" if record.seed is None else record.seed,
        "wall time": f"{record.wall_s:,.1f} s",
        "code": f"`{record.git_commit or 'not in git'}`",
        "device": ", ".join([f"{record.device.cpu} ({record.device.cores} cores)", *record.device.gpus]),
        "libraries": ", ".join(f"{name} {number}" for name, number in record.libraries.items()),
    }
    parts = [
        f"# {artifact.stage} `{artifact.digest}`",
        _table("count", "value", dict(_flatten(record.counts))),
        " ".join(_picture(path) for path in sorted((folder(artifact) / "samples").glob("*.png"))[:MAX_PICTURES]),
        "## Made from\n\n" + ("\n".join(_lineage(record, depth=0)) or "its settings alone"),
        "## How\n\n" + _table("fact", "value", facts),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _flatten(counts: manifest.Counts) -> Iterator[tuple[str, str]]:
    for name, value in counts.items():
        nested = value.items() if isinstance(value, dict) else [("", value)]
        yield from ((f"{name}: {key}" if key else name, _number(item)) for key, item in nested)


def _number(value: int | float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def _table(left: str, right: str, rows: dict[str, object]) -> str:
    lines = [f"| {left} | {right} |", "| --- | --- |"]
    return "\n".join(lines + [f"| {key} | {value} |" for key, value in rows.items()])


def _lineage(record: Manifest, depth: int) -> Iterator[str]:
    for parent in manifest.parents(record):
        uri = storage.join(root(), parent.stage, parent.digest)
        line = f"{'  ' * depth}- {parent.stage} `{parent.digest}`"
        if not storage.exists(storage.join(uri, storage.MANIFEST_NAME)):
            yield f"{line} (deleted since)"
            continue
        yield line
        yield from _lineage(manifest.read(uri), depth + 1)


def _picture(path: Path) -> str:
    with Image.open(path) as image:
        small = image.convert("RGB")
    small.thumbnail((PICTURE_PX, PICTURE_PX))
    buffer = io.BytesIO()
    small.quantize(NUM_COLORS).save(buffer, "PNG", optimize=True)
    return f"![{path.stem}](data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()})"
