"""What no model is needed for: policies that are blind to the holes, or to the whole board.

On the official planning test a walk that sees only player and goal solves 72.75 %, so no score means anything
without these beside it. All numbers here are exact, none is sampled. What is "best" is so on the very items
that the headline counts: an upper bound for whoever ignores the picture.
"""

from collections.abc import Collection, Sequence

import numpy as np

from mirage_core.benchmark.jigsaw_policies import jigsaw_policies
from mirage_core.benchmark.sat_policies import sat_policies
from mirage_core.grading import asked_form, grade
from mirage_core.puzzles import jigsaw, sat, vsp, vsp_reasoning, vsp_tasks
from mirage_core.puzzles.vsp import blind_walk, reaches_goal
from mirage_core.row import Row

MAX_FIXED_MOVES = 7
"""Longest fixed string that is tried; there are 21,844 up to it."""
MAX_RANDOM_MOVES = 6
"""A random plan has 1 to 6 moves, its length and moves uniform."""


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


def baselines(items: Sequence[Row], headline: Collection[int]) -> dict[str, list[float]]:
    """Chance of answering each item rightly, by policy.

    Args:
        items: Rows of one task.
        headline: Levels on which the best policies are chosen.
    """
    task = items[0].task
    if task == vsp.TASK:
        return planning_baselines([vsp.Board(tuple(row.meta["board"])) for row in items], headline)
    policies = task_policies(task, items, headline)
    return {
        name: [float(_is_right(row, answer)) for row, answer in zip(items, answers, strict=True)]
        for name, answers in policies.items()
    }


def task_policies(task: str, items: Sequence[Row], headline: Collection[int]) -> dict[str, list[str]]:
    """What policies answer to the reasoning task and to VSP's tasks 1 to 4 that see no board, or no holes."""
    if task == jigsaw.TASK:
        return jigsaw_policies(items)
    if task == sat.TASK:
        return sat_policies(items)
    counted = [row for row in items if row.level in headline]
    majority = _majority(counted)
    policies = {f"majority answer ({majority})": [majority] * len(items)}
    if task == vsp_tasks.POSITION:  # words that are too many are not punished
        policies["all four directions at once"] = [",".join(vsp_tasks.DIRECTIONS)] * len(items)
    if task == vsp_reasoning.TASK:
        by_length = {length: _majority(rows) for length, rows in _by_length(counted).items()}
        policies["always C"] = ["C"] * len(items)  # chosen beforehand, not on these items
        policies["majority answer by length of the plan"] = [
            by_length.get(len(row.meta["plan"]), majority) for row in items
        ]
        policies["hole-blind walk of the plan"] = [_blind_outcome(row) for row in items]
    return policies


def planning_baselines(boards: Sequence[vsp.Board], headline: Collection[int]) -> dict[str, list[float]]:
    """Chance of solving each board, by policy; 0 or 1 but for the random plan."""
    walks = {
        rows_first: [reaches_goal(board, blind_walk(board, rows_first)) for board in boards]
        for rows_first in (True, False)
    }
    solved = fixed_strings(boards)
    counted = np.array([board.size in headline for board in boards])
    best = max(solved, key=lambda string: (solved[string][counted].sum(), -len(string)))
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


def _is_right(row: Row, answer: str) -> bool:
    return grade(row.task, row.meta, asked_form(row.task, answer)).ok


def _majority(rows: Sequence[Row]) -> str:
    """The gold answer that is right most often; by task 2's rule it is so too where it names a word too many."""
    num_right = {answer: sum(_is_right(row, answer) for row in rows) for answer in sorted({row.answer for row in rows})}
    return max(num_right, key=num_right.__getitem__)


def _by_length(rows: Sequence[Row]) -> dict[int, list[Row]]:
    """Rows by the number of moves of the plan that they ask about."""
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(len(row.meta["plan"]), []).append(row)
    return found


def _blind_outcome(row: Row) -> str:
    """The outcome if all holes were ice."""
    board = vsp.Board(tuple(line.replace("H", "F") for line in row.meta["board"]))
    return vsp_reasoning.outcome(board, row.meta["plan"])


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
