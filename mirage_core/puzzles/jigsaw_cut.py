"""How a jigsaw is cut out of a photograph.

The official items (BLINK, arXiv 2404.12390) were cut out of news photographs 600 pixels wide, which lie in three by
three tiles: the crop shown is the upper left two by two of them, the one in the middle of the photograph is missing,
and the wrong candidate is one of the five tiles outside the crop. Found by comparing edges on twenty of the items:
where the wrong candidate's edges continue anything, they continue the crop or the right candidate at one of those five
places. So a wrong candidate is never seen in the crop.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple, Self, get_args

import numpy as np
from PIL import Image
from pydantic import Field, model_validator

from mirage_core.settings import Settings

Wrong = Literal["tile", "near", "mirrored", "colour-matched"]
WRONG_KINDS = get_args(Wrong)
Letter = Literal["A", "B"]

SIZES = {(400, 220): 15, (400, 234): 2, (400, 230): 1, (400, 186): 1, (400, 166): 1, (254, 332): 1}
"""Width and height of the crop in pixels -> how often. Twenty official items; the last is the only upright size known
of the other 130."""
TILES = 3
"""Across and down the window that a puzzle is cut from; the crop has two of them."""
OTHER_TILES = ((2, 0), (2, 1), (0, 2), (1, 2), (2, 2))
"""Column and row of the tiles outside the crop."""
MIN_SHIFT_SHARE, MAX_SHIFT_SHARE = 0.25, 0.6
"""Of a tile's side: how far a near candidate lies from the right place."""
MAX_CONTRAST = 2.0
"""By how much a colour-matched candidate's contrast is changed at most; beyond it, noise turns to bright specks."""
MAX_DRAWS = 20
"""Attempts at one puzzle."""
MIN_DIFFERENCE = 6.0
"""Mean difference of the two candidates, in grey levels; those that look alike ask nothing."""


class JigsawCut(Settings):
    """How puzzles are cut."""

    wrong: Annotated[tuple[Wrong, ...], Field(min_length=1)] = ("tile",)
    """Kinds of wrong candidates, all equally often. "tile": another tile of the photograph, as in the official items.
    Harder ones: "near": a region that overlaps the right one. "mirrored": the right one, left and right exchanged.
    "colour-matched": another tile with the right one's mean colour and contrast."""
    min_window_share: Annotated[float, Field(gt=0.0, le=1.0)] = 0.35
    """Width of the narrowest window of three by three tiles, as a share of the widest that a photograph has room for.
    The official ones take all of it. From 0.35 on, mean colour tells the candidates of BSDS500's calm photographs apart
    nearly as often as those of the official items, and twenty puzzles of one photograph differ."""
    max_window_share: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """Width of the widest window likewise. Where the whole photograph is taken, the missing tile lies on what the
    photographer put in its middle: in BSDS500 that is a subject unlike its surroundings, and mean colour says less."""
    max_upscale: Annotated[float, Field(ge=1.0, le=8.0)] = 3.0
    """By how much a photograph may be enlarged to have room for a puzzle. Above 1700 pixels of width none is."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_window_share > self.max_window_share:
            raise ValueError("min_window_share: must not be above max_window_share")
        return self


class Cut(NamedTuple):
    """Where one puzzle lies in its photograph, and what its wrong candidate is; all that is random about it."""

    width_px: int
    """Of the crop; the candidates have half of it."""
    height_px: int
    left: float
    """Of the window of three by three tiles, in pixels of the photograph, as `top` and `scale`."""
    top: float
    scale: float
    """Pixels of the photograph for one of the puzzle."""
    wrong: Wrong
    wrong_left: int
    """Where the wrong candidate is taken from, in pixels of the puzzle from the window's corner."""
    wrong_top: int
    answer: Letter


class Pieces(NamedTuple):
    """The pictures of a puzzle before encoding, uint8 RGB."""

    whole: np.ndarray
    """The crop with nothing missing."""
    right: np.ndarray
    wrong: np.ndarray


def min_photo_px(settings: JigsawCut) -> tuple[int, int]:
    """Least width and height of photographs, that some puzzle has room in."""
    sides = [_window_px(size) for size in SIZES]
    width = min(side[0] for side in sides) / settings.max_upscale
    height = min(side[1] for side in sides) / settings.max_upscale
    return int(np.ceil(width)), int(np.ceil(height))


