"""The teacher against `transformers serve` with a tiny model: what a real server sends and refuses."""

import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from real_servers import seeing_folder, serving, stock_folder

from mirage_core.errors import InputError
from mirage_core.puzzles import vsp
from mirage_core.teacher.chat import Message
from mirage_core.teacher.preflight import check_server, probe
from mirage_core.teacher.request import OK, TOO_LONG, Answer, Request, request_for
from mirage_core.teacher.server import Teacher, answer_all
from mirage_core.teacher.settings import Budget, ServerTeacher
from mirage_core.teacher.store import AnswerStore

pytestmark = pytest.mark.server

VISION = "MIRAGE_VISION_PYTHON"
PICTURE_TOKENS = 36 + 2
"""Of the tiny model: 168 pixels in steps of 28, between two marks."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return stock_folder(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def server(folder, tmp_path_factory) -> Iterator[str]:
    transformers = Path(sys.executable).with_name("transformers")
    with serving([transformers, "serve", "--device", "cpu", folder], tmp_path_factory.mktemp("serve")) as url:
        yield url


@pytest.fixture
def settings(folder, server, monkeypatch) -> ServerTeacher:
    monkeypatch.setenv("TEACHER_BASE_URL", server)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    return ServerTeacher(model=str(folder), max_tokens=24, timeout_s=60.0, concurrency=4)


def ask_all(
    store_folder: Path, settings: ServerTeacher, requests: Sequence[Request], budget: Budget | None = None
) -> dict[str, Answer]:
    async def story() -> dict[str, Answer]:
        with AnswerStore(store_folder) as store:
            async with Teacher(settings, store, budget) as teacher:
                return {request.key: answer async for request, answer in answer_all(teacher, requests)}

    return asyncio.run(story())


def in_words(settings: ServerTeacher, number: int) -> list[Request]:
    """Requests without pictures: texts of several forms, two thoughts of each."""
    turns = [
        [Message("user", vsp.QUESTION)],
        [Message("system", "You explain mazes."), Message("user", "Which way — left or “right”?")],
        [Message("user", "Explain."), Message("assistant", "First down."), Message("user", "No, there is a hole.")],
    ]
    return [request_for(settings, turns[index % 3], index // 3) for index in range(number)]


def test_answers_arrive_are_stored_and_not_asked_again(tmp_path, settings, monkeypatch):
    requests = in_words(settings, 6)
    answers = ask_all(tmp_path, settings, requests)
    assert set(answers) == {request.key for request in requests}
    assert {answer.reason for answer in answers.values()} <= {OK, TOO_LONG}
    assert any(answer.text for answer in answers.values())  # some say special tokens only, which are left out
    for answer in answers.values():
        assert answer.prompt_tokens > 10 and 0 < answer.completion_tokens <= settings.max_tokens
    monkeypatch.setenv("TEACHER_BASE_URL", "http://127.0.0.1:9/v1")  # where nobody listens
    assert ask_all(tmp_path, settings, requests, Budget(max_requests=6)) == answers
    with AnswerStore(tmp_path) as store:
        assert (len(store), store.spent().requests) == (6, 6)


def test_the_number_of_a_thought_decides_what_is_said(tmp_path, settings):
    requests = [request_for(settings, [Message("user", "Explain.")], sample) for sample in range(6)]
    alone = settings.model_copy(update={"concurrency": 1})  # the server's random numbers are one stream for all
    first = ask_all(tmp_path / "first", alone, requests)
    assert len({answer.text for answer in first.values()}) > 1
    again = ask_all(tmp_path / "again", alone, requests)
    assert [again[request.key].text for request in requests] == [first[request.key].text for request in requests]


def test_an_unknown_model_is_refused_by_name(tmp_path, settings):
    unknown = settings.model_copy(update={"model": "techer"})
    with pytest.raises(InputError, match=r"^model: .* has no techer \(400: Server is pinned to"):
        check_server(unknown)
    answers = ask_all(tmp_path, unknown, in_words(unknown, 2))
    assert {answer.reason for answer in answers.values()} == {"server error 400"}


def test_the_check_passes_in_words_and_sees_that_pictures_are_dropped(settings):
    check_server(settings, in_words(settings, 1)[0])
    with pytest.raises(InputError, match=r"^model: .* drops the pictures .* install torchvision\)$"):
        check_server(settings)


@pytest.mark.skipif(VISION not in os.environ, reason=f"{VISION} names no venv with torchvision; see docs/teacher.md")
def test_with_torchvision_pictures_are_seen(tmp_path, monkeypatch, requests_about):
    folder = seeing_folder(tmp_path / "tiny")
    command = [Path(os.environ[VISION]).with_name("transformers"), "serve", "--device", "cpu", folder]
    with serving(command, tmp_path / "home") as url:
        monkeypatch.setenv("TEACHER_BASE_URL", url)
        settings = ServerTeacher(model=str(folder), max_tokens=24, timeout_s=60.0, concurrency=4)
        check_server(settings)
        words = request_for(settings, [Message("user", "Are these two pictures equal?")])
        requests = [words, probe(settings), *requests_about(6, settings)]
        answers = ask_all(tmp_path / "store", settings, requests)
    assert {answer.reason for answer in answers.values()} <= {OK, TOO_LONG}
    assert answers[requests[1].key].prompt_tokens - answers[words.key].prompt_tokens == 2 * PICTURE_TOKENS
    assert ask_all(tmp_path / "store", settings, requests) == answers
