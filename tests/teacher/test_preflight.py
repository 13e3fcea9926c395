"""Every mistake at the start is one clear message; the key is in none of them."""

import pytest
from fault_server import running, stats

from mirage_core.errors import InputError
from mirage_core.teacher.chat import Message
from mirage_core.teacher.preflight import check_server
from mirage_core.teacher.request import request_for
from mirage_core.teacher.settings import ServerTeacher

pytestmark = pytest.mark.server

SETTINGS = ServerTeacher(model="teacher", timeout_s=2.0, max_tokens=100)
KEY = "sk-recognisable-0123456789"


def complaint(settings: ServerTeacher = SETTINGS) -> str:
    with pytest.raises(InputError) as found:
        check_server(settings)
    return str(found.value)


def test_a_good_server_is_asked_one_small_request_with_and_without_pictures(fault_server):
    url = fault_server("--max-model-len", 4096)
    check_server(SETTINGS)
    found = stats(url)
    assert list(found["received"].values()) == [1, 1]
    assert found["sizes"] == {"384x384": 2}


def test_the_pictures_are_scaled_as_the_run_will(fault_server):
    url = fault_server()
    check_server(SETTINGS.model_copy(update={"image_px": 200}))
    assert stats(url)["sizes"] == {"200x200": 2}


def test_a_server_without_a_list_of_models_will_do(fault_server):
    fault_server("--models")
    check_server(SETTINGS)


def test_a_server_that_drops_pictures(fault_server):
    fault_server("--blind")
    assert complaint().startswith("model: ") and "with them and 108 without" in complaint()
    check_server(SETTINGS, request_for(SETTINGS, [Message("user", "Are you there?")]))


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key(fault_server, monkeypatch, status):
    fault_server("--key", "sk-another-key-entirely", "--key-status", status)
    assert complaint().startswith("OPENAI_API_KEY: ") and f"wants a key ({status})" in complaint()
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert f"refuses the key ({status})" in complaint()
    assert KEY not in complaint()
    monkeypatch.setenv("OPENAI_API_KEY", "sk-another-key-entirely")
    check_server(SETTINGS)


@pytest.mark.parametrize("key", ["two words", "line\nbreak-key", "schlüssel"])
def test_a_key_that_no_header_may_hold(monkeypatch, key):
    monkeypatch.setenv("TEACHER_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_API_KEY", key)
    assert complaint().startswith("OPENAI_API_KEY holds") and key not in complaint()


@pytest.mark.parametrize(
    "url", [None, "", "127.0.0.1:8000", "ftp://x/v1", "http://", "http://[::1/v1", "http://x:port/v1"]
)
def test_an_address_that_is_none(monkeypatch, url):
    monkeypatch.delenv("TEACHER_BASE_URL", raising=False)
    if url is not None:
        monkeypatch.setenv("TEACHER_BASE_URL", url)
    assert complaint().startswith("TEACHER_BASE_URL is")


def test_nothing_listens(monkeypatch):
    with running() as url:
        pass
    monkeypatch.setenv("TEACHER_BASE_URL", url.replace("http://", "http://user:secret-word@"))
    assert complaint().startswith(f"TEACHER_BASE_URL: nothing answers at {url} (")
    assert "secret-word" not in complaint()


def test_an_address_without_the_path(fault_server, monkeypatch):
    url = fault_server("--models")
    monkeypatch.setenv("TEACHER_BASE_URL", url.removesuffix("/v1"))
    assert "has no /chat/completions (404); the address mostly ends in /v1" in complaint()


def test_an_unknown_model_and_judge(fault_server):
    fault_server("--models", "teacher", "other")
    unknown = SETTINGS.model_copy(update={"model": "techer"})
    assert complaint(unknown).startswith("model: ") and complaint(unknown).endswith(
        "has no techer; it has other, teacher"
    )
    assert complaint(SETTINGS.model_copy(update={"judge_model": "jugde"})).startswith("judge_model: ")


@pytest.mark.parametrize(
    ("status", "said", "complains"),
    [
        (404, "The model `teacher` does not exist.", "model: "),
        (400, "Server is pinned to '/models/other'; requested 'teacher'.", "model: "),
        (
            400,
            "This model's maximum context length is 8 tokens. However, you requested 9 tokens.",
            "max_tokens, image_px: ",
        ),
        (
            400,
            "The prompt (total length 900) is longer than the maximum model length of 800.",
            "max_tokens, image_px: ",
        ),
        (413, "Payload Too Large", "image_px: "),
        (400, "image exceeds the limit of 100 pixels", "image_px: "),
        (400, "At most 1 image(s) may be provided in one prompt.", "model: teacher at"),
        (400, "teacher is not a multimodal model", "model: teacher at"),
        (400, "no idea", "TEACHER_BASE_URL: "),
        (429, "insufficient_quota", "TEACHER_BASE_URL: "),
        (500, "CUDA out of memory", "TEACHER_BASE_URL: "),
    ],
)
def test_a_refused_request_names_what_to_change(fault_server, monkeypatch, status, said, complains):
    monkeypatch.setattr("mirage_core.teacher.preflight.WAIT_S", 0.01)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    fault_server("--refuse", status, "--said", f"{said} [{KEY}]")
    message = complaint()
    assert message.startswith(complains) and f"({status}: {said}" in message
    assert KEY not in message


def test_a_context_that_max_tokens_does_not_fit_into(fault_server):
    fault_server("--max-model-len", 550)
    assert "max_tokens: 100 and a prompt of 500 tokens do not fit into the 550 tokens" in complaint()


@pytest.mark.parametrize("kind", ["not-json", "no-choices"])
def test_another_kind_of_server(fault_server, kind):
    fault_server("--fault-share", 1, "--kinds", kind)
    assert "is no OpenAI-compatible server (reply " in complaint()


def test_a_server_that_does_not_answer(fault_server):
    fault_server("--fault-share", 1, "--kinds", "slow", "--slow-s", 5)
    assert "did not answer in timeout_s" in complaint()


@pytest.mark.parametrize("kind", ["dropped", "truncated", "not-json", "500", "429"])
def test_a_hiccup_of_the_server_is_not_taken_for_its_absence(fault_server, kind):
    """With this seed some exchanges fail, never three of one request in a row."""
    url = fault_server("--fault-share", 0.4, "--kinds", kind, "--seed", 4)
    for question in range(6):
        check_server(SETTINGS, request_for(SETTINGS, [Message("user", f"Are you there, {question}?")]))
    assert sum(stats(url)["faults"].values()) >= 1
