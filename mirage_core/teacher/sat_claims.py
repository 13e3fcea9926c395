"""What a text claims about a SAT puzzle's views, and whether it holds.

Read are clauses on where a thing appears (left, right, in the middle, behind, by how many degrees), how far it is and
whether it gets closer, whether it is in view, how it or the camera moved, whether one faces it, and the answer. Each is
held against the view that the clause speaks of. What else a text says, such as a thing's colour or how two things lie
to one another, is not read and passes.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from mirage_core.puzzles.sat_furniture import COLOURS
from mirage_core.puzzles.sat_kinds import KINDS
from mirage_core.teacher import Explanation
from mirage_core.teacher.sat_scene import SatScene, View

Kind = Literal[
    "side", "angle", "distance", "change", "visible", "turn", "step", "moved", "facing", "slide", "thing", "answer"
]

SENTENCE = re.compile(r"(?<=[.!?])\s+")
CLAUSE = re.compile(
    r"[;:]\s+|,\s*(?:but|and|so|while|whereas|although|though|which|where|just where|as)?\b"
    r"|\s(?:but|while|whereas|and (?=(?:it|the|no|in|so|I|moved? forward|moving forward)\b))",
)
VIEWS: tuple[tuple[View, re.Pattern[str]], ...] = (
    (
        "second",
        re.compile(r"\bsecond (?:image|picture|frame|view)\b|\b(?:later|last|final) (?:image|picture|frame)\b", re.I),
    ),
    (
        "first",
        re.compile(
            r"\b(?:first|initial) (?:image|picture|frame|view)\b|\bfrom here\b|\bat first\b|\bat the start\b", re.I
        ),
    ),
    (
        "helper",
        re.compile(
            r"\b(?:imagined|imaginary|that|new|resulting|turned|target) view\b|\bhalf(?:way| of the way)\b"
            r"|\bthere\b(?! (?:is|are|stands?|was|were)\b)"
            r"|\bafter\b|\bonce\b|\bfrom the X\b|\bat the X\b|\bthen\b",
            re.I,
        ),
    ),
)  # fmt: skip
HEADS = {kind.split(" on ")[0]: kind for kind in sorted(KINDS, key=len, reverse=True)}
"""What a text may call a kind: "television" is the television on a stand."""
_COLOURS = "|".join(COLOURS)
THING = re.compile(
    rf"\b(?:(?P<colour>{_COLOURS}) )?(?P<head>{'|'.join(map(re.escape, HEADS))})\b"
    rf"(?: (?:with|in|on) an? (?P<part>{_COLOURS})\b)?",
    re.IGNORECASE,
)
MARK = re.compile(r"\bmark(?:ed)? (\d)\b", re.IGNORECASE)
SUPPOSED = re.compile(
    r"\b(?:if|as if|suppose|unless|had been)\b"
    r"|\bwith (?:nothing|everything|no (?:objects?|things?)) (?:\w+ ){0,3}(?:moved|place)\b",
    re.IGNORECASE,
)
NEGATION = re.compile(r"\b(?:not|never|no longer|cannot|neither)\b|n't\b", re.IGNORECASE)

TURN = re.compile(
    r"\b(?:turn(?:s|ed|ing)?|rotat(?:es|ed|ing|e|ion))\b(?: back)?(?: to (?:the|my|your))?"
    r" (?P<side>left|right)(?: by)?(?: (?:about|around|roughly|some))?(?: (?P<number>\d+) degrees)?",
    re.IGNORECASE,
)
STRAIGHT = re.compile(r"\blook(?:s|ing)? straight\b|\b(?:without|no) (?:any )?turn\b", re.IGNORECASE)
STEP = re.compile(
    r"\bmov(?:e|es|ed|ing) forwards?\b(?: by)?(?: (?:about|around|roughly|some))?"
    r"(?: (?P<number>\d+(?:\.\d+)?) met(?:er|re)s?)?",
    re.IGNORECASE,
)
CAMERA_STILL = re.compile(r"\bcamera (?:did not|didn't) move\b|\bcamera (?:stayed|stood still|stays|kept still)", re.I)
SIDE = re.compile(
    r"(?:(?P<number>\d+) degrees?,? )?(?:off )?(?:to|on|towards?|at) (?:the|my|their|its|your|the camera's) (?:far )?"
    r"(?P<side>left|right)\b(?! of (?!the (?:middle|centre|center|view|picture|image|frame)\b))"
    r"|\b(?P<half>left|right) (?:half|part|edge|side|of the (?:middle|centre|center))\b",
    re.IGNORECASE,
)
MIDDLE = re.compile(
    r"\b(?:in|near|at) the (?:very )?(?:middle|centre|center)\b|\b(?:straight|directly) ahead\b"
    r"|\bin front of (?:me|the camera)\b",
    re.IGNORECASE,
)
BEHIND = re.compile(r"\bbehind (?:me|the camera|them|you)\b", re.IGNORECASE)
DISTANCE = re.compile(r"\b(\d+(?:\.\d+)?) met(?:er|re)s? (?:away|from|off)\b", re.IGNORECASE)
CHANGE = re.compile(r"\b(closer|nearer|further|farther)\b(?! to the (?:left|right))", re.IGNORECASE)
UNSEEN = re.compile(
    r"\bout of (?:the )?(?:view|sight|picture|frame)\b|\b(?:not|no longer) (?:be )?(?:visible|in view|in sight|seen)\b"
    r"|\b(?:left|leaves|leave) (?:the|my) (?:view|picture|frame)\b|\bcan(?:not|'t| no longer) be seen\b|\bdisappear",
    re.IGNORECASE,
)
SEEN = re.compile(r"\b(?:in|into) (?:the )?view\b(?! once)|\bvisible\b|\bin sight\b|\bcan be seen\b", re.IGNORECASE)
OF_VIEW = re.compile(
    r"\b(?:middle|centre|center|half|side|edge|left|right) of the (?:view|picture)\b|\bin (?:that|the imagined) view\b",
    re.I,
)
MOVED = re.compile(
    r"\bmoved (?:to (?:the|its) )?(?:(?P<side>left|right)\b)?(?: and )?"
    r"(?:(?P<depth>towards?|away from) (?:the camera|me|us))?",
    re.IGNORECASE,
)
UNMOVED = re.compile(
    r"\b(?:no (?:objects?|things?)|nothing|none of the objects)(?: (?:was|were|has|have))?(?: been)? moved\b"
    r"|\b(?:stayed|remained|still) (?:put|where it (?:was|is)|in (?:its|the same) place)\b|\bhas not (?:been )?moved\b"
    r"|\b(?:was|were|did) not (?:been )?moved?\b|\bit in the same place\b|\bwhere the second image shows it\b",
    re.IGNORECASE,
)
SLIDE = re.compile(r"\b(?:slid(?:es?)?|shift(?:s|ed)?|drift(?:s|ed)?) (?:to the )?(left|right)\b", re.IGNORECASE)
AWAY = re.compile(r"\bfac(?:e|es|ing) away\b", re.IGNORECASE)
FACE = re.compile(r"\bfac(?:e|es|ing) (?:towards? )?(?:it|the|this|that)\b", re.IGNORECASE)
YES_NO = re.compile(
    r"^(?:so|therefore|thus|hence)?,? ?(?:the )?(?:answer is )?:? ?\"?(yes|no)\b(?! (?:objects?|turn|longer|thing))",
    re.I,
)
ANSWER = re.compile(r"\banswer is:? \"?([^\".,;]+)", re.IGNORECASE)
PRONOUN = re.compile(r"\b(?:it|its|this object|that object|the object|the thing)\b", re.IGNORECASE)


class SatClaim(NamedTuple):
    """One statement."""

    kind: Kind
    words: str
    view: View
    who: int | None = None
    """Number of the thing; None for the camera and for all things together."""
    value: str = ""
    number: float | None = None
    """Degrees or metres."""
    holds: bool = True
    """False if the statement is denied."""


def read_claims(explanation: Explanation, scene: SatScene) -> Iterator[SatClaim]:
    """Every claim of a thought that is understood; its parts speak of the first view and of the helper's view.

    "It" is the thing named last, at first the one that the question asks about. What the camera did is about the whole
    movement unless a view is named.
    """
    kinds = {thing.kind.lower(): number for number, thing in enumerate(scene.puzzle.room.things)}
    last = None if scene.puzzle.question_type == "action_sequence" else scene.puzzle.asked
    parts: tuple[View, View] = ("first", "helper")
    sentences = [(one, part) for text, part in zip(explanation, parts, strict=True) for one in SENTENCE.split(text)]
    for sentence, part in sentences:
        named_view: View | None = None
        for clause in filter(None, map(str.strip, CLAUSE.split(sentence.strip()))):
            named_view = next((one for one, pattern in VIEWS if pattern.search(clause)), named_view)
            view = named_view or part
            found = list(THING.finditer(clause))
            yield from (claim for one in found for claim in _of_thing(one, clause, view, kinds, scene))
            named = list(dict.fromkeys(kinds.get(HEADS[one["head"].lower()], -1) for one in found))
            marks = [found[1] for found in MARK.finditer(clause)]
            if not named and marks and scene.puzzle.marks:
                named = [scene.puzzle.asked if marks[0] == scene.puzzle.marks[0].label else -1]
            if len(named) == 1:
                last = named[0] if named[0] >= 0 else None
            who = None if len(named) > 1 else last
            yield from _of_camera(clause, named_view or "first")
            yield from _answer(clause, view)
            yield from _of_things(clause, view, who, scene)


def _of_thing(
    found: re.Match[str], clause: str, view: View, kinds: dict[str, int], scene: SatScene
) -> Iterator[SatClaim]:
    """That there is such a thing, and its colour where the thing's name has one in that place."""
    kind = HEADS[found["head"].lower()]
    if kind not in kinds:
        if not any(found["head"].lower() in other for other in kinds):  # an armchair may be called a chair
            yield SatClaim("thing", clause, view, None, kind)
        return
    colour = found["colour"] if KINDS[kind].phrase.startswith("{colour}") else found["part"]
    if colour:
        yield SatClaim("thing", clause, view, kinds[kind], colour.lower())


