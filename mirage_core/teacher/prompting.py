"""From a prompt file to messages, and from a reply back to an explanation.

A prompt file is a chat written down: `# System`, worked examples as `# User` and `# Assistant`, the last `# User` that
is asked, and `# Again`, which feeds objections back. `$name` is a field, `<image>` and `<helper_image>` stand where the
puzzle's and the helper's pictures go; `$$` is a dollar sign.
"""

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import NamedTuple

from mirage_core.errors import InputError
from mirage_core.teacher import Explanation
from mirage_core.teacher.chat import Message, Png, Role, Text

MAX_REPLY_CHARACTERS = 12_000
"""Of a whole reply: about 3,000 tokens, more than any thought asked for."""
NOTHING_LEFT = "NONE"
"""What a teacher writes for a part that has nothing to tell."""
HEADING = re.compile(r"^# (System|User|Assistant|Again)[ \t]*$", re.MULTILINE)
PICTURE = re.compile(r"<(image|helper_image)>")


class Prompt(NamedTuple):
    """A prompt file."""

    name: str
    """Its file, for errors."""
    turns: tuple[tuple[Role, str], ...]
    """Who says what, fields still unfilled; the last turn is the question."""
    again: str
    """How objections are fed back; empty where the file has no such part."""


class Rejection(NamedTuple):
    """A reply that could not be used."""

    reply: str
    objections: tuple[str, ...]
    """Sentences that say why, each complete in itself."""


class Unusable(NamedTuple):
    """Why a reply holds no thought."""

    reason: str
    """Short and stable; rejects are counted under it."""
    told: str
    """A sentence that may be fed back."""


def load_prompt(name: str, folder: Path | None = None) -> Prompt:
    """The prompt file `<name>.md` of this package, or of a folder of the user's; see `prompt_text` for the errors."""
    return parse_prompt(prompt_text(name, folder), name)


def prompt_text(name: str, folder: Path | None = None) -> str:
    """What a prompt file says.

    Raises:
        InputError: There is no such file, it is not text, or it lacks a part.
    """
    path = folder / f"{name}.md" if folder else files("mirage_core.teacher") / "prompts" / f"{name}.md"
    if not path.is_file():
        raise InputError(f"{path}: there is no such prompt file")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    parse_prompt(text, str(path))
    return text


def parse_prompt(text: str, name: str) -> Prompt:
    """Cut a prompt file at its headings.

    Raises:
        InputError: It has no `# User` part before `# Again`, or words ahead of the first heading.
    """
    ahead, *parts = HEADING.split(text)
    told = [(heading.lower(), part.strip()) for heading, part in zip(parts[::2], parts[1::2], strict=True)]
    again = [part for heading, part in told if heading == "again"]
    turns: list[tuple[Role, str]] = [(heading, part) for heading, part in told if heading != "again"]  # type: ignore[misc]
    if ahead.strip():
        raise InputError(f"{name}: begins with {ahead.split()[0]!r}; the first line must be a heading like # System")
    if not turns or turns[-1][0] != "user" or len(again) > 1:
        raise InputError(f"{name}: its last part must be # User, with at most one # Again behind it")
    return Prompt(name, tuple(turns), again[0] if again else "")


def messages(
    facts: Mapping[str, str],
    images: Sequence[bytes],
    helpers: Sequence[bytes],
    prompt: Prompt,
    rejections: Sequence[Rejection] = (),
) -> list[Message]:
    """The chat that asks for a thought, with earlier replies and what is wrong with them.

    Args:
        facts: Values of the prompt's fields; what a prompt does not name is left out.
        images: PNG bytes of the puzzle's pictures, which take the place of `<image>`, all of them.
        helpers: PNG bytes of the helper's pictures, for `<helper_image>`.
        prompt: What to say.
        rejections: Earlier replies, the first one first.

    Raises:
        InputError: The prompt names a field that this task has not.
    """
    pictures = {"image": images, "helper_image": helpers}
    *examples, (_, question) = prompt.turns
    chat = [Message(role, text.replace("$$", "$")) for role, text in examples]
    chat.append(Message("user", _with_pictures(question, facts, pictures, prompt.name)))
    for rejection in rejections:
        told = "\n".join(f"- {objection}" for objection in rejection.objections)
        chat.append(Message("assistant", rejection.reply))
        chat.append(Message("user", _filled(prompt.again, {**facts, "objections": told}, prompt.name)))
    return chat


def _filled(text: str, facts: Mapping[str, str], name: str) -> str:
    try:
        return Template(text).substitute(facts)
    except KeyError as error:
        raise InputError(f"{name}: field ${error.args[0]} is unknown; known are {', '.join(sorted(facts))}") from error
    except ValueError as error:
        raise InputError(f"{name}: {error}; a dollar sign that is no field is written $$") from error