def fits(width_px: int, height_px: int, settings: JigsawCut) -> bool:
    """Whether a photograph has room for a puzzle of any size."""
    return bool(_sizes_that_fit(width_px, height_px, settings))


def draw_cut(width_px: int, height_px: int, answer: Letter, settings: JigsawCut, rng: np.random.Generator) -> Cut:
    """Draw where to cut a photograph of that size, which must have room (`fits`)."""
    sizes = _sizes_that_fit(width_px, height_px, settings)
    shares = np.array([SIZES[size] for size in sizes], float)
    width, height = sizes[int(rng.choice(len(sizes), p=shares / shares.sum()))]
    across, down = _window_px((width, height))
    largest = min(width_px / across, height_px / down)
    narrowest = max(1 / settings.max_upscale, settings.min_window_share * largest)
    scale = rng.uniform(narrowest, max(narrowest, settings.max_window_share * largest))
    left, top = rng.uniform(0, width_px - across * scale), rng.uniform(0, height_px - down * scale)
    wrong: Wrong = settings.wrong[int(rng.integers(len(settings.wrong)))]
    at = _wrong_place(width // 2, height // 2, wrong, rng)
    return Cut(width, height, round(left, 3), round(top, 3), round(scale, 6), wrong, *at, answer)


def cut_pieces(photo: np.ndarray, cut: Cut) -> Pieces | None:
    """Cut a puzzle out; None where the two candidates look alike.

    Args:
        photo: uint8 RGB.
        cut: Where.
    """
    across, down = _window_px((cut.width_px, cut.height_px))
    box = (cut.left, cut.top, cut.left + across * cut.scale, cut.top + down * cut.scale)
    box = (box[0], box[1], min(box[2], photo.shape[1]), min(box[3], photo.shape[0]))  # rounded numbers
    window = np.asarray(Image.fromarray(photo).resize((across, down), Image.Resampling.LANCZOS, box=box))
    width, height = cut.width_px // 2, cut.height_px // 2
    whole = window[: cut.height_px, : cut.width_px]
    right = whole[height:, width:]
    wrong = window[cut.wrong_top :, cut.wrong_left :][:height, :width]
    if cut.wrong == "mirrored":
        wrong = right[:, ::-1]
    elif cut.wrong == "colour-matched":
        wrong = _recoloured(wrong, right)
    if np.abs(right.astype(np.int16) - wrong).mean() < MIN_DIFFERENCE:
        return None
    return Pieces(whole, right, wrong)


def with_hole(whole: np.ndarray) -> np.ndarray:
    """The crop with its lower right quarter black."""
    shown = whole.copy()
    shown[whole.shape[0] // 2 :, whole.shape[1] // 2 :] = 0
    return shown


def _window_px(size: tuple[int, int]) -> tuple[int, int]:
    return size[0] // 2 * TILES, size[1] // 2 * TILES


def _sizes_that_fit(width_px: int, height_px: int, settings: JigsawCut) -> list[tuple[int, int]]:
    room = (width_px * settings.max_upscale, height_px * settings.max_upscale)
    return [size for size in SIZES if all(side <= space for side, space in zip(_window_px(size), room, strict=True))]


def _wrong_place(width: int, height: int, wrong: Wrong, rng: np.random.Generator) -> tuple[int, int]:
    """Upper left corner of the wrong candidate; `width` and `height` are a tile's."""
    if wrong == "mirrored":
        return width, height
    if wrong == "near":
        shares = rng.uniform(MIN_SHIFT_SHARE, MAX_SHIFT_SHARE, 2) * SHIFTS[int(rng.integers(len(SHIFTS)))]
        return width + round(width * shares[0]), height + round(height * shares[1])
    column, row = OTHER_TILES[int(rng.integers(len(OTHER_TILES)))]
    return column * width, row * height


SHIFTS: Sequence[np.ndarray] = (np.array([1, 0]), np.array([0, 1]), np.array([1, 1]))
"""To the right, down, or both: never back into what the crop shows."""


def _recoloured(piece: np.ndarray, like: np.ndarray) -> np.ndarray:
    """A piece with the mean and the spread of another one's colours, channel by channel."""
    values, model = piece.astype(np.float32), like.astype(np.float32)
    spread = np.clip(model.std((0, 1)) / np.maximum(values.std((0, 1)), 1.0), 1 / MAX_CONTRAST, MAX_CONTRAST)
    changed = (values - values.mean((0, 1))) * spread + model.mean((0, 1))
    return np.clip(np.rint(changed), 0, 255).astype(np.uint8)
