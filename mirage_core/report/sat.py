"""The report's section on SAT: what needs no picture; a contact sheet."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mirage_core.benchmark.policies import BaselineScores
from mirage_core.puzzles import sat
from mirage_core.report.policies import cell
from mirage_core.row import Row, read_rows

ROWS_PER_TYPE = 2
PICTURES = ("first picture", "second picture")


def sat_section(data: Path, policies: Sequence[BaselineScores]) -> dict[str, Any] | None:
    """What `sat.html` shows; None where no test set is of SAT.

    Args:
        data: Data set folder.
        policies: What the trivial policies reach, by test set.
    """
    sets = [test for test in policies if test.task == sat.TASK]
    if not sets:
        return None
    names = list(dict.fromkeys(policy.name for test in sets for policy in test.policies))
    rows = list(_contact_sheet(data))
    return {
        "sets": [{"name": test.test_set, "n": test.n} for test in sets],
        "lines": [{"name": name, "cells": [_cell(test, name) for test in sets]} for name in names],
        "pictures": PICTURES[: max((len(row.images) for row in rows), default=0)],
        "rows": [_shown(row) for row in rows],
    }


def _cell(test: BaselineScores, name: str) -> dict[str, float] | None:
    share = next((policy.overall for policy in test.policies if policy.name == name), None)
    return None if share is None else cell(share, test.n)


def _contact_sheet(data: Path) -> Iterator[Row]:
    """The first rows of each type of question, type by type."""
    chosen: dict[int, list[Row]] = {}
    for row in read_rows(str(data / "rows")):
        of_type = chosen.setdefault(row.level, [])
        if len(of_type) < ROWS_PER_TYPE and row.helper_images:
            of_type.append(row)
        if len(chosen) == len(sat.QUESTION_TYPES) and all(len(rows) == ROWS_PER_TYPE for rows in chosen.values()):
            break
    for _, rows in sorted(chosen.items()):
        yield from rows


def _shown(row: Row) -> dict[str, Any]:
    return {
        "row": row,
        "type": row.meta["question_type"].replace("_", " "),
        "asked": sat.text_of(row.question),
    }
