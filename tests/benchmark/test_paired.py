import numpy as np
import pytest

from mirage_core.benchmark.interval import accuracy, wilson
from mirage_core.benchmark.paired import every_pair, paired_difference
from mirage_core.benchmark.results import Answer, summarize
from mirage_core.errors import InputError
from mirage_core.puzzles import vsp


def scores(right, model="a", first=0, level=3):
    told = [
        Answer(
            id=str(first + number), level=level, output="", reason="ok" if hit else "hole", reason_vsp="ok",
            num_latents=0, needs_planning=False,
        )
        for number, hit in enumerate(right)
    ]  # fmt: skip
    return summarize(told, vsp.TASK, model, "set", 1.0)


def test_a_difference_is_what_one_counts_by_hand():
    """Of ten items 5 both right, 3 only a, 1 only b, 1 none: 8 - 6 of 10; gains have the mean 0.2 and variance 0.36."""
    pair = paired_difference(scores([1] * 8 + [0, 0]), scores([1] * 5 + [0] * 3 + [1, 0], "b"))
    assert (pair.a, pair.b, pair.test_set, pair.n, pair.only_a, pair.only_b) == ("a", "b", "set", 10, 3, 1)
    assert pair.difference == pytest.approx(0.2)
    half = 1.96 * np.sqrt(0.36 / 10)
    assert (pair.low, pair.high) == (pytest.approx(0.2 - half, abs=0.04), pytest.approx(0.2 + half, abs=0.04))


def test_turning_the_pair_turns_the_sign():
    rng = np.random.default_rng(2)
    a, b = (scores(rng.random(300) < share, model) for share, model in ((0.8, "a"), (0.6, "b")))
    one, other = paired_difference(a, b), paired_difference(b, a)
    assert one.difference == pytest.approx(-other.difference) and (one.only_a, one.only_b) == (
        other.only_b,
        other.only_a,
    )
    assert (one.low, one.high) == (pytest.approx(-other.high, abs=0.01), pytest.approx(-other.low, abs=0.01))
    assert one.difference == pytest.approx(a.overall.share - b.overall.share) and one.low > 0


def test_pairing_sees_what_two_intervals_hide():
    """A model that solves all that another solves and 6 % more: the single intervals overlap."""
    weak, strong = [1] * 200 + [0] * 200, [1] * 224 + [0] * 176
    assert accuracy(weak).high > accuracy(strong).low
    assert paired_difference(scores(strong), scores(weak, "b")).low > 0


def test_models_that_no_item_tells_apart():
    pair = paired_difference(scores([1, 0] * 20), scores([1, 0] * 20, "b"))
    bound = wilson(40, 0.0)[1]
    assert (pair.difference, pair.only_a, pair.only_b) == (0, 0, 0)
    assert (pair.low, pair.high) == (pytest.approx(-bound), pytest.approx(bound))
    worst = paired_difference(scores([1] * 40), scores([0] * 40, "b"))
    assert (worst.difference, worst.low, worst.high) == (1, pytest.approx(1 - 2 * bound), 1)


def test_nineteen_of_twenty_intervals_hold_the_true_difference():
    rng, covered = np.random.default_rng(9), []
    for _ in range(200):
        hard = rng.random(200) < 0.4  # both find the same items hard
        right = [(rng.random(200) < np.where(hard, low, 0.95)).tolist() for low in (0.5, 0.25)]
        pair = paired_difference(scores(right[0]), scores(right[1], "b"))
        covered.append(pair.low <= 0.4 * 0.25 <= pair.high)
    assert 0.9 <= np.mean(covered) <= 0.99


def test_other_items_are_refused():
    with pytest.raises(InputError, match="a on set and b on set: not the same items"):
        paired_difference(scores([1, 0]), scores([1, 0], "b", first=1))


def test_every_model_meets_every_other_once():
    pairs = every_pair([scores([1, 0], name) for name in "abcd"])
    assert [pair.a + pair.b for pair in pairs] == ["ab", "ac", "ad", "bc", "bd", "cd"]
    assert every_pair([scores([1])]) == []
