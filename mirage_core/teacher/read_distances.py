"""Reading what a piece of text says about distances and directions."""

import re
from collections.abc import Iterator
from typing import Any, Literal

from mirage_core.teacher.claims import Claim, Distance, Nearing, Position
from mirage_core.teacher.words import (
    LANDMARK,
    LANDMARKS,
    NUMBER,
    SQUARE,
    TARGET,
    compiled,
    number_of,
    stance_of,
    words_of,
)

NEARER, FARTHER, CHANGED = (-1,), (1,), (-1, 1)
OPEN_END = rf"(?= ?(?:$|[,;:.!)]|{SQUARE}|and\b|but\b|by\b|now\b|again\b|without\b|with\b))"
WHOLE_LANDMARK = rf"{LANDMARK}(?:\b|(?<={SQUARE}))"  # a square is no letter, so no word ends there
TO_LANDMARK = rf"(?: (?:to|toward|towards|from) {WHOLE_LANDMARK}|{OPEN_END})"
NEARINGS: tuple[tuple[tuple[int, ...], re.Pattern[str]], ...] = (
    (NEARER, compiled(rf"\b(?:closer|nearer){TO_LANDMARK}")),
    (NEARER, compiled(rf"\b(?:approach|near)(?:es|s|ing|ed)? {TARGET}\b")),
    (NEARER, compiled(rf"\b(?:advanc|mov|head|step|progress|walk)\w* (?:\w+ )?(?:{SQUARE} )?towards? {TARGET}\b")),
    (NEARER, compiled(rf"\b(?:go|goes|going|lead|leads|leading) (?:\w+ )?towards? {TARGET}\b")),
    (NEARER, compiled(r"\b(?:short|cut|reduc|decreas|shrink|lower|lessen)\w* (?:down )?(?:the|my|its) (?:\w+ )?"
                      rf"(?:distance|way|gap){TO_LANDMARK}")),
    (NEARER, compiled(rf"\bdistance(?: (?:to|from) {LANDMARK})? (?:shrinks|falls|drops|decreases|gets shorter)\b")),
    (FARTHER, compiled(rf"\b(?:further|farther)(?: away)? (?:from|to) {WHOLE_LANDMARK}")),
    (FARTHER, compiled(rf"\b(?:further|farther) away{OPEN_END}")),
    (FARTHER, compiled(r"\btarget (?:further|farther)(?: away)?\b")),
    (FARTHER, compiled(rf"(?<!further )(?<!farther )(?<!squares )(?<!square )(?<!steps )(?<!step )(?<!moves )(?<!move )"
                       rf"(?<!far )\baway from {WHOLE_LANDMARK}")),
    (FARTHER, compiled(r"\b(?:lengthen|increas|extend|grow|enlarg|widen|rais)\w* (?:the|my|its) (?:\w+ )?"
                       rf"(?:distance|way|gap){TO_LANDMARK}")),
    (FARTHER, compiled(rf"\bdistance(?: (?:to|from) {LANDMARK})? (?:grows|increases|rises)\b")),
    (CHANGED, compiled(rf"\bchang\w* (?:in |the |my )?(?:distance|proximity|closeness)(?: (?:to|from) {LANDMARK}\b)?")),
    ((0,), compiled(rf"\b(?:same|equal|unchanged) (?:distance|proximity)(?: (?:to|from) {LANDMARK}\b)?")),
    ((0,), compiled(rf"\b(?:distance|proximity)(?: (?:to|from) {LANDMARK})? (?:\w+ )?"
                    r"(?:the same|unchanged|constant)\b")),
    ((0,), compiled(rf"\b(?:distance|proximity)(?: (?:to|from) {LANDMARK})? does not change\b")),
)  # fmt: skip


def nearing(piece: str) -> Iterator[Claim]:
    for signs, pattern in NEARINGS:
        for found in pattern.finditer(piece):
            stance = stance_of(piece, found.start())
            named = (found.groupdict().get("landmark") or "target").lower()
            landmark: Any = LANDMARKS.get(named, named)
            if stance != "supposed":
                allowed = signs if stance == "affirmed" else tuple(sign for sign in (-1, 0, 1) if sign not in signs)
                yield Nearing(words_of(piece, found), landmark, allowed)


