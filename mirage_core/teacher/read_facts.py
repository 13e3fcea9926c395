"""Reading what a sentence says of the board alone, wherever the player is.

A sentence is built of places ("(1,2)", "the square above the target", "the top right corner", "row 2"), of what is there
("a hole", "plain ice", "safe") and of steps from one to the next ("going right from (1,0) would end in a hole"). Each is
one expression here, and the forms of sentences are made of them.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from mirage_core.teacher.facts_of_board import (
    AllHoles,
    Apart,
    Axis,
    Fact,
    Holds,
    HolesBeside,
    HolesInLine,
    InLine,
    Leads,
    Lies,
    Place,
    Touches,
)
from mirage_core.teacher.words import NUMBER, SQUARE, WAYS, compiled, number_of

SENTENCES_REMEMBERED = 1 << 14
MOST = 99
"""As many as there are."""

NOUN = r"(?:square|tile|cell|spot|position|field|place|neighbou?r)"
DIRECTLY = r"(?P<directly>(?:directly|immediately|right|just|straight|exactly) )?"
SIDE = (
    r"(?P<side>above|below|beneath|underneath|under|over|(?:(?:to|on|at) )?(?:the |its |my )?(?:immediate )?"
    r"(?:left|right|north|south|east|west)(?:[- ]hand)?(?: side)?(?: of| from)?)"
)
CORNER = r"(?:top|upper|bottom|lower)[- ](?:left|right)(?:[- ]?most)?(?:[- ]hand)?"
PLAIN = (
    rf"(?:(?:the )?(?:{NOUN}|hole|start(?:ing)?|target|goal|ice)?(?: {NOUN}| point| tile)?(?: at| on|,)? ?{SQUARE}|(?:the |my )?(?:start|target|goal|destination)"
    rf"(?:ing)?(?: {NOUN}| point)?)"
)
"""A square of its own: named by its place or by what it is."""


def place(name: str) -> str:
    """An expression for a place; groups carry the name."""
    side = SIDE.replace("<side>", f"<{name}_side>")
    return (
        rf"(?:(?:the )?(?:next )?(?:{NOUN} )?(?:that (?:is|lies) )?(?:directly |immediately |right |just |straight )?{side} "
        rf"(?P<{name}_of>{PLAIN})|the (?P<{name}_corner>{CORNER})(?: corner)?(?: of the \w+)?|(?P<{name}_is>{PLAIN}))"
    )


WORD = r"(?:now |also |again |clearly |only |just |all |both |completely |entirely |indeed |actually |still |in fact |simply |itself )*"
KINDS = {"hole": "H", "holes": "H", "pit": "H", "ice": "SF", "start": "S", "target": "G", "goal": "G", "safe": "SFG", "clear": "SFG", "free": "SFG",
         "solid": "SFG", "dangerous": "H", "deadly": "H", "unsafe": "H"}  # fmt: skip
KIND = (
    r"(?:a |an |the |another |on |of )?(?:plain |solid |safe |normal |ordinary |simple |single |open |dangerous |deadly |free |frozen |good |firm )*"
    rf"(?:one of the )?(?P<kind>{'|'.join(KINDS)})"
)
NOT = r"(?P<no>not |no |never |n't )?"
IS = r"(?:is|are|was|holds?|contains?|hides?|looks|remains|shows|has|turns out to be|lies|sits|waits|stays|there (?:is|lies))"
QUANTITY = rf"(?P<number>no|not any|neither|any|a single|exactly one|only one|just one|one|an?|another|some|several|many|exactly {NUMBER}|{NUMBER})"
NEAR = r"(?:next to|beside|adjacent to|alongside|near|close to|around|touch(?:es|ing)?|border(?:s|ing)?(?: on)?|neighbou?r(?:s|ing)?|adjoin(?:s|ing)?|bounds|flank(?:s|ing)?)"
ORDINALS = {"top": 0, "first": 0, "left": 0, "leftmost": 0, "upper": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4, "bottom": -1, "last": -1,
            "right": -1, "rightmost": -1, "lowest": -1, "uppermost": 0}  # fmt: skip
LINE = (
    rf"(?:(?:the )?(?:whole |entire )?(?:(?P<ordinal>{'|'.join(ORDINALS)})(?:most)? (?P<line>row|column)(?P<from> from the (?:left|right|top|bottom))?"
    rf"|(?P<counted>row|column) (?P<count>{NUMBER})))"
)
WAY = r"(?:straight |further |one (?:square|step|more) )?(?:to the )?(?P<way>up|down|left|right|north|south|east|west)(?:wards?)?\b(?! (?:side|edge|corner|column|row))"
REST = r"(?:(?!\b(?:because(?! of)|since|as)\b).)*"
"""The words about a step, up to a reason."""
STEP = (
    r"(?:(?:a|one|another|the|any|that) (?:single |further |next )?(?:step|move|way|path|route)|(?:go|mov|stepp|head|walk|slid|turn|continu|proceed)ing"
    r"|(?:I|we|one|you|the player)(?: (?:could|can|may|might|would|cannot|must|should|will|shall))*(?: not)?(?: safely)? "
    r"(?:go|move|step|head|walk|went|moved|stepped|headed|walked|slid|slide|turn|turned|continue|continued))"
)

IS_KIND = compiled(
    rf"(?<!\w){place('a')}(?: {WORD}{IS})+(?:n't)? {WORD}{NOT}{WORD}{KIND}\b(?! (?:{NEAR}|above|below|beneath|under|on|to|in|at|from|around|touch|by|moves?|until|down|up|way|steps?|when|as)\b)"
)
CAN_BE = compiled(
    rf"(?<!\w){place('a')} can (?P<no>not |never )?(?:safely )?be (?:safely )?(?:entered|walked on|stepped on|crossed|used|visited|reached safely)\b"
)
AT_IS = compiled(
    rf"(?:^|[,;] |\b(?:and|but|because|since|as) )(?:at|on|in) {place('a')},? (?:there (?:is|lies)|I (?:see|find|notice|spot)|lies|sits|is|waits|the ice is) {NOT}{KIND}\b"
)
NAMED = compiled(
    rf"(?:^|[,;] |\b(?:and|but) )(?:(?P<start>(?:I|the player) (?:begin|start|set out|set off)s? (?:out |off )?(?:at|on|from|in))|(?:my|the) (?P<target>goal|target|destination) (?:is|lies|waits|sits|stands)(?: located)?(?: at| on| in)?) ?(?:the )?(?:square |tile |cell )?(?P<a_is>{SQUARE})"
)
IS_KIND_PLAIN = compiled(
    rf"(?<!\w){place('a')}(?: {WORD}{IS})+ {NOT}{WORD}(?:safe|free|dangerous|clear|deadly|unsafe) (?:to (?:step|stand|walk|go|move)|ground)\b"
)
HOLE_AT = compiled(
    rf"\b(?P<no>no )?(?P<kind>hole)s?(?: (?:is|are|lies?|sits?|waits?|located|found|there|can be found|waiting|hiding|placed|just))* (?:(?:at|in|on) )?{place('a')}(?!\w)(?! (?:is|are|lies)\b)"
)
THERE_IS = compiled(
    rf"(?:^|[,;] |\b(?:and|but|as|since|because|while|where) ){place('a')},? (?:there )?(?:is|lies|sits|waits|I (?:see|find)|comes?) {NOT}{KIND}\b"
)
HAS_ASIDE = compiled(
    rf"(?<!\w){place('a')},? (?:which )?(?:has|with|sees|is next to|is beside|touches|borders) {NOT}(?:a |an |another |any )?(?P<kind>hole|ice) {DIRECTLY}{SIDE}(?: it| itself| of it)?(?: and (?:to|on) its (?P<other>left|right))?(?=$|[,;.]| (?:and|but|so)\b)"
)
HAS_BOTH = compiled(
    rf"(?<!\w){place('a')} has holes on its (?P<side>left|right)(?: side)? and (?:on )?its (?P<other>left|right)\b"
)
NUM_BESIDE = (
    compiled(
        rf"(?<!\w){place('a')} is (?P<no>not )(?:right |directly )?(?:next to|beside|adjacent to|near|close to) (?P<number>any|an?) holes?\b"
    ),
    compiled(rf"(?<!\w){place('a')} (?:has|touches|borders|neighbou?rs|sees|meets|is (?:next to|beside|adjacent to|near|bordered by|flanked by)) {NOT}(?:exactly |only |just )?{QUANTITY} (?:\w+ )?holes?(?! (?:at|in|on|above|below|to|directly|right)\b)"),
    compiled(rf"(?<!\w){place('a')} (?:does|do)(?: not|n't) (?P<no>)(?P<number>touch|border|neighbou?r|have) (?:any|a) holes?(?! (?:above|below|to|on)\b)"),
    compiled(rf"\b{QUANTITY} holes? (?:(?:is|are|lies?|sits?) )?(?:directly )?{NEAR} {place('a')}(?!\w)(?! (?:on|at|to) (?:its|the)\b)"),
    compiled(rf"(?:\b(?:right|directly|just) )?\b{NEAR} {place('a')},? (?:there )?(?:is|are|lies?) {QUANTITY} holes?\b"),
    compiled(rf"(?<!\w){place('a')} (?:has|meets) holes on (?:exactly )?(?P<number>{NUMBER}|both|all|several) (?:of its )?sides\b"),
    compiled(rf"(?<!\w){place('a')} is (?P<number>surrounded|hemmed in|enclosed|boxed in) by holes\b"),
    compiled(rf"\b(?:both|all|the) (?:{NOUN})s (?:of|around|beside|next to) {place('a')} are (?:all )?(?P<number>safe|free|ice|clear)\b"),
)  # fmt: skip
HOLE_ON_SIDE = compiled(
    rf"\b(?P<no>no )?holes? (?:(?:is|lies|sits) )?(?:directly )?{NEAR} {place('a')} (?P<side>(?:on|to|at) (?:its|the) (?:left|right|upper|lower))(?: side)?\b"
)
TOUCHES = compiled(
    rf"(?<!\w){place('a')} (?:(?:is|lies|sits) )?(?P<no>not )?(?:right |directly |just )?{NEAR} {place('b')}(?!\w)"
)
BLOCKS = compiled(
    rf"(?<!\w){place('a')} (?:blocks|bars|closes) the (?:way|path|move|step) (?P<way>up|down|left|right)(?:wards?)? (?:from|of|for) {place('b')}(?!\w)"
)
SEEN_FROM = (
    compiled(
        rf"\b(?:seen )?from {place('b')},? {place('a')} (?:is|lies|sits)(?: just| only| exactly| still)? (?P<number>{NUMBER}) (?:squares?|moves?|steps?)(?: away)?\b"
    ),
    compiled(
        rf"\b(?:seen )?from {place('b')},? {place('a')} (?:is|lies|sits) (?P<directly>directly |immediately |just |right (?!next))?{SIDE}(?: me| it| of me)?(?=$|[,;.]| and\b)"
    ),
)
EDGE = compiled(r"\b(?:touch|border|adjoin|right|directly|immediately|sides?|adjacent|surround)\w*")
"""What shares an edge; words like "next to" are also said of a corner."""
LIES = compiled(
    rf"(?<!\w){place('a')} (?:is|lies|sits|waits|stands)(?: located)? (?P<directly>directly |immediately |right |just |straight |exactly )?(?P<diagonal>diagonally )?{SIDE} {place('b')}(?!\w)"
)
IN_CORNER = compiled(
    rf"(?<!\w){place('a')} (?:is|lies|sits|waits|stands)(?: located)? (?:in|at) the (?P<corner>{CORNER})\b(?P<exact>[- ]?(?:most )?corner)?"
)
AT_SIDE = compiled(
    rf"(?<!\w){place('a')} (?:is|lies|sits|waits)(?: located)? (?:at|on) the (?P<edge>top|bottom|left|right)(?: edge| side| border)?(?: of the (?:board|map|grid|maze))?(?=$|[,;.]| and\b)"
)
LINE_HOLES = (
    compiled(
        rf"\b{LINE} (?:also )?(?:has|have|holds|contains|shows|offers) (?:exactly |only |just |at least )?{QUANTITY} (?:\w+ )?holes?\b"
    ),
    compiled(rf"\b{LINE} (?:has|holds|contains) (?:its |the )?(?P<number>only) hole\b"),
    compiled(rf"\b{LINE} is (?P<number>full of|without|free of|clear of|free from|empty of|rid of) (?:any )?holes?\b"),
    compiled(rf"\b{QUANTITY} holes? (?:is|are|lies?|sits?|can be found) (?:in|on|along) {LINE}\b"),
)
KEPT_FROM = compiled(
    rf"\b(?:keeps|stops|prevents|bars|holds|blocks) (?:me|us|the player) from (?P<step>{STEP}) {WAY} from {place('a')}(?!\w)"
)
BETWEEN_SQUARES = compiled(
    rf"\b(?:the |a |any )?(?:step|move|way|path|going|moving|stepping) from {place('a')} to {place('b')}(?!\w)(?P<rest>{REST})"
)
PAIR = compiled(
    rf"(?<!\w)(?:(?P<neither>neither )|both |the (?:squares|tiles|cells) )?{place('a')} (?:and|nor) {place('b')} (?:are|is|hold|contain) (?:both |all )?{NOT}{KIND}\b"
)
HOLE_LIES_AT = compiled(rf"\bhole\b(?: (?!is\b|lies\b|sits\b|at\b)\w+){{0,6}} (?:is|lies|sits) (?:at|on|in) {SQUARE}")
IN_LINE_HOLES = compiled(
    rf"\bin {LINE},? (?:there (?:is|are)|I see|I find|we see) (?:exactly |only |just )?{QUANTITY} holes?\b"
)
LINE_ICE = compiled(
    rf"\b{LINE} (?:consists of|is made of|is|has|shows) (?:only |nothing but |all |pure |purely |entirely |plain )*ice(?: only)?(?=$|[,;.]| and\b)"
)
LINE_END = compiled(
    rf"\b{LINE} (?:ends in a hole|has a hole (?:at|on) its (?:(?P<end>left|right|upper|lower|top|bottom|far) )?end)\b"
)
IN_LINE = compiled(rf"(?<!\w){place('a')} (?:is|lies|sits|stands|waits)(?: located)? (?:in|on|within) {LINE}\b")
SAME_LINE = compiled(
    rf"(?<!\w){place('a')} and {place('b')} (?:are|lie|sit|share)(?: both)?(?: in)? the same (?P<axis>row|column)\b"
)
SAME_LINE_AS = compiled(
    rf"(?<!\w){place('a')} (?:is|lies|sits) (?P<no>not )?in the same (?P<axis>row|column) as {place('b')}(?!\w)"
)
BETWEEN = compiled(
    rf"\bdistance (?:from|between) {place('a')} (?:to|and) {place('b')} is (?:exactly |only |just )?(?P<number>{NUMBER})\b"
)
APART = compiled(
    rf"(?<!\w){place('a')} (?:is|lies|sits) (?:only |just |exactly |still )?(?P<number>{NUMBER}) (?:squares?|moves?|steps?|tiles?|cells?)(?: away)? from {place('b')}(?!\w)"
)
FROM = (
    compiled(
        rf"\b(?:from|at|on|standing on) {place('a')},? (?:(?:if|though|and|then|when) )?(?P<step>{STEP}) {WAY}(?P<rest>{REST})"
    ),
    compiled(rf"\b(?:if )?(?P<step>{STEP}) {WAY} (?:from|of|at) {place('a')}(?!\w)(?P<rest>{REST})"),
)
THE_HOLES = compiled(
    rf"^(?:the |all )?(?:\w+ )?holes (?:are|lie|sit|can be found|are (?:found|located|placed)|(?:are )?(?:located|found)) (?:at |in |on )?(?:squares? )?{SQUARE}(?:(?:,|,? and) {SQUARE})*$"
)
HYPOTHESIS = compiled(r"\b(?:if|would|could|can|cannot|may|might|must|should)\b")
DENIAL = compiled(r"\b(?:not|never|no|without|avoids?|cannot)\b|n't\b")
HOLE_WORDS = compiled(
    r"\b(?:holes?|fall\w*|fell|drop\w*|fatal\w*|deadly|unsafe|dangerous|disaster|water|plung\w*|die|sink|mistake|blocked|barred|closed|trap\w*|not safe|not possible)\b"
)
SAFE_WORDS = compiled(
    r"\b(?:no problem|nothing happens|without (?:falling|harm|danger)|safe\w*|ice|fine|free|clear|open|possible|allowed|okay|secure|harmless|not a hole|no hole)\b"
)
HARMLESS = compiled(
    r"\b(?:no (?:problem|danger|risk)|nothing happens|harmless|without (?:falling|harm|danger)|not (?:fatal|deadly|dangerous))\b"
)
BARRED = compiled(r"\b(?:cannot|can not|must not|should not|may not)\b|\bcan't\b")
TARGET_WORDS = compiled(r"\b(?:target|goal|destination)\b")
DISTANT = compiled(r"\b(?:closer|nearer|toward\w*|away|further|farther|distance)\b")


FAR = compiled(
    r"\b(?:straight|all the way|repeatedly|twice|until)\b|\b(?:two|three|four|five|\d) (?:squares|steps|times|moves)\b"
)
"""Of more than one step."""


ARRIVES = compiled(r"\b(?:to|onto|on|into|in|at|is|reach\w*) (?:\w+ ){0,3}$")
FIT = compiled(r"\b(?:safe|free|clear|be)\b")
SAFELY = compiled(r"\bsafe")


class Read(NamedTuple):
    """Facts in a sentence, and its words without those that can only be about the board."""

    facts: tuple[Fact, ...]
    looked: tuple[tuple[int, int], ...]
    """Spans of what is said of the board."""
    steps: tuple[tuple[int, int], ...]
    """Spans of steps that may be the player's own."""


