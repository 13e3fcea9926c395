"""Proof of a thought about a figure: its angles, lengths and sums are measured and computed again.

Read are "angle ABC is 40 degrees", "AB is 7", equations such as "DE = 3 * 4 / 12 = 1" and options named in brackets,
"(B)". What else a text says, such as which theorem holds, is not read and passes.
"""

import ast
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from mirage_core.puzzles import geometry
from mirage_core.puzzles.verdict import OK, Verdict
from mirage_core.teacher import Explanation

ANGLE = 3
"""Letters in the name of an angle; a length has two."""
TOLERANCE = 1e-6
"""Of degrees and lengths, which come from floating-point coordinates."""
NAME = r"\b(?:(?:[Aa]ngle )?([A-Z]{3})|([A-Z]{2}))\b"
NUMBER = r"\d+(?:\.\d+|/\d+)?"
STATED = re.compile(rf"{NAME} (?:is|equals|measures|has) ({NUMBER})(?![\d/.]*\d)(?! times)")
EQUATION = re.compile(rf"(?:{NAME}|{NUMBER})[\d\s+\-*/×·().°]*(?:= *[\d\s+\-*/×·().°]*\d[\d\s+\-*/×·().°]*)+")
OPTION = re.compile(r"\(([A-D])\)")
OPERATORS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
Points = Mapping[str, Sequence[float]]


class GeometryFinding(NamedTuple):
    """One contradiction between a text and its figure."""

    reason: str
    words: str
    truth: str


def verify_geometry(meta: Mapping[str, Any], explanation: Explanation, answer: str) -> Verdict:
    """Check a thought and the answer that it leads to.

    Args:
        meta: Of `geometry.to_meta`.
        explanation: The thought.
        answer: What stands behind it.

    Returns:
        Verdict with the reason of the first of `geometry_findings`, or "ok".
    """
    first = next(geometry_findings(meta, explanation, answer), None)
    return Verdict(False, first.reason) if first else OK


def geometry_findings(meta: Mapping[str, Any], explanation: Explanation, answer: str) -> Iterator[GeometryFinding]:
    """Yield every contradiction.

    Reasons: "answer_<reason of check>", "empty_thought", "wrong_option" (the thought ends in another option),
    "unknown_point", "wrong_angle", "wrong_length", "wrong_sum" (the sides of an equation differ).
    """
    graded = geometry.check_choice(meta["choices"], meta["letter"], rf"\boxed{{{answer}}}")
    if not graded.ok:
        yield GeometryFinding(f"answer_{graded.reason}", answer, f"option {meta['letter']} is right")
    if not explanation.before.strip() or not explanation.after.strip():
        yield GeometryFinding("empty_thought", "", "both parts of the thought say something")
    for part in explanation:
        for found in STATED.finditer(part):
            yield from _measure(meta["points"], found[1] or found[2], _number(found[3]), found[0])
        for found in EQUATION.finditer(part):
            yield from _compare(meta["points"], found)
    options = OPTION.findall(explanation.after)
    if options and options[-1] != meta["letter"]:
        yield GeometryFinding("wrong_option", f"({options[-1]})", f"option {meta['letter']} is right")


def measured(points: Points, name: str) -> float:
    """The angle at the middle of three points in degrees, or the distance of two."""
    ends = [np.array(points[letter]) for letter in name]
    if len(ends) == ANGLE:
        one, other = ends[0] - ends[1], ends[2] - ends[1]
        return float(np.degrees(np.arccos(np.clip(one @ other / np.linalg.norm(one) / np.linalg.norm(other), -1, 1))))
    return float(np.linalg.norm(ends[0] - ends[1]))


def _measure(points: Points, name: str, said: Fraction | None, words: str) -> Iterator[GeometryFinding]:
    if unknown := sorted(set(name) - set(points)):
        yield GeometryFinding("unknown_point", words, f"the figure has no {', '.join(unknown)}")
        return
    if len(set(name)) < len(name) or said is None:
        yield GeometryFinding("wrong_sum", words, "that is no value")
        return
    true = measured(points, name)
    if abs(true - float(said)) > TOLERANCE * max(1.0, true):
        yield GeometryFinding("wrong_angle" if len(name) == ANGLE else "wrong_length", words, f"{name} is {true:.6g}")


def _compare(points: Points, found: re.Match[str]) -> Iterator[GeometryFinding]:
    """The sides of an equation; its first one may be a name, which is measured."""
    words = found[0].strip()
    name, sides = found[1] or found[2], words.split("=")
    values = [_number(side) for side in (sides[1:] if name else sides)]
    if len({value for value in values}) > 1 or None in values:
        yield GeometryFinding("wrong_sum", words, "the sides of the equation differ")
    if name:
        yield from _measure(points, name, values[-1], words)


def _number(text: str) -> Fraction | None:
    """Value of a sum in the four operations; None where it is none."""
    plain = re.sub(r"[×·]", "*", text.replace("°", " ")).strip().rstrip(".")
    try:
        return _evaluate(ast.parse(plain, mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError, MemoryError):
        return None


def _evaluate(node: ast.expr) -> Fraction:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return Fraction(str(node.value))
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        return OPERATORS[type(node.op)](_evaluate(node.left), _evaluate(node.right))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_evaluate(node.operand)
    raise ValueError(ast.dump(node))
