"""Pictures of VSP's mazes, pixel-identical to the official ones (64 px a cell), and the board read back from one.

The sprites are read from the installed `gymnasium` wheel (0.29 to 1.3; 1.4 changed the art), which is never imported;
pygame is not needed. All pictures together have some forty colours, so they are kept as palette images: the same
pixels, half the bytes, and a thirtieth of the time that Pillow takes to encode them in RGB.
"""

import hashlib
import struct
import zlib
from functools import cache
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from isal import isal_zlib
from PIL import Image, ImageDraw

from mirage_core.puzzles.vsp_board import Board, Cell, walk

CELL_PX = 64
OUTLINE_RGB = (180, 200, 230)
ROUTE_RGB = (255, 0, 0)
ROUTE_WIDTH_PX = 6
HEAD_LENGTH_PX = 20
HEAD_WIDTH_PX = 22
ISAL_LEVEL = 1
"""Of 0 to 3; half the bytes of level 0 in the same time."""

Facing = Literal["left", "down", "right", "up"]
FACING: dict[str, Facing] = {"U": "up", "L": "left", "R": "right", "D": "down"}

GROUND = {"F": None, "H": "hole", "G": "goal", "S": "stool"}
"""Board letter -> sprite that lies on the ice."""
PLAYERS = (None, "elf_left", "elf_down", "elf_right", "elf_up", "cracked_hole")
SPRITE_NAMES = ("ice", "hole", "goal", "cracked_hole", "stool", "elf_left", "elf_down", "elf_right", "elf_up")
SPRITES_SHA256 = "6564fb4bfbd0d61563dff13dd1f53e85690fc232a86fd7d7b79d096e307e759a"
"""Of the nine 32 px sprite files, concatenated in the order of `SPRITE_NAMES`."""


class Tiles(NamedTuple):
    """Every cell that can occur: letter x player, in the order of `GROUND` and `PLAYERS`."""

    rgb: np.ndarray
    """uint8 (24, 64, 64, 3)."""
    indices: np.ndarray
    """uint8 (24, 64, 64): the same by colour number."""
    palette: bytes
    """Red, green and blue of each colour number."""
    route: int
    """Colour number of the route."""


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
    return _lay(_tiles().rgb, board, position, facing, fallen)


def colour_numbers(
    board: Board, position: Cell | None = None, facing: Facing = "down", fallen: bool = False
) -> np.ndarray:
    """What `render` draws, as uint8 (64 * size, 64 * size) numbers of the palette of all pictures."""
    return _lay(_tiles().indices, board, position, facing, fallen)


def picture(board: Board, position: Cell | None = None, facing: Facing = "down", fallen: bool = False) -> Image.Image:
    """What `render` draws, as a palette image."""
    image = Image.fromarray(colour_numbers(board, position, facing, fallen), mode="P")
    image.putpalette(_tiles().palette)
    return image


def route_picture(board: Board, plan: str, through_holes: bool = False) -> Image.Image:
    """The board with the plan drawn as a red route through the cell centres, one arrow head per step.

    Args:
        board: The maze.
        plan: Move letters; off the edge the route stays where it is.
        through_holes: Whether the route goes on behind a hole.

    Source: Mirage, appendix A.1 (a red arrow from start to goal; exact width and colour are not published).
    """
    image = picture(board).copy()  # its pixels belong to a buffer that must not be drawn on
    draw, red = ImageDraw.Draw(image), _tiles().route
    half_px = CELL_PX // 2
    cells = list(accumulate(plan, board.step, initial=board.start)) if through_holes else walk(board, plan, False)
    centres = [(column * CELL_PX + half_px, row * CELL_PX + half_px) for row, column in cells]
    draw.line(centres, fill=red, width=ROUTE_WIDTH_PX, joint="curve")
    for (from_x, from_y), (x, y) in zip(centres, centres[1:], strict=False):
        draw_head(draw, (x, y), ((x - from_x) // CELL_PX, (y - from_y) // CELL_PX), red)
    return image


def route_colour() -> int:
    """Colour number of routes in the palette of all pictures."""
    return _tiles().route


def draw_head(draw: ImageDraw.ImageDraw, tip: tuple[int, int], along: tuple[int, int], colour: int) -> None:
    """A filled arrow head whose tip is at `tip`, in pixels; `along` is its direction, as steps in x and y."""
    (x, y), (along_x, along_y) = tip, along
    base_x, base_y = x - along_x * HEAD_LENGTH_PX, y - along_y * HEAD_LENGTH_PX
    across_x, across_y = along_y * HEAD_WIDTH_PX // 2, along_x * HEAD_WIDTH_PX // 2
    corners = [(x, y), (base_x + across_x, base_y + across_y), (base_x - across_x, base_y - across_y)]
    draw.polygon(corners, fill=colour)


def helper_image(board: Board, plan: str) -> np.ndarray:
    """What `route_picture` draws, as uint8 RGB of the size of `render(board)`."""
    return np.asarray(route_picture(board, plan).convert("RGB"))


def encode_palette_png(image: Image.Image | np.ndarray) -> bytes:
    """Lossless PNG of a palette image, or of colour numbers.

    Pillow takes four times as long, most of it in deflate, and cannot be given another one; ISA-L's is made for speed.
    No row is filtered, as the format's authors advise for palette images.

    Source: PNG specification (third edition), sections 5, 11 and 12.7; www.w3.org/TR/png-3.
    """
    pixels = np.asarray(image)
    height_px, width_px = pixels.shape
    filtered = np.zeros((height_px, 1 + width_px), np.uint8)  # each row begins with the number of its filter: none
    filtered[:, 1:] = pixels
    bits, palette_colour, rest = 8, 3, (0, 0, 0)
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", width_px, height_px, bits, palette_colour, *rest),
        b"PLTE": _tiles().palette,
        b"IDAT": isal_zlib.compress(filtered, ISAL_LEVEL),
        b"IEND": b"",
    }
    framed = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(name)))
        for name, data in chunks.items()
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def read_board(image: np.ndarray) -> Board | None:
    """The board that a picture of its first state shows: the inverse of `render`.

    Args:
        image: uint8 RGB, as `render` makes it.

    Returns:
        None where any cell is not pixel-identical to a tile, or the board is none.
    """
    size = image.shape[0] // CELL_PX
    if size == 0 or image.shape != (size * CELL_PX, size * CELL_PX, 3):
        return None
    cells = image.reshape(size, CELL_PX, size, CELL_PX, 3).swapaxes(1, 2)
    letters = _letters_by_pixels()
    found = [[letters.get(cell.tobytes(), "?") for cell in row] for row in cells]
    try:
        return Board(tuple("".join(row) for row in found))
    except ValueError:
        return None


