"""What the tiny model that sees photographs learns to read, and its run."""

import numpy as np
import pytest
import torch
from PIL import Image

from mirage_core.jigsaw_spec import JigsawSpec
from mirage_core.model.base import resolve_base
from mirage_core.model.load import load_model, load_processor
from mirage_core.model.tiny import PHOTO_PX
from mirage_core.recipe import Optimizer, PretrainPhotos
from mirage_core.synthesis.jigsaw_photos import select_photos
from mirage_core.training.pretrain_photos import (
    HELD_OUT_STREAM,
    PART_PX,
    pretrain_photos,
    read_photographs,
    read_seams,
    seam_digits,
    seam_reading,
)

pytestmark = pytest.mark.train

SETTINGS = PretrainPhotos(
    hidden=32, layers=1, heads=2, vision_hidden=16, vision_depth=1, num_held_out=5,
    optimizer=Optimizer(num_updates=4, batch_size=8, lr=1e-3, warmup_updates=1, save_every=2),
)  # fmt: skip
SPEC = JigsawSpec(task="blink_jigsaw", seed=3, num_puzzles={"train": 40, "rl": 12, "validation": 12})


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    select_photos(SPEC.selection, SPEC.photos, "", folder)
    return folder


def flat(grey):
    return np.full((PHOTO_PX[1], PHOTO_PX[0], 3), grey, np.uint8)


def test_digits_tell_the_step_at_each_part_of_the_seam():
    crop, tile = flat(100), flat(100)
    assert seam_digits(crop, tile) == [4] * 6
    tile[0, :PART_PX] = 200  # first part of the upper edge, much brighter; the corner lies on the left edge too
    tile[PHOTO_PX[1] // 2 :, 0] = 93
    assert seam_digits(crop, tile) == [8, 4, 4, 4, 5, 3]
    assert seam_digits(crop, flat(20)) == [0] * 6


def test_the_missing_tile_continues_the_crop(photographs):
    """A tile in its own place differs from the crop less than another one does."""
    (photo, *_), rng = read_photographs(photographs, "train"), np.random.default_rng(0)
    readings = [seam_reading(photo, rng) for _ in range(150)]
    steps = np.array([[abs(int(digit) - 4) for digit in one.answer] for one in readings]).reshape(150, 2, 6).mean(2)
    assert np.median(steps.min(1)) < 0.6 * np.median(steps.max(1))
    for one in readings[:20]:
        crop, first, second = one.images
        assert crop.shape == first.shape == (PHOTO_PX[1], PHOTO_PX[0], 3)
        digits = [digit for tile in (first, second) for digit in seam_digits(crop, tile)]
        assert one.answer == "".join(map(str, digits))


def test_a_resumed_run_ends_where_an_undisturbed_one_does(photographs, tmp_path):
    counts = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        counts.append(pretrain_photos(SETTINGS, photographs, tmp_path / name, tmp_path / "scratch"))
    assert counts[0]["updates"] == 4 and counts[1] == {**counts[0], "resumed_at": 2}
    assert counts[0]["held_out"]["readings"] == 5 and counts[0]["last_loss"] < counts[0]["first_loss"]
    first, second = (load_model(tmp_path / name / "model").state_dict() for name in ("first", "second"))
    assert all(torch.equal(weight, second[name]) for name, weight in first.items())


def test_the_packaged_model_reads_photographs_it_was_not_trained_on(photographs):
    """It learned from others than those that are shipped with libraries."""
    folder = resolve_base("tiny-photos").ref
    model, processor = load_model(folder).eval(), load_processor(folder)
    photos = [photo for split in ("train", "validation") for photo in read_photographs(photographs, split)]
    rngs = [np.random.default_rng([5, HELD_OUT_STREAM, index]) for index in range(60)]
    readings = [seam_reading(photos[index % len(photos)], rng) for index, rng in enumerate(rngs)]
    read = read_seams(model, processor, readings)
    assert read["right"] > 0.8 and read["near"] > 0.95


def test_large_photographs_are_kept_small(photographs):
    assert all(
        max(photo.size) <= 480 and isinstance(photo, Image.Image) for photo in read_photographs(photographs, "train")
    )