UNIT = r"(?P<unit>squares?|cells?|tiles?|fields?|steps?|moves?)"
FROM_TO = compiled(
    rf"\bdistance(?: (?:to|from) {TARGET})?(?: \w+)? from (?P<previous>{NUMBER})(?: squares?)?"
    rf" to (?P<number>{NUMBER})\b"
)
AWAY = compiled(
    rf"\b(?P<number>{NUMBER}) (?:more )?{UNIT}(?: (?:away|short|off|still|left))*"
    rf"(?: (?:from|of|to|before|until) {TARGET}\b)"
)
TARGET_AWAY = compiled(
    rf"\b{TARGET}\b(?: (?!{NUMBER})\w+){{0,4}}? (?:only |still |just |now )?(?P<number>{NUMBER}) {UNIT}"
    r" (?:away|off|from here|from me|from there|left)\b"
)
DISTANCE_IS = compiled(
    rf"\bdistance(?: left)?(?: (?:to|from) {TARGET})?"
    r"(?: (?:shrinks?|grows?|falls?|drops?|rises?|becomes?|stays?|remains?|is|now|only|still|to|at|of))*"
    rf" (?P<number>{NUMBER})(?: {UNIT})?(?! ?to\b)"
)
TO_GO = compiled(
    rf"\b(?P<number>{NUMBER}) (?:more )?{UNIT} "
    r"(?:to go|left(?! (?:to|onto|and|runs|is|hits|leads|leaves|of)\b)|remain\w*|to come|still to come)\b"
)


def distances(piece: str) -> Iterator[Claim]:
    spans: set[int] = set()
    for pattern in (FROM_TO, AWAY, TARGET_AWAY, DISTANCE_IS, TO_GO):
        for found in pattern.finditer(piece):
            groups = found.groupdict()
            if found.start("number") in spans or stance_of(piece, found.start()) != "affirmed":
                continue
            spans.add(found.start("number"))
            previous = groups.get("previous")
            of_plan = (groups.get("unit") or "").lower().startswith(("move", "step")) or pattern is TO_GO
            yield Distance(found[0], number_of(found["number"]), number_of(previous) if previous else None, of_plan)


Axis = Literal["rows", "columns"]
SIDES: dict[str, tuple[Axis, int]] = {
    "up": ("rows", -1), "above": ("rows", -1), "higher": ("rows", -1), "down": ("rows", 1), "below": ("rows", 1),
    "lower": ("rows", 1), "left": ("columns", -1), "right": ("columns", 1),
}  # fmt: skip
SIDE = r"(?:further |to the |to my )?(?P<side>up|above|higher|down|below|lower|left|right)\b"
OFFSET = compiled(rf"\b(?P<number>{NUMBER}) (?P<unit>row|column|square|cell|tile)s? {SIDE}")
ON_SIDE = compiled(
    r"\b(?:is|lies|sits|waits) (?:\w+ and )?(?:to the |somewhere )?(?P<side>above|below|left|right)\b"
    r"(?! (?:next|above|below|under|beside|on|at|in|short|behind|with|without)\b)"
)
ON_BOTH_SIDES = compiled(
    r"\b(?:is|lies|sits|waits) (?:somewhere )?(?P<side>above|below|up|down) and (?:to the )?(?:left|right)\b"
)
IN_LINE = compiled(r"\bin the same (?P<line>row|column)\b")
TARGET_SUBJECT = compiled(
    rf"^{SQUARE} (?:is|lies|sits|waits)|\b(?:target|goal)\b(?: at)?.*?\b(?:is|lies|sits|waits)\b|\btarget\b.{{0,12}}$"
)
TARGET_WORD = compiled(r"\b(?:target|goal)\b")
TARGET_ORIGIN = compiled(rf"\b(?:of|from|above|below) {TARGET}\b")


def positions(piece: str) -> Iterator[Claim]:
    for pattern in (OFFSET, ON_SIDE, ON_BOTH_SIDES, IN_LINE):
        for found in pattern.finditer(piece):
            # what lies where: the target from the player, or the player from the target
            inverted = TARGET_ORIGIN.search(piece, found.start()) is not None
            if inverted or TARGET_SUBJECT.search(piece[: found.end()]):
                axis, sign, number = _offset(found)
                yield Position(
                    words=found[0],
                    axis=axis,
                    sign=-sign if inverted else sign,
                    number=number,
                    from_following=not inverted and piece.endswith(SQUARE),
                    of_before=not inverted and TARGET_WORD.search(piece[: found.start()]) is None,
                )


def _offset(found: re.Match[str]) -> tuple[Axis, int, int | None]:
    """Axis, sign and number of lines; sign 0 without a number can never be true."""
    groups = found.groupdict()
    if groups.get("line"):
        return ("rows" if groups["line"].lower() == "row" else "columns"), 0, 0
    axis, sign = SIDES[groups["side"].lower()]
    if groups.get("number") is None:
        return axis, sign, None
    if (groups["unit"].lower(), axis) in (("row", "columns"), ("column", "rows")):
        return axis, 0, None
    return axis, sign, number_of(groups["number"])
