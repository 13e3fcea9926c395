"""The teacher against a real server that fails on purpose; what the server saw is compared with what was asked."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from hashlib import sha256

import pytest
from fault_server import ANSWER_TOKENS, KINDS, PICTURE_TOKENS, TEXT_TOKENS, stats

from mirage_core.teacher.budget import BudgetReached
from mirage_core.teacher.chat import Message
from mirage_core.teacher.request import TOO_LONG, Answer, Request, request_for
from mirage_core.teacher.server import Teacher, answer_all
from mirage_core.teacher.settings import Budget, ServerTeacher
from mirage_core.teacher.store import AnswerStore

pytestmark = pytest.mark.server

SETTINGS = ServerTeacher(model="teacher", timeout_s=1.0, backoff_s=0.01)
NUM_FAULTY = 320


def ask_all(folder, requests, settings=SETTINGS, budget=None) -> dict[str, Answer]:
    """Answers by key; all that came before a `BudgetReached`, which is raised with them as its argument."""
    answers: dict[str, Answer] = {}

    async def story() -> None:
        with AnswerStore(folder) as store:
            async with Teacher(settings, store, budget) as teacher:
                async for request, answer in answer_all(teacher, requests):
                    answers[request.key] = answer

    try:
        asyncio.run(story())
    except BudgetReached as error:
        error.args = (*error.args, answers)
        raise
    return answers


def seen(url: str, requests: list[Request], what: str = "received") -> list[int]:
    """How often the server saw each request."""
    counts = stats(url)[what]
    return [counts.get(sha256(request.body()).hexdigest(), 0) for request in requests]


@pytest.mark.parametrize("seed", [1, 2])
def test_with_every_fifth_exchange_failing_all_requests_are_answered(tmp_path, fault_server, requests_about, seed):
    url = fault_server("--fault-share", 0.2, "--seed", seed, "--delay-s", 0.01, "--slow-s", 6)
    settings = SETTINGS.model_copy(update={"timeout_s": 4.0})  # what is not slow on purpose must not be late
    requests = requests_about(NUM_FAULTY, settings)
    answers = ask_all(tmp_path, requests, settings)
    assert Counter(answer.reason for answer in answers.values()) == {"ok": NUM_FAULTY}  # 0.2 ** 8 is not met
    assert all(answers[request.key].text.startswith("thought 384x384 384x384") for request in requests)
    found = stats(url)
    assert set(found["faults"]) == set(KINDS)
    assert sum(seen(url, requests)) == sum(found["received"].values()) == NUM_FAULTY + sum(found["faults"].values())
    assert seen(url, requests, "answered") == [1] * NUM_FAULTY
    assert found["sizes"] == {"384x384": 2 * sum(found["received"].values())}
    assert found["peak"] <= settings.concurrency + found["faults"]["slow"] + found["faults"]["trickle"]
    with AnswerStore(tmp_path) as store:
        assert store.spent().requests == sum(found["received"].values())

    assert ask_all(tmp_path, requests, settings) == answers
    assert sum(stats(url)["received"].values()) == sum(found["received"].values())  # nothing was asked again


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("429", "server error 429 after 3 tries"),
        ("429-seconds", "server error 429 after 3 tries"),
        ("500", "server error 500 after 3 tries"),
        ("slow", "timeout after 3 tries"),
        ("trickle", "timeout after 3 tries"),
        ("truncated", "connection lost after 3 tries"),
        ("dropped", "connection lost after 3 tries"),
        ("not-json", "reply is not JSON after 3 tries"),
        ("no-choices", "reply has no choices after 3 tries"),
        ("empty", "empty answer after 3 tries"),
    ],
)
def test_a_failure_that_stays_is_named_and_asked_again_by_the_next_run(
    tmp_path, fault_server, requests_about, kind, reason
):
    url = fault_server("--fault-share", 1, "--kinds", kind)
    settings = SETTINGS.model_copy(update={"http_tries": 3, "timeout_s": 0.4})
    requests = requests_about(6, settings)
    answers = ask_all(tmp_path, requests, settings)
    assert {answer.reason for answer in answers.values()} == {reason}
    assert seen(url, requests) == [3] * 6
    fault_server()  # the next server is well
    assert all(answer.ok for answer in ask_all(tmp_path, requests, settings).values())


def test_an_answer_that_is_too_long_is_named_stored_and_not_asked_again(tmp_path, fault_server):
    url = fault_server()
    request = request_for(SETTINGS, [Message("user", "Please say too much.")])
    for _ in range(2):
        answer = ask_all(tmp_path, [request])[request.key]
        assert answer.reason == TOO_LONG
        assert answer.text.startswith("thought")
    assert seen(url, [request]) == [1]


def test_a_refused_request_is_named_and_not_repeated(tmp_path, fault_server, requests_about):
    fault_server("--refuse", 400, "--said", "This model's maximum context length is 10 tokens")
    requests = requests_about(5, SETTINGS)
    answers = ask_all(tmp_path, requests)
    assert {answer.reason for answer in answers.values()} == {"server error 400"}
    with AnswerStore(tmp_path) as store:
        assert (len(store), store.spent().requests) == (0, 5)


def test_a_dead_server_is_a_named_failure(tmp_path, monkeypatch, requests_about):
    monkeypatch.setenv("TEACHER_BASE_URL", "http://127.0.0.1:9/v1")
    settings = SETTINGS.model_copy(update={"http_tries": 2})
    answers = ask_all(tmp_path, requests_about(10, settings), settings)
    assert {answer.reason for answer in answers.values()} == {"connection lost after 2 tries"}


def test_retry_after_reaches_the_limiter(tmp_path, fault_server, requests_about):
    fault_server("--fault-share", 0.05, "--kinds", "429-seconds", "--seed", 5, "--delay-s", 0.01)

    async def story() -> list[float]:
        with AnswerStore(tmp_path) as store:
            async with Teacher(SETTINGS, store) as teacher:
                answers = answer_all(teacher, requests_about(200, SETTINGS))
                return [teacher.limiter._paused_until_s - time.monotonic() async for _ in answers]

    assert 0.1 < max(asyncio.run(story())) <= 0.2


def test_equal_requests_at_the_same_time_are_sent_once(tmp_path, fault_server, requests_about):
    url = fault_server("--delay-s", 0.2)
    (request,) = requests_about(1, SETTINGS)

    async def story() -> list[Answer]:
        with AnswerStore(tmp_path) as store:
            async with Teacher(SETTINGS, store) as teacher:
                return await asyncio.gather(*(teacher.ask(request) for _ in range(10)))

    assert len(set(asyncio.run(story()))) == 1
    assert seen(url, [request]) == [1]


CLIENT = """
    import asyncio, sys
    from mirage_core.teacher.chat import Message
    from mirage_core.teacher.request import request_for
    from mirage_core.teacher.server import Teacher, answer_all
    from mirage_core.teacher.settings import ServerTeacher
    from mirage_core.teacher.store import AnswerStore

    async def main():
        settings = ServerTeacher(model="teacher", concurrency=16, backoff_s=0.01)
        requests = (request_for(settings, [Message("user", f"Explain {n}.")]) for n in range(400))
        with AnswerStore(sys.argv[1]) as store:
            async with Teacher(settings, store) as teacher:
                async for _ in answer_all(teacher, requests):
                    pass

    asyncio.run(main())
