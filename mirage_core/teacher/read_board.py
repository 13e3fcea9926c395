"""Reading what a piece of text says about the board: neighbours, tiles and counts."""

import re
from collections.abc import Iterator
from typing import Literal

from mirage_core.teacher.claims import About, Beside, Claim, Count, Neighbours, Tile
from mirage_core.teacher.words import ABOUT, ABOUTS, NEAR, NUMBER, SQUARE, compiled, number_of, stance_of, words_of

QUANTITY = rf"(?P<number>no|not any|without any|without|free of|any|an|a|the only|only|{NUMBER})"
HOLES_NEAR = (
    compiled(rf"(?:\b{QUANTITY} )?(?:other )?\b(?:adjacent|neighbou?ring|surrounding) holes?\b"),
    compiled(rf"(?:\b{QUANTITY} )?(?:other )?\bholes? (?:(?!hole)\w+ ){{0,3}}?{NEAR}(?: (?:to|on|by))? {ABOUT}"),
    compiled(rf"\b{NEAR} {ABOUT}(?: there)? (?:lies?|is|are)(?: there)? {QUANTITY} (?:\w+ )?holes?\b"),
    compiled(rf"(?:\b(?P<about>way|path|route) )?\b(?:touch|border|adjoin)\w*(?: on)? {QUANTITY} (?:\w+ )?holes?\b"),
)
SAFE_AROUND = compiled(
    rf"\b(?:squares|cells|tiles|neighbou?rs) (?:around|beside|next to|of) {ABOUT} are (?:all )?(?:safe|free of holes)\b"
)
BESIDE = (
    compiled(
        rf"(?:\b(?P<about>way|path|route|walk)\b (?:\w+ ){{0,3}}?)?\b{NEAR} "
        rf"(?:the )?(?:hole |holes |target |goal |start )?(?:at )?{SQUARE}$"
    ),
    compiled(
        rf"\b{NEAR} {ABOUT}(?: (?:lies?|is|are|stands?|I see|I find))?(?: only)?(?: the)?(?: holes?)?:? ?{SQUARE}$"
    ),
)
BESIDE_BEFORE = compiled(rf"^{SQUARE} ?(?:(?:lies?|is|are|right|just|directly) )*{NEAR}(?: (?:to|on))? {ABOUT}")


def neighbours(piece: str) -> Iterator[Claim]:
    for pattern in HOLES_NEAR:
        for found in pattern.finditer(piece):
            groups = found.groupdict()
            denied = stance_of(piece, found.start()) == "denied"
            quantity = "no" if denied else (groups.get("number") or "a").lower()
            yield Neighbours(words_of(piece, found), _about(groups.get("about")), _quantity(quantity))
    for found in SAFE_AROUND.finditer(piece):
        if stance_of(piece, found.start()) == "affirmed":
            yield Neighbours(found[0], _about(found["about"]), 0)
    yield from _beside(piece)


def _beside(piece: str) -> Iterator[Claim]:
    if found := BESIDE_BEFORE.search(piece):
        yield Beside(found[0], _about(found["about"]), "before")
    for pattern in BESIDE:
        found = pattern.search(piece)
        if found and stance_of(piece, found.start()) == "affirmed":
            about = _about(found.groupdict().get("about"))
            if about != "following":
                yield Beside(found[0], about, "after")


def _about(word: str | None) -> About:
    return ABOUTS.get(word.lower() if word else None, "here")


def _quantity(word: str) -> int | None:
    if word in ("a", "an", "any", "only"):
        return None
    if word == "the only":
        return 1
    return 0 if word in ("no", "not any", "without", "without any", "free of") else number_of(word)


TILES = {"hole": "H", "target": "G", "goal": "G", "start": "S", "ice": "F"}
TILE_AT = compiled(
    r"\b(?P<no>no |not a |not an |without a )?(?P<tile>hole|target|goal|start)(?:ing point)?"
    rf"(?: (?:square|is|lies|sits|located|waits))* (?:at|on|in) (?:square )?{SQUARE}$"
)
IS_TILE = compiled(
    rf"^{SQUARE} (?:is|was) (?P<no>not )?(?:a |an |the )?(?:\w+ )?"
    r"(?P<tile>hole|target|goal|start|ice)\b(?! (?:of|from)\b)"
)


def tiles(piece: str) -> Iterator[Claim]:
    if (found := TILE_AT.search(piece)) and stance_of(piece, found.start()) != "supposed":
        yield Tile(found[0], TILES[found["tile"].lower()], found["no"] is not None, "after")
    if found := IS_TILE.search(piece):
        yield Tile(found[0], TILES[found["tile"].lower()], found["no"] is not None, "before")


# counts

BOARD = r"(?:board|map|grid|maze|lake)"
COUNTS: tuple[tuple[Literal["rows", "holes", "moves"], re.Pattern[str]], ...] = (
    ("rows", compiled(rf"\b(?P<number>{NUMBER}) ?(?:x|×|by|-by-) ?(?:{NUMBER})\b")),
    ("rows", compiled(rf"\b(?:{NUMBER}) ?(?:x|×|by|-by-) ?(?P<number>{NUMBER})\b")),
    ("rows", compiled(rf"\b{BOARD} (?:has|of|with|counts|is) (?P<number>{NUMBER}) (?:rows|columns|squares wide)\b")),
    ("holes", compiled(rf"\b(?P<number>{NUMBER}|no) holes?(?: \w+){{0,2}} (?:on|in|of|across) "
                       rf"(?:the|this) (?:whole )?{BOARD}\b")),
    ("holes", compiled(rf"\b(?P<number>{NUMBER}|no) holes? in (?:all|total)\b")),
    ("holes", compiled(rf"\b{BOARD} (?:(?:has|holds|contains|shows|hides|of|with) )+(?P<number>{NUMBER}|no) holes?\b")),
    ("holes", compiled(rf"\b{BOARD} (?:\w+ )?(?P<number>without|free of) (?:any )?holes?\b")),
    ("moves", compiled(rf"\b(?:plan|way|route|path|it) (?:there )?(?:has|of|takes|needs|with|counts|in) "
                       rf"(?P<number>{NUMBER}) (?:moves?|steps?)\b(?! (?:left|to go|remain))")),
    ("moves", compiled(rf"\b(?:plan|way|route|path) is (?P<number>{NUMBER}) (?:moves?|steps?) long\b")),
    ("moves", compiled(rf"\b(?P<number>{NUMBER})-(?:move|step) (?:plan|way|route|path)\b")),
    ("moves", compiled(rf"\b(?:reached|reaches it|done|success) (?:in|after) "
                       rf"(?P<number>{NUMBER}) (?:moves?|steps?)\b")),
)  # fmt: skip


def counts(piece: str) -> Iterator[Claim]:
    for what, pattern in COUNTS:
        for found in pattern.finditer(piece):
            word = found["number"].lower()
            yield Count(found[0], what, 0 if word in ("no", "without", "free of") else number_of(word))
