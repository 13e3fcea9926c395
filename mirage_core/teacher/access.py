"""Where the server is and the key to it, from the environment and nowhere else; the key is never shown."""

import os
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from mirage_core.errors import InputError

URL_VARIABLE = "TEACHER_BASE_URL"
KEY_VARIABLE = "OPENAI_API_KEY"
NO_KEY = "no-key"
"""What is sent where no key is set: local servers want a header but do not read it."""
SHORTEST_SECRET = 8
"""Characters; shorter keys ("EMPTY", "x") are placeholders for local servers and may also occur in an answer."""


@dataclass(frozen=True)
class Access:
    """Address and key of one server."""

    url: str = field(repr=False)
    """As given; it may hold a password, so messages name `place`."""
    key: str = field(repr=False)
    place: str
    """The URL without user, password and query."""

    def redact(self, text: str) -> str:
        """The text without the key, should a server repeat it."""
        return text.replace(self.key, "[key]") if len(self.key) >= SHORTEST_SECRET else text

    def __reduce__(self) -> str:
        raise TypeError("the key must not be written anywhere")


def access_from_environment() -> Access:
    """Read the variables `TEACHER_BASE_URL` and `OPENAI_API_KEY`.

    Raises:
        InputError: The URL is missing or not one, or the key cannot be sent in a header.
    """
    url = os.environ.get(URL_VARIABLE, "").strip()
    if not url:
        raise InputError(f"{URL_VARIABLE} is not set: where the teacher's server is, e.g. http://127.0.0.1:8000/v1")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme not in ("http", "https") or not host:
        raise InputError(f"{URL_VARIABLE} is no address such as http://127.0.0.1:8000/v1")
    key = os.environ.get(KEY_VARIABLE, "").strip() or NO_KEY
    if not re.fullmatch(r"[!-~]+", key):
        raise InputError(f"{KEY_VARIABLE} holds spaces or characters that no HTTP header may hold")
    shown = f"[{host}]" if ":" in host else host
    return Access(url, key, f"{parts.scheme}://{shown}{f':{port}' if port else ''}{parts.path}")
