"""What a text claims about a jigsaw, and whether it holds.

Read are clauses that name a candidate ("the second image", "(A)") and say how it joins the crop along an edge, how
bright, warm or detailed it is beside the surroundings or the other one, how many lines it goes on with, or that it is
or is not the missing part. What else a text says, such as what is seen in the picture, is not read and passes.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from mirage_core.puzzles.jigsaw import CHOICES, Letter
from mirage_core.teacher.jigsaw_scene import JigsawScene, Side, other

Kind = Literal["seam", "difference", "brightness", "warmth", "detail", "lines", "missing"]
LEVELS = 6.0
"""Differences of brightness and warmth below it may be called neither."""
DETAIL_RATIO = 1.15
BETTER_RATIO = 1.1
"""A candidate whose seam is rougher than the other's by less than this may still be said to fit."""
NUMBER_SLACK = 1.0
"""Of a difference told in grey levels."""

NAMES: dict[str, Letter] = {"second": "A", "third": "B", "a": "A", "b": "B"}
CANDIDATE = re.compile(
    r"\b(?:the )?(?P<word>second|third) (?:image|picture|piece|candidate|option|one)\b"
    r"|\((?P<letter>[AB])\)|\b(?:[Oo]ption|[Cc]andidate|[Pp]iece|[Cc]hoice|[Ii]mage) (?P<bare>[AB])\b",
)
SENTENCE = re.compile(r"(?<=[.!?])\s+")
CLAUSE = re.compile(
    r"[;:]\s+|,? (?:while|whereas|but|although|though)\b|, (?=(?:and |so )?the (?:second|third)\b)", re.IGNORECASE
)
PRONOUN = re.compile(r"\W*(?:and )?(?:it|its|this)\b", re.IGNORECASE)
"""A clause that goes on about the candidate of the last one."""
SIDES: dict[Side, re.Pattern[str]] = {
    "top": re.compile(r"\b(?:top|upper|above)\b", re.IGNORECASE),
    "left": re.compile(r"\bleft\b", re.IGNORECASE),
}
JOINS = re.compile(
    r"\b(?:continu(?:es|e|ing|ous)|match(?:es|ing)?|lines? up|joins?|blends?|fits?|flows?|align(?:s|ed)?|agrees?"
    r"|seamless(?:ly)?|carr(?:y|ies) on|goes on|smooth(?:ly)? into|consistent)\b",
    re.IGNORECASE,
)
BREAKS = re.compile(
    r"\b(?:breaks?|jumps?|clash(?:es)?|mismatch\w*|disrupts?|abrupt(?:ly)?|interrupts?|discontinu\w*|cuts? off"
    r"|inconsistent|differs? (?:sharply|clearly) from what)\b",
    re.IGNORECASE,
)
NEGATION = re.compile(r"\b(?:not|n't|never|fails? to|neither|cannot|can't|doesn't|without)\b|n't\b", re.IGNORECASE)
MISSING = re.compile(
    r"\b(?:is|must be|has to be|gives?|makes?|cannot be|can't be|not be) (?:not )?(?:the )?"
    r"(?:missing (?:part|piece|corner)|right (?:one|piece)|correct (?:one|piece|answer))\b"
    r"|\b(?:belongs?|goes) (?:in|into|to|there)\b"
    r"|\b(?:missing (?:part|piece|corner)|(?:right|correct) (?:one|piece|image|candidate)) (?:\w+ )?"
    r"(?:is|must be|has to be)\b",
    re.IGNORECASE,
)
CHOSEN = re.compile(r"\b(?:answer|choice) is\b|\b(?:choose|pick|select|chose)\b", re.IGNORECASE)
LOOKS: dict[str, tuple[Kind, int]] = {
    "brighter": ("brightness", 1), "lighter": ("brightness", 1), "darker": ("brightness", -1),
    "dimmer": ("brightness", -1), "warmer": ("warmth", 1), "redder": ("warmth", 1), "yellower": ("warmth", 1),
    "cooler": ("warmth", -1), "colder": ("warmth", -1), "bluer": ("warmth", -1), "busier": ("detail", 1),
    "rougher": ("detail", 1), "smoother": ("detail", -1), "plainer": ("detail", -1), "calmer": ("detail", -1),
}  # fmt: skip
LOOK = re.compile(rf"\b({'|'.join(LOOKS)})\b(?P<than> than\b)?", re.IGNORECASE)
DIFFERENCE = re.compile(r"\b(\d+(?:\.\d+)?) (?:grey |gray )?levels\b", re.IGNORECASE)
LINES = re.compile(
    r"\b(?P<met>\d+|none|all) of (?:the|its|these) (?P<all>\d+) (?:lines|edges|contours)\b", re.IGNORECASE
)


