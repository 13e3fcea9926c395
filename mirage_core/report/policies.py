"""Cells of the tables of policies that need no model."""

from mirage_core.benchmark.interval import wilson


def cell(share: float, n: int) -> dict[str, float]:
    """A share of `n` items with its Wilson interval, as the templates show it."""
    low, high = wilson(n, share)
    return {"share": share, "low": low, "high": high}