def _lay(tiles: np.ndarray, board: Board, position: Cell | None, facing: Facing, fallen: bool) -> np.ndarray:
    """Tiles of `Tiles`, (24, 64, 64) or (24, 64, 64, 3), side by side as the board says."""
    player = PLAYERS.index("cracked_hole" if fallen else f"elf_{facing}")
    size, (row, column) = board.size, position or board.start
    chosen = np.array([[_FIRST_TILE[letter] for letter in letters] for letters in board.rows])
    chosen[row, column] += player
    # Picture row by picture row, a tile gives a strip of 64 pixels: one copy of the picture, and no loop in Python.
    strips = (chosen * CELL_PX)[:, None] + np.arange(CELL_PX)[:, None]
    laid = tiles.reshape(len(tiles) * CELL_PX, -1).take(strips, axis=0)
    return laid.reshape(size * CELL_PX, size * CELL_PX, *tiles.shape[3:])


_FIRST_TILE = {letter: number * len(PLAYERS) for number, letter in enumerate(GROUND)}


@cache
def _tiles() -> Tiles:
    sprites = _sprites()
    cells = []
    for top in GROUND.values():
        ground = _blend(np.zeros((CELL_PX, CELL_PX, 3), np.uint8), sprites["ice"])
        if top:
            ground = _blend(ground, sprites[top])
        ground[[0, -1]] = OUTLINE_RGB
        ground[:, [0, -1]] = OUTLINE_RGB
        cells += [_blend(ground, sprites[player]) if player else ground for player in PLAYERS]
    rgb = np.stack(cells)
    every_colour = np.concatenate([rgb.reshape(-1, 3), [ROUTE_RGB]]).astype(np.uint8)
    palette, indices = np.unique(every_colour, axis=0, return_inverse=True)
    assert len(palette) <= 256, "too many colours for a palette image"
    by_number = indices.ravel().astype(np.uint8)
    return Tiles(rgb, by_number[:-1].reshape(rgb.shape[:3]), palette.tobytes(), int(by_number[-1]))


@cache
def _letters_by_pixels() -> dict[bytes, str]:
    """Pixels of a cell -> its letter, the player standing on the start and nowhere else."""
    tiles = _tiles().rgb.reshape(len(GROUND), len(PLAYERS), CELL_PX, CELL_PX, 3)
    player = PLAYERS.index("elf_down")
    return {tiles[number, player if letter == "S" else 0].tobytes(): letter for number, letter in enumerate(GROUND)}


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


def _blend(under: np.ndarray, sprite: np.ndarray) -> np.ndarray:
    """Pygame's integer alpha blend; PIL's differs by one grey level on the elf's shadow."""
    alpha, rgb, below = sprite[..., 3:], sprite[..., :3], under.astype(np.int32)
    mixed = np.where(alpha == 255, rgb, below + (((rgb - below) * alpha + rgb) >> 8))
    return np.where(alpha == 0, below, mixed).astype(np.uint8)
