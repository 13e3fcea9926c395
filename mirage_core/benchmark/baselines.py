"""What no model is needed for: policies that are blind to the holes, or to the whole board.

On the official planning test a walk that sees only player and goal solves 72.75 %, so no score means anything
without these beside it. All numbers here are exact, none is sampled.
"""

from collections.abc import Sequence

import numpy as np

from mirage_core.puzzles import vsp

MAX_FIXED_MOVES = 7
"""Longest fixed string that is tried; there are 21,844 up to it."""
MAX_RANDOM_MOVES = 6
"""A random plan has 1 to 6 moves, its length and moves uniform."""


def blind_walk(board: vsp.Board, rows_first: bool) -> str:
    """The shortest plan of someone who sees player and goal but no hole: rows first, then columns, or vice versa."""
    (row, column), (goal_row, goal_column) = board.start, board.goal
    vertical = ("D" if goal_row > row else "U") * abs(goal_row - row)
    horizontal = ("R" if goal_column > column else "L") * abs(goal_column - column)
    return vertical + horizontal if rows_first else horizontal + vertical


def reaches_goal(board: vsp.Board, plan: str) -> bool:
    """Graded like any answer."""
    return vsp.check(board, rf"\boxed{{{vsp.answer_text(plan)}}}").ok


def needs_planning(board: vsp.Board) -> bool:
    """Whether both hole-blind walks fail."""
    return not any(reaches_goal(board, blind_walk(board, rows_first)) for rows_first in (True, False))


def fixed_strings(boards: Sequence[vsp.Board]) -> dict[str, np.ndarray]:
    """For every move string of up to `MAX_FIXED_MOVES` moves, which boards it solves (Mirage's rule).

    All strings are walked at once, prefix by prefix: a board's state is its cell number, a hole keeps whoever falls.
    """
    steps = np.stack([_transitions(board, max(b.size for b in boards)) for board in boards])  # (boards, cells, 4)
    goals = np.array([board.goal[0] * board.size + board.goal[1] for board in boards])
    here = {"": np.array([board.start[0] * board.size + board.start[1] for board in boards])}
    solved: dict[str, np.ndarray] = {}
    each = np.arange(len(boards))
    for _ in range(MAX_FIXED_MOVES):
        here = {
            prefix + move: steps[each, cells, number]
            for prefix, cells in here.items()
            for number, move in enumerate(vsp.MOVES)
        }
        solved |= {string: cells == goals for string, cells in here.items()}
    return solved


def baselines(boards: Sequence[vsp.Board]) -> dict[str, list[float]]:
    """Chance of solving each board, by policy; 0 or 1 but for the random plan.

    The best fixed string is the best one on these very boards: an upper bound for whoever ignores the picture.
    """
    walks = {
        rows_first: [reaches_goal(board, blind_walk(board, rows_first)) for board in boards]
        for rows_first in (True, False)
    }
    solved = fixed_strings(boards)
    best = max(solved, key=lambda string: (solved[string].sum(), -len(string)))
    by_length = [
        np.mean([hits for string, hits in solved.items() if len(string) == length], axis=0)
        for length in range(1, MAX_RANDOM_MOVES + 1)
    ]
    return {
        "hole-blind walk, rows first": [float(hit) for hit in walks[True]],
        "hole-blind walk, columns first": [float(hit) for hit in walks[False]],
        f"best fixed string ({','.join(best)})": solved[best].astype(float).tolist(),
        "random plan of 1 to 6 moves": np.mean(by_length, axis=0).tolist(),
    }


def _transitions(board: vsp.Board, largest: int) -> np.ndarray:
    """(largest**2, 4) cell numbers after each move; holes lead to themselves, cells beyond the board are unused."""
    table = np.zeros((largest**2, len(vsp.MOVES)), np.int64)
    for row in range(board.size):
        for column in range(board.size):
            for number, move in enumerate(vsp.MOVES):
                cell = (row, column)
                target = cell if board.tile(cell) == "H" else board.step(cell, move)
                table[row * board.size + column, number] = target[0] * board.size + target[1]
    return table
