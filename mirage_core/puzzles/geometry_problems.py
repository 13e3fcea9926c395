"""Problems of planar geometry: text, exact coordinates, figure and a theorem's answer; a function per theorem."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import sympy as sp
from sympy import Expr, cos, pi, sin, sqrt

from mirage_core.puzzles.geometry_figures import Figure

TRIPLES = (
    (3, 4), (6, 8), (5, 12), (8, 15), (9, 12), (12, 16), (20, 21), (10, 24), (15, 20), (18, 24), (16, 30), (21, 28),
    (24, 32), (27, 36), (15, 36), (28, 45), (40, 42), (33, 56), (48, 55), (30, 40), (36, 48),
)  # fmt: skip
"""Legs of right triangles whose hypotenuse is whole, so that the right option has the form of the others; none so flat
that the letters of its figure meet."""
Point = tuple[Expr, Expr]
DIGITS = 80
"""With which coordinates are evaluated to be compared."""


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
    points = {name: (sp.N(x, DIGITS), sp.N(y, DIGITS)) for name, (x, y) in problem.points.items()}
    claimed = problem.answer**2 if len(problem.asked) == 2 else cos(problem.answer * pi / 180)
    return bool(abs(measured(replace(problem, points=points)) - sp.N(claimed, DIGITS)) < sp.Float(10) ** -50)


def _polar(radius: Expr | int, degrees: Expr | int) -> Point:
    angle = sp.Rational(degrees) * pi / 180
    return radius * cos(angle), radius * sin(angle)


def _int(rng: np.random.Generator, low: int, high: int, step: int = 1) -> sp.Integer:
    return sp.Integer(int(rng.integers(low // step, high // step + 1)) * step)


def exterior_angle(rng: np.random.Generator) -> Problem:
    """Two angles of a triangle add up to the exterior one."""
    a, b = _int(rng, 32, 78), _int(rng, 32, 78)
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
    a = _int(rng, 40, 140)
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
    arc = _int(rng, 60, 150, 2)
    start, apex = _int(rng, 0, 350, 10), _int(rng, 1, 3)
    points = {"O": _polar(0, 0), "A": _polar(3, start), "B": _polar(3, start + arc)}
    points["C"] = _polar(3, start + arc + (360 - arc) * sp.Rational(apex, 4))
    text = f"A, B and C lie on a circle with centre O, C on the major arc AB. Angle AOB is {arc} degrees."
    figure = Figure(("OA", "OB", "CA", "CB"), ("OA",), (("AOB", f"{arc}°"), ("ACB", "?")))
    return Problem("inscribed_angle", f"{text} What is angle ACB?", points, figure, "ACB", arc / 2,
                   (arc, 180 - arc, 180 - arc / 2, 90 - arc / 2 + 7))  # fmt: skip


def tangents(rng: np.random.Generator) -> Problem:
    """Tangents from a point: the angle between them and the central one add up to 180 degrees."""
    angle = _int(rng, 40, 110, 2)
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
    short, height = _int(rng, 2, 12), _int(rng, 3, 9)
    long = short + _int(rng, 2, 12)
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


def cyclic_quadrilateral(rng: np.random.Generator) -> Problem:
    """Opposite angles of a quadrilateral on a circle add up to 180 degrees."""
    arcs = [_int(rng, 50, 110, 2) for _ in range(3)]  # AB, BC, CD; 30 degrees at least are left for DA
    start = _int(rng, 0, 350, 10)
    places = [start, start + arcs[0], start + arcs[0] + arcs[1], start + sum(arcs)]
    points = {"O": _polar(0, 0)} | {name: _polar(3, place) for name, place in zip("ABCD", places, strict=True)}
    abc, bcd = 180 - (arcs[0] + arcs[1]) / 2, 180 - (arcs[1] + arcs[2]) / 2
    text = (
        "A, B, C and D lie in this order on a circle with centre O. "
        f"In quadrilateral ABCD, angle ABC is {abc} degrees and angle BCD is {bcd} degrees."
    )
    figure = Figure(("AB", "BC", "CD", "DA"), ("OA",), (("ABC", f"{abc}°"), ("BCD", f"{bcd}°"), ("CDA", "?")))
    return Problem("cyclic_quadrilateral", f"{text} What is angle CDA?", points, figure, "CDA", 180 - abc,
                   (180 - bcd, abc, bcd, sp.Abs(abc - bcd)))  # fmt: skip


def intersecting_chords(rng: np.random.Generator) -> Problem:
    """The products of the parts of two chords that meet are equal."""
    a, b, c = (_int(rng, 2, 12) for _ in range(3))
    turn = _int(rng, 60, 120, 15)
    d, along = a * b / c, turn * pi / 180
    x = (b - a) / 2
    y = ((a * b - c**2) / (2 * c) - x * cos(along)) / sin(along)  # as far from A as from C
    points = {"O": (x, y), "P": _polar(0, 0), "A": _polar(a, 180), "B": _polar(b, 0)}
    points |= {"C": _polar(c, turn + 180), "D": _polar(d, turn)}
    text = f"Chords AB and CD of a circle with centre O meet at P inside it. AP = {a}, PB = {b} and CP = {c}."
    figure = Figure(("AB", "CD"), ("OA",), (), (("AP", str(a)), ("PB", str(b)), ("CP", str(c)), ("PD", "?")))
    return Problem("intersecting_chords", f"{text} How long is PD?", points, figure, "PD", d,
                   (a * c / b, b * c / a, a + b - c, d + 1))  # fmt: skip


def parallel_to_side(rng: np.random.Generator) -> Problem:
    """A parallel to a side cuts off a triangle of the same shape."""
    ad, db = _int(rng, 4, 12), _int(rng, 3, 12)
    bc = _int(rng, int(ad + db) // 2 + 1, int(ad + db) + 4)
    de, turn = bc * ad / (ad + db), _int(rng, 50, 80, 10)
    share = ad / (ad + db)
    points = {"B": _polar(0, 0), "C": (bc, sp.Integer(0)), "A": _polar(ad + db, turn)}
    for name, end in (("D", "B"), ("E", "C")):
        points[name] = tuple(top + share * (low - top) for top, low in zip(points["A"], points[end], strict=True))
    text = f"In triangle ABC, D lies on AB and E on AC, and DE is parallel to BC. AD = {ad}, DB = {db} and BC = {bc}."
    figure = Figure(("AB", "AC", "BC", "DE"), (), (), (("AD", str(ad)), ("DB", str(db)), ("BC", str(bc)), ("DE", "?")))
    return Problem("parallel_to_side", f"{text} How long is DE?", points, figure, "DE", de,
                   (bc * ad / db, bc * db / (ad + db), bc / 2, de + 1))  # fmt: skip


def angle_bisector(rng: np.random.Generator) -> Problem:
    """An angle's bisector divides the side across as the sides beside it."""
    c, b = _int(rng, 4, 12), _int(rng, 4, 12)
    a = _int(rng, int(sp.Abs(b - c)) + 2, int(b + c) - 2)
    bd = a * c / (b + c)
    x = (c**2 + a**2 - b**2) / (2 * a)
    points = {"B": _polar(0, 0), "C": (a, sp.Integer(0)), "A": (x, sqrt(c**2 - x**2)), "D": (bd, sp.Integer(0))}
    text = f"In triangle ABC, AB = {c}, AC = {b} and BC = {a}. The bisector of angle BAC meets BC at D."
    lengths = (("AB", str(c)), ("AC", str(b)), ("BD", "?"))  # BC's number would lie on those of its parts
    figure = Figure(("AB", "AC", "BC", "AD"), (), (), lengths)
    return Problem("angle_bisector", f"{text} How long is BD?", points, figure, "BD", bd,
                   (a * b / (b + c), a / 2, b * c / (b + c), bd + 1))  # fmt: skip


TEMPLATES: tuple[Callable[[np.random.Generator], Problem], ...] = (
    exterior_angle, parallel_lines, inscribed_angle, tangents, altitude, midline,
    cyclic_quadrilateral, intersecting_chords, parallel_to_side, angle_bisector,
)  # fmt: skip
