"""Reading: which moves and claims the words between two squares tell.

A text is cut at its squares and sentences. What is left, a piece, is read on its own and remembered, as pieces repeat
in any teacher's prose.
"""

from functools import lru_cache
from typing import NamedTuple

from mirage_core.teacher.assertions import claims_in
from mirage_core.teacher.claims import Claim
from mirage_core.teacher.read_walk import Walked, walked
from mirage_core.teacher.words import NUMBER, SQUARE, WAYS, compiled

PIECES_REMEMBERED = 1 << 15
"""About 30 MB; the oracle has fewer."""


class Lead(NamedTuple):
    """How a piece leads to the square after it: by a move."""

    direction: str | None
    """Move letter; None if the text only names the square."""


class Reading(NamedTuple):
    """What a piece tells."""

    claims: tuple[Claim, ...]
    lead: Lead | None
    origin: Lead | None
    """The move that starts at the square after the piece: "I go up from"."""
    links: bool
    """Whether the piece only leads on from an origin: "to"."""
    lists: bool
    """Whether the piece only joins the squares around it, so that what holds for the first holds for the second."""
    after_square: bool
    before_square: bool
    ends: bool
    """Whether a sentence ends here."""


@lru_cache(maxsize=PIECES_REMEMBERED)
def read_walk(piece: str) -> Walked:
    """The moves that a piece tells in words; it is cut as for `read`."""
    return walked(piece.rstrip(".!? "))


@lru_cache(maxsize=PIECES_REMEMBERED)
def read(piece: str) -> Reading:
    """Read a piece, which begins with `SQUARE` and a space, or ends with a space and `SQUARE`, if it was cut there."""
    words = " ".join(piece.rstrip(".!? ").split()).replace(f"[ {SQUARE}", SQUARE)
    words = PUNCTUATION.sub(SQUARE, words)
    after_square, before_square = piece.startswith(f"{SQUARE} "), piece.endswith(f" {SQUARE}")
    return Reading(
        claims=claims_in(words),
        lead=_lead(words) if before_square else None,
        origin=_origin(words) if before_square else None,
        links=before_square and LINK.search(words) is not None,
        lists=before_square and LIST.search(words) is not None,
        after_square=after_square,
        before_square=before_square,
        ends=piece.endswith("."),
    )


PUNCTUATION = compiled(rf"{SQUARE} (?=[,;:)\]])")


# who moves where

DIRECTION = compiled(
    r"\b(up|down|left|right|north|south|west|east)(?:wards?)?\b"
    r"(?! (?:away|now|next to|after|beside|before|side|edge|border|corner|part|half|column|row|of|there|here)\b)"
    r"(?<!\bend up)(?<!\bends up)(?<!\bending up)"
)
VERB = compiled(
    r"\b(?:(?:mov|step|head|walk|slid|glid|proceed|continu|advanc|travel|return|land|fall|fell|drop|plung|arriv|reach"
    r"|enter|bring|carr|shift|push|hop|jump)\w*|go|goes|going|went|com(?:e|es|ing)|came|get|gets|getting|got|tak(?:e|es|ing)"
    r"|lead(?:s|ing)?|end(?:s|ing)?|stay(?:s|ing)?|remain(?:s|ing)?|leav(?:e|es|ing)|keep(?:s|ing)?|hold(?:s|ing)?|turn(?:s|ing)?"
    r"|held|back)\b"
)
STEERED = compiled(rf"{VERB.pattern} {DIRECTION.pattern}")
ARRIVAL = compiled(
    r"(?:\b(?:to|onto|into|on|at|in|upon|reach\w*|enter\w*)|->|=>|→) ?"
    r"(?:(?:the|a|an|square|cell|tile|position|ice|icy|safe|hole|target|goal|start|next|final|same|at|in) )*"
    rf"{SQUARE}$"
)
NO_ARRIVAL = compiled(
    r"\b(?:closer|close|nearer|near|next|adjacent|beside|distances?|way|path|route|relative|compared|opposite|access"
    rf"|due|thanks|prior|(?:{NUMBER}) (?:more )?(?:squares|moves|steps|rows?|columns?)(?: away)?) (?:to|from|in|on)"
    rf" (?:the )?(?:square )?{SQUARE}$"
)
HOLE_AT = compiled(rf"\bholes? (?:\w+ )?(?:at|in) (?:the )?(?:square )?{SQUARE}$")
FALL = compiled(r"\b(?:fall|fell|drop|plung)\w*")
STATIC = compiled(
    r"\b(?:way|path|route|trail)s? (?:\w+ )?(?:leads?|ends?|goes|runs)\b"
    r"|\b(?:safe|free|clear|open) (?:all the way )?(?:up|down|left|right) (?:to|until)\b"
    r"|\b(?:start|begin|began|stand|sit)\w* (?:\w+ )?(?:at|on|in|from)\b"
)
NUMBERED = compiled(rf"\b(?:{NUMBER}) (?:more )?(?:moves|steps)\b")
"""Here "moves" is no verb."""
UNTOLD = compiled(
    r"\b(?:not|never|avoid\w*|without|instead of|rather than|would|could|might|may|if|unless|cannot|away)\b|n['’]t\b"
)
WISHED = compiled(r"\b(?:must|need\w*|has to|have to|had to|want\w*|should|aim\w*|try\w*|tries|able|can|goal is)\b")
CLAUSE_END = compiled(r"[,:;]|\b(?:then|but|while|because|since|so)\b")
ORIGIN = compiled(rf"\b(?:from|leav(?:e|ing)) (?:the )?(?:square )?{SQUARE}$")
TO = compiled(r"\b(?:to|onto|into)\b|->|=>|→")
LINK = compiled(rf"^{SQUARE} ?(?:(?:I |it |me )?(?:up|down|left|right)?(?: ?on)? ?(?:to|onto|into)) ?{SQUARE}$")
ARROW = compiled(rf"^{SQUARE} ?(?:->|=>|→) ?{SQUARE}$")
LIST = compiled(
    rf"^{SQUARE} ?(?:,|and|or|, and|, or|&|then|finally| )+ ?"
    rf"(?:(?:another|one|a second)(?: one| hole)? (?:at|in) )?{SQUARE}$"
)


def _lead(piece: str) -> Lead | None:
    if ARROW.search(piece):
        return Lead(None)
    if not ARRIVAL.search(piece) or NO_ARRIVAL.search(piece):
        return None
    clauses = [clause for clause in CLAUSE_END.split(NUMBERED.sub("", piece.strip(SQUARE))) if clause.strip()] or [""]
    clause = clauses[-1]
    if UNTOLD.search(clause) or STATIC.search(clause):
        return None
    if HOLE_AT.search(piece) and not STEERED.search(clause) and not FALL.search(clause):
        return None
    direction = _last_direction(clause)
    if direction is not None:
        return Lead(direction) if VERB.search(clause) or TO.search(clause) else None
    if not VERB.search(clause) or WISHED.search(clause):
        return None
    # "Moving right, I reach": the clause before tells the direction
    steered = STEERED.search(clauses[-2]) if len(clauses) > 1 and not UNTOLD.search(clauses[-2]) else None
    return Lead(_last_direction(steered[0]) if steered else None)


def _last_direction(words: str) -> str | None:
    found = DIRECTION.findall(words)
    return WAYS[found[-1].lower()] if found else None


def _origin(piece: str) -> Lead | None:
    clause = CLAUSE_END.split(piece)[-1]
    if not ORIGIN.search(clause) or not VERB.search(clause) or UNTOLD.search(clause) or STATIC.search(clause):
        return None
    return Lead(_last_direction(clause))
