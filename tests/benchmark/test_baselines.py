from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_core.benchmark.baselines import (
    baselines,
    fixed_strings,
    planning_baselines,
    task_policies,
)
from mirage_core.benchmark.official import import_test
from mirage_core.puzzles import vsp, vsp_reasoning, vsp_tasks
from mirage_core.puzzles.vsp import blind_walk, needs_planning, reaches_goal
from mirage_core.row import Row, read_rows

OPEN = vsp.Board(("FFS", "FFF", "GFF"))
ONE_WAY = vsp.Board(("SFF", "HFF", "FFG"))  # rows first falls at once
BLOCKED = vsp.Board(("SFH", "HFF", "FFG"))
ALL = range(3, 9)
MIXED = [OPEN, ONE_WAY, BLOCKED, *(vsp.sample(np.random.default_rng([8, n]), 3 + n % 6, 0.3) for n in range(9))]


@pytest.fixture(scope="module")
def solved():
    return fixed_strings(MIXED)


def test_blind_walks_see_player_and_goal_only():
    assert blind_walk(OPEN, rows_first=True) == "DDLL" and blind_walk(OPEN, rows_first=False) == "LLDD"
    assert blind_walk(vsp.Board(("FFG", "FHF", "FFS")), rows_first=True) == "UU"
    assert blind_walk(vsp.Board(("FFF", "SHG", "FFF")), rows_first=True) == "RR"


def test_boards_need_planning_where_both_walks_fail():
    assert [needs_planning(board) for board in (OPEN, ONE_WAY, BLOCKED)] == [False, False, True]
    assert not reaches_goal(ONE_WAY, "DDRR") and reaches_goal(ONE_WAY, "RRDD")


def test_all_strings_up_to_seven_moves_are_tried(solved):
    assert len(solved) == sum(4**length for length in range(1, 8)) == len(set(solved))
    assert all(hits.shape == (len(MIXED),) for hits in solved.values())


@given(st.text("ULRD", min_size=1, max_size=7))
def test_fixed_strings_are_graded_like_any_answer(solved, plan):
    assert solved[plan].tolist() == [vsp.check(board, rf"\boxed{{{plan}}}").ok for board in MIXED]


def test_the_random_plan_is_worth_what_brute_force_says():
    boards = MIXED[2:5]
    values = []
    for board in boards:
        by_length = []
        for length in range(1, 7):
            ends = [vsp.walk(board, plan, stop_at_goal=False)[-1] for plan in product("ULRD", repeat=length)]
            by_length.append(ends.count(board.goal) / len(ends))
        values.append(sum(by_length) / len(by_length))
    assert planning_baselines(boards, ALL)["random plan of 1 to 6 moves"] == pytest.approx(values, abs=1e-12)


def test_policies_score_every_board():
    scores = planning_baselines([OPEN, ONE_WAY, BLOCKED], ALL)
    assert scores["hole-blind walk, rows first"] == [1, 0, 0]
    assert scores["hole-blind walk, columns first"] == [1, 1, 0]
    assert scores["best fixed string (R,D,R,D)"] == [0, 1, 1]
    assert len(scores) == 4


def test_the_best_fixed_string_is_best_and_short(solved):
    name, chances = next(item for item in planning_baselines(MIXED, ALL).items() if item[0].startswith("best"))
    assert sum(chances) == max(hits.sum() for hits in solved.values())
    plan = name.split("(")[1].rstrip(")").replace(",", "")
    assert not any(hits.sum() == sum(chances) for string, hits in solved.items() if len(string) < len(plan))


def test_the_best_fixed_string_is_chosen_on_the_levels_of_the_headline(solved):
    sizes = np.array([board.size for board in MIXED])
    name, chances = next(item for item in planning_baselines(MIXED, (3, 4)).items() if item[0].startswith("best"))
    counted = np.isin(sizes, (3, 4))
    assert np.sum(np.array(chances)[counted]) == max(hits[counted].sum() for hits in solved.values())
    plan = name.split("(")[1].rstrip(")").replace(",", "")
    assert chances == solved[plan].tolist()  # but scored on all


def reasoning_row(number, plan, board=ONE_WAY):
    answer = vsp_reasoning.outcome(board, plan)
    meta = {"board": list(board.rows), "plan": plan}
    return Row(str(number), vsp_reasoning.TASK, "test", board.size, "", [], [], "", "", answer, meta=meta)


PLANS = ("D", "R", "RR", "DD", "RRDD", "DDRR", "RRDD", "LLLL")  # outcomes B C C B A B A C


def test_reasoning_is_guessed_from_the_plan_alone():
    items = [reasoning_row(number, plan) for number, plan in enumerate(PLANS)]
    assert [row.answer for row in items] == list("BCCBABAC")
    policies = task_policies(vsp_reasoning.TASK, items, ALL)
    assert policies == {
        "majority answer (B)": ["B"] * 8,
        "always C": ["C"] * 8,
        "majority answer by length of the plan": ["B", "B", "B", "B", "A", "A", "A", "A"],
        "hole-blind walk of the plan": ["C", "C", "C", "C", "A", "A", "A", "C"],
    }
    assert baselines(items, ALL)["hole-blind walk of the plan"] == [0, 1, 1, 0, 1, 0, 1, 1]


def test_a_length_that_the_headline_lacks_gets_the_majority():
    items = [*(reasoning_row(n, plan) for n, plan in enumerate(("R", "RR"))), reasoning_row(2, "U" * 5, MIXED[-1])]
    guesses = task_policies(vsp_reasoning.TASK, items, (3,))["majority answer by length of the plan"]
    assert MIXED[-1].size > 3 and guesses == ["C", "C", "C"]


@pytest.mark.parametrize("task", vsp_tasks.TASKS)
def test_blind_answers_to_official_tasks(shared, tmp_path, task):
    import_test(shared / "data/vsp" / task.removeprefix("vsp_"), tmp_path)
    chances = baselines(list(read_rows(str(tmp_path / "rows"))), range(10))
    majority = next(np.mean(values) for name, values in chances.items() if name.startswith("majority"))
    assert 0.25 <= majority <= 0.6
    if task == vsp_tasks.POSITION:  # the official rule does not punish words that are too many
        assert set(chances.pop("all four directions at once")) == {1.0}
    assert len(chances) == 1


def test_official_boards_give_the_known_picture(shared):
    """On all 400 items the notes measured 72.75, 69.25, 7.0 and 4.3 percent; here is a fifth of them."""
    letters, boards = str.maketrans("@_#*", "SFHG"), []
    for level in (3, 4, 5, 6):
        for text in sorted((shared / f"data/vsp/task-main/maps/level{level}/table").glob("*.txt")):
            rows = [line.split("|")[2:-1] for line in text.read_text().splitlines()[1:]]
            boards.append(vsp.Board(tuple("".join(row).replace(" ", "").translate(letters) for row in rows if row)))
    assert len(boards) == 80
    rows_first, columns_first, fixed, random = (
        np.mean(chances) for chances in planning_baselines(boards, ALL).values()
    )
    assert 0.6 < rows_first < 0.85 and 0.55 < columns_first < 0.85
    assert 0.05 < fixed < 0.15 and 0.03 < random < 0.06
    assert 0.05 < np.mean([needs_planning(board) for board in boards]) < 0.25
