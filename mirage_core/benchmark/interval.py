"""Accuracy with its interval."""

import math

from mirage_core.settings import Settings

Z_95 = 1.959964
"""Standard normal quantile of a two-sided 95 % interval."""


class Accuracy(Settings):
    """A share of right answers."""

    n: int
    """Items."""
    correct: int
    """Items answered right."""
    low: float
    """Lower end of the 95 % interval."""
    high: float
    """Upper end of the 95 % interval."""

    @property
    def share(self) -> float:
        return self.correct / self.n if self.n else float("nan")


def accuracy(correct: list[bool]) -> Accuracy:
    """Wilson's score interval, which holds its level near 0 and 1 and for small n.

    Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927), 209-212.
    """
    n, k = len(correct), sum(correct)
    if n == 0:
        return Accuracy(n=0, correct=0, low=0.0, high=1.0)
    share, z2 = k / n, Z_95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    low, high = min(centre - half, share), max(centre + half, share)  # equal at 0 and 1, but for rounding
    return Accuracy(n=n, correct=k, low=max(0.0, low), high=min(1.0, high))
