"""COMT-like planar geometry: a question in words, four options, and the figure as helper image.

The answer comes from a theorem; it is checked against the exact coordinates of the figure, so text, answer and picture
say the same. Stands for the "creation" part of CoMT (arXiv 2412.12932), whose judging rule is `judge`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from PIL import Image
from sympy import Expr

from mirage_core.puzzles.geometry_figures import SIDE_PX, draw_figure
from mirage_core.puzzles.geometry_problems import TEMPLATES, Problem, is_true
from mirage_core.puzzles.verdict import OK, Verdict

__all__ = [
    "LETTERS", "SIDE_PX", "TASK", "TEMPLATES", "Problem", "Puzzle", "check", "check_choice", "helper_image", "is_true",
    "judge", "level", "question", "question_text", "sample", "to_meta",
]  # fmt: skip

TASK = "comt_geometry"
LETTERS = "ABCD"
ANSWER_LINE = "\nThe final answer MUST BE put in \\boxed{}."


@dataclass(frozen=True)
class Puzzle:
    """A problem with its options."""

    problem: Problem
    options: tuple[str, ...]
    answer: int
    """Place of the right option."""

    @property
    def letter(self) -> str:
        """Of the right option."""
        return LETTERS[self.answer]


def sample(seed: int, index: int) -> Puzzle:
    """Draw the `index`-th puzzle of a seed; templates take turns, and the right letters too."""
    rng = np.random.default_rng([seed, index])
    problem = TEMPLATES[index % len(TEMPLATES)](rng)
    block, place = divmod(index // len(TEMPLATES), len(LETTERS))
    order = np.random.default_rng([seed, block, index % len(TEMPLATES)]).permutation(len(LETTERS))
    right = int(order[place])
    wrong = _distinct(problem, rng)
    values = [*wrong[:right], problem.answer, *wrong[right:]]
    unit = " degrees" if len(problem.asked) == 3 else ""
    return Puzzle(problem, tuple(f"{_plain(value)}{unit}" for value in values), right)


def question(puzzle: Puzzle) -> str:
    """The text with its options; it has no picture, the figure is the helper image."""
    return question_text(puzzle.problem.text, puzzle.options)


def question_text(text: str, options: Sequence[str]) -> str:
    """The whole question of any item."""
    listed = " ".join(f"({letter}) {option}" for letter, option in zip(LETTERS, options, strict=False))
    return f"{text}\n{listed}{ANSWER_LINE}"


def helper_image(puzzle: Puzzle, side_px: int = SIDE_PX) -> Image.Image:
    """The figure with what is given, and a red question mark where something is asked."""
    return draw_figure(puzzle.problem.points, puzzle.problem.figure, side_px)


def level(puzzle: Puzzle) -> int:
    """Number of the theorem, from 1."""
    return 1 + [template.__name__ for template in TEMPLATES].index(puzzle.problem.template)


def to_meta(puzzle: Puzzle) -> dict[str, Any]:
    """What grading and the check of thoughts need, as JSON values; coordinates as numbers."""
    problem = puzzle.problem
    points = {name: [float(value) for value in point] for name, point in problem.points.items()}
    given = {name: text.rstrip("°") for name, text in (*problem.figure.angles, *problem.figure.lengths) if text != "?"}
    return {
        "template": problem.template,
        "points": points,
        "given": given,
        "asked": problem.asked,
        "value": _plain(problem.answer),
        "choices": list(puzzle.options),
        "letter": puzzle.letter,
    }


def check(puzzle: Puzzle, answer: str) -> Verdict:
    """Grade a model's whole output text; see `check_choice`."""
    return check_choice(puzzle.options, puzzle.letter, answer)


def check_choice(options: Sequence[str], right: str, answer: str) -> Verdict:
    r"""Grade a model's whole output text by its last `\boxed{...}`, read by CoMT's rule; without a box, the whole text.

    Args:
        options: In the order of their letters.
        right: Letter of the right one.
        answer: The output.

    Returns:
        Verdict with reason "ok", "no_choice" or "wrong_choice".
    """
    boxed = answer.rpartition("\\boxed{")
    chosen = judge(boxed[2].partition("}")[0] if boxed[1] else answer, options)
    if chosen is None:
        return Verdict(False, "no_choice")
    return OK if chosen == right else Verdict(False, "wrong_choice")


def judge(text: str, options: Sequence[str]) -> str | None:
    """The letter that CoMT's script reads from a response.

    The last "(X)"; else the last option whose text occurs; else the last of A to D, then of a to d, that stands alone.
    Where "[Answer]" occurs, only what follows the last "ANSWER:" is read.

    Source: github czhhzc/CoMT, evaluate.py; its "FAILED" is None here.
    """
    if "[Answer]" in text:
        text = text.rpartition("ANSWER:")[2]
    if bracketed := re.findall(r"\(([A-Za-z])\)", text):
        return str(bracketed[-1]).upper()
    named = [letter for letter, option in zip(LETTERS, options, strict=False) if option.lower() in text.lower()]
    words = re.sub(r"[\n.,!?]", " ", text).split(" ")
    letters = LETTERS[: len(options)]
    for found in (named, [c for c in letters if c in words], [c for c in letters if c.lower() in words]):
        if found:
            return found[-1]
    return None


def _distinct(problem: Problem, rng: np.random.Generator) -> list[Expr]:
    """Three wrong values that differ from the answer and from one another, usual mistakes first.

    How many of them are smaller than the answer is drawn evenly: else the place by size would tell it (the third
    smallest was right in 37 % of the problems, and knowing the theorem in 48 %).
    """
    angle = len(problem.asked) == 3
    spare = [problem.answer + step for step in (-5, 5, -12, 15, -20, 25, -25, 8)] if angle else []
    spare += [problem.answer * sp.Rational(*factor) for factor in ((1, 2), (3, 2), (2, 3), (4, 3), (3, 4), (2, 1))]
    mistakes = [problem.wrong[place] for place in rng.permutation(len(problem.wrong))]
    pool: list[Expr] = []
    for value in [*mistakes, *spare]:
        gaps = [abs(float(value) - float(other)) for other in [problem.answer, *pool]]
        if float(value) > 0 and min(gaps) > 0.05 and not (angle and (float(value) >= 180 or not value.is_integer)):
            pool.append(value)
    smaller = [value for value in pool if value < problem.answer]
    larger = [value for value in pool if value > problem.answer]
    number = len(LETTERS) - 1
    num_smaller = int(np.clip(rng.integers(number + 1), number - len(larger), len(smaller)))
    chosen = smaller[:num_smaller] + larger[: number - num_smaller]
    assert len(chosen) == number, f"{problem.template}: too few wrong values"
    return [chosen[place] for place in rng.permutation(number)]


def _plain(value: Expr) -> str:
    """A whole number, or a fraction such as 12/5."""
    return str(value)
