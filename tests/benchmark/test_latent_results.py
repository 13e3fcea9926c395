"""What the latent tests say in words follows from the numbers."""

import pytest

from mirage_core.benchmark.latent_results import OWN, SWAPPED, ZEROS, LatentScores, compare, verdict
from mirage_core.benchmark.results import Answer
from mirage_core.puzzles import vsp


def told(num_right, n=400, hard=40):
    """Answers of which the first so many are right, the last ones on boards that need planning."""
    return [
        Answer(
            id=str(number), level=3, output="", reason="ok" if number < num_right else "hole", reason_vsp="ok",
            num_latents=4, needs_planning=number >= n - hard,
        )
        for number in range(n)
    ]  # fmt: skip


def scores_of(own, n=400, **replaced):
    right = {OWN: own, **{{"swapped": SWAPPED, "zeros": ZEROS}[name]: count for name, count in replaced.items()}}
    answers = [compare(name, told(count, n), told(own, n), vsp.TASK, "set") for name, count in right.items()]
    return LatentScores(
        model="arm", test_set="set", n=n, num_with_latents=n, replaced=tuple(answers), statistics=None
    )  # fmt: skip


@pytest.mark.parametrize(
    ("scores", "says"),
    [
        (
            scores_of(240, swapped=120, zeros=100),
            "They do: accuracy falls by 30.0 points (25.5 to 34.5) when",
        ),
        (scores_of(240, swapped=238, zeros=238), "They say nothing of their item: swapped between items they cost 0.5"),
        (scores_of(240, swapped=238, zeros=238), ": they do nothing."),
        (scores_of(240, swapped=244, zeros=100), "something must stand there, but any item's latents will do."),
        (scores_of(24, 40, swapped=24, zeros=24), "Not settled: accuracy changes by 0.0 points"),
        (scores_of(9, swapped=0, zeros=0), "Nothing can be said: with its own latents 9 of 400 items are right"),
        (scores_of(240, zeros=100), "Nothing can be said: only one item has latents"),
    ],
)
def test_the_verdict_follows_from_the_numbers(scores, says):
    assert says in verdict(scores)


def test_the_fall_is_paired_and_that_on_hard_boards_is_of_these_alone():
    one = compare("noise", told(380, 400, 40), told(390, 400, 40), vsp.TASK, "set")
    assert (one.overall.correct, one.overall.n, one.fall.only_a, one.fall.only_b) == (380, 400, 10, 0)
    assert (one.where_walks_fail.correct, one.where_walks_fail.n) == (20, 40)
    assert one.fall_where_walks_fail.difference == 0.25 and one.fall.difference == 0.025


def test_without_hard_boards_there_is_no_column_of_them():
    one = compare("noise", told(5, 10, hard=0), told(6, 10, hard=0), vsp.TASK, "set")
    assert one.where_walks_fail is None and one.fall_where_walks_fail is None
