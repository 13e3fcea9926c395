"""VSP's four smaller maze tasks: what is asked of a board, the right answer, and the official judging of an output.

Source: github UCSB-NLP-Chang/Visual-Spatial-Planning, maze/task1 to task4, each with its eval.py (MIT). Deviations:

1. An output without any of the tags that a script looks for is "no_answer". The scripts then read on from a fixed
   place near the beginning of the output, by accident (`find` returned -1).
2. The scripts of tasks 2 and 4 count as wrong what names no direction, and neither or both of yes and no; here that is
   "no_answer". No output becomes right or wrong by it.
"""

import re
from typing import Literal

from mirage_core.puzzles.verdict import OK, Verdict
from mirage_core.puzzles.vsp_board import Board, Cell, walk

HOLE = "vsp_task1"
"""Is there a hole in row r, column c?"""
POSITION = "vsp_task2"
"""Where is the player with respect to the goal?"""
MATCH = "vsp_task3"
"""Which of four tables shows the board?"""
SAFETY = "vsp_task4"
"""Does a plan stay out of the holes?"""
TASKS = (HOLE, POSITION, MATCH, SAFETY)

YesNo = Literal["Yes", "No"]
DIRECTIONS = ("Above", "Below", "Left", "Right")
CHOICES = ("A", "B", "C", "D")
SAFETY_SPAN = 10
"""Characters behind the tag that the script of task 4 reads."""
PLAN_WORDS = {"U": "Up", "L": "Left", "R": "Right", "D": "Down"}


def hole_answer(board: Board, cell: Cell) -> YesNo:
    """Whether there is a hole; row and column are 1-based, as in the question."""
    return "Yes" if board.tile((cell[0] - 1, cell[1] - 1)) == "H" else "No"


def position_answer(board: Board) -> str:
    """One or two of "Above", "Below", "Left", "Right", joined by a comma: the player as seen from the goal."""
    (row, column), (goal_row, goal_column) = board.start, board.goal
    words = ["Above"] * (row < goal_row) + ["Below"] * (row > goal_row)
    words += ["Left"] * (column < goal_column) + ["Right"] * (column > goal_column)
    return ",".join(words)


def safety_answer(board: Board, plan: str) -> YesNo:
    """Whether the plan meets no hole. It does not end at the goal: only so are all official answers reproduced."""
    return "No" if board.tile(walk(board, plan, stop_at_goal=False)[-1]) == "H" else "Yes"


def asked_form(task: str, answer: str) -> str:
    """An answer in the form that the task's prompt asks for."""
    return f"<Answer> {answer}" if task == MATCH else f"<Output> {answer}"


def check_hole(board: Board, cell: Cell, output: str) -> Verdict:
    """Grade task 1: all that stands behind the first `<Output>` must be yes or no.

    Returns:
        Verdict with reason "ok", "no_answer" or "wrong", as of all checks here.
    """
    told = _behind(output, "<Output>")
    told = None if told is None else _without(told, "\"'\n.()").lower()
    return _judge(told if told in ("yes", "no") else None, hole_answer(board, cell).lower())


def check_position(board: Board, output: str) -> Verdict:
    """Grade task 2: every right word must be named behind `<Output>`; naming others too is not punished."""
    told = _behind(output, "<Output> ", "<Output>\n")
    named = set() if told is None else {_without(part, "\"'\n.*") for part in told.split(",")}
    if not named & set(DIRECTIONS):
        return Verdict(False, "no_answer")
    return OK if named >= set(position_answer(board).split(",")) else Verdict(False, "wrong")


def check_match(gold: str, output: str) -> Verdict:
    """Grade task 3: all that stands behind `<Answer>`, else `**Answer`, else `Answer` must be A, B, C or D."""
    told = _behind(output, "<Answer>", "**Answer", "Answer")
    told = None if told is None else _without(told, "\"*:'\n.()<>`")
    return _judge(told if told in CHOICES else None, gold)


def check_safety(board: Board, plan: str, output: str) -> Verdict:
    """Grade task 4: the ten characters behind `<Output>`, else `**Output**`, else `Output` hold either yes or no."""
    told = _behind(output, "<Output>", "**Output**", "Output")
    span = "" if told is None else _without(told[:SAFETY_SPAN], "\"'\n.:-*").lower()
    named = [word for word in ("yes", "no") if word in span]
    return _judge(named[0] if len(named) == 1 else None, safety_answer(board, plan).lower())


def asked_cell(question: str) -> Cell | None:
    """(row, column) that a question of task 1 names, 1-based; None where it names none."""
    found = re.search(r"row (\d+), column (\d+)", question)
    return (int(found[1]), int(found[2])) if found else None


def _behind(output: str, *tags: str) -> str | None:
    """What follows the first of the tags that occurs, its first occurrence; None where none does."""
    return next((output.split(tag, 1)[1] for tag in tags if tag in output), None)


def _without(text: str, characters: str) -> str:
    return text.translate(str.maketrans("", "", characters)).strip()


def _judge(told: str | None, gold: str) -> Verdict:
    if told is None:
        return Verdict(False, "no_answer")
    return OK if told == gold else Verdict(False, "wrong")
