"""Helper images of the jigsaw task: what a person would put together to see whether a piece fits.

The paper (Mirage, arXiv 2506.17218) describes three that exclude one another, so which one is a setting: the appendix
inserts a randomly chosen candidate into the hole, the main text puts a candidate beside the reference, and the prompt
of its teacher speaks of the assembled picture with the right one.
"""

from typing import Literal, NamedTuple, get_args

import numpy as np

from mirage_core.puzzles.jigsaw_cut import Cut, Letter, Pieces, with_hole

HelperKind = Literal["assembled", "random-piece", "beside"]
HELPER_KINDS = get_args(HelperKind)
GAP_PX = 8
"""White between the reference and a candidate beside it."""


class Helper(NamedTuple):
    """A helper image."""

    pixels: np.ndarray
    """uint8 RGB."""
    shown: Letter
    """The candidate that it shows."""


def draw_helper(pieces: Pieces, cut: Cut, kind: HelperKind, rng: np.random.Generator) -> Helper:
    """Draw a helper image.

    Args:
        pieces: Of the puzzle.
        cut: Where they come from.
        kind: "assembled": the crop with the right candidate in its hole. "random-piece": with either one. "beside": the
            crop as it is, and to the right of it, level with the hole, the right candidate.
        rng: Chooses the random piece.
    """
    other: Letter = "B" if cut.answer == "A" else "A"
    if kind == "assembled":
        return Helper(pieces.whole, cut.answer)
    if kind == "beside":
        return Helper(_beside(with_hole(pieces.whole), pieces.right), cut.answer)
    if rng.random() < 0.5:
        return Helper(pieces.whole, cut.answer)
    return Helper(insert(pieces.whole, pieces.wrong), other)


def insert(whole: np.ndarray, piece: np.ndarray) -> np.ndarray:
    """The crop with a piece in its lower right quarter."""
    composed = whole.copy()
    composed[-piece.shape[0] :, -piece.shape[1] :] = piece
    return composed


def _beside(reference: np.ndarray, piece: np.ndarray) -> np.ndarray:
    height, width = reference.shape[:2]
    canvas = np.full((height, width + GAP_PX + piece.shape[1], 3), 255, np.uint8)
    canvas[:, :width] = reference
    canvas[-piece.shape[0] :, -piece.shape[1] :] = piece
    return canvas