"""


@pytest.mark.parametrize("kill_at", [20, 150, 300])
def test_after_a_kill_only_what_was_unanswered_is_asked(tmp_path, fault_server, kill_at):
    url = fault_server("--delay-s", 0.05)
    settings = ServerTeacher(model="teacher", concurrency=16)
    requests = [request_for(settings, [Message("user", f"Explain {number}.")]) for number in range(400)]
    command = [sys.executable, "-c", textwrap.dedent(CLIENT), str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=environment) as process:
        while sum(stats(url)["answered"].values()) < kill_at:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    before = seen(url, requests)
    assert sum(before) < 400
    with AnswerStore(tmp_path) as store:
        stored = [store.get(request.key) is not None for request in requests]
    assert sum(before) - sum(stored) <= 2 * settings.concurrency, "under way, or in the commit that was cut off"

    assert subprocess.run(command, env=environment, check=False).returncode == 0
    again = [after - first for after, first in zip(seen(url, requests), before, strict=True)]
    assert again == [0 if known else 1 for known in stored]


def test_a_budget_of_requests_stops_and_a_larger_one_goes_on(tmp_path, fault_server, requests_about):
    url = fault_server("--fault-share", 0.1, "--kinds", "500", "not-json", "--seed", 3)
    requests = requests_about(120, SETTINGS)
    num_answered = 0
    for limit in (0, 40, 90):
        with pytest.raises(BudgetReached, match=f"max_requests: {limit} ") as stopped:
            ask_all(tmp_path, requests, budget=Budget(max_requests=limit))
        assert sum(stats(url)["received"].values()) == limit
        num_answered = max(num_answered, len(stopped.value.args[1]))
        with AnswerStore(tmp_path) as store:
            assert store.spent().requests == limit
            assert len(store) == num_answered == sum(stats(url)["answered"].values())
    assert all(answer.ok for answer in ask_all(tmp_path, requests).values())
    assert seen(url, requests, "answered") == [1] * 120


def test_a_budget_of_tokens_stops_with_what_was_under_way(tmp_path, fault_server, requests_about):
    url = fault_server()
    requests = requests_about(100, SETTINGS)
    each = TEXT_TOKENS + 2 * PICTURE_TOKENS + ANSWER_TOKENS
    with pytest.raises(BudgetReached, match="max_tokens"):
        ask_all(tmp_path, requests, budget=Budget(max_tokens=20 * each))
    with AnswerStore(tmp_path) as store:
        assert 20 <= store.spent().requests <= 20 + SETTINGS.concurrency
        assert store.spent().tokens == store.spent().requests * each == len(store) * each
    ask_all(tmp_path, requests, budget=Budget(max_tokens=100 * each))
    assert seen(url, requests) == [1] * 100


def test_leaving_early_keeps_what_is_at_the_server(tmp_path, fault_server, requests_about):
    url = fault_server("--delay-s", 0.3)
    requests = requests_about(100, SETTINGS)

    async def story() -> None:
        with AnswerStore(tmp_path) as store:
            async with Teacher(SETTINGS, store) as teacher:
                async for _ in answer_all(teacher, requests):
                    raise RuntimeError("the taker failed")

    with pytest.raises(RuntimeError, match="taker"):
        asyncio.run(story())
    with AnswerStore(tmp_path) as store:
        assert len(store) == sum(seen(url, requests)) == sum(seen(url, requests, "answered")) < 100