@lru_cache(maxsize=SENTENCES_REMEMBERED)
def read_facts(sentence: str) -> Read:
    """Read a sentence in which `SQUARE` stands for each square."""
    facts: list[Fact] = []
    looked: list[tuple[int, int]] = []
    steps: list[tuple[int, int]] = []
    for found, said in _steps(sentence):
        facts += said
        (looked if HYPOTHESIS.search(sentence) else steps).append(found.span())
    for found, said in _statements(_blanked(sentence, [*looked, *steps])):
        facts += said
        if found.re is not HOLE_AT:  # which is but a part of what its sentence says
            looked.append(found.span())
    return Read(tuple(facts), tuple(looked), tuple(steps))


def _blanked(sentence: str, spans: list[tuple[int, int]]) -> str:
    """The sentence with nothing but its squares in the spans, so that they keep their numbers."""
    for first, last in spans:
        blank = "".join(sign if sign == SQUARE else " " for sign in sentence[first:last])
        sentence = sentence[:first] + blank + sentence[last:]
    return sentence


Said = tuple[re.Match[str], list[Fact]]


def _steps(sentence: str) -> Iterator[Said]:
    if found := KEPT_FROM.search(sentence):
        yield found, [Holds(found[0], Place(_place(found, "a").of, WAYS[found["way"].lower()]), "H")]
        return
    for found in BETWEEN_SQUARES.finditer(sentence):
        if tiles := _tiles_of(found["rest"]):
            yield found, [Holds(found[0], _place(found, "b"), tiles)]
            return
    for pattern in FROM:
        found = pattern.search(sentence)
        said = _led(found) if found and not FAR.search(found[0]) else []
        if found and said:
            yield found, said
            return


