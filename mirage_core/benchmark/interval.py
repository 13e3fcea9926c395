"""Accuracy with its interval: the percentile bootstrap over items.

Items are resampled, not answers: several answers to one item hang together. Drawing n items with replacement is drawing
how often each of their different values occurs, which is one multinomial draw; so 10,000 resamples cost milliseconds.

Where all items have one value (all right, or all wrong) the bootstrap has no width. There Wilson's bound stands
(E. B. Wilson, J. Am. Stat. Assoc. 22 (1927), 209-212). Source: B. Efron, R. J. Tibshirani, An Introduction to the
Bootstrap (1993), chapter 13.
"""

import math
from collections.abc import Sequence

import numpy as np

from mirage_core.settings import Settings

Z_95 = 1.959964
"""Standard normal quantile of a two-sided 95 % interval."""
NUM_RESAMPLES = 10_000
SEED = 0
"""Of the resamples; one for all, so that the same answers always have the same interval."""


class Accuracy(Settings):
    """A share of right answers."""

    n: int
    """Items."""
    correct: int
    """Right answers among `n * num_samples`."""
    num_samples: int = 1
    """Answers per item."""
    low: float
    """Lower end of the 95 % interval."""
    high: float
    """Upper end of the 95 % interval."""

    @property
    def share(self) -> float:
        return self.correct / (self.n * self.num_samples) if self.n else float("nan")


def accuracy(num_right: Sequence[int], num_samples: int = 1) -> Accuracy:
    """Share of right answers and its interval.

    Args:
        num_right: Right answers to each item, 0 to `num_samples`; booleans where there is one answer.
        num_samples: Answers per item.
    """
    n, correct = len(num_right), sum(num_right)
    if n == 0:
        return Accuracy(n=0, correct=0, num_samples=num_samples, low=0.0, high=1.0)
    share = correct / (n * num_samples)
    low, high = bootstrap(np.array(num_right) / num_samples) or wilson(n, share)
    return Accuracy(n=n, correct=correct, num_samples=num_samples, low=min(low, share), high=max(high, share))


def bootstrap(values: np.ndarray) -> tuple[float, float] | None:
    """95 % percentile interval of the mean of (n,) values; None where they are all the same."""
    different, counts = np.unique(values, return_counts=True)
    if len(different) < 2:
        return None
    drawn = np.random.default_rng(SEED).multinomial(len(values), counts / len(values), size=NUM_RESAMPLES)
    low, high = np.quantile(drawn @ different / len(values), [0.025, 0.975])
    return float(low), float(high)


def wilson(n: int, share: float) -> tuple[float, float]:
    """Wilson's 95 % score interval of a share of n items."""
    z2 = Z_95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def newcombe(one: tuple[int, float], other: tuple[int, float]) -> tuple[float, float]:
    """95 % interval of the difference of two independent shares, each with its number of items.

    Source: R. G. Newcombe, Statistics in Medicine 17 (1998), 873-890, method 10, of Wilson's bounds.
    """
    (low, high), (other_low, other_high) = wilson(*one), wilson(*other)
    share, other_share = one[1], other[1]
    down = math.hypot(share - low, other_high - other_share)
    up = math.hypot(high - share, other_share - other_low)
    return share - other_share - down, share - other_share + up
