"""Nights of retraining: what each made, whether it was better, which model is the best, what may be deleted.

A night is one JSON file. There is no other memory: the best model is the candidate of the last night that was
promoted, so the history and what it says can't disagree.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from pydantic import ValidationError

from mirage_core import storage
from mirage_core.benchmark.paired import PairedDifference, paired_difference
from mirage_core.benchmark.results import Scores
from mirage_core.errors import InputError
from mirage_core.manifest import Parent
from mirage_core.settings import Seed, Settings


class Judgement(Settings):
    """A candidate beside the model it would replace, on the same held-out items."""

    accuracy: float
    """Of the candidate; greedy, share of items."""
    accuracy_before: float
    """Of the best model so far."""
    difference: PairedDifference
    """Candidate minus best, item by item."""
    margin: float
    """What the lower end of the difference's interval had to exceed."""
    promoted: bool
    """Whether it did."""


class Night(Settings):
    """One night."""

    number: int
    """From 1 on; the data's random seed is the spec's plus this."""
    seed: Seed
    """Of the night's data."""
    run: str
    """Id of the flow run; its retry is the same night."""
    finished_at: str
    """UTC, ISO 8601."""
    candidate: Parent
    """The model that was trained."""
    before: Parent | None
    """The best model until then, from which training started; None is the recipe's base model."""
    judgement: Judgement
    """How both did."""
    made: tuple[Parent, ...]
    """What the night ended with; all else that it made is found through the manifests of these."""


def judge(candidate: Scores, before: Scores, margin: float) -> Judgement:
    """Whether a candidate replaces the best model: it must be sure to be better by more than `margin`.

    Raises:
        InputError: They were not scored on the same items.
    """
    difference = paired_difference(candidate, before)
    return Judgement(
        accuracy=candidate.overall.share,
        accuracy_before=before.overall.share,
        difference=difference,
        margin=margin,
        promoted=difference.low > margin,
    )


def read_nights(uri: str) -> list[Night]:
    """The history in a folder, in order; empty where there is none yet.

    Raises:
        InputError: A file is not a night.
    """
    filesystem, folder = storage.open_root(uri)
    nights = []
    for path in sorted(filesystem.glob(f"{folder}/night-*.json")):
        try:
            nights.append(Night.model_validate_json(filesystem.cat_file(path)))
        except (ValidationError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: not the record of a night ({error}); restore it or move it away") from error
    return nights


def write_night(uri: str, night: Night) -> None:
    """Add a night to the history, whole or not at all."""
    storage.write_whole(storage.join(uri, f"night-{night.number:05d}.json"), night.model_dump_json(indent=1).encode())


def best_of(nights: Sequence[Night]) -> Parent | None:
    """The model that is the best now; None while no night was promoted."""
    return next((night.candidate for night in reversed(nights) if night.judgement.promoted), None)


def removable(nights: Sequence[Night], num_kept: int, parents_of: Callable[[Parent], Iterable[Parent]]) -> set[Parent]:
    """Artifacts of earlier nights that neither the best model nor the last nights stand on.

    Args:
        nights: The history.
        num_kept: Nights whose artifacts all stay.
        parents_of: What an artifact was made from; nothing for one that is gone.
    """
    first_kept = max(len(nights) - num_kept, 0)
    kept = [part for night in nights[first_kept:] for part in night.made]
    best = best_of(nights)
    old = [part for night in nights[:first_kept] for part in night.made]
    return _lineage(old, parents_of) - _lineage([*kept, *([best] if best else [])], parents_of)


def _lineage(parts: Iterable[Parent], parents_of: Callable[[Parent], Iterable[Parent]]) -> set[Parent]:
    found: set[Parent] = set()
    waiting: list[Parent] = list(parts)
    while waiting:
        part = waiting.pop()
        if part not in found:
            found.add(part)
            waiting.extend(parents_of(part))
    return found


def table(nights: Sequence[Night]) -> Iterator[tuple[str, ...]]:
    """Cells of the history, a head first, the latest night on top."""
    yield (
        "night",
        "finished (UTC)",
        "data seed",
        "candidate",
        "best so far",
        "difference, points (95 %)",
        "n",
        "promoted",
    )
    for night in reversed(nights):
        told = night.judgement
        gain = told.difference
        yield (
            str(night.number),
            night.finished_at[:16].replace("T", " "),
            str(night.seed),
            f"{100 * told.accuracy:.1f} %",
            f"{100 * told.accuracy_before:.1f} %",
            f"{100 * gain.difference:+.1f} ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})",
            str(gain.n),
            "yes" if told.promoted else "no",
        )
