"""Trivial policies scored on a test set, in the shape of a model's scores."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mirage_core.benchmark.baselines import baselines
from mirage_core.benchmark.items import TestRows, headline_levels, read_items
from mirage_core.puzzles import vsp
from mirage_core.recipe import Benchmark
from mirage_core.row import Row
from mirage_core.settings import Settings


class PolicyScore(Settings):
    """A trivial policy's accuracy, exact."""

    name: str
    """What it does."""
    overall: float
    """Share of items answered rightly, at the levels of the headline."""
    by_level: dict[int, float]
    """The same by level, for all levels."""
    where_walks_fail: float | None
    """The same as `overall` on boards that both hole-blind walks fail on; None where there are none, or no walks."""


class BaselineScores(Settings):
    """All trivial policies on one test set."""

    test_set: str
    """Name of the test set."""
    task: str
    """`Row.task` of its items."""
    headline: tuple[int, ...]
    """Levels that `overall` and `where_walks_fail` count."""
    n: int
    """Items of all levels."""
    policies: tuple[PolicyScore, ...]
    """One per policy."""


def benchmark_policies(tests: Sequence[TestRows], settings: Benchmark, out: Path) -> dict[str, Any]:
    """Write what the trivial policies reach on every test set to `baselines-0.json`, ... below `out`.

    Returns:
        Counts per test set: items and the accuracy of each policy.
    """
    counts = {}
    for number, test in enumerate(tests):
        items = read_items(test, settings)
        scores = score_policies(items, test.name)
        (out / f"baselines-{number}.json").write_text(scores.model_dump_json(indent=1), encoding="utf-8")
        by_name = {policy.name: round(policy.overall, 4) for policy in scores.policies}
        counts[test.name] = {"items": len(items), **by_name}
    return counts


def score_policies(items: Sequence[Row], test_set: str) -> BaselineScores:
    """What the trivial policies of the items' task reach."""
    task, levels = items[0].task, np.array([row.level for row in items])
    headline = headline_levels(task, set(levels.tolist()))
    counted = np.isin(levels, headline)
    hard = counted & [task == vsp.TASK and vsp.needs_planning(vsp.Board(tuple(row.meta["board"]))) for row in items]
    policies = []
    for name, listed in baselines(items, headline).items():
        chances = np.array(listed)
        policies.append(
            PolicyScore(
                name=name,
                overall=chances[counted].mean(),
                by_level={int(level): chances[levels == level].mean() for level in np.unique(levels)},
                where_walks_fail=chances[hard].mean() if hard.any() else None,
            )
        )
    return BaselineScores(test_set=test_set, task=task, headline=headline, n=len(items), policies=tuple(policies))
