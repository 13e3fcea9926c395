"""Thoughts of the oracle on thousands of boards, told once for all tests; a server that fails on purpose."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import NamedTuple

import numpy as np
import pytest
from fault_server import running

from mirage_core.puzzles import vsp, vsp_reasoning
from mirage_core.puzzles.verdict import Verdict
from mirage_core.puzzles.vsp_pictures import encode_palette_png, picture, route_picture
from mirage_core.teacher import Explanation, oracle, verify
from mirage_core.teacher.chat import Message, Png, Text
from mirage_core.teacher.request import Request, request_for
from mirage_core.teacher.settings import ServerTeacher

NUM_THOUGHTS = 2000


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


@pytest.fixture
def fault_server(monkeypatch) -> Iterator[Callable[..., str]]:
    """A function that starts `fault_server.py` with options, points the environment at it and returns its URL."""
    with ExitStack() as servers:

        def start(*arguments: object) -> str:
            url = servers.enter_context(running(*arguments))
            monkeypatch.setenv("TEACHER_BASE_URL", url)
            return url

        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        yield start


@pytest.fixture(scope="session")
def pictures() -> list[bytes]:
    """PNGs of the official size, puzzle and helper image in turn."""
    drawn = []
    for index in range(20):
        board = vsp.sample(np.random.default_rng([8, index]), 6, 0.2)
        drawn += [encode_palette_png(picture(board)), encode_palette_png(route_picture(board, vsp.solve(board)))]
    return drawn


@pytest.fixture(scope="session")
def requests_about(pictures) -> Callable[..., list[Request]]:
    """A function that makes so many different requests, each with two pictures."""

    def make(number: int, settings: ServerTeacher, start: int = 0) -> list[Request]:
        made = []
        for index in range(start, start + number):
            seen = [Png(pictures[(2 * index + which) % len(pictures)]) for which in range(2)]
            made.append(request_for(settings, [Message("user", (Text(f"Explain puzzle {index}."), *seen))]))
        return made

    return make
