"""Turns of a chat as values: words and pictures, whatever protocol carries them."""

from typing import Literal, NamedTuple


class Text(NamedTuple):
    """A part of a message in words."""

    text: str


class Png(NamedTuple):
    """A part of a message that is a picture."""

    data: bytes
    """The bytes of a PNG file, or of a JPEG file."""


Role = Literal["system", "user", "assistant"]


class Message(NamedTuple):
    """One turn of a chat, as in OpenAI's protocol."""

    role: Role
    content: str | tuple[Text | Png, ...]
