"""The oracle teacher: truthful, varied reasoning composed from the solver's own trace.

Squares are named in the published form `[(row,col),Tile]`, 0-based (Mirage, appendix A.2), so that
`mirage_core.teacher.verify` can check every claim against the board, whoever wrote it.
"""

import numpy as np

from mirage_core.puzzles.vsp import Board, Cell, walk
from mirage_core.teacher import Explanation

TILE_NAMES = {"S": "Start", "F": "Ice", "H": "Hole", "G": "Target"}
MOVE_WORDS = {"U": "up", "L": "left", "R": "right", "D": "down"}

OPENINGS = (
    "The player stands at {start} and must reach {goal}.",
    "I start from {start}; the target is at {goal}.",
    "From {start} the way has to end at {goal}.",
    "The map shows the player at {start} and the target at {goal}.",
)
HOLES_NEAR = (
    "I must stay away from {holes}.",
    "Beside the way lie {holes}.",
    "Dangerous squares on the way are {holes}.",
)
NO_HOLES_NEAR = (
    "No hole lies beside the way.",
    "The squares around the way are safe.",
)
CUES = (
    "Let me picture the route on the map.",
    "I draw the route in my mind.",
    "Picture the safe route as an arrow.",
    "Now imagine the path across the ice.",
)
STEPS = (
    "Moving {move} to {square} {effect}.",
    "Going {move} to {square} {effect}.",
    "A step {move} to {square} {effect}.",
    "I go {move} to {square}, which {effect}.",
)
CLOSER = ("brings the target closer", "is safe and shortens the way")
DETOUR = ("is a detour around a hole", "keeps me on safe ground")
REACHED = ("reaches the target", "ends the walk at the target")


def explain(board: Board, plan: str, rng: np.random.Generator) -> Explanation:
    """Describe the board and tell the plan move by move.

    Args:
        board: The maze.
        plan: Move letters of a plan that reaches the goal.
        rng: Chooses the wording; the facts come from the simulator.
    """
    cells = walk(board, plan, stop_at_goal=True)
    near = _holes_beside(board, cells)
    before = [_pick(rng, OPENINGS).format(start=_square(board, board.start), goal=_square(board, board.goal))]
    if near:
        before.append(_pick(rng, HOLES_NEAR).format(holes=" and ".join(_square(board, cell) for cell in near)))
    else:
        before.append(_pick(rng, NO_HOLES_NEAR))
    before.append(_pick(rng, CUES))
    after = [
        _pick(rng, STEPS).format(
            move=MOVE_WORDS[move], square=_square(board, there), effect=_pick(rng, _effects(board, here, there))
        )
        for move, here, there in zip(plan, cells, cells[1:], strict=False)
    ]
    return Explanation(" ".join(before), " ".join(after))


def _effects(board: Board, here: Cell, there: Cell) -> tuple[str, ...]:
    if there == board.goal:
        return REACHED
    distance = [abs(cell[0] - board.goal[0]) + abs(cell[1] - board.goal[1]) for cell in (here, there)]
    return CLOSER if distance[1] < distance[0] else DETOUR


def _holes_beside(board: Board, cells: list[Cell]) -> list[Cell]:
    """Holes that touch the walk by an edge, in reading order."""
    touched = {board.step(cell, move) for cell in cells for move in MOVE_WORDS}
    return sorted(cell for cell in touched if board.tile(cell) == "H")


def _square(board: Board, cell: Cell) -> str:
    return f"[({cell[0]},{cell[1]}),{TILE_NAMES[board.tile(cell)]}]"


def _pick(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[rng.integers(len(choices))]
