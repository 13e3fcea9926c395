"""Which imagined frame becomes the helper image, if a model behind a server picks."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mirage_core.puzzles.sat_helpers import pick_frame
from mirage_core.row import encode_png
from mirage_core.teacher.chat import Message, Png, Text
from mirage_core.teacher.request import request_for
from mirage_core.teacher.server import Teacher

PROMPT = """\
A question about a room is asked with the pictures above:

{question}

A camera starts at the first of them and is imagined to move: {movement}. Below are {number} frames of what it might
see, numbered 1 to {number}. Some are blurred or show what is known already. Which single frame helps most to answer the
question? Reply with its number alone."""
NUMBER = re.compile(r"(?<![\d.])(\d{1,3})(?![\d.]*\d)")
MEASURE, TEACHER = "measure", "teacher"


class Picked(NamedTuple):
    """The chosen frame."""

    place: int
    """Among the frames, from 0."""
    by: str
    """"measure" or "teacher"."""
    reason: str
    """"ok", or why the teacher's reply was not taken: "no_number", "no_such_frame", or what failed at the server."""


def pick_by_measure(frames: Sequence[np.ndarray], given: Sequence[np.ndarray], reason: str = "ok") -> Picked:
    """The frame that is new against what the question shows, and sharp; see `pick_frame`."""
    return Picked(pick_frame(frames, given), MEASURE, reason)


async def pick_by_teacher(
    teacher: Teacher, question: str, images: Sequence[bytes], movement: str, frames: Sequence[np.ndarray],
    given: Sequence[np.ndarray],
) -> Picked:  # fmt: skip
    """The frame that a model names; where it names none, the measure picks.

    Args:
        teacher: Of `settings.server`.
        question: With its `<image>` marks.
        images: Its pictures, as files.
        movement: In words.
        frames: Of which one is to be picked, uint8 RGB.
        given: The question's views without marks, for the measure.
    """
    text = PROMPT.format(question=question.replace("<image>", "").strip(), movement=movement, number=len(frames))
    parts: list[Text | Png] = [Png(image) for image in images] + [Text(text)]
    for number, frame in enumerate(frames, 1):
        parts += [Text(f"Frame {number}:"), Png(encode_png(frame))]
    answer = await teacher.ask(request_for(teacher.settings, [Message("user", tuple(parts))]))
    if not answer.ok:
        return pick_by_measure(frames, given, answer.reason)
    place = read_choice(answer.text, len(frames))
    return Picked(place, TEACHER, "ok") if isinstance(place, int) else pick_by_measure(frames, given, place)


def read_choice(reply: str, number: int) -> int | str:
    """The place of the frame that a reply names last, or why it names none."""
    named = [int(found) for found in NUMBER.findall(reply)]
    if not named:
        return "no_number"
    return named[-1] - 1 if 1 <= named[-1] <= number else "no_such_frame"
