"""Which rows are examined."""

from pathlib import Path

from mirage_core.errors import InputError
from mirage_core.recipe import Benchmark
from mirage_core.row import Row, read_rows


def read_items(test: Path, split: str, settings: Benchmark) -> list[Row]:
    """Rows of a split at the levels that are examined.

    Raises:
        InputError: There are none.
    """
    items = [row for row in read_rows(str(test / "rows"), split=split) if row.level in settings.levels]
    if not items:
        raise InputError(f"{test}: no rows of split {split} at levels {list(settings.levels)}")
    return items
