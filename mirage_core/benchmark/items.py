"""What is examined: test sets, their rows at the levels of the settings, and which of them the headline counts."""

from collections.abc import Collection
from pathlib import Path

from mirage_core.errors import InputError
from mirage_core.puzzles import vsp, vsp_reasoning
from mirage_core.recipe import Benchmark
from mirage_core.row import Row, read_rows
from mirage_core.settings import Settings

PAPER_LEVELS = frozenset({3, 4, 5, 6})
"""Levels of Mirage's test sets (arXiv 2506.17218, section 4.1 and table 8); VSP's official boards go up to 8."""


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
    """Rows of a test set with boards of the sizes that are examined, or with none.

    Raises:
        InputError: There are none, or they are of several tasks.
    """
    rows = read_rows(str(test.folder / "rows"), split=test.split)
    items = [row for row in rows if "board" not in row.meta or len(row.meta["board"]) in settings.levels]
    if not items:
        raise InputError(f"{test.folder}: no rows of split {test.split} at levels {list(settings.levels)}")
    if len(tasks := sorted({row.task for row in items})) > 1:
        raise InputError(f"{test.folder}: rows of several tasks ({', '.join(tasks)}); a test set holds one")
    return items


def headline_levels(task: str, levels: Collection[int]) -> tuple[int, ...]:
    """Those of a test set's levels that its headline numbers count; the others stand in columns of their own.

    The two tasks of Mirage count levels 3 to 6, as the paper does, so that the numbers can be compared with its own;
    a test set without any of these, and every other task, counts all it has.
    """
    paper = PAPER_LEVELS & set(levels) if task in (vsp.TASK, vsp_reasoning.TASK) else None
    return tuple(sorted(paper or set(levels)))
