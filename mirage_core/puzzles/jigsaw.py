r"""Jigsaw: which of two pieces belongs into the black lower right corner of a photograph. The family's front door.

The wording of `QUESTION` is BLINK's (arXiv 2404.12390, Jigsaw), with the pictures and the box where Mirage
(arXiv 2506.17218, table 6) has them. `check` reads a box first, and else what BLINK's judge reads: "(A)", "the second
image". There a language model matches answers with options; here rules do, which are repeatable and need no server.
"""

import hashlib
import io
import re
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from mirage_core.puzzles.jigsaw_cut import (
    MAX_DRAWS,
    SIZES,
    WRONG_KINDS,
    Cut,
    JigsawCut,
    Letter,
    Pieces,
    Wrong,
    cut_pieces,
    draw_cut,
    fits,
    min_photo_px,
    with_hole,
)
from mirage_core.puzzles.jigsaw_helpers import HELPER_KINDS, HelperKind, draw_helper, insert
from mirage_core.puzzles.verdict import OK, Verdict

__all__ = [
    "CHOICES", "HELPER_KINDS", "QUESTION", "SIZES", "TASK", "WRONG_KINDS", "Cut", "HelperKind", "JigsawCut", "Letter",
    "Pictures", "Pieces", "Wrong", "check", "content_hash", "cut_pieces", "draw", "draw_cut", "draw_helper", "encode",
    "fits", "insert", "min_photo_px", "with_hole",
]  # fmt: skip

TASK = "blink_jigsaw"
CHOICES: dict[Letter, str] = {"A": "the second image", "B": "the third image"}
"""Letter -> the official words."""
PROMPT = """\
Given the first image with the lower right corner missing, can you tell which one of the second image or the third \
image is the missing part? Imagine which image would be more appropriate to place in the missing spot. You can also \
carefully observe and compare the edges of the images.
Select from the following choices.

(A) the second image
(B) the third image
"""
"""The official prompt, to the letter."""
QUESTION = (
    PROMPT
    + """<image><image><image>

The final answer MUST BE put in \\boxed{}."""
)
"""The prompt as the paper asks it; the marks stand for the crop, candidate A and candidate B."""
JPEG_QUALITY = 75
"""With which all official pictures were saved, to the last number of their tables; chroma is halved both ways."""

BOX = re.compile(r"\\boxed\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
IN_BOX = re.compile(r"\W*(?:text\w*\W*|mathrm\W*|option\W+|choice\W+|answer\W+)*([ab])(?![a-z])", re.IGNORECASE)
BRACKETED = re.compile(r"[(\[]\s*([AB])\s*[)\]]")
CONCLUDED = re.compile(
    r"\b(?i:answer|(?:correct|right|best) (?:option|choice|image|piece|one|candidate))(?: is|:)*(?: option)?"
    r"\W{0,4}([AB])(?![A-Za-z])"
)
ALONE = re.compile(r"^\W*([AB])(?![A-Za-z])(?=\W*(?:$|\n|[.:)]))")
ORDINAL = {"second": "A", "third": "B"}
IN_WORDS = re.compile(r"\b(second|third) (?:image|picture|one|piece|option|candidate)\b", re.IGNORECASE)


class Pictures(NamedTuple):
    """A puzzle as it is shown: JPEG files."""

    reference: bytes
    candidate_a: bytes
    candidate_b: bytes
    helper: bytes
    helper_shows: Letter


def draw(
    photo: np.ndarray, answer: Letter, settings: JigsawCut, helper: HelperKind, seed: tuple[int, ...]
) -> tuple[Cut, Pictures] | None:
    """Draw one puzzle of a photograph.

    Args:
        photo: uint8 RGB, with room for a puzzle (`fits`).
        answer: Which candidate is to be the right one.
        settings: How to cut.
        helper: Kind of helper image.
        seed: Of everything random.

    Returns:
        The puzzle; None where `MAX_DRAWS` attempts only found candidates that look alike.
    """
    rng = np.random.default_rng(seed)
    for _ in range(MAX_DRAWS):
        cut = draw_cut(photo.shape[1], photo.shape[0], answer, settings, rng)
        pieces = cut_pieces(photo, cut)
        if pieces is not None:
            break
    else:
        return None
    drawn = draw_helper(pieces, cut, helper, rng)
    right, wrong = encode(pieces.right), encode(pieces.wrong)
    candidates = (right, wrong) if answer == "A" else (wrong, right)
    return cut, Pictures(encode(with_hole(pieces.whole)), *candidates, encode(drawn.pixels), drawn.shown)


def encode(pixels: np.ndarray) -> bytes:
    """A picture as the official items are saved, encoded after cutting, so that no piece knows of its neighbours."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def content_hash(pictures: tuple[bytes, ...]) -> str:
    """Of the pictures that a puzzle shows, so that two puzzles with one hash are the same."""
    return hashlib.sha256(b"".join(hashlib.sha256(picture).digest() for picture in pictures)).hexdigest()


def check(meta: dict[str, Any], answer: str) -> Verdict:
    r"""Grade a model's whole output text.

    The letter in the last `\boxed{...}` counts, or the option's words in it. Without a box the last conclusion of the
    kind "the answer is (B)" counts, else the one letter in brackets, else a letter alone, else the one option that is
    named in words; a text that names both is no answer.

    Args:
        meta: `Row.meta`, of which `answer` is read.
        answer: The output.

    Returns:
        Verdict with reason "ok", "no_answer" (nothing is chosen), "no_choice" (the box holds neither) or
        "wrong_choice".
    """
    boxes = BOX.findall(answer)
    told = _in_box(boxes[-1]) if boxes else _without_box(answer)
    if told is None:
        return Verdict(False, "no_choice" if boxes else "no_answer")
    return OK if told == meta["answer"] else Verdict(False, "wrong_choice")


def _in_box(text: str) -> str | None:
    letter = IN_BOX.match(text)
    return letter[1].upper() if letter else _only({ORDINAL[word.lower()] for word in IN_WORDS.findall(text)})


def _without_box(text: str) -> str | None:
    if concluded := CONCLUDED.findall(text):
        return str(concluded[-1])
    if bracketed := set(BRACKETED.findall(text)):
        return _only(bracketed)
    if alone := ALONE.match(text):
        return alone[1]
    return _only({ORDINAL[word.lower()] for word in IN_WORDS.findall(text)})


def _only(found: set[str]) -> str | None:
    return found.pop() if len(found) == 1 else None
