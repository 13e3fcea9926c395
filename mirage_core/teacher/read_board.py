"""Reading what a piece of text says about the board: neighbours, tiles and counts."""

import re
from collections.abc import Iterator
from typing import Any, Literal

from mirage_core.teacher.claims import (
    About,
    Beside,
    Claim,
    Corner,
    Count,
    HoleAside,
    LineTile,
    Neighbours,
    SquareAside,
    Tile,
)
from mirage_core.teacher.words import (
    ABOUT,
    ABOUTS,
    NEAR,
    NUMBER,
    SQUARE,
    WAYS,
    compiled,
    number_of,
    stance_of,
    words_of,
)

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
TILE_AT = (
    compiled(
        r"\b(?P<no>no |not a |not an |without a )?(?P<tile>hole|target|goal|start)s?(?:ing point)?"
        rf"(?: (?:square|is|are|lies?|sits?|located|waits?|there))* (?:at|on|in) (?:square )?{SQUARE}$"
    ),
    compiled(
        rf"\b(?P<no>no )?(?P<tile>hole)s? [^{SQUARE},;]*(?::|, (?:one|some|two)(?: of (?:them|which))? (?:at|in)) ?{SQUARE}$"
    ),
)
IS_TILE = (
    compiled(
        rf"^{SQUARE},? (?:which |that |and )?(?:is|was) (?P<no>not )?(?:a |an |the )?(?:\w+ )?"
        r"(?P<tile>hole|target|goal|start|ice)\b(?! (?:of|from)\b)"
    ),
    compiled(rf"^{SQUARE},? (?P<no>\b\B)?(?:where the (?P<tile>hole|target|goal|start) (?:is|lies|waits)\b)"),
    compiled(rf"^{SQUARE}, (?P<no>\b\B)?(?:a|the) (?P<tile>hole|target|goal|start)(?=$|,| and\b)"),
)


def tiles(piece: str) -> Iterator[Claim]:
    for pattern in TILE_AT:
        if (found := pattern.search(piece)) and stance_of(piece, found.start()) != "supposed":
            yield Tile(found[0], TILES[found["tile"].lower()], found["no"] is not None, "after")
    for pattern in IS_TILE:
        if found := pattern.search(piece):
            yield Tile(found[0], TILES[found["tile"].lower()], found["no"] is not None, "before")


# sides, lines and corners

NEXT = r"(?P<next>(?:directly |immediately |right |just )?)"
ASIDE = r"(?:above|below|(?:(?:to|on) (?:the|my|its) )(?:left|right|north|south|west|east))"
ORIGIN_OF = r"(?: (?:of )?(?:the |my )?(?P<about>start|player|me|target|goal)(?:'s)?\b)?"
HOLES_ASIDE = (
    compiled(rf"\b(?P<no>no )?holes? (?:(?:is|are|lies?|waits?|there) )*{NEXT}(?P<side>{ASIDE})\b{ORIGIN_OF}"
             rf"(?! ?{SQUARE})(?: and (?P<other>{ASIDE})\b)?"),
    compiled(rf"\b{NEXT}(?P<side>{ASIDE}){ORIGIN_OF},? (?:there )?(?:is|lies|waits) (?P<no>no |a |another )holes?\b"),
    compiled(rf"\b(?P<next>next|adjacent|neighbou?ring) (?:square|cell|tile) (?P<side>{ASIDE}|above|below)\b"
             rf"{ORIGIN_OF} (?:is|has) (?P<no>no |not a |a )hole\b"),
)  # fmt: skip


SIDE_OF = r"(?P<side>above|below|(?:to|on) the (?:left|right)(?: of)?)"
SQUARE_BEFORE = compiled(
    rf"^{SQUARE} (?:is|lies|sits|waits) {NEXT}{SIDE_OF} (?:the |my )?(?P<about>start|player|me|target|goal)\b"
)
SQUARE_BY_ME = compiled(rf"^{SQUARE} (?P<next>)(?P<side>(?:to|on) my (?:left|right))\b(?P<about>)")
SQUARE_AFTER = compiled(
    rf"\b(?:pass\w*|am|is|stand\w*|stay\w*|,)? ?{NEXT}(?P<side>above|below) (?:the hole (?:at )?)?{SQUARE}$"
)
OPPOSITE = {"U": "D", "D": "U", "L": "R", "R": "L"}