class JigsawClaim(NamedTuple):
    """One statement about a candidate."""

    kind: Kind
    who: Letter
    words: str
    side: Side | None = None
    """None where the edge is not named: both."""
    sign: int = 1
    """Joins, is brighter, warmer or busier, is missing: 1; the contrary: -1."""
    number: float = 0.0
    """Grey levels, or lines met."""
    of: int = 0
    """Lines in all."""
    than_other: bool = False
    """Compared with the other candidate instead of with the surroundings."""


class JigsawFinding(NamedTuple):
    """One contradiction between a text and its pictures."""

    reason: str
    words: str
    truth: str


def read_claims(text: str) -> Iterator[JigsawClaim]:
    """Every claim of a text that is understood."""
    for sentence in SENTENCE.split(text):
        side: Side | None = None
        who: Letter | None = None
        for clause in CLAUSE.split(sentence):
            found = [one for one, pattern in SIDES.items() if pattern.search(clause)]
            side = None if len(found) > 1 else found[0] if found else side
            named = [_letter(one) for one in CANDIDATE.finditer(clause)]
            who = named[0] if named else who if PRONOUN.match(clause) else None
            if who:
                yield from _clause(clause.strip(), who, side, len(set(named)) > 1)


def _letter(found: re.Match[str]) -> Letter:
    return NAMES[(found["word"] or found["letter"] or found["bare"]).lower()]


def _clause(clause: str, who: Letter, side: Side | None, names_both: bool) -> Iterator[JigsawClaim]:
    negated = -1 if NEGATION.search(clause) else 1
    if told := LINES.search(clause):
        met = {"none": 0, "all": int(told["all"])}.get(told["met"].lower())
        yield JigsawClaim("lines", who, clause, side, 1, float(told["met"]) if met is None else met, int(told["all"]))
        return
    if looks := LOOK.search(clause):
        kind, sign = LOOKS[looks[1].lower()]
        yield JigsawClaim(kind, who, clause, None, sign * negated, than_other=names_both or " other" in clause)
        return
    if MISSING.search(clause) or CHOSEN.search(clause):
        yield JigsawClaim("missing", who, clause, None, negated)
        return
    if told := DIFFERENCE.search(clause):
        yield JigsawClaim("difference", who, clause, side, 1, float(told[1]))
    joins, breaks = JOINS.search(clause), BREAKS.search(clause)
    if (joins is None) != (breaks is None):
        yield JigsawClaim("seam", who, clause, side, negated * (1 if joins else -1))


def contradiction(claim: JigsawClaim, scene: JigsawScene, answer: Letter) -> JigsawFinding | None:
    """Why a claim does not hold; None where it does."""
    if claim.kind == "missing":
        if (claim.who == answer) == (claim.sign > 0):
            return None
        return JigsawFinding("wrong_candidate", claim.words, f"the missing part is {CHOICES[answer]}")
    if claim.kind == "seam":
        return _wrong_seam(claim, scene)
    if claim.kind == "difference":
        true = scene.difference(claim.who, claim.side)
        told = f"the mean difference is {true:.0f} grey levels"
        return None if abs(true - claim.number) <= NUMBER_SLACK else JigsawFinding("wrong_number", claim.words, told)
    if claim.kind == "lines":
        return _wrong_lines(claim, scene)
    return _wrong_look(claim, scene)


def _wrong_seam(claim: JigsawClaim, scene: JigsawScene) -> JigsawFinding | None:
    own, its = (scene.difference(who, claim.side) for who in (claim.who, other(claim.who)))
    smooth = scene.smooth(claim.who, claim.side)
    holds = (smooth or own <= BETTER_RATIO * its) if claim.sign > 0 else (not smooth or own > its)
    truth = f"its mean difference is {own:.0f} grey levels there, the other candidate's {its:.0f}"
    return None if holds else JigsawFinding("wrong_seam", claim.words, truth)


def _wrong_lines(claim: JigsawClaim, scene: JigsawScene) -> JigsawFinding | None:
    sides: tuple[Side, ...] = ("top", "left") if claim.side is None else (claim.side,)
    lines = sum(scene.seams[claim.who, side].lines for side in sides)
    met = sum(scene.seams[claim.who, side].lines_met for side in sides)
    if (lines, met) == (claim.of, claim.number):
        return None
    return JigsawFinding("wrong_lines", claim.words, f"{met} of {lines} lines go on")


def _wrong_look(claim: JigsawClaim, scene: JigsawScene) -> JigsawFinding | None:
    own = getattr(scene.looks[claim.who], claim.kind)
    its = getattr(scene.looks[other(claim.who)] if claim.than_other else scene.around, claim.kind)
    more = own > its * DETAIL_RATIO if claim.kind == "detail" else own > its + LEVELS
    less = its > own * DETAIL_RATIO if claim.kind == "detail" else its > own + LEVELS
    if more if claim.sign > 0 else less:
        return None
    against = "the other candidate" if claim.than_other else "the surroundings"
    return JigsawFinding(
        f"wrong_{claim.kind}", claim.words, f"its {claim.kind} is {own:.0f}, that of {against} {its:.0f}"
    )
