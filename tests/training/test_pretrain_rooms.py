"""What the tiny model that sees rooms learns to read."""

import re
from itertools import combinations

import numpy as np
import pytest
import torch

from mirage_core.model.base import resolve_base
from mirage_core.model.load import load_model, load_processor
from mirage_core.model.tiny import build_processor
from mirage_core.puzzles import sat
from mirage_core.puzzles.sat_marks import MIN_MARK_GAP
from mirage_core.recipe import Optimizer, PretrainRooms, Rooms
from mirage_core.synthesis.room_views import ROOM_PX, VIEWS_PER_ROOM, draw_room_views, read_room_views
from mirage_core.training.collate import Collator
from mirage_core.training.pretrain import READ_MAP
from mirage_core.training.pretrain_rooms import pretrain_rooms, random_marks, read_rooms, room_reading, start_from
from mirage_core.training.readings import Reading, encode_readings

pytestmark = [pytest.mark.train, pytest.mark.render]

SETTINGS = PretrainRooms(
    hidden=64, layers=3, heads=4, vision_hidden=48, vision_depth=2, num_rooms=4, num_held_out_rooms=2, num_held_out=4,
    optimizer=Optimizer(num_updates=4, batch_size=4, lr=1e-3, warmup_updates=1, save_every=2),
)  # fmt: skip


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


def test_every_view_is_another(views):
    assert views.shape == (6, VIEWS_PER_ROOM, ROOM_PX, ROOM_PX, 3)
    assert len({picture.tobytes() for room in views for picture in room}) == 6 * VIEWS_PER_ROOM


def changed(reading, view):
    """Pixels in which the shown picture is neither the view nor its mirror image, whichever is nearer."""
    return min(((reading.images[0] != one).any(-1) for one in (view, view[:, ::-1])), key=np.count_nonzero)


def test_a_mark_stands_where_the_answer_says(views):
    asked = set()
    for index in range(60):
        view = views[index % 6, index % VIEWS_PER_ROOM]
        reading = room_reading(view, np.random.default_rng([0, index]))
        dots = changed(reading, view)
        assert 0 < dots.mean() < 0.05, "this is not the view with marks"
        asked.add(reading.question == READ_MAP)
        if reading.question == READ_MAP:
            cells = [(row, column) for row, line in enumerate(reading.answer.split("\n")) for column, letter in
                     enumerate(line) if letter != "F"]  # fmt: skip
            assert 4 <= len(cells) <= 10
            for cell in cells:  # with what reaches over its edges
                box = tuple(slice(max(0, int(at * ROOM_PX / 6) - 4), int((at + 1) * ROOM_PX / 6) + 5) for at in cell)
                assert dots[box].sum() >= 15, reading.answer
        else:
            low, high = (int((int(reading.answer) + over) / 9 * ROOM_PX) for over in (-0.4, 1.4))
            assert dots[:, max(0, low) : high].sum() >= 15
            assert re.search(r"near the mark [1-9X] in the image", reading.question)
    assert asked == {True, False}


def test_marks_are_apart_and_none_twice():
    for seed in range(100):
        marks = random_marks(np.random.default_rng(seed))
        assert len({mark.label for mark in marks}) == len(marks) >= 4
        assert all(one.gap(other) >= MIN_MARK_GAP for one, other in combinations(marks, 2))


@torch.no_grad()
def test_training_goes_on_from_the_model_of_mazes(views):
    """Old words keep their scores, and new ones are not said instead of them."""
    model, processor = start_from(SETTINGS)
    old, old_processor = (load(resolve_base("tiny").ref) for load in (load_model, load_processor))
    scores = []
    for one, its in ((model, processor), (old, old_processor)):
        (row,) = encode_readings(its, [Reading(READ_MAP, (views[0, 0],), "FFF")])
        batch = Collator(its.tokenizer.pad_token_id)([row])
        scores.append(one.eval()(**batch).logits[0])
    words = processor.tokenizer.get_vocab()
    common = [(words[word], number) for word, number in old_processor.tokenizer.get_vocab().items()]
    ours, theirs = (score[:, list(numbers)] for score, numbers in zip(scores, zip(*common, strict=True), strict=True))
    assert torch.allclose(ours, theirs, atol=1e-3)
    new = sorted(set(words.values()) - {number for number, _ in common})
    assert (scores[0][:, new].amax(-1) < scores[0].amax(-1)).all()


def test_questions_of_sat_are_short_to_this_model():
    """Whole phrases are tokens and are decoded unchanged."""
    tokenizer, renderer = build_processor(*sat.fixed_phrases()).tokenizer, sat.process_renderer()
    for index in range(10):
        puzzle, _ = sat.sample(renderer, 11, index, side_px=96)
        ids = tokenizer(sat.question(puzzle))["input_ids"]
        assert len(ids) < 60 and tokenizer.decode(ids) == sat.question(puzzle)


def test_a_resumed_run_ends_where_an_undisturbed_one_does(views_folder, tmp_path):
    counts = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        counts.append(pretrain_rooms(SETTINGS, views_folder, tmp_path / name, tmp_path / "scratch"))
    assert counts[0]["updates"] == 4 and counts[1] == {**counts[0], "resumed_at": 2}
    assert counts[0]["held_out"]["readings"] == 4 and counts[0]["last_loss"] < counts[0]["first_loss"]
    first, second = (load_model(tmp_path / name / "model").state_dict() for name in ("first", "second"))
    assert all(torch.equal(weight, second[name]) for name, weight in first.items())
    again = read_rooms(load_model(tmp_path / "first/model").eval(), load_processor(tmp_path / "first/model"),
                       [room_reading(read_room_views(views_folder)[0][0, 0], np.random.default_rng(1))])  # fmt: skip
    assert again["readings"] == 1
