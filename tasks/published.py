"""The stage that imports Mirage's published rows."""

from pathlib import Path

from mirage_core.manifest import Counts
from mirage_core.published import fingerprint, import_published
from tasks.artifact import LocalSource
from tasks.stage import stage


def find_published(path: Path | str) -> LocalSource:
    """Recognise a published file; see `fingerprint` for the errors."""
    return LocalSource(sha256=fingerprint(Path(path)), path=str(path))


@stage("published")
def published(source: LocalSource, keep_leaks: bool, *, out: Path) -> Counts:
    return import_published(Path(source.path), out, keep_leaks)
