"""Two models on the same items: which answered more of them, and how sure that is.

Two intervals that overlap say little about a difference: both models find the same items hard. Pairing takes that out.
"""

from itertools import combinations

import numpy as np

from mirage_core.benchmark.interval import bootstrap, wilson
from mirage_core.benchmark.results import Scores
from mirage_core.errors import InputError
from mirage_core.settings import Settings


class PairedDifference(Settings):
    """Greedy accuracy of model `a` minus that of model `b`, on the items of the headline."""

    test_set: str
    """Name of the test set."""
    a: str
    """One model."""
    b: str
    """The other."""
    n: int
    """Items."""
    difference: float
    """In [-1, 1]; above 0 model `a` is better."""
    low: float
    """Lower end of the 95 % bootstrap interval over items."""
    high: float
    """Upper end."""
    only_a: int
    """Items that only model `a` has right."""
    only_b: int
    """Items that only model `b` has right."""


def paired_difference(a: Scores, b: Scores) -> PairedDifference:
    """Compare two models item by item.

    Where every item says the same (mostly: no item tells the models apart) `bounds_of_one_voice` stands.

    Raises:
        InputError: The items differ.
    """
    if [answer.id for answer in a.counted] != [answer.id for answer in b.counted]:
        raise InputError(f"{a.model} on {a.test_set} and {b.model} on {b.test_set}: not the same items")
    right_a, right_b = (np.array([answer.reason == "ok" for answer in scores.counted]) for scores in (a, b))
    gains = right_a.astype(int) - right_b
    mean = float(gains.mean())
    interval = bootstrap(gains) or bounds_of_one_voice(mean, len(gains))
    return PairedDifference(
        test_set=a.test_set,
        a=a.model,
        b=b.model,
        n=len(gains),
        difference=mean,
        low=interval[0],
        high=interval[1],
        only_a=int((gains > 0).sum()),
        only_b=int((gains < 0).sum()),
    )


def bounds_of_one_voice(difference: float, n: int) -> tuple[float, float]:
    """An interval where all n items show the same difference, so that a bootstrap has no width.

    It holds what would be if as large a share of unseen items as Wilson's upper bound for 0 of n said otherwise, as
    strongly as they can.
    """
    unseen = wilson(n, 0.0)[1]
    return difference - unseen * (1 + difference), difference + unseen * (1 - difference)


def every_pair(scores: list[Scores]) -> list[PairedDifference]:
    """Every model against every other, of results on one test set, in their order."""
    return [paired_difference(a, b) for a, b in combinations(scores, 2)]
