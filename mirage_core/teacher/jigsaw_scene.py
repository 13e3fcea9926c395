"""What can be measured of a jigsaw, from its three pictures alone: so whoever has the row can measure it again.

Brightness, warmth and differences are in grey levels, 0 to 255. "Around" means the strip of the crop beside the hole.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np

from mirage_core.puzzles.jigsaw import Letter
from mirage_core.row import decode_image

Side = Literal["top", "left"]
SIDES: tuple[Side, ...] = ("top", "left")
STRIP_PX = 16
"""Width of the strip around the hole: two JPEG blocks."""
EDGE_LEVELS = 30
"""A step between neighbouring pixels along the border that counts as a line crossing it."""
LINE_SHIFT_PX = 3
"""How far a line may move from the border to the candidate's first pixels."""
ROUGHNESS_FACTOR, ROUGHNESS_EXTRA = 2.0, 8.0
"""A seam is smooth up to this many times the step between the crop's own last two rows, plus so many grey levels."""
PUZZLES_REMEMBERED = 4


class Seam(NamedTuple):
    """One candidate along one edge of the hole."""

    difference: float
    """Mean difference from the crop's pixels beside it."""
    smooth_up_to: float
    """What the photograph's own variation there allows."""
    lines: int
    """Lines in the crop that run up to this edge."""
    lines_met: int
    """Of these, how many the candidate goes on with."""

    @property
    def smooth(self) -> bool:
        return self.difference <= self.smooth_up_to


class Look(NamedTuple):
    """Colour and texture of a region."""

    brightness: float
    warmth: float
    """Red minus blue."""
    detail: float
    """Mean step between neighbouring pixels."""


class JigsawScene(NamedTuple):
    """All measurements of a puzzle."""

    around: Look
    looks: dict[Letter, Look]
    seams: dict[tuple[Letter, Side], Seam]

    def difference(self, who: Letter, side: Side | None) -> float:
        """Along one edge, or the mean of both."""
        sides = SIDES if side is None else (side,)
        return float(np.mean([self.seams[who, one].difference for one in sides]))

    def smooth(self, who: Letter, side: Side | None) -> bool:
        sides = SIDES if side is None else (side,)
        return all(self.seams[who, one].smooth for one in sides)


def jigsaw_scene(images: Sequence[bytes]) -> JigsawScene:
    """Measure a puzzle: the files of the crop, candidate A and candidate B."""
    return _measured(tuple(images))


def other(who: Letter) -> Letter:
    """The other candidate."""
    return "B" if who == "A" else "A"


@lru_cache(maxsize=PUZZLES_REMEMBERED)
def _measured(images: tuple[bytes, ...]) -> JigsawScene:
    reference, *pieces = (decode_image(data, "jigsaw").astype(np.float32) for data in images)
    height, width = pieces[0].shape[:2]
    above = reference[-height - STRIP_PX : -height, -width:]
    beside = reference[-height:, -width - STRIP_PX : -width]
    strips = {"top": above[::-1], "left": beside.swapaxes(0, 1)[::-1]}  # the row next to the hole first
    seams: dict[tuple[Letter, Side], Seam] = {}
    looks: dict[Letter, Look] = {}
    letters: tuple[Letter, ...] = ("A", "B")
    for who, piece in zip(letters, pieces, strict=True):
        looks[who] = _look(piece)
        for side in SIDES:
            seams[who, side] = _seam(strips[side], piece if side == "top" else piece.swapaxes(0, 1))
    parts = [_look(above), _look(beside)]
    areas = [width, height]
    around = Look(*(float(np.average(values, weights=areas)) for values in zip(*parts, strict=True)))
    return JigsawScene(around, looks, seams)


def _look(pixels: np.ndarray) -> Look:
    grey = pixels.mean(2)
    detail = np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()
    return Look(float(grey.mean()), float(pixels[..., 0].mean() - pixels[..., 2].mean()), float(detail))


def _seam(strip: np.ndarray, piece: np.ndarray) -> Seam:
    """Both with the row next to the seam first."""
    own = float(np.abs(strip[1] - strip[2]).mean())  # the very last row holds the hole's JPEG ringing
    difference = float(np.abs(strip[0] - piece[0]).mean())
    lines, met = _lines(strip[:2].mean((0, 2))), _lines(piece[:2].mean((0, 2)))
    near = [any(abs(place - at) <= LINE_SHIFT_PX and sign == way for at, way in met) for place, sign in lines]
    return Seam(difference, ROUGHNESS_FACTOR * own + ROUGHNESS_EXTRA, len(lines), sum(near))


def _lines(profile: np.ndarray) -> list[tuple[int, bool]]:
    """Where the grey along a border changes sharply, and whether it rises there."""
    step = profile[2:] - profile[:-2]
    size = np.abs(step)
    peaks = (size[1:-1] >= EDGE_LEVELS) & (size[1:-1] > size[:-2]) & (size[1:-1] >= size[2:])
    return [(int(at) + 2, bool(step[at + 1] > 0)) for at in np.flatnonzero(peaks)]
