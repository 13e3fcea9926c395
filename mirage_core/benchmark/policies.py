"""Trivial policies scored on a test set, in the shape of a model's scores."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mirage_core.benchmark.baselines import baselines, needs_planning
from mirage_core.benchmark.items import TestRows, read_items
from mirage_core.puzzles import vsp
from mirage_core.recipe import Benchmark
from mirage_core.settings import Settings


class PolicyScore(Settings):
    """A trivial policy's accuracy, exact."""

    name: str
    """What it does."""
    overall: float
    """Share of items solved."""
    by_level: dict[int, float]
    """The same by level."""
    where_walks_fail: float | None
    """The same on boards that both hole-blind walks fail on; None where there are none."""


class BaselineScores(Settings):
    """All trivial policies on one test set."""

    test_set: str
    """Name of the test set."""
    n: int
    """Items."""
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
        boards = [vsp.Board(tuple(row.meta["board"])) for row in items]
        hard = [needs_planning(board) for board in boards]
        policies = [_summarize_policy(name, chances, boards, hard) for name, chances in baselines(boards).items()]
        scores = BaselineScores(test_set=test.name, n=len(boards), policies=tuple(policies))
        (out / f"baselines-{number}.json").write_text(scores.model_dump_json(indent=1), encoding="utf-8")
        counts[test.name] = {"items": len(boards), **{policy.name: round(policy.overall, 4) for policy in policies}}
    return counts


def _summarize_policy(
    name: str, chances: Sequence[float], boards: Sequence[vsp.Board], hard: Sequence[bool]
) -> PolicyScore:
    def mean(chosen: list[float]) -> float:
        return sum(chosen) / len(chosen)

    levels = sorted({board.size for board in boards})
    pairs = list(zip(chances, boards, strict=True))
    on_hard = [chance for chance, is_hard in zip(chances, hard, strict=True) if is_hard]
    return PolicyScore(
        name=name,
        overall=mean(list(chances)),
        by_level={level: mean([chance for chance, board in pairs if board.size == level]) for level in levels},
        where_walks_fail=mean(on_hard) if on_hard else None,
    )
