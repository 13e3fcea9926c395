"""VSP's mazes: the board, its sampler, its solver, and the walk of a plan over it.

Source: Visual Spatial Planning (VSP), github UCSB-NLP-Chang/Visual-Spatial-Planning at 6d74d7b (MIT).
"""

import hashlib
from collections import deque
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

Cell = tuple[int, int]

MOVES: dict[str, Cell] = {"U": (-1, 0), "L": (0, -1), "R": (0, 1), "D": (1, 0)}
"""Move letter -> (row, column) step. The order is the solver's tie-break: it reproduces 976 of the 1,000 published
planning answers, more than any other order."""


@dataclass(frozen=True)
class Board:
    """A square maze as rows of `S` (start), `F` (frozen, safe), `H` (hole) and `G` (goal).

    Raises:
        ValueError: The rows are not square, hold other letters, or not exactly one `S` and one `G`.
    """

    rows: tuple[str, ...]

    def __post_init__(self) -> None:
        text = "".join(self.rows)
        if any(len(row) != len(self.rows) for row in self.rows):
            raise ValueError(f"board is not square: {list(self.rows)}")
        if set(text) - set("SFHG"):
            raise ValueError(f"board has letters other than S, F, H, G: {list(self.rows)}")
        if text.count("S") != 1 or text.count("G") != 1:
            raise ValueError(f"board needs exactly one S and one G: {list(self.rows)}")

    @property
    def size(self) -> int:
        return len(self.rows)

    @property
    def start(self) -> Cell:
        return self._find("S")

    @property
    def goal(self) -> Cell:
        return self._find("G")

    @property
    def content_hash(self) -> str:
        """sha256 of the rows joined by newlines; the form of the shipped list of official boards."""
        return hashlib.sha256("\n".join(self.rows).encode()).hexdigest()

    def tile(self, cell: Cell) -> str:
        return self.rows[cell[0]][cell[1]]

    def step(self, cell: Cell, move: str) -> Cell:
        """The cell after one move; off the edge the player stays."""
        row, column = cell[0] + MOVES[move][0], cell[1] + MOVES[move][1]
        inside = 0 <= row < self.size and 0 <= column < self.size
        return (row, column) if inside else cell

    def _find(self, letter: str) -> Cell:
        return next((r, row.index(letter)) for r, row in enumerate(self.rows) if letter in row)


def sample(rng: np.random.Generator, size: int, hole_probability: float) -> Board:
    """Draw a solvable board: start and goal anywhere, every other cell a hole with the given probability.

    Source: the sampler that matches the published rows' statistics has independent holes at 0.18 to 0.2.
    """
    while True:
        letters = np.where(rng.random(size * size) < hole_probability, "H", "F")
        start, goal = rng.choice(size * size, 2, replace=False)
        letters[start], letters[goal] = "S", "G"
        board = Board(tuple("".join(row) for row in letters.reshape(size, size)))
        if solve(board) is not None:
            return board


def solve(board: Board) -> str | None:
    """Shortest safe plan as move letters, e.g. "RRD"; None where the goal cannot be reached."""
    plans = {board.start: ""}
    queue = deque([board.start])
    while queue:
        cell = queue.popleft()
        if cell == board.goal:
            return plans[cell]
        for move in MOVES:
            target = board.step(cell, move)
            if target not in plans and board.tile(target) != "H":
                plans[target] = plans[cell] + move
                queue.append(target)
    return None


def walk(board: Board, plan: str, stop_at_goal: bool) -> list[Cell]:
    """Cells visited by a plan, the start first. A hole ends the walk; the goal does if `stop_at_goal`."""
    cells = [board.start]
    for move in plan:
        cells.append(board.step(cells[-1], move))
        tile = board.tile(cells[-1])
        if tile == "H" or (stop_at_goal and tile == "G"):
            break
    return cells


def official_hashes() -> frozenset[str]:
    """`Board.content_hash` of all 1,387 official VSP boards, which no generated puzzle may repeat."""
    return _official_hashes()


@cache
def _official_hashes() -> frozenset[str]:
    text = files("mirage_core.puzzles").joinpath("official_boards.txt").read_text()
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))
