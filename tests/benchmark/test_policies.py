import math
from dataclasses import replace

import pytest

from mirage_core.benchmark.baselines import planning_baselines
from mirage_core.benchmark.items import TestRows, headline_levels, read_items
from mirage_core.benchmark.official import import_test
from mirage_core.benchmark.policies import BaselineScores, benchmark_policies
from mirage_core.errors import InputError
from mirage_core.puzzles import vsp, vsp_reasoning, vsp_tasks
from mirage_core.recipe import Benchmark
from mirage_core.row import read_rows, write_rows

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
    expected = planning_baselines([*EASY[:2], HARD, EASY[2]], (3, 4))
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


LARGE = vsp.Board(("SFFFFFF", *["FFFFFFF"] * 5, "FFFFFFG"))


def test_the_headline_is_that_of_the_paper(rows, tmp_path):
    for task in (vsp.TASK, vsp_reasoning.TASK):
        assert headline_levels(task, range(3, 9)) == (3, 4, 5, 6) and headline_levels(task, {8, 5}) == (5,)
        assert headline_levels(task, {8, 7}) == (7, 8)  # a test set of large boards only
    assert headline_levels(vsp_tasks.HOLE, {3, 8}) == (3, 8)
    _, scores = scored(rows(*EASY, HARD, LARGE), tmp_path)
    rows_first = scores.policies[0]
    assert (scores.headline, scores.n) == ((3, 4), 5)
    assert rows_first.overall == 0.5 and rows_first.by_level[7] == 1.0


def test_task_4_is_examined_at_all_lengths_of_its_plans(shared, tmp_path):
    import_test(shared / "data/vsp/task4", tmp_path)
    test = TestRows(name="safety", folder=tmp_path, split="test")
    counts, scores = scored(test, tmp_path)
    assert (scores.headline, scores.n, scores.task) == ((1, 3, 5, 7, 9), 100, vsp_tasks.SAFETY)
    assert [policy.where_walks_fail for policy in scores.policies] == [None]
    assert len(read_items(test, Benchmark(levels=(5,)))) == 100


def test_a_test_set_of_two_tasks_is_refused(rows, tmp_path):
    test = rows(*EASY)
    first, *others = read_rows(str(test.folder / "rows"))
    write_rows([replace(first, task=vsp_reasoning.TASK), *others], str(test.folder / "rows"))
    with pytest.raises(InputError, match=r"rows of several tasks \(vsp_spatial_planning, vsp_spatial_reasoning\)"):
        scored(test, tmp_path)
