"""VSP spatial planning: FrozenLake mazes, their pictures, their shortest plans and their grading.

Source: Visual Spatial Planning (VSP), github UCSB-NLP-Chang/Visual-Spatial-Planning at 6d74d7b (MIT), and its use
in Mirage (arXiv 2506.17218, section 4 and appendix A). The wording of `question` is theirs, so that scores are
comparable with published ones.

Pictures are pixel-identical to the official ones (64 px a cell). The sprites are read from the installed
`gymnasium` wheel (0.29 to 1.3; 1.4 changed the art), which is never imported; pygame is not needed.
"""

import hashlib
import re
from collections import deque
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw

from mirage_core.puzzles.verdict import OK, Verdict

TASK = "vsp_spatial_planning"
CELL_PX = 64
OUTLINE_RGB = (180, 200, 230)
ROUTE_RGB = (255, 0, 0)
ROUTE_WIDTH_PX = 6
HEAD_LENGTH_PX = 20
HEAD_WIDTH_PX = 22

Facing = Literal["left", "down", "right", "up"]
Rule = Literal["mirage", "vsp"]
Cell = tuple[int, int]

MOVES: dict[str, Cell] = {"U": (-1, 0), "L": (0, -1), "R": (0, 1), "D": (1, 0)}
"""Move letter -> (row, column) step. The order is the solver's tie-break: it reproduces 976 of the 1,000 published
planning answers, more than any other order."""
FACING: dict[str, Facing] = {"U": "up", "L": "left", "R": "right", "D": "down"}

SPRITE_NAMES = ("ice", "hole", "goal", "cracked_hole", "stool", "elf_left", "elf_down", "elf_right", "elf_up")
SPRITES_SHA256 = "6564fb4bfbd0d61563dff13dd1f53e85690fc232a86fd7d7b79d096e307e759a"
"""Of the nine 32 px sprite files, concatenated in the order of `SPRITE_NAMES`."""

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


def question(board: Board) -> str:
    """The published question; the same for every board."""
    return QUESTION


def answer_text(plan: str) -> str:
    """A plan in the form the question asks for: "RRD" -> "R,R,D"."""
    return ",".join(plan)


def walk(board: Board, plan: str, stop_at_goal: bool) -> list[Cell]:
    """Cells visited by a plan, the start first. A hole ends the walk; the goal does if `stop_at_goal`."""
    cells = [board.start]
    for move in plan:
        cells.append(board.step(cells[-1], move))
        tile = board.tile(cells[-1])
        if tile == "H" or (stop_at_goal and tile == "G"):
            break
    return cells


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


def _answer_span(answer: str, rule: Rule) -> str | None:
    if rule == "vsp" and (plan := re.search(r"Action [Pp]lan: (.*)", answer, re.DOTALL)):
        return plan[1]
    boxes = re.findall(r"\\boxed\{([^}]*)\}", answer)
    return boxes[-1] if boxes else None


def render(board: Board, position: Cell | None = None, facing: Facing = "down", fallen: bool = False) -> np.ndarray:
    """Draw the board as the official pictures do.

    Args:
        board: The maze.
        position: (row, column) of the player, 0-based; None is the start.
        facing: Where the elf looks: the direction of the last move, "down" before the first.
        fallen: Draw the cracked hole at `position` instead of the elf.

    Returns:
        uint8 RGB of shape (64 * size, 64 * size, 3).
    """
    tiles = _tiles()
    rows = [np.concatenate([tiles[letter] for letter in row], axis=1) for row in board.rows]
    image = np.concatenate(rows, axis=0)
    row, column = position or board.start
    player = "cracked_hole" if fallen else f"elf_{facing}"
    cell = image[row * CELL_PX : (row + 1) * CELL_PX, column * CELL_PX : (column + 1) * CELL_PX]
    cell[:] = _blend(cell, _sprites()[player])
    return image


def helper_image(board: Board, plan: str) -> np.ndarray:
    """The board with the plan drawn as a red route through the cell centres, one arrow head per step.

    Returns:
        uint8 RGB of the size of `render(board)`.

    Source: Mirage, appendix A.1 (a red arrow from start to goal; exact width and colour are not published).
    """
    image = Image.fromarray(render(board))
    draw = ImageDraw.Draw(image)
    cells = walk(board, plan, stop_at_goal=False)
    centres = [np.array([column + 0.5, row + 0.5]) * CELL_PX for row, column in cells]
    draw.line([tuple(centre) for centre in centres], fill=ROUTE_RGB, width=ROUTE_WIDTH_PX, joint="curve")
    for before, tip in zip(centres, centres[1:], strict=False):
        along = (tip - before) / CELL_PX
        across = along[::-1] * HEAD_WIDTH_PX / 2
        base = tip - along * HEAD_LENGTH_PX
        draw.polygon([tuple(tip), tuple(base + across), tuple(base - across)], fill=ROUTE_RGB)
    return np.asarray(image)


def official_hashes() -> frozenset[str]:
    """`Board.content_hash` of all 1,387 official VSP boards, which no generated puzzle may repeat."""
    return _official_hashes()


@cache
def _official_hashes() -> frozenset[str]:
    text = files("mirage_core.puzzles").joinpath("official_boards.txt").read_text()
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


@cache
def _sprites() -> dict[str, np.ndarray]:
    """RGBA sprites as int32 (64, 64, 4): the wheel's 32 px files doubled by nearest neighbour."""
    package = find_spec("gymnasium")
    folder = Path(package.origin).parent / "envs/toy_text/img" if package and package.origin else Path()
    paths = [folder / f"{name}.png" for name in SPRITE_NAMES]
    found = all(path.is_file() for path in paths)
    if not found or hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest() != SPRITES_SHA256:
        raise ValueError(f"{folder} does not hold the FrozenLake sprites of old: install gymnasium>=0.29,<1.4")
    doubled = [np.asarray(Image.open(path).convert("RGBA")).repeat(2, 0).repeat(2, 1) for path in paths]
    return dict(zip(SPRITE_NAMES, (sprite.astype(np.int32) for sprite in doubled), strict=True))


@cache
def _tiles() -> dict[str, np.ndarray]:
    """Finished uint8 cells by board letter: ice, what lies on it, and the outline."""
    sprites = _sprites()
    tiles = {}
    for letter, top in {"F": None, "H": "hole", "G": "goal", "S": "stool"}.items():
        cell = _blend(np.zeros((CELL_PX, CELL_PX, 3), np.uint8), sprites["ice"])
        if top:
            cell = _blend(cell, sprites[top])
        cell[[0, -1]] = OUTLINE_RGB
        cell[:, [0, -1]] = OUTLINE_RGB
        tiles[letter] = cell
    return tiles


def _blend(under: np.ndarray, sprite: np.ndarray) -> np.ndarray:
    """Pygame's integer alpha blend; PIL's differs by one grey level on the elf's shadow."""
    alpha, rgb, below = sprite[..., 3:], sprite[..., :3], under.astype(np.int32)
    mixed = np.where(alpha == 255, rgb, below + (((rgb - below) * alpha + rgb) >> 8))
    return np.where(alpha == 0, below, mixed).astype(np.uint8)
