"""VSP spatial planning: the shortest way through a maze, as a question, an answer and its grading.

The wording of `question` is that of Mirage (arXiv 2506.17218) and VSP, so that scores are comparable with published
ones. The maze itself and its pictures are re-exported here: `vsp` is the family's front door.
"""

import re
from itertools import takewhile
from typing import Literal

from mirage_core.puzzles.verdict import OK, Verdict
from mirage_core.puzzles.vsp_board import MOVES, Board, Cell, official_hashes, orientations, sample, solve, walk
from mirage_core.puzzles.vsp_pictures import FACING, Facing, helper_image, read_board, render

__all__ = [
    "FACING", "MOVES", "QUESTION", "TASK", "Board", "Cell", "Facing", "Rule", "answer_text", "blind_walk", "check",
    "helper_image", "needs_planning", "official_hashes", "orientations", "question", "reaches_goal",
    "read_board", "render", "sample", "solve", "walk",
]  # fmt: skip

TASK = "vsp_spatial_planning"
Rule = Literal["mirage", "vsp"]

QUESTION = """
As a professional maze solver, your task is to analyze a grid-based map and devise an action plan that enables a \
player to reach the goal from the starting point without falling into any holes, using the fewest possible moves.

## Game Setup
- The game presents a fully observable grid-based map.
- The player starts at a specified grid square, with the goal located elsewhere on the map.
- Each grid square is either safe or contains a hole.
- Your goal is to guide the player to the goal while avoiding holes.
- For example, your final answer should be like "L,L,R,U,D", which means an action plan of left, left, right, up, \
and down.

## Moving Rules
- The action plan involves a series of moves: 'L' (left), 'R' (right), 'U' (up), or 'D' (down).
- Each move transfers the player to the adjacent square in that direction, provided it is a safe square. The player \
cannot move more than one square at a time.
- Moving off the edge of the map has no effect. The player will remain at the same square.
- DO NOT MOVE INTO A HOLE! Falling into a hole results in defeat.
- Locating at the grid containing the goal results in victory.

Here is the map: <image>

Please provide your action plan.
 The final answer MUST BE put in \\boxed{}."""
"""The published planning question; `<image>` stands for the picture of the board."""
MAP_LINE = "Here is the map: <image>\n"
SKETCH_LINE = "Here is a sketch of the way: <image>\n"


def question(board: Board, with_sketch: bool = False) -> str:
    """The published question, the same for every board; with a line for a second picture if there is a sketch."""
    return QUESTION.replace(MAP_LINE, MAP_LINE + SKETCH_LINE) if with_sketch else QUESTION


def answer_text(plan: str) -> str:
    """A plan in the form the question asks for: "RRD" -> "R,R,D"."""
    return ",".join(plan)


def check(board: Board, answer: str, rule: Rule = "mirage") -> Verdict:
    r"""Grade a model's whole output text.

    Args:
        board: The maze.
        answer: Text with the plan in its last `\boxed{...}`; under "vsp" the text after the first `Action plan:` is
            read first, as the official script does.
        rule: "mirage": every U, D, L, R letter in the box is a move and only the final cell counts, so moves after
            the goal can lose. "vsp": comma-separated single letters; the episode ends at the goal or in a hole, and
            what follows is never read. Neither scores the length.

    Returns:
        Verdict with reason "ok", "no_answer", "no_moves", "bad_move", "hole" or "not_at_goal".
    """
    text = _answer_span(answer, rule)
    if text is None:
        return Verdict(False, "no_answer")
    if rule == "mirage":
        letters = [letter for letter in text.upper() if letter in MOVES]
    else:
        letters = [re.sub("[\"'.\n]", "", part).strip() for part in text.split(",")]
    if not any(letters):
        return Verdict(False, "no_moves")
    plan = "".join(takewhile(MOVES.__contains__, letters))
    last = board.tile(walk(board, plan, stop_at_goal=rule == "vsp")[-1])
    if last not in "GH" and len(plan) < len(letters):
        return Verdict(False, "bad_move")
    return OK if last == "G" else Verdict(False, "hole" if last == "H" else "not_at_goal")


def blind_walk(board: Board, rows_first: bool) -> str:
    """The shortest plan of someone who sees player and goal but no hole: rows first, then columns, or vice versa."""
    (row, column), (goal_row, goal_column) = board.start, board.goal
    vertical = ("D" if goal_row > row else "U") * abs(goal_row - row)
    horizontal = ("R" if goal_column > column else "L") * abs(goal_column - column)
    return vertical + horizontal if rows_first else horizontal + vertical


def reaches_goal(board: Board, plan: str) -> bool:
    """Graded like any answer."""
    return check(board, rf"\boxed{{{answer_text(plan)}}}").ok


def needs_planning(board: Board) -> bool:
    """Whether both hole-blind walks fail."""
    return not any(reaches_goal(board, blind_walk(board, rows_first)) for rows_first in (True, False))


def _answer_span(answer: str, rule: Rule) -> str | None:
    if rule == "vsp" and (plan := re.search(r"Action [Pp]lan: (.*)", answer, re.DOTALL)):
        return plan[1]
    boxes = re.findall(r"\\boxed\{([^}]*)\}", answer)
    return boxes[-1] if boxes else None
