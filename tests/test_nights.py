"""The gate of promotion, the history, and what pruning may take."""

import random
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

from mirage_core.benchmark.results import Answer
from mirage_core.benchmark.scores import summarize
from mirage_core.errors import InputError
from mirage_core.manifest import Parent
from mirage_core.nights import Judgement, Night, best_of, judge, read_nights, removable, table, write_night
from mirage_core.puzzles import vsp
from mirage_core.report.nights import nights_page

N = 400


def scores(model: str, right: Iterable[int], n: int = N):
    right = set(right)
    answers = [
        Answer(
            id=f"item-{number}", level=4, output="", reason="ok" if number in right else "hole", reason_vsp=None,
            num_latents=4, needs_planning=None,
        )
        for number in range(n)
    ]  # fmt: skip
    return summarize(answers, vsp.TASK, model, "held-out rows", seconds=1.0)


@cache
def judged(promoted: bool) -> Judgement:
    told = judge(scores("night", range(200 if promoted else 100)), scores("best", range(100)), 0.0)
    assert told.promoted == promoted
    return told


def night(number: int, promoted: bool, made: tuple[Parent, ...] = ()) -> Night:
    candidate = Parent("grpo", f"model-{number}")
    return Night(
        number=number, seed=number, run=f"run-{number}", finished_at="2026-11-24T02:40:00+00:00", candidate=candidate,
        before=None, judgement=judged(promoted), made=made,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("right", "before", "margin", "promoted"),
    [
        (range(220), range(200), 0.0, True),
        (range(200), range(200), 0.0, False),
        (range(150), range(200), 0.0, False),
        (range(60, 266), range(200), 0.0, False),  # 6 more right, but on so many other items that it may be luck
        (range(220), range(200), 0.05, False),  # surely better, but not by the margin
        (range(300), range(200), 0.05, True),
    ],
)
def test_only_what_is_surely_better_by_the_margin_is_promoted(right, before, margin, promoted):
    told = judge(scores("night", right), scores("best", before), margin)
    assert told.promoted == promoted
    assert told.promoted == (told.difference.low > margin)
    assert (told.accuracy, told.accuracy_before) == (len(right) / N, len(before) / N)


def test_models_scored_on_other_items_cannot_be_judged():
    with pytest.raises(InputError, match="not the same items"):
        judge(scores("night", range(10)), scores("best", range(10), n=N - 1), 0.0)


def test_the_best_is_the_last_that_was_promoted(tmp_path):
    assert read_nights(str(tmp_path / "nowhere")) == [] and best_of([]) is None
    history = [night(1, False), night(2, True), night(3, True), night(4, False)]
    for one in reversed(history):
        write_night(str(tmp_path), one)
    assert read_nights(str(tmp_path)) == history
    assert best_of(history[:1]) is None
    assert best_of(history) == Parent("grpo", "model-3")


def test_a_record_that_is_torn_is_named(tmp_path):
    write_night(str(tmp_path), night(1, True))
    path = tmp_path / "night-00001.json"
    path.write_text(path.read_text()[:100])
    with pytest.raises(InputError, match=f"{path}: not the record of a night"):
        read_nights(str(tmp_path))


@pytest.mark.parametrize("seed", range(200))
def test_pruning_never_takes_what_the_best_or_the_last_nights_stand_on(seed):
    rng = random.Random(seed)
    parents: dict[Parent, list[Parent]] = {Parent("official-test", "shared"): []}
    history: list[Night] = []
    for number in range(1, rng.randint(2, 9)):
        data, model = Parent("dataset", f"data-{number}"), Parent("grpo", f"model-{number}")
        best = best_of(history)
        parents[data] = []
        parents[model] = [data, *([best] if best else [])]
        page = Parent("report", f"page-{number}")
        parents[page] = [model, data, Parent("official-test", "shared"), *([best] if best else [])]
        history.append(night(number, rng.random() < 0.4, made=(page,)))
    num_kept = rng.randint(0, 4)
    gone = removable(history, num_kept, parents.__getitem__)

    @cache
    def stands_on(part: Parent) -> frozenset[Parent]:
        return frozenset({part}).union(*(stands_on(parent) for parent in parents[part]))

    kept = set().union(*(stands_on(one.made[0]) for one in history[max(len(history) - num_kept, 0) :]))
    if best := best_of(history):
        kept |= stands_on(best)
    assert not gone & kept
    assert gone | kept | {Parent("official-test", "shared")} == set(parents)


def test_the_page_and_the_table_show_every_night_the_latest_first(tmp_path: Path):
    history = [night(1, False), night(2, True)]
    rows = list(table(history))
    assert [row[0] for row in rows] == ["night", "2", "1"] and [row[-1] for row in rows[1:]] == ["yes", "no"]
    page = nights_page("vsp-tiny, tiny", history)
    assert "model-2" in page and page.index("<td>2</td>") < page.index("<td>1</td>") and "<svg" in page
