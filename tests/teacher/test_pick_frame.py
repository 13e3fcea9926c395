"""A model behind a server picks the frame; where it names none, the measure does."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from mirage_core.row import encode_png
from mirage_core.teacher.server import Teacher
from mirage_core.teacher.settings import ServerTeacher
from mirage_core.teacher.store import AnswerStore
from mirage_core.video.pick import pick_by_measure, pick_by_teacher, read_choice

GIVEN = [np.zeros((32, 32, 3), np.uint8)]
SHARP = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
FRAMES = [GIVEN[0], GIVEN[0], SHARP, GIVEN[0]]


@pytest.mark.parametrize(
    ("reply", "place"),
    [
        ("3", 2), ("Frame 2.", 1), ("**4**", 3), ("Frame 1 is blurred, so I take frame 3.", 2), ("number 1", 0),
        ("", "no_number"), ("the second", "no_number"), ("5", "no_such_frame"), ("0", "no_such_frame"),
        ("2.5", "no_number"), ("1234", "no_number"),
    ],
)  # fmt: skip
def test_replies_are_read(reply, place):
    assert read_choice(reply, 4) == place


def ask(folder: Path, **settings):
    server = ServerTeacher(model="teacher", http_tries=2, backoff_s=0.01, **settings)

    async def run():
        with AnswerStore(folder) as store:
            async with Teacher(server, store) as teacher:
                return await pick_by_teacher(
                    teacher, "<image>\nWhere is it?", [encode_png(GIVEN[0])], "The camera turns left", FRAMES, GIVEN
                )

    return asyncio.run(run())


@pytest.mark.server
def test_a_model_is_shown_question_and_frames_and_its_choice_is_taken(fault_server, tmp_path):
    from fault_server import stats

    url = fault_server("--answer", "Frame 4")
    assert ask(tmp_path) == (3, "teacher", "ok")
    assert stats(url)["sizes"] == {"32x32": 5}
    assert ask(tmp_path) == (3, "teacher", "ok")
    assert sum(stats(url)["received"].values()) == 1  # the second time from the store


@pytest.mark.server
@pytest.mark.parametrize(
    ("options", "reason"),
    [(("--answer", "none of them"), "no_number"), (("--answer", "9"), "no_such_frame"), (("--refuse", "400"), None)],
)
def test_the_measure_picks_where_no_frame_is_named(fault_server, tmp_path, options, reason):
    fault_server(*options)
    picked = ask(tmp_path)
    assert picked[:2] == pick_by_measure(FRAMES, GIVEN)[:2] == (2, "measure")
    assert picked.reason == reason if reason else picked.reason != "ok"
