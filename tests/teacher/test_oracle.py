import re

import numpy as np

from mirage_core.puzzles import vsp
from mirage_core.teacher import oracle

BOARD = vsp.Board(("SHF", "FFF", "FHG"))


def explain(board, *seed):
    return oracle.explain(board, vsp.solve(board), np.random.default_rng(seed))


def test_every_move_is_told_once_and_the_last_one_reaches_the_target(boards):
    for index, board in enumerate(boards(300)):
        plan, thought = vsp.solve(board), explain(board, index)
        told = re.findall(r"(up|left|right|down) to \[\((\d+),(\d+)\),(\w+)\]", thought.after)
        cells = [(int(row), int(column)) for _, row, column, _ in told]
        assert "".join(word[0].upper() for word, *_ in told) == plan
        assert cells == vsp.walk(board, plan, stop_at_goal=True)[1:]
        assert [tile for *_, tile in told] == ["Ice"] * (len(plan) - 1) + ["Target"]


def test_start_target_and_the_holes_beside_the_way_are_named_before():
    before = explain(BOARD, 0).before
    assert "[(0,0),Start]" in before and "[(2,2),Target]" in before
    assert "[(0,1),Hole] and [(2,1),Hole]" in before


def test_no_hole_is_named_where_none_is_near():
    assert "Hole" not in explain(vsp.Board(("SGF", "FFF", "FFH")), 0).before


def test_the_thought_before_the_picture_ends_in_a_cue(boards):
    for index, board in enumerate(boards(50)):
        assert explain(board, index).before.endswith(oracle.CUES)


def test_a_detour_is_called_one():
    board = vsp.Board(("SHG", "FFF", "FFF"))
    first, *rest, last = explain(board, 0).after.split(". ")
    assert vsp.solve(board) == "DRRU" and any(effect in first for effect in oracle.DETOUR)
    assert all(any(effect in step for effect in oracle.CLOSER) for step in rest)
    assert any(effect in last for effect in oracle.REACHED)


def test_the_wording_depends_on_the_seed_alone(boards):
    for board in boards(30):
        assert explain(board, 1, 2) == explain(board, 1, 2)
    assert len({explain(BOARD, seed) for seed in range(50)}) >= 45


def test_the_wording_varies(boards):
    def bare(text):
        return re.sub(r"\[[^]]*\]( and)?|\b(up|left|right|down)\b", "", text)

    thoughts = [explain(board, 7, index) for index, board in enumerate(boards(100))]
    assert len({bare(thought.before) for thought in thoughts}) >= 40
    assert len({bare(step) for thought in thoughts for step in thought.after.split(". ")}) >= 20
