"""What the tiny model that sees rooms learns to read, and how well the packaged one does."""

import re
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mirage_core.model.load import load_model, load_processor
from mirage_core.model.tiny import FIND_MARKS, READ_MARKS, ROOM_PX, build_room_processor
from mirage_core.puzzles import sat
from mirage_core.puzzles.sat_camera import Pose, project, turned
from mirage_core.puzzles.sat_marks import Mark
from mirage_core.recipe import Optimizer, PretrainRooms, Rooms
from mirage_core.synthesis.room_views import VIEWS_PER_ROOM, draw_room_views, read_room_views
from mirage_core.training.pretrain_rooms import column_after, pretrain_rooms, random_marks, read_rooms, room_reading

pytestmark = [pytest.mark.train, pytest.mark.render]

PACKAGED = Path(str(files("mirage_core.model"))) / "tiny_rooms"
needs_packaged = pytest.mark.skipif(not (PACKAGED / "README.md").is_file(), reason="the packaged model has no card yet")


@pytest.fixture(scope="module")
def views_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("views")
    counts = draw_room_views(Rooms(seed=3, num_rooms=4, num_held_out_rooms=2), folder, folder / "scratch", workers=1)
    assert counts == {"rooms": 6, "pictures": 6 * VIEWS_PER_ROOM}
    return folder


@pytest.fixture(scope="module")
def views(views_folder):
    (shard,) = read_room_views(views_folder)
    return shard


def test_pictures_of_a_room_differ_by_turns_on_the_spot(views):
    assert views.pictures.shape == (6, VIEWS_PER_ROOM, ROOM_PX, ROOM_PX, 3)
    assert len({picture.tobytes() for room in views.pictures for picture in room}) == 6 * VIEWS_PER_ROOM
    turns = (views.cameras[:, 1:, 0] - views.cameras[:, :1, 0] + 180) % 360 - 180
    assert np.abs(turns).max() <= 52 and np.abs(turns).std() > 5
    assert np.array_equal(views.cameras[:, 1:, 1], np.repeat(views.cameras[:, :1, 1], VIEWS_PER_ROOM - 1, axis=1))


def test_a_mark_stands_where_the_answer_says(views):
    """A picture's red pixels are those of marks: rooms have things in red too, so the bare view is subtracted."""
    for index in range(60):
        reading = room_reading(views, index % 6, np.random.default_rng([0, index]))
        if not reading.question.startswith(READ_MARKS):
            continue
        (image,) = reading.images
        bare = views.pictures[index % 6]
        changed = min(
            ((image != one).any(-1) for view in bare for one in (view, view[:, ::-1])), key=lambda mask: mask.sum()
        )
        assert 0 < changed.mean() < 0.03, "no view is this one without its marks"
        cells = re.findall(r"([1-9X])(\d)(\d)", reading.answer)
        assert "".join("".join(cell) for cell in cells) == reading.answer
        for _, column, row in cells:
            at = [(int(place) + np.array((-0.35, 1.35))) / 9 * ROOM_PX for place in (row, column)]
            box = changed[tuple(slice(max(0, int(low)), int(high) + 1) for low, high in at)]
            assert box.sum() >= 15, (reading.answer, column, row)


@given(
    x=st.floats(0.05, 0.95), y=st.floats(0.05, 0.95), pitch=st.floats(0, 25), turn=st.floats(-52, 52),
    far_m=st.floats(0.3, 9),
)  # fmt: skip
def test_where_a_mark_goes_does_not_depend_on_its_distance(x, y, pitch, turn, far_m):
    """Told by hand: a ray of that length from the camera, turned the other way about the upright axis."""
    right, height = 2 * x - 1, 1 - 2 * y
    tilt = np.radians(pitch)
    ray = far_m * np.array([right, np.cos(tilt) + height * np.sin(tilt), height * np.cos(tilt) - np.sin(tilt)])
    place = project(turned(Pose(0, 0, 0, 0, pitch), turn), tuple(ray))
    told = column_after(Mark("1", x, y), pitch, turn)
    inside = place is not None and 0 <= place[0] < 1
    assert told == (str(min(8, int(place[0] * 9))) if inside else "-") or abs(place[0] * 9 - round(place[0] * 9)) < 1e-6


def test_a_turn_to_the_left_moves_marks_to_the_right(views):
    assert column_after(Mark("1", 0.5, 0.5), 0, 30) == "7"
    assert column_after(Mark("1", 0.5, 0.5), 0, -30) == "1"
    assert column_after(Mark("1", 0.9, 0.5), 0, 30) == "-"
    questions = {room_reading(views, 0, np.random.default_rng([1, index])).question for index in range(20)}
    assert questions == {f"{READ_MARKS}<image>", f"{FIND_MARKS}<image><image>"}


def test_labels_are_apart_and_in_order():
    for seed in range(50):
        labels = [mark.label for mark in random_marks(np.random.default_rng(seed))]
        assert labels == sorted(set(labels)) and 1 <= len(labels) <= 4


def test_questions_of_sat_are_short_to_this_model():
    """Whole phrases are tokens and are decoded unchanged."""
    tokenizer, renderer = build_room_processor().tokenizer, sat.process_renderer()
    for index in range(10):
        puzzle, _ = sat.sample(renderer, 11, index, side_px=96)
        ids = tokenizer(sat.question(puzzle))["input_ids"]
        assert len(ids) < 60 and tokenizer.decode(ids) == sat.question(puzzle)


def test_a_resumed_run_ends_where_an_undisturbed_one_does(views_folder, tmp_path):
    settings = PretrainRooms(
        hidden=32, layers=1, heads=4, vision_hidden=32, vision_depth=1, num_rooms=4, num_held_out_rooms=2,
        num_held_out=4, optimizer=Optimizer(num_updates=4, batch_size=4, lr=2e-3, warmup_updates=1, save_every=2),
    )  # fmt: skip
    counts = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        counts.append(pretrain_rooms(settings, views_folder, tmp_path / name, tmp_path / "scratch"))
    assert counts[0]["updates"] == 4 and counts[1] == {**counts[0], "resumed_at": 2}
    assert counts[0]["held_out"]["readings"] == 4 and counts[0]["last_loss"] < counts[0]["first_loss"]
    first, second = (load_model(tmp_path / name / "model").state_dict() for name in ("first", "second"))
    assert all(torch.equal(weight, second[name]) for name, weight in first.items())


@needs_packaged
def test_the_packaged_model_reads_new_rooms(views):
    readings = [room_reading(views, index % 6, np.random.default_rng([2026, index])) for index in range(100)]
    counts = read_rooms(load_model(PACKAGED).eval(), load_processor(PACKAGED), readings)
    assert counts["readings"] == 100 and counts["right_marks"] >= 0.8 and counts["right_after_turns"] >= 0.6, counts
