"""Thoughts of the oracle on thousands of boards, told once for all tests."""

from typing import NamedTuple

import numpy as np
import pytest

from mirage_core.puzzles import vsp, vsp_reasoning
from mirage_core.puzzles.verdict import Verdict
from mirage_core.teacher import Explanation, oracle, verify

NUM_THOUGHTS = 5000


class Case(NamedTuple):
    """A thought and what it is about."""

    board: vsp.Board
    plan: str
    step: int | None
    """None for planning."""
    answer: str
    thought: Explanation

    def findings(self) -> list[verify.Finding]:
        if self.step is None:
            return list(verify.findings(self.board, self.thought, self.answer))
        return list(verify.findings_outcome(self.board, self.plan, self.step, self.thought, self.answer))

    def verify(self) -> Verdict:
        if self.step is None:
            return verify.verify(self.board, self.thought, self.answer)
        return verify.verify_outcome(self.board, self.plan, self.step, self.thought, self.answer)


@pytest.fixture(scope="session")
def planning() -> list[Case]:
    """Random solvable boards of all sizes, from open to full of holes."""
    cases = []
    for index in range(NUM_THOUGHTS):
        rng = np.random.default_rng([6, index])
        board = vsp.sample(rng, int(rng.integers(2, 9)), rng.uniform(0.0, 0.5))
        plan = vsp.solve(board)
        cases.append(Case(board, plan, None, vsp.answer_text(plan), oracle.explain(board, plan, rng)))
    return cases


@pytest.fixture(scope="session")
def reasoning() -> list[Case]:
    """Plans with every outcome, every fourth of them at random, so that it bumps, returns and falls early."""
    cases: list[Case] = []
    index = 0
    while len(cases) < NUM_THOUGHTS:
        index += 1
        rng = np.random.default_rng([7, index])
        board = vsp.sample(rng, int(rng.integers(2, 9)), rng.uniform(0.0, 0.5))
        if index % 4:
            plan = vsp_reasoning.sample_plan(rng, board, tuple(vsp_reasoning.OUTCOMES)[index % 3])
        else:
            plan = "".join(rng.choice(list("UDLR"), size=rng.integers(1, 10)))
        if plan is not None:
            num_moves = len(vsp.walk(board, plan, stop_at_goal=True)) - 1
            step = int(rng.integers(1, num_moves + 1))
            thought = oracle.explain_outcome(board, plan, step, rng)
            cases.append(Case(board, plan, step, vsp_reasoning.outcome(board, plan), thought))
    return cases
