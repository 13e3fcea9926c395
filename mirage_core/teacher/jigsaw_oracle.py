"""The oracle of jigsaws: reasoning told from what is measured, in words that `jigsaw_claims` reads and checks.

Source of the form: Mirage (arXiv 2506.17218, table 6): a sentence ahead of the helper image, one or two behind it, on
edge continuity and consistency of colour.
"""

from collections.abc import Sequence

import numpy as np

from mirage_core.puzzles.jigsaw import CHOICES, Letter
from mirage_core.teacher import Explanation
from mirage_core.teacher.jigsaw_claims import DETAIL_RATIO, LEVELS
from mirage_core.teacher.jigsaw_scene import SIDES, JigsawScene, Look, Side, jigsaw_scene, other

WHERE: dict[Side, tuple[str, ...]] = {
    "top": (
        "Along the top edge of the hole",
        "At the upper border of the gap",
        "Where it meets what lies above",
    ),
    "left": (
        "Along the left edge of the hole",
        "At the left border of the gap",
        "Where it meets what lies to the left",
    ),
}
LOOKS = (
    "{who} is {more} than {whom}.",
    "Compared by colour, {who} is {more} than {whom}.",
    "{who}, taken as a whole, is {more} than {whom}.",
)
SURROUNDINGS = ("what surrounds the hole", "the surroundings of the hole", "the strip beside the gap")
NO_LOOKS = (
    "Colour alone does not decide here, so the edges have to.",
    "Brightness and texture are much alike, so the borders have to decide.",
)
CUES = (
    "Let me picture {who} in the missing corner.",
    "Let me imagine {who} placed into the gap.",
    "I picture the corner filled with {who}.",
    "Let me put {who} into the hole in my mind.",
)
SMOOTH = (
    "{where}, {who} continues the picture, {own} grey levels apart on average, while {other} is {its} levels off.",
    "{where}, {who} joins what is there: it differs by {own} grey levels, while {other} differs by {its} levels.",
)
ROUGH = (
    "{where}, {other} breaks the picture, {its} grey levels apart on average, while {who} is {own} levels off.",
    "{where}, {other} does not match: it differs by {its} grey levels, while {who} differs by {own} levels.",
)
LINES = (
    "{where}, {who} takes up {met} of the {lines} edges there, while {other} takes up {less} of the {lines} edges.",
)
CLOSINGS = (
    "So {who} is the missing part.",
    "Therefore {who} is the missing piece.",
    "Only {who} can be it, so {who} belongs in the corner.",
)
MORE = {"brightness": ("brighter", "darker"), "warmth": ("warmer", "cooler"), "detail": ("busier", "smoother")}


def explain_jigsaw(images: Sequence[bytes], answer: Letter, shown: Letter, rng: np.random.Generator) -> Explanation:
    """Tell why a candidate is the missing part.

    Args:
        images: Files of the crop, candidate A and candidate B.
        answer: The right candidate.
        shown: The candidate that the helper image shows, which the cue names.
        rng: Chooses facts and wording; the facts come from the pictures.
    """
    scene = jigsaw_scene(images)
    looks = _looks(scene, rng)
    before = [*looks[:1], _pick(CUES, rng).format(who=CHOICES[shown])]
    sides = [side for side in SIDES if _tells(scene, answer, side)] or [_best_side(scene, answer)]
    rng.shuffle(sides)
    after = [_seam(scene, answer, side, rng) for side in sides]
    if rng.random() < 0.4 and (lines := _lines(scene, answer, rng)):
        after.append(lines)
    after.append(_pick(CLOSINGS, rng).format(who=CHOICES[answer]))
    return Explanation(*(" ".join(map(_capital, part)) for part in (before, after)))


def _looks(scene: JigsawScene, rng: np.random.Generator) -> list[str]:
    """What holds of colour and texture, in random order; never empty."""
    told = []
    names: tuple[Letter, ...] = ("A", "B")
    for who in names:
        for than, whom in ((scene.around, _pick(SURROUNDINGS, rng)), (scene.looks[other(who)], CHOICES[other(who)])):
            for kind, words in MORE.items():
                sign = _sign(scene.looks[who], than, kind)
                if sign:
                    more = words[sign < 0]
                    told.append(_pick(LOOKS, rng).format(who=CHOICES[who], more=more, whom=whom))
    rng.shuffle(told)
    return told or [_pick(NO_LOOKS, rng)]


def _sign(one: Look, than: Look, kind: str) -> int:
    """With twice the margin that the checks want."""
    own, its = getattr(one, kind), getattr(than, kind)
    if kind == "detail":
        return int(own > its * DETAIL_RATIO**2) - int(its > own * DETAIL_RATIO**2)
    return int(own > its + 2 * LEVELS) - int(its > own + 2 * LEVELS)


def _tells(scene: JigsawScene, answer: Letter, side: Side) -> bool:
    """Whether the right candidate fits better along this edge."""
    return scene.difference(answer, side) < scene.difference(other(answer), side)


def _best_side(scene: JigsawScene, answer: Letter) -> Side:
    return min(SIDES, key=lambda side: scene.difference(answer, side) / (1 + scene.difference(other(answer), side)))


def _seam(scene: JigsawScene, answer: Letter, side: Side, rng: np.random.Generator) -> str:
    wrong = other(answer)
    texts = SMOOTH if scene.smooth(wrong, side) or rng.random() < 0.6 else ROUGH
    return _pick(texts, rng).format(
        where=_pick(WHERE[side], rng),
        who=CHOICES[answer],
        other=CHOICES[wrong],
        own=round(scene.difference(answer, side)),
        its=round(scene.difference(wrong, side)),
    )


def _lines(scene: JigsawScene, answer: Letter, rng: np.random.Generator) -> str:
    """Where the right candidate takes up more of the lines; empty where it nowhere does."""
    for side in SIDES:
        seam, its = scene.seams[answer, side], scene.seams[other(answer), side]
        if seam.lines_met > its.lines_met:
            return _pick(LINES, rng).format(
                where=_pick(WHERE[side], rng),
                who=CHOICES[answer],
                other=CHOICES[other(answer)],
                met=seam.lines_met,
                less=its.lines_met,
                lines=seam.lines,
            )
    return ""


def _pick(texts: Sequence[str], rng: np.random.Generator) -> str:
    return texts[int(rng.integers(len(texts)))]


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