def _of_camera(clause: str, view: View) -> Iterator[SatClaim]:
    denied = NEGATION.search(clause) is not None
    if SUPPOSED.search(clause):
        return
    if found := TURN.search(clause):
        number = float(found["number"]) if found["number"] else None
        yield SatClaim("turn", clause, view, None, found["side"].lower(), number, not denied)
    elif STRAIGHT.search(clause):
        yield SatClaim("turn", clause, view, None, "straight")
    elif CAMERA_STILL.search(clause):
        yield SatClaim("turn", clause, view, None, "straight")
        yield SatClaim("step", clause, view, None, "none")
    if found := STEP.search(clause):
        yield SatClaim(
            "step", clause, view, None, "forward", float(found["number"]) if found["number"] else None, not denied
        )
    if AWAY.search(clause):
        yield SatClaim("facing", clause, view, None, "away", None, not denied)
    elif FACE.search(clause):
        yield SatClaim("facing", clause, view, None, "face", None, not denied)


def _answer(clause: str, view: View) -> Iterator[SatClaim]:
    if found := YES_NO.search(clause):
        yield SatClaim("answer", clause, view, None, found[1].lower())
    elif found := ANSWER.search(clause):
        yield SatClaim("answer", clause, view, None, " ".join(found[1].lower().split()))


