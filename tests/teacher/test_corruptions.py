"""How many lies the checks catch, and how much truth they reject, counted over thousands of thoughts."""

from collections import Counter

import natural
import numpy as np
import pytest
from corruptions import INNOCENT, KINDS, TASKS, oracle_thought

from mirage_core.puzzles import vsp
from mirage_core.teacher import said
from mirage_core.teacher.leaks import leak_in

pytestmark = pytest.mark.thorough

NUM_CORRUPTED = 1500
NUM_TRUE = 1000


def review(told):
    return said.review(told.task, told.meta, told.thought, told.answer)


def test_corrupted_thoughts_are_caught():
    made, missed, examples = Counter(), Counter(), {}
    kinds = list(KINDS)
    index = 0
    while made.total() < NUM_CORRUPTED:
        rng = np.random.default_rng([31, index])
        kind, told = kinds[index % len(kinds)], oracle_thought(int(rng.integers(1 << 30)), seed=32)
        index += 1
        lie = KINDS[kind](rng, told)
        if lie is None or lie.thought == told.thought:
            continue
        made[kind, told.task, told.board.size] += 1
        if review(lie).reason == "ok":
            missed[kind] += 1
            examples.setdefault(kind, []).append(lie)
    by_kind = Counter()
    for (kind, _, _), number in made.items():
        by_kind[kind] += number
    print({kind: f"{number - missed[kind]}/{number}" for kind, number in by_kind.items()})
    assert {(task, level) for _, task, level in made} == {(task, level) for task in TASKS for level in range(3, 9)}
    assert min(by_kind.values()) > 15, by_kind
    assert missed.total() <= 0.01 * made.total(), {kind: lies[:5] for kind, lies in examples.items()}


def test_the_oracle_is_hardly_ever_rejected():
    reviews = [review(oracle_thought(index, seed=33)) for index in range(NUM_TRUE)]
    reasons = Counter(one.reason for one in reviews)
    print(reasons, f"unread {sum(one.num_unread for one in reviews)} of {sum(one.num_sentences for one in reviews)}")
    assert reasons["ok"] > 0.99 * NUM_TRUE, reasons


@pytest.mark.parametrize(("kind", "sentence"), INNOCENT)
def test_the_questions_own_picture_may_be_spoken_of(kind, sentence):
    for task in TASKS:
        if kind == "both" or task.endswith(kind):
            assert leak_in(task, sentence) is None


def test_true_free_prose_passes():
    reviews = [_review_planning(*told) for told in natural.thoughts(natural.TRUE)]
    assert [one.objections for one in reviews if one.objections] == []
    later = [_review_planning(*told) for told in natural.thoughts(natural.LATER_TRUE + natural.LAST_TRUE)]
    assert sum(one.reason == "ok" for one in later) >= 0.8 * len(later)  # 21 of 25; what is not read is asked for anew


@pytest.mark.parametrize(
    ("board", "answer", "thought"), natural.thoughts(natural.FALSE + natural.LATER_FALSE + natural.LAST_FALSE)
)
def test_false_free_prose_fails(board, answer, thought):
    assert _review_planning(board, answer, thought).reason != "ok"


def _review_planning(board, answer, thought):
    return said.review(vsp.TASK, {"board": board.rows, "plan": answer.replace(",", "")}, thought, answer)
