"""Claims in words: what a piece of text says about distances, places, neighbours, counts and endings.

Only what is affirmed or denied is a claim; hopes, odds and hypotheses ("would", "the chance of") are none.
"""

from collections.abc import Callable, Iterator

from mirage_core.teacher.claims import Claim
from mirage_core.teacher.read_board import corners, counts, lines, neighbours, sides, tiles
from mirage_core.teacher.read_distances import distances, nearing, positions
from mirage_core.teacher.read_story import endings, letters, stays, visits
from mirage_core.teacher.words import NUMBERS

DIGITS = (*"0123456789", *NUMBERS)
READERS: tuple[tuple[Callable[[str], Iterator[Claim]], tuple[str, ...]], ...] = (
    (nearing, ("closer", "near", "approach", "toward", "distance", "way", "gap", "further", "farther", "proximity",
                "closeness")),
    (distances, DIGITS),
    (positions, ("row", "column", "square", "cell", "tile", "above", "below", "left", "right")),
    (neighbours, ("hole", "safe", "next to", "beside", "adjacent", "alongside", "border", "touch", "neighb")),
    (tiles, ("hole", "target", "goal", "start", "ice")),
    (sides, ("hole", "above", "below", "left", "right")),
    (lines, ("row", "column")),
    (corners, ("top", "upper", "bottom", "lower")),
    (counts, (*DIGITS, "hole")),
    (endings, ("target", "goal", "destination", "finish", "exit", "success", "succe", "win", "works", "fail", "hole",
                "fall", "safe", "fell", "water", "won", "los", "surviv", "ice", "perish", "drown", "die", "alive")),
    (letters, ("answer", "outcome", "option", "choice", "result")),
    (visits, ("visit", "before", "time", "back", "return", "new ", "not yet")),
    (stays, ("stay", "same square", "nothing", "effect", "edge", "border", "boundary", "wall", "rim", "off the",
              "leav")),
)  # fmt: skip
"""What reads a kind of claim, and words one of which such a claim needs: looking for them first saves most of it."""


def claims_in(piece: str) -> tuple[Claim, ...]:
    """All claims of a piece; `SQUARE` at its ends stands for the squares that it was cut from."""
    lower = piece.lower()
    found: list[Claim] = []
    for reader, cues in READERS:
        if any(cue in lower for cue in cues):
            found += reader(piece)
    return tuple(found)
