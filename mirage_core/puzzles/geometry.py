"""COMT-like planar geometry: a question in words, four options, and the figure as helper image.

The answer comes from a theorem; it is checked against the exact coordinates of the figure, so text, answer and picture
say the same. Stands for the "creation" part of CoMT (arXiv 2412.12932), whose judging rule is `judge`.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from sympy import Expr, cos, pi, sin, sqrt

from mirage_core.puzzles.geometry_figures import Figure
from mirage_core.puzzles.verdict import OK, Verdict

TASK = "comt_geometry"
LETTERS = "ABCD"
TRIPLES = ((3, 4), (6, 8), (5, 12), (8, 15), (9, 12))
"""Legs of right triangles whose hypotenuse is whole, so that the right option has the form of the others."""
Point = tuple[Expr, Expr]
ANSWER_LINE = "\nThe final answer MUST BE put in \\boxed{}."


@dataclass(frozen=True)
class Problem:
    """A question whose figure is known exactly."""

    template: str
    text: str
    points: dict[str, Point]
    figure: Figure
    asked: str
    """Three letters: the angle at the middle one, in degrees. Two: a length."""
    answer: Expr
    """By the theorem; degrees or a length."""
    wrong: tuple[Expr, ...]
    """What usual mistakes give."""


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
    options = " ".join(f"({letter}) {option}" for letter, option in zip(LETTERS, puzzle.options, strict=True))
    return f"{puzzle.problem.text}\n{options}{ANSWER_LINE}"


def check(puzzle: Puzzle, answer: str) -> Verdict:
    r"""Grade a whole output text by its last `\boxed{...}`, read by CoMT's rule; without a box, the whole text.

    Returns:
        Verdict with reason "ok", "no_choice" or "wrong_choice".
    """
    boxed = answer.rpartition("\\boxed{")
    chosen = judge(boxed[2].partition("}")[0] if boxed[1] else answer, puzzle.options)
    if chosen is None:
        return Verdict(False, "no_choice")
    return OK if chosen == puzzle.letter else Verdict(False, "wrong_choice")


def judge(text: str, options: Sequence[str]) -> str | None:
    """The letter that CoMT's script reads from a response.

    The last "(X)"; else the last option whose text occurs; else the last of A to D, then of a to d, that stands alone.
    """
    if bracketed := re.findall(r"\(([A-Za-z])\)", text):
        return str(bracketed[-1]).upper()
    named = [letter for letter, option in zip(LETTERS, options, strict=False) if option.lower() in text.lower()]
    words = re.sub(r"[\n.,!?]", " ", text).split(" ")
    for found in (named, [c for c in LETTERS if c in words], [c for c in LETTERS if c.lower() in words]):
        if found:
            return found[-1]
    return None


def measured(problem: Problem) -> Expr:
    """The asked quantity from the exact coordinates: the cosine of an angle, or the square of a length."""
    ends = [sp.Matrix(problem.points[name]) for name in problem.asked]
    if len(ends) == 2:
        return (ends[0] - ends[1]).dot(ends[0] - ends[1])
    one, other = ends[0] - ends[1], ends[2] - ends[1]
    return one.dot(other) / sqrt(one.dot(one) * other.dot(other))


def is_true(problem: Problem) -> bool:
    """Whether the theorem's answer is what the exact coordinates say, to fifty digits.

    A proof (`equals`) takes sympy minutes for some angles.
    """
    claimed = problem.answer**2 if len(problem.asked) == 2 else cos(problem.answer * pi / 180)
    return bool(abs(sp.N(measured(problem) - claimed, 60, maxn=400)) < sp.Float(10) ** -50)


def _polar(radius: Expr | int, degrees: Expr | int) -> Point:
    angle = sp.Rational(degrees) * pi / 180
    return radius * cos(angle), radius * sin(angle)


def _int(rng: np.random.Generator, low: int, high: int, step: int = 1) -> sp.Integer:
    return sp.Integer(int(rng.integers(low // step, high // step + 1)) * step)


def exterior_angle(rng: np.random.Generator) -> Problem:
    """Two angles of a triangle add up to the exterior one."""
    a, b = _int(rng, 35, 75, 5), _int(rng, 35, 75, 5)
    side = sp.Integer(4)
    c = side * sin(b * pi / 180) / sin((180 - a - b) * pi / 180)  # AC, by the law of sines
    points = {"A": _polar(0, 0), "B": _polar(side, 0), "C": _polar(c, a)}
    points["D"] = tuple(end + (end - start) / 2 for start, end in zip(points["B"], points["C"], strict=True))
    text = f"In triangle ABC, angle BAC is {a} degrees and angle ABC is {b} degrees. Side BC is extended beyond C to D."
    lines = ("AB", "AC", "BD")
    figure = Figure(lines, (), (("BAC", f"{a}°"), ("ABC", f"{b}°"), ("ACD", "?")))
    return Problem("exterior_angle", f"{text} What is angle ACD?", points, figure, "ACD", a + b,
                   (180 - a - b, 180 - a, 180 - b, a + b + 10))  # fmt: skip


def parallel_lines(rng: np.random.Generator) -> Problem:
    """Co-interior angles between parallels add up to 180 degrees."""
    a = _int(rng, 40, 140, 5)
    a = a if a != 90 else sp.Integer(85)
    points = {"A": _polar(3, 180), "E": _polar(0, 0), "B": _polar(3, 0), "F": _polar(3, a + 180)}
    points |= {"C": (points["F"][0] - 3, points["F"][1]), "D": (points["F"][0] + 3, points["F"][1])}
    given = 180 - a  # at E, since EF points to a + 180 degrees
    text = (
        "Line AB is parallel to line CD. A line meets AB at E and CD at F, with B and D on the same side of it. "
        f"Angle BEF is {given} degrees."
    )
    figure = Figure(("AB", "CD", "EF"), (), (("BEF", f"{given}°"), ("DFE", "?")))
    return Problem("parallel_lines", f"{text} What is angle DFE?", points, figure, "DFE", 180 - given,
                   (given, sp.Abs(90 - given) + 5, given + 10, 190 - given))  # fmt: skip


def inscribed_angle(rng: np.random.Generator) -> Problem:
    """An inscribed angle is half of the central one."""
    arc = _int(rng, 60, 150, 10)
    start, apex = _int(rng, 0, 350, 10), _int(rng, 1, 3)
    points = {"O": _polar(0, 0), "A": _polar(3, start), "B": _polar(3, start + arc)}
    points["C"] = _polar(3, start + arc + (360 - arc) * sp.Rational(apex, 4))
    text = f"A, B and C lie on a circle with centre O, C on the major arc AB. Angle AOB is {arc} degrees."
    figure = Figure(("OA", "OB", "CA", "CB"), ("OA",), (("AOB", f"{arc}°"), ("ACB", "?")))
    return Problem("inscribed_angle", f"{text} What is angle ACB?", points, figure, "ACB", arc / 2,
                   (arc, 180 - arc, 180 - arc / 2, 90 - arc / 2 + 7))  # fmt: skip


def tangents(rng: np.random.Generator) -> Problem:
    """Tangents from a point: the angle between them and the central one add up to 180 degrees."""
    angle = _int(rng, 40, 110, 10)
    half = (90 - angle / 2) * pi / 180
    points = {"O": _polar(0, 0), "P": (2 / cos(half), sp.Integer(0))}
    points |= {"A": _polar(2, 90 - angle / 2), "B": _polar(2, angle / 2 - 90)}
    text = (
        "PA and PB are tangents from P to a circle with centre O, touching it at A and B. "
        f"Angle APB is {angle} degrees."
    )
    figure = Figure(("PA", "PB", "OA", "OB"), ("OA",), (("APB", f"{angle}°"), ("AOB", "?")))
    return Problem("tangents", f"{text} What is angle AOB?", points, figure, "AOB", 180 - angle,
                   (angle, 90 - angle / 2, 90 + angle / 2, 2 * angle))  # fmt: skip


def altitude(rng: np.random.Generator) -> Problem:
    """The altitude to the hypotenuse, from the area."""
    a, b = (sp.Integer(leg) for leg in rng.permutation(TRIPLES[int(rng.integers(len(TRIPLES)))]).tolist())
    hypotenuse = sqrt(a**2 + b**2)
    foot = (a * b**2 / (a**2 + b**2), a**2 * b / (a**2 + b**2))
    points = {"C": _polar(0, 0), "A": (a, sp.Integer(0)), "B": (sp.Integer(0), b), "D": foot}
    text = (
        f"Triangle ABC has a right angle at C, with CA = {a} and CB = {b}. D is the foot of the altitude from C to AB."
    )
    figure = Figure(("CA", "CB", "AB", "CD"), (), (), (("CA", str(a)), ("CB", str(b)), ("CD", "?")))
    return Problem("altitude", f"{text} How long is CD?", points, figure, "CD", a * b / hypotenuse,
                   (hypotenuse / 2, a * b / (2 * hypotenuse), a * b / (a + b), hypotenuse / 3))  # fmt: skip


def midline(rng: np.random.Generator) -> Problem:
    """The median of a trapezium is the mean of its parallel sides."""
    short, height = _int(rng, 2, 6), _int(rng, 3, 5)
    long = short + _int(rng, 2, 8)
    shift = sp.Rational(int(rng.integers(0, int(long - short) + 1)))
    points = {"A": _polar(0, 0), "B": (long, sp.Integer(0)), "C": (shift + short, height), "D": (shift, height)}
    points |= {"M": (shift / 2, height / 2), "N": ((long + shift + short) / 2, height / 2)}
    text = (
        f"In trapezium ABCD, AB is parallel to DC, AB = {long} and DC = {short}. "
        "M and N are the midpoints of AD and BC."
    )
    figure = Figure(("AB", "BC", "CD", "DA", "MN"), (), (), (("AB", str(long)), ("CD", str(short)), ("MN", "?")))
    return Problem("midline", f"{text} How long is MN?", points, figure, "MN", (long + short) / 2,
                   (long - short, (long - short) / 2, (long + short) / 2 + 1, (long + short) / 3))  # fmt: skip


TEMPLATES: tuple[Callable[[np.random.Generator], Problem], ...] = (
    exterior_angle, parallel_lines, inscribed_angle, tangents, altitude, midline,
)  # fmt: skip


def _distinct(problem: Problem, rng: np.random.Generator) -> list[Expr]:
    """Three wrong values that differ from the answer, from one another and from nothing sensible."""
    chosen: list[Expr] = []
    spare = [problem.answer + step for step in (5, -5, 15, 20, 25)] if len(problem.asked) == 3 else []
    spare += [problem.answer * factor for factor in (2, sp.Rational(1, 2), 3)]
    ordered = [problem.wrong[place] for place in rng.permutation(len(problem.wrong))]
    for value in [*ordered, *spare]:
        gaps = [abs(float(value) - float(other)) for other in [problem.answer, *chosen]]
        if float(value) > 0 and min(gaps) > 0.05 and not (len(problem.asked) == 3 and float(value) >= 180):
            chosen.append(value)
        if len(chosen) == len(LETTERS) - 1:
            return chosen
    raise AssertionError(f"{problem.template}: too few wrong values")


def _plain(value: Expr) -> str:
    """A whole number, or a fraction such as 12/5."""
    return str(value)