def _of_things(clause: str, view: View, who: int | None, scene: SatScene) -> Iterator[SatClaim]:
    denied = NEGATION.search(clause) is not None
    if UNMOVED.search(clause) and not SUPPOSED.search(clause) and not CAMERA_STILL.search(clause):
        everything = re.search(r"\b(?:no objects?|nothing|none|no things?)\b", clause, re.IGNORECASE)
        yield SatClaim("moved", clause, view, None if everything else who, "none")
        return
    if TURN.search(clause) or SUPPOSED.search(clause) or CAMERA_STILL.search(clause) or who is None:
        return
    if found := SLIDE.search(clause):
        yield SatClaim("slide", clause, view, who, found[1].lower(), None, not denied)
        return
    if len(scene.puzzle.layout.cameras) == 2 and (found := MOVED.search(clause)) and (found["side"] or found["depth"]):
        value = f"{found['side'] or ''} {(found['depth'] or '')}".lower().replace("toward ", "towards ").strip()
        yield SatClaim("moved", clause, view, who, value, None, not denied)
        return
    yield from _appearance(clause, view, who, denied)


def _appearance(clause: str, view: View, who: int, denied: bool) -> Iterator[SatClaim]:
    if found := SIDE.search(clause):
        side = (found["side"] or found["half"]).lower()
        yield SatClaim("side", clause, view, who, side, None, not denied)
        if found["number"]:
            yield SatClaim("angle", clause, view, who, side, float(found["number"]))
    elif MIDDLE.search(clause):
        yield SatClaim("side", clause, view, who, "middle", None, not denied)
    if BEHIND.search(clause):
        yield SatClaim("side", clause, view, who, "behind", None, not denied)
    if found := DISTANCE.search(clause):
        yield SatClaim("distance", clause, view, who, "", float(found[1]))
    if found := CHANGE.search(clause):
        value = "closer" if found[1].lower() in ("closer", "nearer") else "further"
        yield SatClaim("change", clause, view, who, value, None, not denied)
    if UNSEEN.search(clause):
        yield SatClaim("visible", clause, view, who, "unseen")
    elif SEEN.search(OF_VIEW.sub("", clause)):
        yield SatClaim("visible", clause, view, who, "seen", None, not denied)