def _led(found: re.Match[str]) -> list[Fact]:
    """What a step is said to lead to: a square, or some kind of tile."""
    start, move, rest = _place(found, "a"), WAYS[found["way"].lower()], found["rest"]
    there = Place(start.of, move)
    ahead, named, _ = rest.partition(SQUARE)
    if not named:
        tiles = _tiles_of(f"{found['step']} {rest}")
        return [Holds(found[0], there, tiles)] if tiles else []
    if not ARRIVES.search(ahead) or DENIAL.search(ahead):
        return []
    led: list[Fact] = [Leads(found[0], start, move, Place(_number_at(found, found.start("rest") + len(ahead))))]
    if HOLE_WORDS.search(ahead) or SAFELY.search(ahead):
        led.append(Holds(found[0], there, "H" if HOLE_WORDS.search(ahead) else "SFG"))
    return led


def _tiles_of(words: str) -> str:
    """Letters of the tiles that a step as told may lead to; empty if the words say nothing of it."""
    if DISTANT.search(words):
        return ""
    if HARMLESS.search(words):
        return "SFG"
    if BARRED.search(words):
        return "H" if HOLE_WORDS.search(words) else ""
    denied = DENIAL.search(words) is not None
    if HOLE_WORDS.search(words):
        return "SFG" if denied and not re.search(r"\bnot (?:safe|possible|allowed|an option)\b", words) else "H"
    if SAFE_WORDS.search(words):
        return "H" if denied else "SFG"
    return "G" if TARGET_WORDS.search(words) and not denied else ""


