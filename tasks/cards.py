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
from mirage_core.manifest import Manifest, Parent
from tasks.artifact import Artifact
from tasks.patience import patiently
from tasks.place import root

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
        " ".join(_pictures(artifact, record)),
        "## Made from\n\n" + ("\n".join(_lineage(record, 0, {})) or "its settings alone"),
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


def _lineage(record: Manifest, depth: int, known: dict[Parent, Manifest | None]) -> Iterator[str]:
    """Lines of a record's parents.

    Args:
        record: Whose.
        depth: Of the lines.
        known: What was read so far; in a bucket, reading takes its time, and many artifacts share their parents.
    """
    for parent in manifest.parents(record):
        if parent not in known:
            uri = storage.join(root(), parent.stage, parent.digest)
            there = storage.exists(storage.join(uri, storage.MANIFEST_NAME))
            known[parent] = manifest.read(uri) if there else None
        line = f"{'  ' * depth}- {parent.stage} `{parent.digest}`"
        made = known[parent]
        yield line if made else f"{line} (deleted since)"
        if made:
            yield from _lineage(made, depth + 1, known)


def _pictures(artifact: Artifact, record: Manifest) -> Iterator[str]:
    """A few of the samples; only they are read, so that a card needs nothing else of the artifact here."""
    names = sorted(name for name in record.files if name.startswith("samples/") and name.endswith(".png"))
    files = artifact.files if names else ""
    for name in names[:MAX_PICTURES]:
        yield _picture(Path(name).stem, storage.read_bytes(storage.join(files, name)))


def _picture(title: str, data: bytes) -> str:
    with Image.open(io.BytesIO(data)) as image:
        small = image.convert("RGB")
    small.thumbnail((PICTURE_PX, PICTURE_PX))
    buffer = io.BytesIO()
    small.quantize(NUM_COLORS).save(buffer, "PNG", optimize=True)
    return f"![{title}](data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()})"
