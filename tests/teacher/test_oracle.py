"""The oracle tells the truth in many ways."""

import re
from collections import Counter

import numpy as np
import pytest

from mirage_core.puzzles import vsp
from mirage_core.teacher import Explanation, oracle, wording
from mirage_core.teacher.reading import read
from mirage_core.teacher.words import SQUARE as SIGN

BOARD = vsp.Board(("SHF", "FFF", "FHG"))
SQUARE = re.compile(r"\[\((\d+),(\d+)\),(\w+)\]")
MAX_SHORT_TOKENS = 100


def skeleton(text: str) -> str:
    """The words alone, whatever the board."""
    return re.sub(r"\d+|\b(up|left|right|down)\b", "_", SQUARE.sub("[]", text))


def safe_squares(text: str) -> list[tuple[int, int]]:
    """Squares named, holes apart: those are named in passing too."""
    return [(int(row), int(column)) for row, column, tile in SQUARE.findall(text) if tile != "Hole"]


def test_no_planning_thought_is_rejected(planning):
    for case in planning:
        assert case.verify() == (True, "ok"), (case, case.findings())


def test_no_reasoning_thought_is_rejected(reasoning):
    for case in reasoning:
        assert case.verify() == (True, "ok"), (case, case.findings())
    assert min(Counter(case.answer for case in reasoning).values()) > 400


def test_every_move_is_told_once_and_in_order(planning, reasoning):
    for case in planning[:500]:
        assert safe_squares(case.thought.after) == vsp.walk(case.board, case.plan, stop_at_goal=True)[1:]
    for board, plan, step, _, thought in reasoning[:500]:
        cells = [cell for cell in vsp.walk(board, plan, stop_at_goal=True) if board.tile(cell) != "H"]
        assert safe_squares(thought.after) == cells[step + 1 :]
        if step < len(cells):
            assert safe_squares(thought.before)[-step:] == cells[1 : step + 1]


def test_start_and_target_are_named_before_a_plan_is_told(planning):
    for case in planning[:500]:
        assert "Start]" in case.thought.before and "Target]" in case.thought.before


def test_the_thought_before_the_picture_ends_in_a_cue(planning, reasoning):
    assert all(case.thought.before.endswith(wording.ROUTE_CUES) for case in planning)
    assert all(case.thought.before.endswith(wording.CUES) for case in reasoning)


def test_after_the_whole_plan_nothing_is_left_to_tell(reasoning):
    empty = 0
    for board, plan, step, _, thought in reasoning:
        last = len(vsp.walk(board, plan, stop_at_goal=True)) - 1
        assert (thought.after == "") == (step == last)
        empty += step == last
    assert empty > 200


def test_falls_bumps_detours_visits_and_holes_are_told(reasoning):
    texts = [" ".join(case.thought) for case in reasoning]
    for words in ("edge", "already visited", "into a hole", "further", "farther", "no hole next to it", "fail in hole",
                  "touch it", "adjacent to [", "the target is not reached", "the board has"):  # fmt: skip
        assert sum(words in text.replace("board has", "the board has") for text in texts) > 5, words


def test_thoughts_on_short_plans_are_short(planning, reasoning):
    for cases in (planning, reasoning):
        short = [case for case in cases if len(case.plan) <= 2]
        # words, and every sign: more than a tokenizer of 150,000 tokens finds
        tokens = [len(re.findall(r"[^\W\d]+|\d|[^\w\s]+", " ".join(case.thought))) for case in short]
        assert np.mean(tokens) < MAX_SHORT_TOKENS and np.mean(np.array(tokens) < MAX_SHORT_TOKENS) > 0.95


CLAIMING = (wording.NEARER, wording.FARTHER, wording.ASIDE, wording.RETURNING, wording.REACHING, wording.FALLING,
            wording.CLEAR_TAILS, wording.HOLE_TAILS, wording.MANY_HOLES_TAILS, wording.STEERED_BUMPS,
            wording.PLAIN_BUMPS, wording.HOLES_BESIDE_WAY, wording.MANY_BESIDE_WAY, wording.NONE_BESIDE_WAY,
            wording.LENGTHS, wording.CLOSINGS, *wording.OUTCOME_CLOSINGS.values())  # fmt: skip


@pytest.mark.parametrize("template", sorted({template for templates in CLAIMING for template in templates}))
def test_every_claim_of_a_template_is_one_that_the_verifier_reads(template):
    filled = template.format(way="up", square=SIGN, left="3 squares", was="4 squares", holes=SIGN, number="3",
                             moves="5 moves")  # fmt: skip
    if template in wording.MANY_BESIDE_WAY:
        filled = template.format(number="3 holes")
    pieces = filled.replace(SIGN, f" {SIGN}|{SIGN} ").split("|")
    assert any(read(piece).claims for piece in [f"{SIGN} {pieces[0]}", *pieces])


def test_the_wording_depends_on_the_seed_alone():
    def explain(seed: int) -> Explanation:
        return oracle.explain(BOARD, vsp.solve(BOARD), np.random.default_rng(seed))

    assert all(explain(seed) == explain(seed) for seed in range(20))
    assert len({explain(seed) for seed in range(300)}) >= 297


@pytest.mark.parametrize(("task", "num_sentences"), [("planning", 1300), ("reasoning", 2400)])
def test_the_wording_varies(request, task, num_sentences):
    told = [case.thought for case in request.getfixturevalue(task)]
    assert len({skeleton(" ".join(thought)) for thought in told}) > 0.98 * len(told)
    sentences = {skeleton(sentence) for thought in told for sentence in re.split(r"(?<=\.) ", " ".join(thought))}
    assert len(sentences) > num_sentences


def test_three_thoughts_of_one_puzzle_differ(planning, reasoning):
    def told(case, number: int) -> Explanation:
        rng = np.random.default_rng([len(case.plan), number])
        if case.step is None:
            return oracle.explain(case.board, case.plan, rng)
        return oracle.explain_outcome(case.board, case.plan, case.step, rng)

    cases = planning[:500] + reasoning[:500]
    assert sum(len({told(case, number) for number in range(3)}) == 3 for case in cases) > 0.99 * len(cases)
