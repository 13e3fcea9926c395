"""What is asked and what came back. A request's key is the hash of all that decides its answer."""

import base64
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from mirage_core.row import encode_png
from mirage_core.teacher.chat import Message, Png, Text
from mirage_core.teacher.settings import ServerTeacher

OK = "ok"
TOO_LONG = "longer than max_tokens"
FILTERED = "content filter"
JPEG_BEGINNING = b"\xff\xd8\xff"
NUM_CACHED_PICTURES = 32
"""Pictures kept encoded: the thoughts of a row follow each other, and photos take a megabyte each."""


@dataclass(frozen=True)
class Request:
    """One call of a chat model."""

    model: str
    messages: tuple[Message, ...]
    temperature: float
    top_p: float
    max_tokens: int
    sample: int = 0
    """Number among requests that are equal otherwise, sent as the server's random seed: several thoughts differ."""

    @cached_property
    def canonical(self) -> str:
        """Everything that decides the answer as JSON, a picture by the SHA-256 of its file."""
        return json.dumps(self._fields(_by_hash), sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @cached_property
    def key(self) -> str:
        """SHA-256 of `canonical` in hex: equal requests share an answer, and any change asks anew."""
        return sha256(self.canonical.encode()).hexdigest()

    def body(self) -> bytes:
        """What is sent: JSON with the pictures as data URLs."""
        return json.dumps(self._fields(_as_data_url), separators=(",", ":")).encode()

    def _fields(self, picture: Callable[[bytes], dict[str, Any]]) -> dict[str, Any]:
        return {
            "model": self.model,
            "messages": [
                {"role": message.role, "content": _content(message.content, picture)} for message in self.messages
            ],
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.max_tokens,
            "seed": self.sample,
        }


class Answer(NamedTuple):
    """How a request ended."""

    text: str
    """What the model said; empty unless it said something."""
    reason: str
    """"ok", or the name of what went wrong."""
    prompt_tokens: int
    """Of all times it was sent, as far as the server told."""
    completion_tokens: int
    seconds: float
    """From the last sending to the reply, waiting for a turn not included."""

    @property
    def ok(self) -> bool:
        """Whether the text is a whole answer."""
        return self.reason == OK


def request_for(settings: ServerTeacher, messages: Sequence[Message], sample: int = 0) -> Request:
    """A request as the settings want it sampled, its pictures scaled down to `image_px`."""
    if settings.image_px is not None:
        messages = [_scaled(message, settings.image_px) for message in messages]
    return Request(settings.model, tuple(messages), settings.temperature, settings.top_p, settings.max_tokens, sample)


@lru_cache(NUM_CACHED_PICTURES)
def scale_down(png: bytes, longest_px: int) -> bytes:
    """The picture with no side above `longest_px`; one that is small enough stays as it is, byte by byte."""
    with Image.open(io.BytesIO(png)) as image:
        if max(image.size) <= longest_px:
            return png
        scale = longest_px / max(image.size)
        width, height = (max(1, round(side * scale)) for side in image.size)
        return encode_png(np.asarray(image.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)))


def _scaled(message: Message, longest_px: int) -> Message:
    if isinstance(message.content, str):
        return message
    parts = (Png(scale_down(part.data, longest_px)) if isinstance(part, Png) else part for part in message.content)
    return Message(message.role, tuple(parts))


def _content(
    content: str | tuple[Text | Png, ...], picture: Callable[[bytes], dict[str, Any]]
) -> str | list[Mapping[str, Any]]:
    if isinstance(content, str):
        return content
    return [picture(part.data) if isinstance(part, Png) else {"type": "text", "text": part.text} for part in content]


@lru_cache(NUM_CACHED_PICTURES)
def _by_hash(png: bytes) -> dict[str, Any]:
    return {"type": "image", "sha256": sha256(png).hexdigest()}


@lru_cache(NUM_CACHED_PICTURES)
def _as_data_url(png: bytes) -> dict[str, Any]:
    kind = "jpeg" if png.startswith(JPEG_BEGINNING) else "png"
    return {"type": "image_url", "image_url": {"url": f"data:image/{kind};base64,{base64.b64encode(png).decode()}"}}
