"""Teaches a tiny model to see photographs: how much brighter or darker than its neighbour a tile's edge is.

Shown are a crop with its hole and two tiles of the same photograph, cut as jigsaws are; said are six digits for either
tile: along the upper edge of the hole in four parts and along the left one in two, one for each vision feature that
lies there, how the tile's first pixels differ from those that they would join. "4" is no difference. Which tile is the
missing one is never asked, so that choosing is left to the stages that follow. Cuts are drawn without end from the
photographs of split `train`, at the size that the model sees.
"""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from transformers import TrainingArguments, set_seed

from mirage_core.model.latent import MirageForConditionalGeneration
from mirage_core.model.processor import MirageProcessor
from mirage_core.model.tiny import MEASURE, PHOTO_PATCH_PX, PHOTO_PX, build_config, build_photo_processor
from mirage_core.photos.collect import read_pixels
from mirage_core.puzzles.jigsaw_cut import OTHER_TILES, TILES
from mirage_core.recipe import PretrainPhotos
from mirage_core.synthesis.jigsaw_photos import photos_of_splits
from mirage_core.training.collate import Collator
from mirage_core.training.readings import Reading, ReadingData, ReadingTrainer, read_out
from mirage_core.training.run import run_trainer, training_arguments

QUESTION = MEASURE + "<image><image><image>"
BOUNDS = (-56, -28, -14, -5, 5, 14, 28, 56)
"""Grey levels between the digits 0 to 8."""
PART_PX = 14
"""Length of a part in the tile: a vision feature's side. In the crop it is half."""
LONGEST_PX = 480
"""Photographs are kept at it in memory: a window of 168 pixels needs no more."""
MIN_WINDOW_SHARE = 0.35
"""As of jigsaws."""
HELD_OUT_STREAM = 1
"""Second part of the seed of the cuts that examine the finished model."""


def read_photographs(folder: Path, split: str) -> list[Image.Image]:
    """The photographs of a split, reduced."""
    photos = []
    for photo in photos_of_splits(folder)[split]:  # type: ignore[index]
        image = Image.fromarray(read_pixels(folder, photo))
        image.thumbnail((LONGEST_PX, LONGEST_PX))
        photos.append(image)
    return photos


def seam_reading(photo: Image.Image, rng: np.random.Generator) -> Reading:
    """One thing to read of a photograph: of the two tiles the missing one is one in a random place, or none at all."""
    width, height = PHOTO_PX
    across, down = width * TILES, height * TILES
    largest = min(photo.width / across, photo.height / down)
    scale = rng.uniform(MIN_WINDOW_SHARE, 1.0) * largest
    left, top = rng.uniform(0, photo.width - across * scale), rng.uniform(0, photo.height - down * scale)
    box = (left, top, min(left + across * scale, photo.width), min(top + down * scale, photo.height))
    window = np.asarray(photo.resize((across, down), Image.Resampling.BICUBIC, box=box))
    if rng.random() < 0.5:
        window = window[:, ::-1]
    right = window[height : 2 * height, width : 2 * width]
    places = [OTHER_TILES[int(at)] for at in rng.permutation(len(OTHER_TILES))[:2]]
    tiles = [window[row * height :, column * width :][:height, :width] for column, row in places]
    if rng.random() < MISSING_SHARE:
        tiles[int(rng.integers(2))] = right
    crop = Image.fromarray(np.ascontiguousarray(window[: 2 * height, : 2 * width]))
    shown = np.array(crop.resize(PHOTO_PX, Image.Resampling.BICUBIC))
    shown[height // 2 :, width // 2 :] = 0
    digits = [digit for tile in tiles for digit in seam_digits(shown, tile)]
    first, second = map(np.ascontiguousarray, tiles)
    return Reading(QUESTION, (shown, first, second), "".join(map(str, digits)))


MISSING_SHARE = 0.7


def seam_digits(crop: np.ndarray, tile: np.ndarray) -> list[int]:
    """The digits of one tile; crop and tile are uint8 RGB of one size."""
    height, width = crop.shape[0] // 2, crop.shape[1] // 2
    grey, its = crop.mean(2), tile.mean(2)
    pairs = ((its[0], grey[height - 1, width:]), (its[:, 0], grey[height:, width - 1]))
    steps = [own.reshape(-1, PART_PX).mean(1) - beside.reshape(-1, PART_PX // 2).mean(1) for own, beside in pairs]
    return [int(digit) for digit in np.searchsorted(BOUNDS, np.concatenate(steps))]


def pretrain_photos(settings: PretrainPhotos, photographs: Path, out: Path, scratch: Path) -> dict[str, Any]:
    """Train a tiny model from nothing, examine it and save it below `out`.

    Returns:
        Counts: parameters, updates, losses, and how often digits of held-out photographs are right or one off.
    """
    set_seed(settings.seed)
    processor = build_photo_processor()
    config = build_config(settings, processor.tokenizer, patch_px=PHOTO_PATCH_PX)
    model = MirageForConditionalGeneration(config)
    photos = read_photographs(photographs, "train")

    def draw(index: int) -> Reading:
        rng = np.random.default_rng([settings.seed, 0, index])
        return seam_reading(photos[int(rng.integers(len(photos)))], rng)

    trainer = ReadingTrainer(
        model=model,
        args=TrainingArguments(**training_arguments(settings.optimizer, scratch, settings.seed, "fp32")),
        train_dataset=ReadingData(processor, draw, settings.optimizer.batch_size),
        data_collator=Collator(processor.tokenizer.pad_token_id),
    )
    counts = run_trainer(trainer, processor, out)
    held_out = read_photographs(photographs, "validation")
    rngs = [np.random.default_rng([settings.seed, HELD_OUT_STREAM, index]) for index in range(settings.num_held_out)]
    readings = [seam_reading(held_out[index % len(held_out)], rng) for index, rng in enumerate(rngs)]
    examined = read_seams(model.eval(), processor, readings)
    return {"parameters": model.num_parameters(), **counts, "held_out": examined}


def read_seams(
    model: MirageForConditionalGeneration, processor: MirageProcessor, readings: list[Reading]
) -> dict[str, Any]:
    """Let a model read seams, greedily, and count digits.

    Returns:
        Readings, the share of digits right, and of those at most one off.
    """
    texts = read_out(model, processor, readings, max_new_tokens=len(readings[0].answer) + 1)
    right = near = 0
    for one, text in zip(readings, texts, strict=True):
        said = text if len(text) == len(one.answer) and text.isdigit() else ""
        for true, told in zip(one.answer, said, strict=False):
            right += true == told
            near += abs(int(true) - int(told)) <= 1
    num_digits = sum(len(one.answer) for one in readings)
    return {"readings": len(readings), "right": round(right / num_digits, 4), "near": round(near / num_digits, 4)}
