import re

import numpy as np
import pytest

from mirage_core.puzzles import vsp
from mirage_core.teacher import Explanation, oracle
from mirage_core.teacher.verify import verify

BACK = {"U": "D", "D": "U", "L": "R", "R": "L"}
BOARD = vsp.Board(("SFH", "HFF", "FFG"))
PLAN = "RDRD"
TRUTH = Explanation(
    "I start from [(0,0),Start]; the target is at [(2,2),Target]. Avoid [(0,2),Hole].",
    "Moving right to [(0,1),Ice] helps. Going down to [(1,1),Ice] helps. Then right to [(1,2),Ice]. "
    "I go down to [(2,2),Target], done.",
)


@pytest.fixture
def explained(boards):
    """Boards of plans with two moves or more: (board, plan, truthful explanation)."""
    cases = []
    for index, board in enumerate(boards(400)):
        plan = vsp.solve(board)
        if len(plan) > 1:
            cases.append((board, plan, oracle.explain(board, plan, np.random.default_rng(index))))
    assert len(cases) >= 300
    return cases


def reasons(cases, corrupt):
    """Verdicts' reasons after `corrupt(board, plan, explanation) -> (explanation, plan)`."""
    verdicts = [verify(board, *corrupt(board, plan, thought)) for board, plan, thought in cases]
    assert all(verdict.ok == (verdict.reason == "ok") for verdict in verdicts)
    return {verdict.reason for verdict in verdicts}


def test_the_oracle_tells_the_truth(boards):
    for index, board in enumerate(boards(400)):
        plan = vsp.solve(board)
        thought = oracle.explain(board, plan, np.random.default_rng(index))
        assert verify(board, thought, vsp.answer_text(plan)) == (True, "ok")


def test_a_wrong_tile_is_found(explained):
    def before(board, plan, thought):
        return thought._replace(before=thought.before.replace("Start]", "Ice]")), plan

    def after(board, plan, thought):
        return thought._replace(after=thought.after.replace("Ice]", "Hole]", 1)), plan

    def unknown(board, plan, thought):
        return thought._replace(after=thought.after.replace("Target]", "Lava]")), plan

    assert reasons(explained, before) == reasons(explained, after) == reasons(explained, unknown) == {"wrong_tile"}


def test_a_wrong_square_of_the_right_tile_is_found(explained):
    def swap(board, plan, thought):
        told = vsp.walk(board, plan, stop_at_goal=True)[1]
        cells = [(r, c) for r in range(board.size) for c in range(board.size)]
        other = next(cell for cell in reversed(cells) if board.tile(cell) == "F" and cell != told)
        return thought._replace(after=thought.after.replace(f"({told[0]},{told[1]})", f"({other[0]},{other[1]})")), plan

    roomy = [case for case in explained if "".join(case[0].rows).count("F") > 1]
    assert reasons(roomy, swap) == {"wrong_move"}


def test_a_wrong_direction_is_found(explained):
    for move in vsp.MOVES:

        def turn(board, plan, thought, move=move):
            word = oracle.MOVE_WORDS[move]
            return thought._replace(after=re.sub(r"\b(up|left|right|down)\b", word, thought.after, count=1)), plan

        assert reasons([case for case in explained if case[1][0] != move], turn) == {"wrong_move"}


def test_a_wrong_answer_is_found(explained):
    assert reasons(explained, lambda board, plan, thought: (thought, plan[:-1])) == {"answer_not_at_goal"}
    assert reasons(explained, lambda board, plan, thought: (thought, "")) == {"answer_no_moves"}
    assert verify(BOARD, TRUTH, "D,R,R,D") == (False, "answer_hole")


def test_an_answer_other_than_the_told_moves_is_found(explained):
    def wander(board, plan, thought):
        return thought, plan[0] + BACK[plan[0]] + plan

    assert reasons([case for case in explained if _returns(*case[:2])], wander) == {"moves_not_answer"}


def _returns(board, plan):
    """Whether the first move can be undone, so that the plan still works after it."""
    return board.step(board.step(board.start, plan[0]), BACK[plan[0]]) == board.start


def test_dropped_steps_are_found(explained):
    def first(board, plan, thought):
        return thought._replace(after=thought.after.split(". ", 1)[1]), plan

    def last(board, plan, thought):
        return thought._replace(after=thought.after.rsplit(". ", 1)[0]), plan

    def repeated(board, plan, thought):
        sentence = thought.after.split(". ", 1)[0]
        return thought._replace(after=f"{sentence}. {thought.after}"), plan

    assert reasons(explained, first) == {"wrong_move"}
    assert reasons(explained, last) == {"moves_not_answer"}
    assert reasons(explained, repeated) <= {"wrong_move", "moves_not_answer"}


@pytest.mark.parametrize("square", ["(9,0)", "(0,9)", "(-1,0)", "(0, -1)", "( 99 , 99 )"])
@pytest.mark.parametrize("part", ["before", "after"])
def test_squares_outside_the_board_are_found(square, part):
    lie = TRUTH._replace(**{part: getattr(TRUTH, part) + f" I avoid [{square},Hole]."})
    assert verify(BOARD, lie, PLAN) == (False, "square_outside")


@pytest.mark.parametrize("part", ["before", "after"])
def test_empty_thoughts_are_found(part):
    assert verify(BOARD, TRUTH._replace(**{part: " \n"}), PLAN) == (False, "empty_thought")


def test_other_wordings_of_the_truth_stand():
    free = TRUTH._replace(after=TRUTH.after.replace("Target]", "goal ]").replace("[(1,1),Ice]", "[ (1, 1), ICE ]"))
    for thought in (TRUTH, free):
        assert verify(BOARD, thought, "RIGHT, DOWN, RIGHT, DOWN") == (True, "ok")