def _statements(sentence: str) -> Iterator[Said]:
    if found := THE_HOLES.search(sentence):
        yield found, [AllHoles(found[0], 0)]
        return
    lower = sentence.lower()
    for reader, cues in READERS:
        if any(cue in lower for cue in cues):
            yield from reader(sentence)


def _kinds(sentence: str) -> Iterator[Said]:
    for pattern in (IS_KIND, CAN_BE, IS_KIND_PLAIN, AT_IS, THERE_IS, HOLE_AT):
        for found in pattern.finditer(sentence):
            by_name = found["a_is"] is not None and SQUARE not in found["a_is"]
            if (by_name and pattern in (HOLE_AT, IS_KIND)) or (pattern is THERE_IS and not found["a_side"]):
                continue
            yield found, [Holds(found[0], _place(found, "a"), _tiles_said(found))]


def _tiles_said(found: re.Match[str]) -> str:
    """Letters of the tiles that a form names, or all others if it denies them."""
    groups = found.groupdict()
    kind = groups.get("kind") or ("safe" if FIT.search(found[0]) else "hole")
    return _denied(KINDS[kind.lower()]) if groups.get("no") else KINDS[kind.lower()]


def _denied(tiles: str) -> str:
    return "".join(letter for letter in "SFHG" if letter not in tiles)


