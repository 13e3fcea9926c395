"""Proof of a thought: every square, move and ending it claims is checked against the simulator.

Claims are read in the published form: `[(row,col),Tile]` for a square, a direction word right before a square for a
move ("Moving right to [(0,1),Ice]"). Mirage published thoughts that name holes where there is ice (4 of 10 samples
contradict their own board), so no text is trusted, the oracle's neither.
"""

import re

from mirage_core.puzzles.verdict import OK, Verdict
from mirage_core.puzzles.vsp import MOVES, Board, check
from mirage_core.teacher import Explanation

TILE_LETTERS = {"start": "S", "ice": "F", "hole": "H", "target": "G", "goal": "G"}
SQUARE = re.compile(r"\[\s*\(\s*(-?\d+)\s*,\s*(-?\d+)\s*\)\s*,\s*([A-Za-z]+)\s*\]")
MOVE = re.compile(r"\b(up|left|right|down)\b[^.\[]*" + SQUARE.pattern, re.IGNORECASE)


def verify(board: Board, explanation: Explanation, answer: str) -> Verdict:
    """Check the answer, every square named and every move told.

    Returns:
        Verdict with reason "ok", "answer_<reason of check>", "empty_thought", "square_outside", "wrong_tile",
        "wrong_move" (a told move does not lead to the square it names) or "moves_not_answer" (the moves told are
        not the plan).
    """
    graded = check(board, rf"\boxed{{{answer}}}")
    if not graded.ok:
        return Verdict(False, f"answer_{graded.reason}")
    if not explanation.before.strip() or not explanation.after.strip():
        return Verdict(False, "empty_thought")
    for row, column, name in SQUARE.findall(f"{explanation.before} {explanation.after}"):
        if not (0 <= int(row) < board.size and 0 <= int(column) < board.size):
            return Verdict(False, "square_outside")
        if board.tile((int(row), int(column))) != TILE_LETTERS.get(name.lower()):
            return Verdict(False, "wrong_tile")
    return _verify_moves(board, explanation, answer)


def _verify_moves(board: Board, explanation: Explanation, answer: str) -> Verdict:
    cell, told = board.start, ""
    for word, row, column, _ in MOVE.findall(explanation.after):
        move = word[0].upper()
        cell, told = board.step(cell, move), told + move
        if cell != (int(row), int(column)):
            return Verdict(False, "wrong_move")
    plan = "".join(letter for letter in answer.upper() if letter in MOVES)
    return OK if told == plan else Verdict(False, "moves_not_answer")