def sides(piece: str) -> Iterator[Claim]:
    for found in (*SQUARE_BEFORE.finditer(piece), *SQUARE_BY_ME.finditer(piece)):
        move = WAYS[found["side"].lower().removesuffix(" of").split()[-1]]
        yield SquareAside(found[0], move, _about(found["about"]), bool(found["next"]), "before")
    for found in SQUARE_AFTER.finditer(piece):
        if stance_of(piece, found.start()) == "affirmed" and "target" not in piece.lower():
            move = OPPOSITE[WAYS[found["side"].lower()]]
            yield SquareAside(found[0], move, "here", bool(found["next"]), "after")
    for pattern in HOLES_ASIDE:
        for found in pattern.finditer(piece):
            stance = stance_of(piece, found.start())
            if stance == "supposed" and "hole" in piece[: found.start()]:
                continue
            groups = found.groupdict()
            negated = (groups["no"] or "").lower().strip() in ("no", "not a")
            for side in filter(None, (groups["side"], groups.get("other"))):
                move = WAYS[side.lower().split()[-1]]
                yield HoleAside(found[0], move, _about(groups["about"]), bool(groups["next"]), negated)


ORDINALS = {"top": 0, "first": 0, "left": 0, "leftmost": 0, "second": 1, "third": 2, "fourth": 3, "bottom": -1,
            "last": -1, "right": -1, "rightmost": -1, "middle": None, "central": None}  # fmt: skip
LINE = (
    rf"(?:(?P<ordinal>{'|'.join(ORDINALS)})(?:most)? (?P<line>row|column)s?|(?P<counted>row|column) "
    rf"(?P<number>{NUMBER}))"
)
CLEAR = (
    r"(?P<clear>free of (?:any )?holes|(?:contains|has|holds) no holes?|(?:all|only|pure(?:ly)?|completely|entirely|whole) "
    r"(?:ice|safe|clear|free)|clear|safe|free|ice)"
)
LINES_CLEAR = compiled(
    rf"\b{LINE} (?:(?:is|are|stays|looks) (?:also |again )?)?{CLEAR}\b(?! (?:to|at|in|on|until|for|down|up|as far|from|between|left|right)\b)"
)
HOLE_IN_LINE = compiled(
    rf"\b(?P<no>no )?(?P<hole>holes?) (?:(?:is|are|lies?|waits?|there) )*(?:in|at|on|along) (?:the )?{LINE}\b"
)


OTHER_LINE_CLEAR = compiled(rf"\b{LINE} and (?:the )?(?:\w+ ?){{1,2}} are (?:(?:both|all) )?{CLEAR}\b")
PLACED_IN_LINE = compiled(
    rf"\b(?P<who>start|target|goal) (?:square )?(?:is|lies|sits|waits) (?:somewhere )?(?:in|on) the {LINE}\b"
)
LINE_HAS_HOLE = compiled(rf"\b{LINE} (?:has|holds|contains) (?:an?|some|two|three|several|\d+) holes?\b")


PART_OF = compiled(r"\b(?:middle|half|part|rest|end|side|beginning|most) of (?:the )?$")


def lines(piece: str) -> Iterator[Claim]:
    for pattern in (LINES_CLEAR, OTHER_LINE_CLEAR, LINE_HAS_HOLE, HOLE_IN_LINE, PLACED_IN_LINE):
        for found in pattern.finditer(piece):
            if stance_of(piece, found.start()) == "supposed" or PART_OF.search(piece[: found.start()]):
                continue
            groups = found.groupdict()
            word = groups["ordinal"]
            number = ORDINALS[word.lower()] if word else number_of(groups["number"])
            axis: Any = f"{(groups['line'] or groups['counted']).lower()}s"
            if pattern is PLACED_IN_LINE:
                yield LineTile(found[0], axis, number, TILES[groups["who"].lower()], False)
                continue
            free = pattern in (LINES_CLEAR, OTHER_LINE_CLEAR) or bool(groups.get("no"))
            yield LineTile(found[0], axis, number, "H", free or stance_of(piece, found.start()) == "denied")


