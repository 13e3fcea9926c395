"""The stage that imports Mirage's published rows."""

from pathlib import Path

from pydantic import Field

from mirage_core.manifest import Counts
from mirage_core.published import fingerprint, import_published
from mirage_core.settings import Settings
from tasks.stage import stage


class PublishedSource(Settings):
    """A published JSONL file on this machine, known by its content."""

    sha256: str
    """Of its lines and the pictures that are there."""
    path: str = Field(exclude=True)
    """Where it lies; not part of its identity."""


def find_published(path: Path | str) -> PublishedSource:
    """Recognise a published file; see `fingerprint` for the errors."""
    return PublishedSource(sha256=fingerprint(Path(path)), path=str(path))


@stage("published")
def published(source: PublishedSource, keep_leaks: bool, *, out: Path) -> Counts:
    return import_published(Path(source.path), out, keep_leaks)
