"""What the latent tests yield, and what it means in plain words. Needs no torch."""

from collections.abc import Sequence

from mirage_core.benchmark.interval import Accuracy
from mirage_core.benchmark.paired import PairedDifference, paired_difference
from mirage_core.benchmark.results import Answer, summarize
from mirage_core.settings import Settings

OWN = "own"
SWAPPED = "another row's"
ZEROS = "zeros"
NEGLIGIBLE = 0.05
"""A fall of accuracy below this is called none; a convention, stated wherever it is used."""
MIN_RIGHT = 10
"""Fewer right answers with own latents leave nothing to fall from."""


class Replaced(Settings):
    """Greedy answers with something else at the places of the latents."""

    name: str
    """What stood there; `OWN` for the model's own latents."""
    overall: Accuracy
    """The task's rule, Mirage's where there are two."""
    fall: PairedDifference
    """Accuracy with own latents minus this one, item by item."""
    where_walks_fail: Accuracy | None
    """Planning: as `overall`, boards that both hole-blind walks fail on; None where there are none."""
    fall_where_walks_fail: PairedDifference | None
    """As `fall`, on these boards."""
    answers: tuple[Answer, ...]
    """Per item."""


class Collapse(Settings):
    """Mean cosine between the latents of different items: 1 where they are all the same."""

    per_place: tuple[float, ...]
    """Latents at the same place of the span, by place."""
    overall: float
    """All latents of a span as one vector."""
    within_span: float | None
    """Between different places of one span, mean over items; None with one latent."""


class Retrieval(Settings):
    """How well an item's latents find its own helper image among those of all items."""

    recall_at_1: float
    """Share of items whose own target has the highest cosine; ties count as drawing lots."""
    mrr: float
    """Mean of 1 / rank of the own target, ties at their mean rank."""
    chance_recall_at_1: float
    """What latents that know nothing reach: 1 / items."""
    chance_mrr: float
    """Likewise: mean of 1 / rank over all ranks."""


class Neighbours(Settings):
    """What lies nearest to each latent by cosine, among equally many text and vision embeddings."""

    visual_share: float
    """Share of latents whose nearest is a vision feature."""
    num_each: int
    """Embeddings of each kind."""


class LatentStatistics(Settings):
    """Of the first span of every item that has a whole one."""

    num_items: int
    """Items."""
    collapse: Collapse
    """Of the latents."""
    collapse_of_targets: Collapse | None
    """Of the targets made of the true helper images: what the latents' is to be compared with."""
    retrieval: Retrieval | None
    """By cosine of the latents of a span, laid end to end; None without helper images."""
    retrieval_centred: Retrieval | None
    """The same after the mean over items was taken off latents and targets: pooled features share a large part."""
    neighbours: Neighbours
    """Nearest embeddings."""
    norms: dict[str, tuple[float, float]]
    """Kind of vector -> mean and standard deviation of its norm."""
    map: dict[str, tuple[tuple[float, float], ...]]
    """Kind of vector -> places on a 2-D map (t-SNE of directions)."""


class LatentScores(Settings):
    """The latent tests of one model on one test set: a sample of the items of the headline."""

    model: str
    """Name of the model or arm."""
    test_set: str
    """Name of the test set."""
    n: int
    """Items, of which `num_with_latents` make latents; the others answer always the same."""
    num_with_latents: int
    """Items with a latent."""
    replaced: tuple[Replaced, ...]
    """Own latents first."""
    statistics: LatentStatistics | None
    """None where fewer than two items have a whole span."""

    def by_name(self, name: str) -> Replaced | None:
        """The answers with a certain replacement, where it could be made."""
        return next((one for one in self.replaced if one.name == name), None)


def compare(name: str, answers: Sequence[Answer], own: Sequence[Answer], task: str, test_set: str) -> Replaced:
    """Grade answers with a replacement against those with own latents, on the same items of the headline."""
    overall, reference = (summarize(told, task, title, test_set, 0.0) for told, title in ((answers, name), (own, OWN)))
    hard = [[answer for answer in told if answer.needs_planning] for told in (answers, own)]
    some_hard = bool(hard[0])
    where, where_reference = (
        summarize(told, task, title, test_set, 0.0) if some_hard else None
        for told, title in zip(hard, (name, OWN), strict=True)
    )
    return Replaced(
        name=name,
        overall=overall.overall,
        fall=paired_difference(reference, overall),
        where_walks_fail=where.overall if where else None,
        fall_where_walks_fail=paired_difference(where_reference, where) if where and where_reference else None,
        answers=tuple(answers),
    )


def verdict(scores: LatentScores) -> str:
    """Whether the latents do any work, in plain words; what decides is the swap between items."""
    own, swapped, zeros = (scores.by_name(name) for name in (OWN, SWAPPED, ZEROS))
    assert own is not None and zeros is not None
    if own.overall.correct < MIN_RIGHT:
        return f"Nothing can be said: with its own latents {_count(own)} items are right, too few to fall from."
    if swapped is None:
        return "Nothing can be said: only one item has latents, so none can be swapped."
    if swapped.fall.low > 0:
        return (
            f"They do: accuracy falls by {_points(swapped.fall)} when every item gets another item's latents, so "
            "they hold something of their own item that the answer needs."
        )
    if swapped.fall.high >= NEGLIGIBLE:
        return (
            f"Not settled: accuracy changes by {_points(swapped.fall)} when latents are swapped between items; "
            f"{scores.n} items are too few to tell a fall from none."
        )
    said = f"They say nothing of their item: swapped between items they cost {_points(swapped.fall)}"
    if zeros.fall.low > 0:
        return f"{said}. Zeros cost {_points(zeros.fall)}: something must stand there, but any item's latents will do."
    if zeros.fall.high < NEGLIGIBLE:
        return f"{said}, and zeros cost {_points(zeros.fall)}: they do nothing."
    return f"{said}. Whether zeros hurt is not settled: {_points(zeros.fall)}."


def _count(replaced: Replaced) -> str:
    return f"{replaced.overall.correct} of {replaced.overall.n}"


def _points(fall: PairedDifference) -> str:
    return f"{100 * fall.difference:.1f} points ({100 * fall.low:.1f} to {100 * fall.high:.1f})"
