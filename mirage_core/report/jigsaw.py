"""The report's section on jigsaws: what needs no model, on generated items beside official ones; a contact sheet."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from mirage_core.benchmark.interval import newcombe
from mirage_core.benchmark.jigsaw_policies import COLOUR, SEAM
from mirage_core.benchmark.official import OFFICIAL_JIGSAWS
from mirage_core.benchmark.policies import BaselineScores
from mirage_core.puzzles import jigsaw
from mirage_core.report.policies import cell
from mirage_core.row import read_rows

MAJORITY = "majority answer"
ROWS_SHOWN = 10


def jigsaw_section(data: Path, policies: Sequence[BaselineScores]) -> dict[str, Any] | None:
    """What `jigsaw.html` shows; None where no test set is of jigsaws.

    Args:
        data: Data set folder.
        policies: What the trivial policies reach, by test set.
    """
    sets = [test for test in policies if test.task == jigsaw.TASK]
    if not sets:
        return None
    num_rows = sum(pq.read_metadata(path).num_rows for path in (data / "rows").glob("part-*.parquet"))
    shown = islice(read_rows(str(data / "rows")), 0, None, max(1, num_rows // ROWS_SHOWN))
    return {
        "seam": SEAM.capitalize(),
        "sets": [{"name": test.test_set, "n": test.n} for test in sets],
        "lines": [
            {"name": name, "cells": [cell(_share(test, name), test.n) for test in sets]}
            for name in (MAJORITY, COLOUR, SEAM)
        ],
        "differences": [
            {"name": name.capitalize(), "of": test.test_set, **_difference(test, official, name)}
            for official in sets
            for test in sets
            for name in (COLOUR, SEAM)
            if official.test_set == OFFICIAL_JIGSAWS and test is not official
        ],
        "rows": list(islice(shown, ROWS_SHOWN)),
    }


def _share(test: BaselineScores, name: str) -> float:
    """Of the policy; the majority's name holds its answer too."""
    return next(policy.overall for policy in test.policies if policy.name.startswith(name))


def _difference(test: BaselineScores, official: BaselineScores, name: str) -> dict[str, float]:
    shares = _share(test, name), _share(official, name)
    low, high = newcombe((test.n, shares[0]), (official.n, shares[1]))
    return {"difference": shares[0] - shares[1], "low": low, "high": high}
