"""VSP spatial reasoning: what comes of an action plan: success, a fall into a hole, or safe but not at the goal.

Source: Mirage (arXiv 2506.17218, section 4, appendix A) widened VSP's yes/no task 4 to three outcomes; the wording of
the question is that of its ten published examples. Their helper image shows the board after the first t moves.
"""

import re
from collections import deque
from typing import Literal

import numpy as np
from PIL import Image

from mirage_core.puzzles.verdict import OK, Verdict
from mirage_core.puzzles.vsp_board import MOVES, Board, Cell, walk
from mirage_core.puzzles.vsp_pictures import FACING, picture

TASK = "vsp_spatial_reasoning"
Outcome = Literal["A", "B", "C"]
OUTCOMES: dict[Outcome, str] = {
    "A": "Action Success.",
    "B": "Action Failed. Falling into a hole.",
    "C": "Action Failed. Player safe but faile to reach the goal.",
}
"""Letter -> the published words, their spelling included."""
MOVE_NAMES = {"U": "UP", "L": "LEFT", "R": "RIGHT", "D": "DOWN"}
MOVES_BY_NAME = {name: move for move, name in MOVE_NAMES.items()}
MAX_STROLL_MOVES = 3
"""Random moves before a plan makes for its end; the published examples wander likewise. All outcomes are made the same
way, so that the plan alone tells little."""

QUESTION = """
As a professional maze solver, your task is to analyze a grid-based map and decide whether a given action plan enables \
a player to reach the goal from the starting point without falling into any holes.

## Setup
- The game presents a fully observable grid-based map.
- The player starts at a specified grid square, with the goal located elsewhere on the map.
- Each grid square is either safe or contains a hole.
- The provided action plan consists of a series of moves: 'LEFT' (left), 'RIGHT' (right), 'UP' (up), or 'DOWN' (down).
- Each move transfers the player to the adjacent square in that direction, provided it is a safe square. The player \
cannot move more than one square at a time.
- Moving off the edge of the map has no effect. The player will remain at the same square.
- For each action plan and map, there are 3 possible outcomes:
    - A. Action Success.
    - B. Action Failed. Falling into a hole.
    - C. Action Failed. Player safe but faile to reach the goal.

Determine the outcome of the action plan based on the map, and provide your answer with A, B, or C. 

Here is the map: <image>

Full Action Plan: {plan}

Please provide your answer.
 You FIRST think about the reasoning process as an internal monologue and then provide the final answer. The reasoning \
process MUST BE enclosed within <think> </think> tags. The final answer MUST BE put in \\boxed{{}}."""
"""The published question; `<image>` stands for the picture of the board."""


def question(plan: str) -> str:
    """The published question about a plan of move letters."""
    return QUESTION.format(plan=", ".join(MOVE_NAMES[move] for move in plan))


def outcome(board: Board, plan: str) -> Outcome:
    """What comes of the plan; it ends in the first hole or at the goal.

    Plans made here never touch the goal before their last move, so it does not matter that published labels of VSP's
    task 4 read on behind it.
    """
    last = board.tile(walk(board, plan, stop_at_goal=True)[-1])
    return "A" if last == "G" else "B" if last == "H" else "C"


def check(board: Board, plan: str, answer: str) -> Verdict:
    r"""Grade a model's whole output text by the letter in its last `\boxed{...}`.

    Returns:
        Verdict with reason "ok", "no_answer" (no box), "no_choice" (no A, B or C stands first in it) or
        "wrong_choice".
    """
    boxed = answer.rpartition("\\boxed{")
    if not boxed[1]:
        return Verdict(False, "no_answer")
    choice = re.match(r"\W*(?:text\w*\W*|mathrm\W*)?([ABC])(?![A-Za-z])", boxed[2])
    if choice is None:
        return Verdict(False, "no_choice")
    return OK if choice[1] == outcome(board, plan) else Verdict(False, "wrong_choice")


def sample_plan(rng: np.random.Generator, board: Board, wanted: Outcome) -> str | None:
    """Draw a plan with the wanted outcome: a stroll of up to three safe moves, then a shortest way to its last cell.

    The last cell is the goal, any hole that can be reached, or any safe cell; the plan meets neither goal nor hole
    before it, and has at least one move.

    Returns:
        None where no cell of the board can end such a plan.
    """
    plan, cell = "", board.start
    for _ in range(int(rng.integers(MAX_STROLL_MOVES + 1))):
        safe = [move for move in MOVES if board.tile(board.step(cell, move)) in "SF"]
        if not safe:
            break
        move = str(rng.choice(safe))
        plan, cell = plan + move, board.step(cell, move)
    letters = {"A": "G", "B": "H", "C": "SF"}[wanted]
    ways = {end: way for end, way in _ways(rng, board, cell).items() if board.tile(end) in letters and plan + way}
    if not ways:
        return None
    return plan + list(ways.values())[rng.integers(len(ways))]


def step_picture(board: Board, plan: str, step: int) -> Image.Image:
    """The board after the first `step` moves, as published: elf turned to the last move, or the cracked hole."""
    cells = walk(board, plan[:step], stop_at_goal=True)
    moved = plan[len(cells) - 2] if len(cells) > 1 else "D"
    return picture(board, cells[-1], FACING[moved], fallen=board.tile(cells[-1]) == "H")


def _ways(rng: np.random.Generator, board: Board, start: Cell) -> dict[Cell, str]:
    """A shortest way to every cell that can be reached, drawn among the shortest; holes and the goal end a way."""
    ways = {start: ""}
    queue = deque([start])
    while queue:
        cell = queue.popleft()
        if cell != start and board.tile(cell) in "HG":
            continue
        for number in rng.permutation(len(MOVES)):
            move = list(MOVES)[number]
            target = board.step(cell, move)
            if target not in ways:
                ways[target] = ways[cell] + move
                queue.append(target)
    return ways
