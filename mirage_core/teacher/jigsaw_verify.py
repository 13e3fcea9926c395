"""Proof of a jigsaw thought: every claim that is read is measured again in the row's own pictures."""

from collections.abc import Iterator, Sequence

from mirage_core.puzzles import jigsaw
from mirage_core.puzzles.verdict import OK, Verdict
from mirage_core.teacher import Explanation
from mirage_core.teacher.jigsaw_claims import JigsawFinding, contradiction, read_claims
from mirage_core.teacher.jigsaw_scene import jigsaw_scene


def verify_jigsaw(images: Sequence[bytes], gold: jigsaw.Letter, explanation: Explanation, answer: str) -> Verdict:
    """Check a thought and the answer that it leads to.

    Args:
        images: Files of the crop, candidate A and candidate B.
        gold: The right candidate.
        explanation: The thought.
        answer: What stands behind it.

    Returns:
        Verdict with the reason of the first of `jigsaw_findings`, or "ok".
    """
    first = next(jigsaw_findings(images, gold, explanation, answer), None)
    return Verdict(False, first.reason) if first else OK


def jigsaw_findings(
    images: Sequence[bytes], gold: jigsaw.Letter, explanation: Explanation, answer: str
) -> Iterator[JigsawFinding]:
    """Yield every contradiction.

    Reasons: "answer_<reason of check>", "empty_thought", "wrong_candidate" (the other one is said to be the missing
    part), "wrong_seam" (joins where it does not, or breaks where it joins), "wrong_number", "wrong_lines",
    "wrong_brightness", "wrong_warmth", "wrong_detail".
    """
    graded = jigsaw.check({"answer": gold}, rf"\boxed{{{answer}}}")
    if not graded.ok:
        yield JigsawFinding(f"answer_{graded.reason}", answer, f"the missing part is {jigsaw.CHOICES[gold]}")
    if not explanation.before.strip() or not explanation.after.strip():
        yield JigsawFinding("empty_thought", "", "both parts of the thought say something")
        return
    scene = jigsaw_scene(images)
    for part in explanation:
        for claim in read_claims(part):
            if found := contradiction(claim, scene, gold):
                yield found
