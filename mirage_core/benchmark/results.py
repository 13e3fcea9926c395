"""What an examination yields: every answer, and what they add up to. Needs no torch."""

from collections.abc import Sequence

from mirage_core.benchmark.interval import Accuracy, accuracy
from mirage_core.settings import Settings


class Answer(Settings):
    """What a model said to one item, and what it was worth."""

    id: str
    """Item."""
    level: int
    """Board size in cells."""
    output: str
    """Whole output text, latent span included."""
    reason: str
    """Verdict by Mirage's rule; "ok" is right."""
    reason_vsp: str
    """Verdict by VSP's rule."""
    num_latents: int
    """Latents emitted."""
    needs_planning: bool
    """Whether both hole-blind walks fail on this board."""


class Scores(Settings):
    """A model's results on one test set."""

    model: str
    """Name of the model or arm."""
    test_set: str
    """Name of the test set."""
    overall: Accuracy
    """Mirage's rule, all items."""
    overall_vsp: Accuracy
    """VSP's rule, all items."""
    by_level: dict[int, Accuracy]
    """Mirage's rule."""
    where_walks_fail: Accuracy
    """Mirage's rule, boards that both hole-blind walks fail on."""
    emission_rate: float
    """Share of outputs with at least one latent."""
    no_answer_rate: float
    """Share of outputs without a box or without a move in it."""
    seconds: float
    """Wall time of generation and grading."""
    answers: tuple[Answer, ...]
    """Per item."""


def summarize(answers: Sequence[Answer], name: str, test_set: str, seconds: float) -> Scores:
    """Accuracies and rates over graded answers."""

    def share_right(chosen: Sequence[Answer]) -> Accuracy:
        return accuracy([answer.reason == "ok" for answer in chosen])

    levels = sorted({answer.level for answer in answers})
    return Scores(
        model=name,
        test_set=test_set,
        overall=share_right(answers),
        overall_vsp=accuracy([answer.reason_vsp == "ok" for answer in answers]),
        by_level={level: share_right([a for a in answers if a.level == level]) for level in levels},
        where_walks_fail=share_right([answer for answer in answers if answer.needs_planning]),
        emission_rate=sum(answer.num_latents > 0 for answer in answers) / len(answers),
        no_answer_rate=sum(answer.reason in ("no_answer", "no_moves") for answer in answers) / len(answers),
        seconds=round(seconds, 2),
        answers=tuple(answers),
    )
