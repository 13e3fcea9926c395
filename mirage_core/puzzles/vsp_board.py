"""VSP's mazes: the board, its sampler, its solver, and the walk of a plan over it.

Source: Visual Spatial Planning (VSP), github UCSB-NLP-Chang/Visual-Spatial-Planning at 6d74d7b (MIT).
"""

import hashlib
from collections import deque
from dataclasses import dataclass
from functools import cache, cached_property
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

    @cached_property
    def start(self) -> Cell:
        return self._find("S")

    @cached_property
    def goal(self) -> Cell:
        return self._find("G")

    @cached_property
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
        return divmod("".join(self.rows).index(letter), self.size)


def sample(rng: np.random.Generator, size: int, hole_probability: float) -> Board:
    """Draw a solvable board: start and goal anywhere, every other cell a hole with the given probability.

    Source: the sampler that matches the published rows' statistics has independent holes at 0.18 to 0.2.

    Raises:
        ValueError: A board of that size has no room for start and goal, or the probability is none.
    """
    if size < 2 or not 0.0 <= hole_probability <= 1.0:
        raise ValueError(f"no boards of size {size} with hole probability {hole_probability}")
    num_cells = size * size
    while True:  # ends: start and goal are neighbours every now and then, whatever the holes
        letters = np.where(rng.random(num_cells) < hole_probability, ord("H"), ord("F")).astype(np.uint8)
        start, goal = int(rng.integers(num_cells)), int(rng.integers(num_cells - 1))
        letters[start], letters[goal + (goal >= start)] = ord("S"), ord("G")
        text = letters.tobytes().decode()
        board = Board(tuple(text[first : first + size] for first in range(0, num_cells, size)))
        if solve(board) is not None:
            return board


def orientations(board: Board) -> list[Board]:
    """The board turned by 0, 90, 180 and 270 degrees, then its mirror image likewise: eight, not always different."""
    turned = []
    for rows in (board.rows, tuple(row[::-1] for row in board.rows)):
        for _ in range(4):
            turned.append(Board(rows))
            rows = tuple("".join(column) for column in zip(*rows[::-1], strict=True))
    return turned


def solve(board: Board) -> str | None:
    """Shortest safe plan as move letters, e.g. "RRD"; None where the goal cannot be reached."""
    text, steps = "".join(board.rows), _steps(board.size)
    start, goal = text.index("S"), text.index("G")
    plans = {start: ""}
    queue = deque([start])
    while queue:
        cell = queue.popleft()
        for move, target in steps[cell]:
            if target not in plans and text[target] != "H":
                plans[target] = plans[cell] + move
                if target == goal:
                    return plans[target]
                queue.append(target)
    return None


def walking_distances(rows: tuple[str, ...], end: Cell) -> dict[Cell, int]:
    """Moves to `end` from every cell of a board's rows that has a way there around the holes."""
    around, distances, queue = _neighbours(len(rows)), {end: 0}, [end]
    for cell in queue:  # every move can be taken back
        further = distances[cell] + 1
        for there in around.get(cell, ()):
            if there not in distances and rows[there[0]][there[1]] != "H":
                distances[there] = further
                queue.append(there)
    return distances


@cache
def _neighbours(size: int) -> dict[Cell, tuple[Cell, ...]]:
    cells = [(row, column) for row in range(size) for column in range(size)]
    return {
        (row, column): tuple(there for there in cells if abs(row - there[0]) + abs(column - there[1]) == 1)
        for row, column in cells
    }


@cache
def _steps(size: int) -> list[list[tuple[str, int]]]:
    """By cell number in reading order: the moves that lead to another cell, and its number."""
    cells = [divmod(number, size) for number in range(size * size)]
    return [
        [
            (move, (row + down) * size + column + right)
            for move, (down, right) in MOVES.items()
            if 0 <= row + down < size and 0 <= column + right < size
        ]
        for row, column in cells
    ]


def walk(board: Board, plan: str, stop_at_goal: bool) -> list[Cell]:
    """Cells visited by a plan, the start first. A hole ends the walk; the goal does if `stop_at_goal`."""
    cells = [board.start]
    for move in plan:
        cells.append(board.step(cells[-1], move))
        tile = board.tile(cells[-1])
        if tile == "H" or (stop_at_goal and tile == "G"):
            break
    return cells


@cache
def official_hashes() -> frozenset[str]:
    """`Board.content_hash` of all 1,387 official VSP boards, which no generated puzzle may repeat."""
    return frozenset(_official_boards())


def official_sets(board: Board) -> tuple[str, ...]:
    """VSP's sets that hold the board, as "task-main/level3"; empty where it is no official one.

    A set is named once, even if it holds the board twice: the 100 items of task-main/level3 show 96 boards, those of
    task-main/level4 show 99.
    """
    return _official_boards().get(board.content_hash, ())


@cache
def _official_boards() -> dict[str, tuple[str, ...]]:
    text = files("mirage_core.puzzles").joinpath("official_boards.txt").read_text()
    lines = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    return {content_hash: tuple(sets.split(",")) for content_hash, sets in lines}
