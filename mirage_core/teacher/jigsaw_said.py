"""Whether a thought about a jigsaw that a model wrote may be learnt from: all of `jigsaw_verify`, and its form."""

from collections.abc import Iterator, Sequence
from typing import Any

from mirage_core.puzzles import jigsaw
from mirage_core.puzzles.jigsaw import Letter
from mirage_core.teacher import Explanation
from mirage_core.teacher.form import Objection, Review, answers, contradicted, leaks, malformed, quoted, sentences_of
from mirage_core.teacher.jigsaw_claims import read_claims
from mirage_core.teacher.jigsaw_verify import jigsaw_findings
from mirage_core.teacher.leaks import leak_beside

MAX_WORDS = 130
"""Of each part: the prompt asks for up to three sentences of 40 words."""


def review_jigsaw(images: Sequence[bytes], meta: dict[str, Any], explanation: Explanation, answer: str) -> Review:
    """Read a thought of a jigsaw; `images`, `meta` and `answer` are those of the row.

    Reasons: those of `jigsaw_findings`, and "leak" (tells of the helper image, of what was measured or given, of the
    prompt), "told_early" (which piece fits, ahead of the picture), "no_conclusion", "boxed_answer", "other_answer",
    "too_short", "too_long", "no_cue", "repeats_itself", "markup".
    """
    gold: Letter = meta["answer"]
    sentences = [*sentences_of(explanation.before), *sentences_of(explanation.after)]
    contradictions = [
        contradicted(*finding, sentences, "in these pictures")
        for finding in jigsaw_findings(images, gold, explanation, answer)
    ]
    own = [
        *leaks(sentences, lambda sentence: leak_beside(sentence, len(images))),
        *answers(sentences, lambda told: jigsaw.check(meta, rf"\boxed{{{told}}}").ok),
        *_order(explanation),
        *malformed(explanation, MAX_WORDS, "a piece in the missing corner"),
    ]
    num_unread = sum(not any(read_claims(sentence)) for sentence in sentences)
    return Review((*contradictions, *own), len(sentences), num_unread)


def _order(explanation: Explanation) -> Iterator[Objection]:
    """Which piece it is, or where it fits, is told behind the picture, and there it must be."""
    for sentence in sentences_of(explanation.before)[:-1]:
        if any(claim.kind == "missing" or (claim.kind == "seam" and claim.sign > 0) for claim in read_claims(sentence)):
            told = f"Do not say yet which piece fits, as you do ahead of the picture: {quoted(sentence)}"
            yield Objection("told_early", sentence, told)
    if explanation.after and not any(claim.kind == "missing" for claim in read_claims(explanation.after)):
        told = 'Your text does not say which piece is the missing part; end with it, such as "... is the missing part."'
        yield Objection("no_conclusion", "", told)