def _names(sentence: str) -> Iterator[Said]:
    for found in NAMED.finditer(sentence):
        square = Place(_number_at(found, found.start("a_is")))
        yield found, [Holds(found[0], square, "S" if found["start"] else "G")]
    for found in PAIR.finditer(sentence):
        tiles = KINDS[found["kind"].lower()]
        tiles = _denied(tiles) if found["no"] or found["neither"] else tiles
        yield found, [Holds(found[0], _place(found, name), tiles) for name in "ab"]
    for found in HOLE_LIES_AT.finditer(sentence):
        yield found, [Holds(found[0], Place(_number_at(found, found.end() - 1)), "H")]


def _beside(sentence: str) -> Iterator[Said]:
    for found in HAS_ASIDE.finditer(sentence):
        tiles = ("SFG" if found["no"] else "H") if found["kind"].lower() == "hole" else "SF"
        base = _place(found, "a")
        if not base.move:
            yield found, [Holds(found[0], Place(base.of, _way(found["side"])), tiles)]
    for found in HAS_BOTH.finditer(sentence):
        base = _place(found, "a")
        yield found, [Holds(found[0], Place(base.of, _way(found[side])), "H") for side in ("side", "other")]
    for pattern in NUM_BESIDE:
        for found in pattern.finditer(sentence):
            least, most = _range(found["number"])
            if found.groupdict().get("no"):
                least, most = 0, 0
            yield found, [HolesBeside(found[0], _place(found, "a"), least, most, EDGE.search(found[0]) is None)]