CORNER = compiled(
    rf"(?:^(?P<square>{SQUARE})|\b(?P<who>player|elf|agent|character|start|starting point|I|target|goal|destination)\b(?: square| point)?)"
    r"(?: (?!not\b)\w+){0,3} (?:at|in|from|on|near) the (?P<height>top|upper|bottom|lower)[- ](?P<width>left|right)"
    r"(?P<corner>(?:most)?(?: hand)? corner)?\b"
)
STARTING = compiled(
    r"\b(?P<who>start)(?:ing|s) (?:out )?(?:at|in|from) the (?P<height>top|upper|bottom|lower)[- ](?P<width>left|right)"
    r"(?P<corner> corner)?\b"
)


def corners(piece: str) -> Iterator[Claim]:
    for pattern in (CORNER, STARTING):
        for found in pattern.finditer(piece):
            if stance_of(piece, found.start()) == "affirmed":
                yield Corner(
                    found[0],
                    _placed(found.groupdict()),
                    found["height"].lower() in ("bottom", "lower"),
                    found["width"].lower() == "right",
                    found["corner"] is not None,
                )


def _placed(groups: dict[str, str | None]) -> Literal["start", "target", "before"]:
    if groups["who"] is None:
        return "before"
    return "target" if groups["who"].lower() in ("target", "goal", "destination") else "start"


# counts

BOARD = r"(?:board|map|grid|maze|lake)"
COUNTS: tuple[tuple[Literal["rows", "holes", "moves"], re.Pattern[str]], ...] = (
    ("rows", compiled(rf"\b(?!one by one\b)(?P<number>{NUMBER}) ?(?:x|×|by|-by-) ?(?:{NUMBER})\b")),
    ("rows", compiled(rf"\b(?!one by one\b)(?:{NUMBER}) ?(?:x|×|by|-by-) ?(?P<number>{NUMBER})\b")),
    ("rows", compiled(rf"\b{BOARD} (?:has|of|with|counts|is) (?P<number>{NUMBER}) (?:rows|columns|squares wide)\b")),
    ("holes", compiled(rf"\b(?P<number>{NUMBER}|no) holes?(?: \w+){{0,2}} (?:on|in|of|across) "
                       rf"(?:the|this) (?:whole )?{BOARD}\b")),
    ("holes", compiled(rf"\b(?P<number>{NUMBER}|no) holes? (?:in (?:all|total)|to (?:avoid|watch|mind))\b")),
    ("holes", compiled(rf"\bI (?:count|see|spot|find) (?:exactly |only |just )?(?P<number>{NUMBER}) holes?(?=$|[,;:]| and\b)")),
    ("holes", compiled(rf"(?<!where )\bthere (?:are|is) (?:only )?(?P<number>{NUMBER}) holes?(?=$|[,;:]| (?:and|on the (?:board|map))\b)")),
    ("holes", compiled(rf"\b(?<!of the ){BOARD} (?:(?:has|holds|contains|shows|hides|of|with) )+(?P<number>{NUMBER}|no) holes?\b")),
    ("holes", compiled(rf"\b{BOARD} (?:\w+ )?(?P<number>without|free of) (?:any )?holes?\b")),
    ("moves", compiled(rf"\b(?:plan|way|route|path|it) (?:there )?(?:has|of|takes|needs|with|counts|in) "
                       rf"(?P<number>{NUMBER}) (?:moves?|steps?)\b(?! (?:left|to go|remain))")),
    ("moves", compiled(rf"\b(?:plan|way|route|path) is (?P<number>{NUMBER}) (?:moves?|steps?) long\b")),
    ("moves", compiled(rf"\b(?P<number>{NUMBER})-(?:move|step) (?:plan|way|route|path)\b")),
    ("moves", compiled(rf"\b(?:reached|reaches it|(?:reach(?:es)?|get(?:s)? to) the (?:goal|target)|done|success) (?:in|after) "
                       rf"(?P<number>{NUMBER}) (?:moves?|steps?)\b")),
)  # fmt: skip


ONE_LINE = compiled(rf"\b(?:in|on|along) {LINE}")
"""Where holes are counted of a row or column alone."""


def counts(piece: str) -> Iterator[Claim]:
    for what, pattern in COUNTS:
        for found in pattern.finditer(piece):
            if what == "holes" and ONE_LINE.search(piece):
                continue
            word = found["number"].lower()
            yield Count(found[0], what, 0 if word in ("no", "without", "free of") else number_of(word))
