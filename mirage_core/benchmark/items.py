"""What is examined: test sets, and their rows at the levels of the settings."""

from pathlib import Path

from mirage_core.errors import InputError
from mirage_core.recipe import Benchmark
from mirage_core.row import Row, read_rows
from mirage_core.settings import Settings


class TestRows(Settings):
    """A test set on this machine."""

    __test__ = False  # no test class, whatever pytest thinks of the name

    name: str
    """As it stands in tables."""
    folder: Path
    """Data set folder; its rows lie below `rows`."""
    split: str
    """Which of its rows."""


class Exam(Settings):
    """One model on several test sets."""

    model: str
    """The model's name in tables."""
    tests: tuple[TestRows, ...]
    """Test sets, one `Scores` each."""
    settings: Benchmark
    """How."""


def read_items(test: TestRows, settings: Benchmark) -> list[Row]:
    """Rows of a test set at the levels that are examined.

    Raises:
        InputError: There are none.
    """
    rows = read_rows(str(test.folder / "rows"), split=test.split)
    items = [row for row in rows if row.level in settings.levels]
    if not items:
        raise InputError(f"{test.folder}: no rows of split {test.split} at levels {list(settings.levels)}")
    return items
