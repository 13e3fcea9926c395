"""A recognisable key goes to the server and nowhere else: not to logs, messages, reprs, stored answers or exports."""

import asyncio
import logging
import pickle
import traceback
from pathlib import Path

import pytest

from mirage_core.errors import InputError
from mirage_core.teacher.access import access_from_environment
from mirage_core.teacher.chat import Message
from mirage_core.teacher.preflight import check_server
from mirage_core.teacher.request import request_for
from mirage_core.teacher.server import Teacher, answer_all
from mirage_core.teacher.settings import ServerTeacher
from mirage_core.teacher.store import AnswerStore, export_parquet

pytestmark = pytest.mark.server

KEY = "sk-recognisable-0123456789"
SETTINGS = ServerTeacher(model="teacher", timeout_s=0.5, backoff_s=0.01, http_tries=2)


def shown(value: object) -> str:
    return f"{value!r} {value} {vars(value) if hasattr(value, '__dict__') else ''}"


def test_the_key_is_shown_nowhere(tmp_path, fault_server, monkeypatch, caplog, capfd, requests_about):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    texts = []

    async def story() -> None:
        with AnswerStore(tmp_path / "store") as store:
            async with Teacher(SETTINGS, store) as teacher:
                async for request, answer in answer_all(teacher, requests_about(100, SETTINGS)):
                    texts.extend([shown(request), shown(answer)])
                texts.append(shown(teacher))
            export_parquet(store, tmp_path / "answers.parquet")

    fault_server("--fault-share", 0.5, "--key", KEY)
    asyncio.run(story())
    assert any("ok" in text for text in texts) and any("after 2 tries" in text for text in texts)
    for mistake in (["--key", "another"], ["--refuse", 400, "--said", f"you sent {KEY}"]):
        fault_server(*mistake)
        with pytest.raises(InputError) as found:
            check_server(SETTINGS)
        texts += ["".join(traceback.format_exception(found.value)), shown(found.value)]
    texts += [record.getMessage() + str(record.args) for record in caplog.records]
    texts += [caplog.text, *capfd.readouterr()]
    assert len(caplog.records) > 100  # the HTTP libraries did log
    assert not [text for text in texts if KEY in text]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= 2 and not [path for path in files if KEY.encode() in Path(path).read_bytes()]


def test_an_answer_that_repeats_the_key_is_stored_without_it(tmp_path, fault_server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "thought-key")
    fault_server("--answer", "your key is thought-key")
    request = request_for(SETTINGS, [Message("user", "Which key?")])

    async def story() -> str:
        with AnswerStore(tmp_path) as store:
            async with Teacher(SETTINGS, store) as teacher:
                return (await teacher.ask(request)).text

    assert asyncio.run(story()) == "your key is [key]"


def test_the_key_cannot_be_pickled(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("TEACHER_BASE_URL", "http://127.0.0.1:9/v1")
    access = access_from_environment()
    assert access.key == KEY and KEY not in repr(access)
    with pytest.raises(TypeError):
        pickle.dumps(access)
