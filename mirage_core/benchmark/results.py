"""What an examination yields: every answer, and what they add up to. Needs no torch."""

from collections import Counter
from collections.abc import Sequence

from mirage_core.benchmark.interval import Accuracy, accuracy
from mirage_core.benchmark.items import headline_levels
from mirage_core.benchmark.sat_official import circular_verdicts
from mirage_core.grading import INVALID_REASONS
from mirage_core.puzzles import sat
from mirage_core.settings import Settings


class Sample(Settings):
    """One sampled answer, kept small: there are several to every item."""

    tail: str
    """The last characters of the output; the answer stands there."""
    reason: str
    """Verdict by the task's rule, Mirage's where there are two; "ok" is right."""


class Answer(Settings):
    """What a model said to one item, and what it was worth."""

    id: str
    """Item."""
    level: int
    """Board size in cells; number of moves in VSP's task 4."""
    output: str
    """Whole output text of greedy decoding, latent span included."""
    reason: str
    """Verdict by the task's rule, Mirage's where there are two; "ok" is right."""
    reason_vsp: str | None
    """Verdict by VSP's rule, where a task has two; None elsewhere."""
    num_latents: int
    """Latents emitted."""
    needs_planning: bool | None
    """Planning: whether both hole-blind walks fail on this board; None for other tasks."""
    samples: tuple[Sample, ...] = ()
    """Sampled answers, where they were asked for."""


class Scores(Settings):
    """A model's results on one test set. All but `by_level` counts the levels of `headline` only."""

    model: str
    """Name of the model or arm."""
    test_set: str
    """Name of the test set."""
    task: str
    """`Row.task` of its items."""
    headline: tuple[int, ...]
    """Levels that count, see `headline_levels`."""
    overall: Accuracy
    """The task's rule, Mirage's where there are two; greedy decoding."""
    overall_vsp: Accuracy | None
    """VSP's rule where a task has two."""
    sampled: Accuracy | None
    """As `overall`, over all samples of an item; None where none were drawn."""
    by_level: dict[int, Accuracy]
    """As `overall`, by level, for all levels."""
    where_walks_fail: Accuracy | None
    """Planning: as `overall`, boards that both hole-blind walks fail on."""
    reasons: dict[str, int]
    """Greedy answers by verdict, the most frequent first."""
    invalid: float
    """Share of greedy answers that could not be read; neither right nor wrong."""
    emission_rate: float
    """Share of greedy outputs with at least one latent."""
    seconds: float
    """Wall time of generation and grading."""
    answers: tuple[Answer, ...]
    """Per item, of all levels."""

    @property
    def counted(self) -> list[Answer]:
        """Answers at the levels of the headline."""
        return [answer for answer in self.answers if answer.level in self.headline]

    @property
    def circular(self) -> Accuracy | None:
        """Items of SAT that are right in every rotation of their choices; None where they are asked in one order."""
        verdicts = circular_verdicts((answer.id, answer.reason == "ok") for answer in self.counted)
        return accuracy(verdicts) if self.task == sat.TASK and verdicts else None

    @property
    def wrong(self) -> float:
        """Share of greedy answers that could be read and are wrong."""
        return 1.0 - self.overall.share - self.invalid


def summarize(answers: Sequence[Answer], task: str, name: str, test_set: str, seconds: float) -> Scores:
    """Accuracies and rates over graded answers, of which there must be some."""
    levels = sorted({answer.level for answer in answers})
    headline = headline_levels(task, levels)
    counted = [answer for answer in answers if answer.level in headline]
    num_samples = len(answers[0].samples)
    hard = [answer for answer in counted if answer.needs_planning]
    reasons = Counter(answer.reason for answer in counted)
    return Scores(
        model=name,
        test_set=test_set,
        task=task,
        headline=headline,
        overall=_share_right(counted),
        overall_vsp=None if answers[0].reason_vsp is None else accuracy([a.reason_vsp == "ok" for a in counted]),
        sampled=accuracy([_num_right_samples(a) for a in counted], num_samples) if num_samples else None,
        by_level={level: _share_right([a for a in answers if a.level == level]) for level in levels},
        where_walks_fail=None if answers[0].needs_planning is None else _share_right(hard),
        reasons=dict(reasons.most_common()),
        invalid=sum(reasons[reason] for reason in INVALID_REASONS) / len(counted),
        emission_rate=sum(answer.num_latents > 0 for answer in counted) / len(counted),
        seconds=round(seconds, 2),
        answers=tuple(answers),
    )


def _share_right(chosen: Sequence[Answer]) -> Accuracy:
    return accuracy([answer.reason == "ok" for answer in chosen])


def _num_right_samples(answer: Answer) -> int:
    return sum(sample.reason == "ok" for sample in answer.samples)
