"""What one HTTP exchange came to: an answer, a failure worth another try, or one that is final."""

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from openai import APIError, APIStatusError, APITimeoutError

from mirage_core.teacher.request import FILTERED, OK, TOO_LONG

EMPTY = "empty answer"
LONGEST_PAUSE_S = 600.0
"""Cap on what a server may ask for in Retry-After; longer waits use up the tries instead."""
TRANSIENT_STATUS = frozenset({408, 409, 425, 429})
"""Client errors worth another try, beside all of 500 and above."""


class Reply(NamedTuple):
    """One exchange."""

    reason: str
    """"ok" or what went wrong."""
    text: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    retry: bool = False
    """Whether the same request may fare better later."""
    congested: bool | None = False
    """Whether the server was overloaded, down or unreachable; None if that cannot be told."""
    pause_s: float | None = None
    """Wait that the server asked for, in seconds."""

    @property
    def keep(self) -> bool:
        """Whether asking again would change nothing: the model has spoken."""
        return self.reason in (OK, TOO_LONG, FILTERED)


def read_reply(body: bytes) -> Reply:
    """Judge the body of a reply with status 200."""
    try:
        data = json.loads(body)
    except ValueError:
        return Reply("reply is not JSON", retry=True, congested=None)
    try:
        choice = data["choices"][0]
        text, finish = choice["message"].get("content"), choice.get("finish_reason")
    except (LookupError, TypeError, AttributeError):
        return Reply("reply has no choices", retry=True, congested=None)
    usage = data.get("usage")
    tokens = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    if finish == "length":
        return Reply(TOO_LONG, text if isinstance(text, str) else "", *tokens)
    if finish == "content_filter":
        return Reply(FILTERED, "", *tokens)
    if not isinstance(text, str) or not text.strip():
        return Reply(EMPTY, "", *tokens, retry=True)
    return Reply(OK, text, *tokens)


def read_failure(error: APIError | OSError) -> Reply:
    """Judge what the SDK raised. Nothing of the error's own text is kept: it may repeat what was sent."""
    if isinstance(error, APIStatusError):
        status = error.status_code
        transient = status >= 500 or status in TRANSIENT_STATUS
        pause_s = retry_after_s(error.response.headers.get("retry-after"), datetime.now(UTC)) if transient else None
        return Reply(f"server error {status}", retry=transient, congested=transient or None, pause_s=pause_s)
    if isinstance(error, (APITimeoutError, TimeoutError)):
        return Reply("timeout", retry=True, congested=True)
    return Reply("connection lost", retry=True, congested=True)


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks to wait, as a number or as an HTTP date (RFC 9110, 10.2.3)."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            date = parsedate_to_datetime(header)
        except ValueError:
            return None
        seconds = ((date if date.tzinfo else date.replace(tzinfo=UTC)) - now).total_seconds()
    return min(max(seconds, 0.0), LONGEST_PAUSE_S) if seconds == seconds else None


def _count(usage: Any, name: str) -> int:
    count = usage.get(name) if isinstance(usage, dict) else None
    return count if isinstance(count, int) and count > 0 else 0