def _sides(sentence: str) -> Iterator[Said]:
    for found in LIES.finditer(sentence):
        place, of = _place(found, "a"), _place(found, "b")
        if found["b_corner"] or place == of:
            continue
        if found["diagonal"]:
            yield found, [Lies(found[0], place, _way(found["side"]), of, False)]
        else:
            yield found, [Lies(found[0], place, _way(found["side"]), of, bool(found["directly"]))]
    for found in BLOCKS.finditer(sentence):
        yield found, [Leads(found[0], _place(found, "b"), WAYS[found["way"].lower()], _place(found, "a"))]
    for found in HOLE_ON_SIDE.finditer(sentence):
        base, tiles = _place(found, "a"), "SFG" if found["no"] else "H"
        yield found, [Holds(found[0], Place(base.of, _way(found["side"])), tiles)]
    for found in SEEN_FROM[1].finditer(sentence):
        yield (
            found,
            [Lies(found[0], _place(found, "a"), _way(found["side"]), _place(found, "b"), bool(found["directly"]))],
        )
    for found in IN_CORNER.finditer(sentence):
        if found["exact"] and not found["a_corner"]:
            down, right = _corner(found["corner"])
            place = _place(found, "a")
            yield found, [InLine(found[0], place, "rows", -down), InLine(found[0], place, "columns", -right)]
    for found in AT_SIDE.finditer(sentence):
        edge = found["edge"].lower()
        axis: Axis = "rows" if edge in ("top", "bottom") else "columns"
        yield found, [InLine(found[0], _place(found, "a"), axis, 0 if edge in ("top", "left") else -1)]