def _with_pictures(
    text: str, facts: Mapping[str, str], pictures: Mapping[str, Sequence[bytes]], name: str
) -> str | tuple[Text | Png, ...]:
    """Cut at the pictures' marks first, so that marks in what fills the fields stay words."""
    words = PICTURE.split(text)
    if len(words) == 1:
        return _filled(text, facts, name)
    parts: list[Text | Png] = []
    for place, part in enumerate(words):
        if place % 2:
            parts += [Png(picture) for picture in pictures[part]]
        elif part.strip():
            parts.append(Text(_filled(part.strip(), facts, name)))
    return tuple(parts)


# replies

THINKING = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>|^.*</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
UNFINISHED = re.compile(r"<think(?:ing)?>", re.IGNORECASE)
FENCE = re.compile(r"^[ \t]*```.*$", re.MULTILINE)
MARKER = re.compile(
    r"^[ \t>#*_\-\[(<]*(before|cue|after)\b[ \t]*(?:[\])>]|\*\*|__)*[ \t]*(?::|(?<=[\])>])|$)[ \t*_]*",
    re.IGNORECASE | re.MULTILINE,
)
"""`BEFORE:`, also as `**BEFORE:**`, `### Before`, `[BEFORE]` or `<before>`."""
CLOSING = re.compile(r"</(?:before|cue|after)>", re.IGNORECASE)
STRAY = re.compile(
    r"<\|[^|<>]*\|>|</?(?:image|output_image|helper_image|img|answer|s|eos|bos|pad|tool_call)\b[^>]*>|\[/?INST\]",
    re.IGNORECASE,
)
WORD = re.compile(r"[^\W\d_]+")
ENGLISH = frozenset(
    WORD.findall(
        "the a an to of is it in on at and i me my so but for from with by as that this there no not next then moving "
        "move right left up down hole ice target goal start path way picture imagine visualize let"
    )
)
MIN_ENGLISH_SHARE = 0.15
"""Of the words; thoughts in English have about half, other languages in Latin script below a tenth."""
MIN_WORDS_JUDGED = 8
MAX_FOREIGN_SHARE = 0.05
"""Letters outside ASCII, such as those of a name."""


def read_explanation(text: str) -> Explanation | Unusable:
    """Find the parts of a reply, in whatever a chatty model wraps around them.

    Left out are thinking blocks, code fences and anything ahead of the first marker. The cue ends `before`; the word
    NONE leaves `after` empty. Whether the parts are true and complete is for `said` to judge.

    Returns:
        The explanation, or "no_reply", "reply_too_long", "unfinished_thinking", "no_markers" (a marker is missing,
        stands twice or out of order), "empty_part", "stray_mark" (`<image>`, special tokens) or "not_english".
    """
    if len(text) > MAX_REPLY_CHARACTERS:
        return Unusable("reply_too_long", f"Your reply has {len(text)} characters; write much less.")
    said = THINKING.sub("", text)
    if UNFINISHED.search(said):
        return Unusable("unfinished_thinking", "Your reply ended inside a thinking block; think less.")
    said = FENCE.sub("", said).strip()
    if not said:
        return Unusable("no_reply", "Your reply was empty.")
    parts = MARKER.split(said)
    if [name.lower() for name in parts[1::2]] != ["before", "cue", "after"]:
        return Unusable("no_markers", "Your reply needs BEFORE:, CUE: and AFTER:, each once and in this order.")
    before, cue, after = (_tidied(part) for part in parts[2::2])
    if stray := STRAY.search(f"{before} {cue} {after}"):
        return Unusable("stray_mark", f"Your reply has the mark {stray[0]} in it; write words only.")
    after = "" if after.strip(".*_() ").upper() == NOTHING_LEFT else after
    if not before or not cue:
        return Unusable("empty_part", f"Nothing stands behind {'CUE' if before else 'BEFORE'}:.")
    if _is_foreign(f"{before} {cue} {after}"):
        return Unusable("not_english", "Write in English.")
    cue = cue if cue[-1] in ".!?" else f"{cue}."
    before = before if before[-1] in ".!?" else f"{before}."
    return Explanation(f"{before} {cue}", after)


def _tidied(part: str) -> str:
    """A part without its closing tag and the quotes or emphasis that wrap it whole."""
    part = CLOSING.sub("", part).strip()
    for sign in ('"', "**", "*"):
        inner = part[len(sign) : -len(sign)]
        if part.startswith(sign) and part.endswith(sign) and inner and sign not in inner:
            part = inner.strip()
    return part


def _is_foreign(text: str) -> bool:
    letters = [letter for letter in text if letter.isalpha()]
    if sum(not letter.isascii() for letter in letters) > MAX_FOREIGN_SHARE * len(letters):
        return True
    words = WORD.findall(text.lower())
    return len(words) >= MIN_WORDS_JUDGED and sum(word in ENGLISH for word in words) < MIN_ENGLISH_SHARE * len(words)
