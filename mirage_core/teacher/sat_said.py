"""Whether a thought about a room that a model wrote may be learnt from: all of `sat_verify`, and its form."""

from collections.abc import Iterator
from typing import Any

from mirage_core.puzzles import sat
from mirage_core.puzzles.sat_questions import QuestionType
from mirage_core.teacher import Explanation
from mirage_core.teacher.form import Objection, Review, answers, contradicted, leaks, malformed, quoted, sentences_of
from mirage_core.teacher.leaks import leak_beside
from mirage_core.teacher.sat_claims import Kind, read_claims
from mirage_core.teacher.sat_scene import SatScene, sat_scene
from mirage_core.teacher.sat_verify import sat_findings

MAX_WORDS = 130
"""Of each part: the prompt asks for up to three sentences of 40 words."""
CONCLUSIONS: dict[QuestionType, tuple[Kind, ...]] = {
    "obj_movement": ("moved",),
    "action_sequence": ("turn", "step", "slide"),
    "goal_aim": ("turn",),
    "action_consequence": ("facing", "change"),
    "perspective": ("change",),
}
"""Claims that give the answer away where they stand ahead of the picture."""


def review_sat(meta: dict[str, Any], explanation: Explanation, answer: str) -> Review:
    """Read a thought of a generated SAT row; `meta` and `answer` are those of the row.

    Reasons: those of `sat_findings`, and "leak" (tells of the helper image, of what was measured or given, of the
    prompt), "told_early" (what follows, ahead of the picture), "no_conclusion", "boxed_answer", "other_answer",
    "too_short", "too_long", "no_cue", "repeats_itself", "markup".
    """
    scene = sat_scene(meta)
    sentences = [*sentences_of(explanation.before), *sentences_of(explanation.after)]
    contradictions = [
        contradicted(*finding, sentences, "in this room") for finding in sat_findings(meta, explanation, answer)
    ]
    num_images = len(scene.puzzle.layout.cameras)
    own = [
        *leaks(sentences, lambda sentence: leak_beside(sentence, num_images)),
        *answers(sentences, lambda told: sat.check(scene.puzzle, rf"\boxed{{{told}}}").ok),
        *_order(explanation, scene),
        *malformed(explanation, MAX_WORDS, "the view after the movement"),
    ]
    num_unread = sum(not any(read_claims(Explanation("", sentence), scene)) for sentence in sentences)
    return Review((*contradictions, *own), len(sentences), num_unread)


def _order(explanation: Explanation, scene: SatScene) -> Iterator[Objection]:
    """What follows is told behind the picture, and there it must be."""
    early = ("answer", *CONCLUSIONS[scene.puzzle.question_type])
    *told_first, cue = sentences_of(explanation.before) or [""]
    for sentence in (*told_first, cue):
        claims = list(read_claims(Explanation(sentence, ""), scene))
        seen_ahead = sentence != cue and any(claim.view == "helper" for claim in claims)
        if seen_ahead or any(claim.kind in early for claim in claims):
            told = f"Do not say yet what follows, as you do ahead of the picture: {quoted(sentence)}"
            yield Objection("told_early", sentence, told)
    last = sentences_of(explanation.after)[-1:]
    if last and not any(read_claims(Explanation("", last[0]), scene)):
        told = f"Your text does not end with what is right; say it in the words of the choice, not {quoted(last[0])}"
        yield Objection("no_conclusion", last[0], told)
