"""The oracle of planar geometry: the givens and a cue to draw them, then the theorem and its sum.

The thought goes before and after the figure as CoMT's rationales do. What it says of angles, lengths, sums and options
is read and measured by `geometry_verify`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mirage_core.teacher import Explanation
from mirage_core.teacher.geometry_verify import ANGLE, measured


class Solution(NamedTuple):
    """How a problem is solved, in words with fields that are names of what is given."""

    theorems: tuple[str, ...]
    sums: tuple[str, ...]
    """Behind "angle CDA = " or "PD = ", ahead of " = " and the value."""
    also: str = ""
    """A length that the sum needs and the figure does not bear: it follows, or stands in the text only."""


SOLUTIONS: dict[str, Solution] = {
    "exterior_angle": Solution(
        (
            "An exterior angle of a triangle equals the sum of the two interior angles that do not touch it.",
            "The angle outside at C is as large as the two inner angles at A and B together.",
        ),
        ("{BAC} + {ABC}",),
    ),
    "parallel_lines": Solution(
        (
            "Co-interior angles between parallel lines add up to 180 degrees.",
            "Both angles lie between the parallels on one side of the line that cuts them, so together they make 180.",
        ),
        ("180 - {BEF}",),
    ),
    "inscribed_angle": Solution(
        (
            "An inscribed angle is half of the central angle over the same arc.",
            "Seen from the circle, an arc takes half the angle that it takes seen from the centre.",
        ),
        ("{AOB} / 2",),
    ),
    "tangents": Solution(
        (
            "A tangent is perpendicular to the radius at its point, so two angles of OAPB are 90 degrees.",
            "The radii OA and OB meet the tangents at right angles, and the four angles of OAPB make 360 degrees.",
        ),
        ("360 - 90 - 90 - {APB}", "180 - {APB}"),
    ),
    "altitude": Solution(
        (
            "The area is half of CA times CB, and also half of AB times CD, where AB is the hypotenuse.",
            "By Pythagoras the hypotenuse is known, and twice the area is both CA times CB and AB times CD.",
        ),
        ("{CA} * {CB} / {AB}",),
        also="AB",
    ),
    "midline": Solution(
        (
            "The line between the midpoints of the legs of a trapezium is the mean of its parallel sides.",
            "M and N halve the legs, so MN lies halfway between AB and DC in length too.",
        ),
        ("({AB} + {CD}) / 2",),
    ),
    "cyclic_quadrilateral": Solution(
        (
            "Opposite angles of a quadrilateral on a circle add up to 180 degrees, and D lies across from B.",
            "The angles at B and D stand over arcs that make the whole circle, so together they are 180 degrees.",
        ),
        ("180 - {ABC}",),
    ),
    "intersecting_chords": Solution(
        (
            "Where two chords meet, the products of their parts are equal.",
            "By the theorem of intersecting chords, PA times PB is PC times PD.",
        ),
        ("{AP} * {PB} / {CP}",),
    ),
    "parallel_to_side": Solution(
        (
            "Triangle ADE has the shape of triangle ABC, as DE is parallel to BC.",
            "The parallel cuts off a similar triangle, whose sides are to those of ABC as AD to AB.",
        ),
        ("{BC} * {AD} / ({AD} + {DB})",),
    ),
    "angle_bisector": Solution(
        (
            "The bisector of an angle divides the side across in the ratio of the sides beside it.",
            "As AD halves the angle at A, BD is to DC as AB is to AC.",
        ),
        ("{BC} * {AB} / ({AB} + {AC})",),
        also="BC",
    ),
}
"""By template of `geometry_problems`."""
OPENINGS = ("What is given: {given}.", "I know that {given}.", "The text says that {given}.", "Given are {given}.")
WANTED = ("{asked} is wanted.", "I am asked for {asked}.", "I look for {asked}.")
CUES = (
    "Let me draw the figure.",
    "Let me sketch it and write the numbers in.",
    "I picture the figure with what is given.",
    "A drawing shows how the parts hang together.",
)
SUMS = (
    "So {asked} = {sum} = {value}{unit}.",
    "Hence {asked} = {sum} = {value}{unit}.",
    "{asked} = {sum} = {value}{unit}.",
)
ALSO = ("Here {name} is {value}.", "In this figure {name} is {value}.")
CLOSINGS = (
    "That is option ({letter}).",
    "This is ({letter}).",
    "So the answer is ({letter}).",
    "Option ({letter}) says so.",
)


def explain_geometry(meta: Mapping[str, Any], rng: np.random.Generator) -> Explanation:
    """Tell how a problem is solved.

    Args:
        meta: Of `geometry.to_meta`.
        rng: Chooses the wording.
    """
    solution, given = SOLUTIONS[meta["template"]], dict(meta["given"])
    asked, unit = _name(meta["asked"]), _unit(meta["asked"])
    told = ", ".join(f"{_name(name)} is {value}{_unit(name)}" for name, value in given.items())
    before = [_pick(OPENINGS, rng).format(given=told), _pick(WANTED, rng).format(asked=asked), _pick(CUES, rng)]
    after = [_pick(solution.theorems, rng)]
    if solution.also:
        given[solution.also] = f"{measured(meta['points'], solution.also):.0f}"
        after.append(_pick(ALSO, rng).format(name=solution.also, value=given[solution.also]))
    worked = _pick(solution.sums, rng).format(**given)
    after.append(_pick(SUMS, rng).format(asked=asked, sum=worked, value=meta["value"], unit=unit))
    after.append(_pick(CLOSINGS, rng).format(letter=meta["letter"]))
    return Explanation(*(" ".join(sentence[0].upper() + sentence[1:] for sentence in part) for part in (before, after)))


def _name(name: str) -> str:
    return f"angle {name}" if len(name) == ANGLE else name


def _unit(name: str) -> str:
    return " degrees" if len(name) == ANGLE else ""


def _pick(texts: Sequence[str], rng: np.random.Generator) -> str:
    return texts[int(rng.integers(len(texts)))]
