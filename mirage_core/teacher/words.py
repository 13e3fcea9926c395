"""Words that claims are made of, and whether what they say is affirmed, denied or only supposed."""

import re
from typing import Literal

from mirage_core.teacher.claims import About

SQUARE = "\N{WHITE SQUARE}"
"""Stands in a piece of text for a square that the text names."""

NUMBERS = {
    word: number
    for number, word in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    )
}
WAYS = {"up": "U", "above": "U", "north": "U", "down": "D", "below": "D", "south": "D", "left": "L", "west": "L",
        "right": "R", "east": "R"}  # fmt: skip
"""Word for a direction or a side -> letter of the move that leads there."""
NUMBER = rf"\d{{1,3}}|{'|'.join(NUMBERS)}"
LANDMARKS = {"goal": "target", "destination": "target", "finish": "target", "exit": "target", "upper": "top",
             "lower": "bottom", SQUARE: "following"}  # fmt: skip
LANDMARK = (
    rf"(?:the |my |its |our |your )?(?P<landmark>target|goal|destination|finish|exit|start|{SQUARE}"
    r"|(?:left|right|top|bottom|upper|lower)(?= (?:edge|side|border|boundary)))"
)
TARGET = r"(?:the |my |its |our |your )?(?:target|goal|destination|finish|exit)"
NEAR = (
    r"(?:next to|beside|adjacent to|adjacent|alongside|border(?:s|ing)?(?: on)?|touch(?:es|ing)?|neighbou?r(?:s|ing)?)"
)
ABOUT = (
    r"(?:(?:the |my |this |that |its |our )?(?:whole |planned |safe )?"
    rf"(?P<about>way|path|route|walk|plan|start|target|goal|it|me|us|here|there|square|player|{SQUARE}))"
)
ABOUTS: dict[str | None, About] = {"way": "way", "path": "way", "route": "way", "walk": "way", "plan": "way",
                                   "start": "start", "target": "target", "goal": "target",
                                   SQUARE: "following"}  # fmt: skip


def compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


# affirmed, denied or only supposed

NARROW = compiled(r"[,;:]|\b(?:but|and|while|so|because|since|which|though|although|yet|then)\b")
WIDE = compiled(r"[,;:]|\b(?:but|while|so|because|since|which|though|although|yet|then)\b")
FAILING = compiled(r"\b(?:fail\w*|unable|not able|not manage) to (?:\w+ )?$")
NEGATION = compiled(
    r"\b(?:not|never|no|without|neither|nor|cannot|hardly|instead of|rather than|avoid\w*|eliminat\w*|prevent\w*)\b"
    r"(?! (?:only|just|merely)\b)|n['’]t\b|\b(?:keep|sav|stop|protect)\w* \w+ from $"
)
SUPPOSITION = compiled(
    r"\b(?:would|could|might|may|if|whether|unless|hop(?:e|es|ing)|aim\w*|want\w*|must|need\w*|should|try|tries"
    r"|trying|in order|(?:has|have|had) to|can|lest|before|until|likelihood|likely|chances?|risk\w*|probabilit\w*"
    r"|possibilit\w*|odds|danger|threat|potential\w*)\b|\bto (?:\w+ )?$"
)

Stance = Literal["affirmed", "denied", "supposed"]


def stance_of(piece: str, start: int) -> Stance:
    """Whether the words that start there are claimed, denied, or only hoped, feared or imagined."""
    narrow = NARROW.split(piece[:start])[-1]
    if FAILING.search(narrow):
        return "denied"
    if SUPPOSITION.search(WIDE.split(piece[:start])[-1]):
        return "supposed"
    return "denied" if NEGATION.search(narrow) else "affirmed"


def words_of(piece: str, found: re.Match[str]) -> str:
    """The words of a claim, from the denial on if it is denied."""
    denial = NEGATION.search(piece, len(piece[: found.start()]) - len(NARROW.split(piece[: found.start()])[-1]))
    return piece[min(denial.start(), found.start()) if denial else found.start() : found.end()]


def number_of(word: str) -> int:
    return NUMBERS[word.lower()] if word.lower() in NUMBERS else int(word)
