"""What pixel programs and blind guesses reach on jigsaw items; no score means anything without them beside it.

The seam comparison solves all 150 official items, so a model's score says how well it sees, not what is possible.
"""

from collections.abc import Sequence

import numpy as np

from mirage_core.puzzles.jigsaw import Letter
from mirage_core.row import Row, decode_image

SEAM = "candidate whose edge continues the pixels beside the hole"
COLOUR = "candidate whose mean colour is nearest to the crop's"


def jigsaw_policies(items: Sequence[Row]) -> dict[str, list[str]]:
    """Name of a policy -> its answer to each item."""
    counts = {letter: sum(row.answer == letter for row in items) for letter in ("A", "B")}
    majority = max(counts, key=counts.__getitem__)
    shown = [jigsaw_pixels(row) for row in items]
    return {
        f"majority answer ({majority})": [majority] * len(items),
        SEAM: [nearer(*(seam_cost(reference, piece) for piece in pieces)) for reference, *pieces in shown],
        COLOUR: [nearer(*(colour_distance(reference, piece) for piece in pieces)) for reference, *pieces in shown],
    }


def jigsaw_pixels(row: Row) -> list[np.ndarray]:
    """The crop and both candidates as real numbers (height, width, 3)."""
    return [decode_image(data, row.id).astype(np.float32) for data in row.images]


def nearer(cost_a: float, cost_b: float) -> Letter:
    """The letter of the lower cost."""
    return "A" if cost_a < cost_b else "B"


def seam_cost(reference: np.ndarray, candidate: np.ndarray) -> float:
    """Mean difference in grey levels along the upper and the left edge of the lower right hole."""
    height, width = candidate.shape[:2]
    top = np.abs(reference[-height - 1, -width:] - candidate[0]).mean()
    left = np.abs(reference[-height:, -width - 1] - candidate[:, 0]).mean()
    return float(top + left)


def colour_distance(reference: np.ndarray, candidate: np.ndarray) -> float:
    """Distance of the candidate's mean colour from that of what the crop shows, which knows nothing of the seam."""
    height, width = candidate.shape[:2]
    upper, lower = reference[:-height], reference[-height:, :-width]
    shown = (upper.sum((0, 1)) + lower.sum((0, 1))) / (upper.size + lower.size) * 3
    return float(np.linalg.norm(candidate.mean((0, 1)) - shown))