def _lines(sentence: str) -> Iterator[Said]:
    for pattern in (IN_LINE_HOLES, *LINE_HOLES):
        for found in pattern.finditer(sentence):
            axis, number = _line(found)
            yield found, [HolesInLine(found[0], axis, number, *_range(found["number"]))]
    for found in LINE_ICE.finditer(sentence):
        yield found, [HolesInLine(found[0], *_line(found), 0, 0)]
    for found in LINE_END.finditer(sentence):
        axis, number = _line(found)
        yield found, [HolesInLine(found[0], axis, number, 1, MOST)]
    for found in IN_LINE.finditer(sentence):
        yield found, [InLine(found[0], _place(found, "a"), *_line(found))]
    for pattern in (SAME_LINE, SAME_LINE_AS):
        for found in pattern.finditer(sentence):
            if not found.groupdict().get("no"):
                same: Any = f"{found['axis'].lower()}s"
                yield found, [InLine(found[0], _place(found, "a"), same, _place(found, "b"))]


def _touching(sentence: str) -> Iterator[Said]:
    for found in TOUCHES.finditer(sentence):
        here, there, corners = _place(found, "a"), _place(found, "b"), EDGE.search(found[0]) is None
        yield found, [Touches(found[0], here, there, found["no"] is not None, corners)]


def _apart(sentence: str) -> Iterator[Said]:
    for found in (*APART.finditer(sentence), *BETWEEN.finditer(sentence), *SEEN_FROM[0].finditer(sentence)):
        yield found, [Apart(found[0], _place(found, "a"), _place(found, "b"), number_of(found["number"]))]


READERS: tuple[tuple[Callable[[str], Iterator[Said]], tuple[str, ...]], ...] = (
    (_names, ("begin", "start", "set o", "goal is", "target is", "destination", "my ", " nor ", " are ", "hole is", "goal at")),
    (_kinds, ("hole", "ice", "safe", "clear", "free", "solid", "danger", "deadly", " be ")),
    (_beside, ("hole", "neighb", " are ")),
    (_sides, ("above", "below", "left", "right", "top", "bottom", "under", "beneath", "block", "upper", "lower", "bars", "closes")),
    (_lines, ("row", "column")),
    (_touching, ("next to", "beside", "adjacent", "alongside", "near ", "close to", "around", "touch", "border", "neighb", "adjoin",
                 "bounds", "flank")),
    (_apart, ("from",)),
)  # fmt: skip
"""What reads a form, and words one of which it needs: looking for them first saves most of the time."""


def _place(found: re.Match[str], name: str) -> Place:
    corner, side = found[f"{name}_corner"], found[f"{name}_side"]
    if corner:
        return Place(_corner(corner))
    which = f"{name}_of" if side else f"{name}_is"
    words = found[which].lower()
    move = _way(side) if side else ""
    if SQUARE in words:
        return Place(_number_at(found, found.start(which) + words.index(SQUARE)), move)
    return Place("start" if "start" in words else "target", move)


def _number_at(found: re.Match[str], position: int) -> int:
    return found.string[:position].count(SQUARE)


def _corner(words: str) -> tuple[bool, bool]:
    return words.lower().startswith(("bottom", "lower")), "right" in words.lower()


def _way(words: str) -> str:
    others = {"beneath": "D", "underneath": "D", "under": "D", "over": "U", "upper": "U", "lower": "D"}
    found = re.search(
        r"above|below|left|right|north|south|east|west|beneath|underneath|under|over|upper|lower", words.lower()
    )
    assert found
    return others.get(found[0]) or WAYS[found[0]]


def _line(found: re.Match[str]) -> tuple[Axis, int]:
    if found["counted"]:
        axis: Any = f"{found['counted'].lower()}s"
        return axis, number_of(found["count"])
    axis = f"{found['line'].lower()}s"
    number = ORDINALS[found["ordinal"].lower()]
    return axis, -1 - number if (found["from"] or "").endswith(("right", "bottom")) else number


def _range(word: str) -> tuple[int, int]:
    """Fewest and most that the word allows."""
    word = word.lower().removeprefix("exactly ")
    if (
        word
        in (
            "no",
            "not any",
            "neither",
            "without",
            "safe",
            "ice",
            "clear",
            "touch",
            "border",
            "neighbor",
            "neighbour",
            "have",
        )
        or word.endswith(("of", "from"))
        and word != "full of"
    ):
        return 0, 0
    if word in ("a single", "only one", "just one", "one", "only"):
        return 1, 1
    if word in ("a", "an", "any", "another", "some"):
        return 1, MOST
    if word in ("several", "many", "full of", "surrounded", "hemmed in", "enclosed", "boxed in", "both", "all"):
        return 2, MOST
    return (0, 0) if word == "free" else (number_of(word), number_of(word))
