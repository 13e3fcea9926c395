import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_core.benchmark.interval import accuracy, bootstrap, newcombe, wilson


def bits(correct, n):
    return [True] * correct + [False] * (n - correct)


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (1, 1, 0.2065, 1.0),
     (50, 100, 0.4038, 0.5962), (291, 400, 0.6819, 0.7689)],
)  # fmt: skip
def test_wilsons_bounds(correct, n, low, high):
    assert wilson(n, correct / n) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


@pytest.mark.parametrize("correct", [20, 60, 120, 200, 291, 340, 392])
def test_the_bootstrap_agrees_with_wilson_on_a_test_of_400(correct):
    result = accuracy(bits(correct, 400))
    low, high = wilson(400, correct / 400)
    assert (result.low, result.high) == (pytest.approx(low, abs=0.008), pytest.approx(high, abs=0.008))


def test_the_multinomial_draw_is_the_bootstrap():
    """Against resampling item by item."""
    values = np.random.default_rng(3).choice([0.0, 0.25, 0.5, 1.0], 60)
    drawn = np.random.default_rng(4).integers(60, size=(10_000, 60))
    expected = np.quantile(values[drawn].mean(1), [0.025, 0.975])
    assert bootstrap(values) == pytest.approx(tuple(expected), abs=0.01)


@pytest.mark.parametrize(("num_right", "share"), [([0] * 40, 0.0), ([1] * 40, 1.0)])
def test_where_all_items_agree_wilsons_bound_stands(num_right, share):
    result = accuracy(num_right)
    assert (result.low, result.high) == wilson(40, share) and result.high - result.low == pytest.approx(
        0.0876, abs=1e-3
    )


def test_several_answers_to_an_item_hang_together():
    """Ten items of four like answers each tell as much as ten items of one, not as forty."""
    once, four = accuracy([1, 0] * 5), accuracy([4, 0] * 5, num_samples=4)
    assert (four.n, four.correct, four.num_samples, four.share) == (10, 20, 4, 0.5)
    assert (four.low, four.high) == (once.low, once.high)
    mixed = accuracy([2] * 9 + [3], num_samples=4)
    assert mixed.high - mixed.low < once.high - once.low
    assert accuracy([2] * 10, num_samples=4).low == wilson(10, 0.5)[0]


@given(st.lists(st.booleans(), min_size=1, max_size=300))
def test_the_share_lies_within_and_the_order_of_items_means_nothing(correct):
    result = accuracy(correct)
    assert 0 <= result.low <= result.share <= result.high <= 1
    assert (result.n, result.correct) == (len(correct), sum(correct))
    assert accuracy(sorted(correct)) == result


@pytest.mark.parametrize("share", [0.5, 0.73, 0.9])
def test_nineteen_of_twenty_intervals_hold_the_truth(share):
    rng = np.random.default_rng([7, int(100 * share)])
    results = [accuracy((rng.random(200) < share).tolist()) for _ in range(300)]
    covered = np.mean([result.low <= share <= result.high for result in results])
    assert 0.91 <= covered <= 0.985


def test_more_items_narrow_it():
    widths = [(lambda a: a.high - a.low)(accuracy([True, False] * n)) for n in (5, 50, 500)]
    assert widths == sorted(widths, reverse=True)


def test_nothing_is_known_without_items():
    result = accuracy([])
    assert (result.n, result.low, result.high) == (0, 0.0, 1.0) and math.isnan(result.share)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        ((70, 56 / 70), (80, 48 / 80), 0.0524, 0.3339),
        ((10, 0.9), (10, 0.3), 0.1705, 0.8090),
        ((56, 5 / 56), (29, 0), -0.0381, 0.1926),
        ((10, 1), (10, 0), 0.6075, 1.0),
    ],
)
def test_differences_have_the_published_intervals(one, other, low, high):
    """Newcombe 1998, table II, method 10."""
    assert newcombe(one, other) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))
    assert newcombe(other, one) == (pytest.approx(-high, abs=5e-5), pytest.approx(-low, abs=5e-5))
