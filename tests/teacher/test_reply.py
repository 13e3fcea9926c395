"""What an exchange is taken for, without a server."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from mirage_core.teacher.reply import LONGEST_PAUSE_S, read_reply, retry_after_s

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


def body(content: object = "words", finish: str = "stop", usage: object = None) -> bytes:
    choice = {"message": {"content": content}, "finish_reason": finish}
    return json.dumps({"choices": [choice], "usage": usage}).encode()


@pytest.mark.parametrize(
    ("data", "reason", "retry", "keep"),
    [
        (body(), "ok", False, True),
        (body(finish="length"), "longer than max_tokens", False, True),
        (body(None, "content_filter"), "content filter", False, True),
        (body(""), "empty answer", True, False),
        (body(" \n"), "empty answer", True, False),
        (body(None), "empty answer", True, False),
        (body()[:-5], "reply is not JSON", True, False),
        (b"", "reply is not JSON", True, False),
        (b"\xff\xfe\xfa", "reply is not JSON", True, False),
        (b"[]", "reply has no choices", True, False),
        (b"null", "reply has no choices", True, False),
        (b'{"choices": [{"message": null}]}', "reply has no choices", True, False),
        (b'{"error": "busy"}', "reply has no choices", True, False),
    ],
)
def test_bodies_are_named(data, reason, retry, keep):
    reply = read_reply(data)
    assert (reply.reason, reply.retry, reply.keep) == (reason, retry, keep)


@pytest.mark.parametrize("usage", [None, [], "many", {}, {"prompt_tokens": None}, {"prompt_tokens": -1}])
def test_a_strange_count_of_tokens_is_zero(usage):
    reply = read_reply(body(usage=usage))
    assert (reply.text, reply.prompt_tokens, reply.completion_tokens) == ("words", 0, 0)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("0.25", 0.25),
        ("-3", 0.0),
        ("1e9", LONGEST_PAUSE_S),
        ("nan", None),
        ("soon", None),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0.0),
        ("Tue, 24 Nov 2026 12:00:05 -0000", 5.0),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(header, seconds):
    assert retry_after_s(header, NOW) == seconds
