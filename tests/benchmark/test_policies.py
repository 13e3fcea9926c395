import math

import pytest

from mirage_core.benchmark.baselines import baselines
from mirage_core.benchmark.items import TestRows, read_items
from mirage_core.benchmark.official import import_test
from mirage_core.benchmark.policies import BaselineScores, benchmark_policies
from mirage_core.errors import InputError
from mirage_core.puzzles import vsp
from mirage_core.recipe import Benchmark

EASY = [vsp.Board(("SFF", "FFF", "FFG")), vsp.Board(("SFF", "HFF", "FFG")), vsp.Board(("FFFF", "SFFG", "FFFF", "FFFF"))]
HARD = vsp.Board(("SFH", "HFF", "FFG"))


@pytest.fixture
def rows(vsp_folder, tmp_path):
    """A function from boards to a test set of them."""

    def make(*boards):
        import_test(vsp_folder(*boards), tmp_path / "rows-of-test")
        return TestRows(name="small", folder=tmp_path / "rows-of-test", split="test")

    return make


def scored(test, out, **settings):
    counts = benchmark_policies([test], Benchmark(**settings), out)
    return counts, BaselineScores.model_validate_json((out / "baselines-0.json").read_text())


def test_policies_are_scored_overall_by_level_and_where_walks_fail(rows, tmp_path):
    counts, scores = scored(rows(*EASY, HARD), tmp_path)
    assert (scores.test_set, scores.n, counts["small"]["items"]) == ("small", 4, 4)
    by_name = {policy.name: policy for policy in scores.policies}
    rows_first = by_name["hole-blind walk, rows first"]
    assert (rows_first.overall, rows_first.where_walks_fail) == (0.5, 0.0)
    assert rows_first.by_level == {3: pytest.approx(1 / 3), 4: 1.0}
    assert counts["small"]["hole-blind walk, columns first"] == 0.75
    expected = baselines([*EASY[:2], HARD, EASY[2]])
    assert {name: policy.overall * 4 for name, policy in by_name.items()} == pytest.approx(
        {name: math.fsum(chances) for name, chances in expected.items()}
    )


def test_a_test_set_where_no_walk_fails_can_be_read_back(rows, tmp_path):
    _, scores = scored(rows(*EASY), tmp_path)
    assert [policy.where_walks_fail for policy in scores.policies] == [None] * 4


def test_only_the_levels_of_the_settings_are_examined(rows, tmp_path):
    test = rows(*EASY, HARD)
    assert scored(test, tmp_path, levels=(4,))[1].n == 1
    assert [row.level for row in read_items(test, Benchmark(levels=(3,)))] == [3, 3, 3]


def test_a_test_set_without_such_rows_is_named(rows, tmp_path):
    test = rows(*EASY)
    with pytest.raises(InputError, match=r"rows-of-test: no rows of split test at levels \[8\]"):
        scored(test, tmp_path, levels=(8,))
    with pytest.raises(InputError, match="split rl"):
        scored(test.model_copy(update={"split": "rl"}), tmp_path)


def test_every_test_set_gets_a_file(rows, tmp_path):
    test = rows(*EASY)
    other = test.model_copy(update={"name": "again"})
    counts = benchmark_policies([test, other], Benchmark(), tmp_path)
    assert list(counts) == ["small", "again"] and counts["small"] == counts["again"]
    assert sorted(path.name for path in tmp_path.glob("baselines-*.json")) == ["baselines-0.json", "baselines-1.json"]
