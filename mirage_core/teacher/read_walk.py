"""Reading moves that are told without naming squares: "go right twice, then down".

What is only supposed, avoided or lies somewhere is no move. A misreading makes a true thought fail, never a false one
pass, as the moves read must be the plan's, one for one.
"""

import re
from typing import NamedTuple

from mirage_core.teacher.words import NUMBER, SQUARE, WAYS, compiled, number_of

DIRECTION = (
    r"(?:to(?:wards?)? the )?(?<!\btop )(?<!\bbottom )(?<!\bupper )(?<!\blower )(?<!-)"
    r"\b(?P<way>up|down|left|right|north|south|west|east)(?:wards?)?\b"
    r"(?![- ](?:away|now|next to|beside|before|side|edge|border|corner|part|half|column|row|of|there|here|above|below"
    r"|is|are|lies|has|an? hole|the hole|into)\b)"
)
MOVER = (
    r"\b(?:mov(?:e|es|ed|ing)|go|goes|going|went|step(?:s|ping|ped)?|head(?:s|ing)?|walk(?:s|ing)?|slid(?:e|es|ing)"
    r"|glid(?:e|es|ing)|proceed\w*|continu\w*|advanc\w*|travel\w*|turn(?:s|ing)?|shift\w*|follow(?:s|ing)?"
    r"|hop(?:s|ping)?|tak(?:e|es|ing)|climb\w*|sidestep\w*)\b"
)
UNIT = r"(?:squares?|cells?|tiles?|steps?|moves?|times?|rows?|columns?|spaces?)"
AMOUNT = rf"(?:(?:by )?(?P<times>{NUMBER}) (?:more )?{UNIT}|(?P<word>once|twice|thrice)|by (?P<by>{NUMBER})\b)"
AHEAD = (
    rf"(?:(?:just |another )?(?P<ahead>{NUMBER}|a|another) (?:more )?(?:single )?{UNIT} (?:straight |further )?"
    rf"|(?P<bare>{NUMBER}) (?=to the ))?"
)
FILLER = (
    r"(?:(?:then|and|finally|first|firstly|second|third|fourth|fifth|sixth|lastly|last|next|again|now|step|\d+)\b ?)*"
)
TOLD = (
    compiled(rf"^{FILLER}{AHEAD}{DIRECTION}(?: again)?(?: {AMOUNT})?"),
    compiled(rf"{MOVER} (?:(?!{NUMBER}\b)\w+ ){{0,4}}?{AHEAD}{DIRECTION}(?: again)?(?: (?:straight )?{AMOUNT})?"),
)
LETTER = re.compile(r"^(?:(?:and|then) )?(?P<way>[UDLR])(?= [a-z]|$)")
CLAUSE = compiled(r"[,;()→]|->|=>|\b(?:and|then|but|while|because|since|so|where|which|until|as|after that|or)\b")
UNTOLD = compiled(
    r"\b(?:not|never|without|instead of|rather than|would|could|might|may|if|unless|cannot|must|has to|have to|need\w*"
    r"|no (?:more )?(?:moves|steps)|blocked|avoid (?:going|moving|stepping))\b|n['’]t\b|\b(?:hole|goal|target|start|square)s? (?:\w+ )?"
    r"(?:is|are|lies?|sits?) "
)
MAX_TIMES = 99
"""Longer walks are nobody's plan."""
WORDS = {"once": 1, "twice": 2, "thrice": 3, "a": 1, "another": 1}


class Walked(NamedTuple):
    """Moves told in words."""

    letters: str
    restated: bool
    """Whether they come behind a colon and so repeat, one by one, what their sentence told before."""


def walked(piece: str) -> Walked:
    """The moves of a piece of text, in order."""
    ahead, colon, behind = piece.rpartition(":")
    behind_told = _letters(behind)
    if colon and behind_told:
        return Walked(behind_told, True)
    return Walked(_letters(ahead) + behind_told, False)


def _letters(text: str) -> str:
    letters = ""
    for clause in CLAUSE.split(text):
        clause = " ".join(clause.replace(SQUARE, " ").split())
        if not clause or UNTOLD.search(clause):
            continue
        if letter := LETTER.match(clause):
            letters += letter["way"]
            continue
        for pattern in TOLD:
            found = list(pattern.finditer(clause))
            if found:
                letters += "".join(WAYS[one["way"].lower()] * _times(one) for one in found)
                break
    return letters


def _times(found: re.Match[str]) -> int:
    word = (found["times"] or found["word"] or found["by"] or found["ahead"] or found["bare"] or "once").lower()
    return WORDS[word] if word in WORDS else min(number_of(word), MAX_TIMES)
