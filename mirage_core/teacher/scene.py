"""What is true on a board while a plan is walked: the facts that the oracle tells and the verifier checks."""

from functools import lru_cache

from mirage_core.puzzles.vsp import MOVES, Board, Cell, walk
from mirage_core.puzzles.vsp_board import walking_distances

TILE_NAMES = {"S": "Start", "F": "Ice", "H": "Hole", "G": "Target"}
AROUND = tuple((row, column) for row in (-1, 0, 1) for column in (-1, 0, 1) if row or column)
"""Steps to the eight squares around one."""

PUZZLES_REMEMBERED = 64
"""The thoughts of one puzzle are told, and verified, one after the other."""


class Scene:
    """A board, a plan and the cells of its walk, the start first."""

    def __init__(self, board: Board, plan: str, cells: list[Cell]) -> None:
        self.rows = board.rows
        self.size = len(board.rows)
        self.plan = plan
        self.cells = cells
        self.start = cells[0]
        self.goal = row, column = board.goal
        self.tiles = "".join([self.rows[row][column] for row, column in cells])
        """Letters of the cells of the walk."""
        self.left = [abs(cell[0] - row) + abs(cell[1] - column) for cell in cells]
        """Distance to the goal, in squares along rows and columns, before the first and after each move."""
        self.num_holes = sum([text.count("H") for text in self.rows])
        self._trends: list[int] = []
        self._walking: dict[Cell, dict[Cell, int]] = {}

    def inside(self, cell: Cell) -> bool:
        return 0 <= cell[0] < self.size and 0 <= cell[1] < self.size

    def tile(self, cell: Cell) -> str:
        """The letter of a cell inside the board."""
        return self.rows[cell[0]][cell[1]]

    def step(self, cell: Cell, move: str) -> Cell:
        """As `Board.step`, without its repeated look-ups."""
        there = (cell[0] + MOVES[move][0], cell[1] + MOVES[move][1])
        return there if self.inside(there) else cell

    def square(self, cell: Cell) -> str:
        """The published form, as "[(0,1),Ice]"."""
        return f"[({cell[0]},{cell[1]}),{TILE_NAMES[self.rows[cell[0]][cell[1]]]}]"

    def holes_beside(self, cells: list[Cell], diagonal: bool = False) -> set[Cell]:
        """Holes that share an edge (or a corner, if `diagonal`) with one of the cells."""
        steps = AROUND if diagonal else tuple(MOVES.values())
        around = {(row + down, column + right) for row, column in cells for down, right in steps}
        return {cell for cell in around if self.inside(cell) and self.tile(cell) == "H"}

    def trends(self) -> list[int]:
        """Sign of the change of the distance to the goal by each move; 0 where squares and moves around holes disagree.

        Also 0 where the player stays; the first entry stands for the start.
        """
        if not self._trends:
            self._trends = [0, *map(self._trend, range(1, len(self.cells)))]
        return self._trends

    def _trend(self, place: int) -> int:
        change = self.left[place] - self.left[place - 1]
        if change == -1 and self.tiles[-1] == "G" and self.left[place] == len(self.cells) - 1 - place:
            return change  # the rest of the walk is straight: nothing could be nearer
        walking = self.walking_distances(self.goal)
        here, there = walking.get(self.cells[place - 1]), walking.get(self.cells[place])
        return change if here is None or there is None or change * (there - here) > 0 else 0

    def walking_distances(self, end: Cell) -> dict[Cell, int]:
        """Moves to `end` from every cell that has a way there around the holes."""
        if end not in self._walking:
            self._walking[end] = walking_distances(self.rows, end)
        return self._walking[end]


def manhattan(cell: Cell, other: Cell) -> int:
    """Distance in squares along rows and columns, whatever lies between."""
    return abs(cell[0] - other[0]) + abs(cell[1] - other[1])


@lru_cache(maxsize=PUZZLES_REMEMBERED)
def scene_of(board: Board, plan: str, stop_at_goal: bool) -> Scene:
    """The scene of a plan that is walked as `vsp.walk` walks it."""
    return Scene(board, plan, walk(board, plan, stop_at_goal))
