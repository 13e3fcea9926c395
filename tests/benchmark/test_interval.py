import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_core.benchmark.interval import accuracy


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (1, 1, 0.2065, 1.0),
     (50, 100, 0.4038, 0.5962), (291, 400, 0.6819, 0.7689)],
)  # fmt: skip
def test_intervals_are_wilsons(correct, n, low, high):
    result = accuracy([True] * correct + [False] * (n - correct))
    assert (result.n, result.correct, result.share) == (n, correct, correct / n)
    assert (result.low, result.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


@given(st.lists(st.booleans(), min_size=1, max_size=300))
def test_the_share_lies_within_and_turning_answers_turns_the_interval(correct):
    result, turned = accuracy(correct), accuracy([not right for right in correct])
    assert 0 <= result.low <= result.share <= result.high <= 1
    assert (turned.low, turned.high) == (pytest.approx(1 - result.high), pytest.approx(1 - result.low))


def test_more_items_narrow_it():
    widths = [(lambda a: a.high - a.low)(accuracy([True, False] * n)) for n in (1, 10, 100, 1000)]
    assert widths == sorted(widths, reverse=True)


def test_nothing_is_known_without_items():
    result = accuracy([])
    assert (result.n, result.low, result.high) == (0, 0.0, 1.0) and math.isnan(result.share)
