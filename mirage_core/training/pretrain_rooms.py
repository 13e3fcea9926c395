"""Teaches a tiny model to see rooms: where marks are, and where they would be after a turn of the camera.

Marks are drawn as SAT draws them, onto views of furnished rooms, in random places. Asked is, label by label, in which
of nine columns and nine rows of the picture each stands; or, of two views between which the camera turned on the spot,
in which column of the second each would stand, which only the rooms' looks tell. No thing is named, nothing moves in a
room, no question of SAT is asked.
"""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from transformers import TrainingArguments, set_seed

from mirage_core.model.latent import MirageForConditionalGeneration
from mirage_core.model.processor import MirageProcessor
from mirage_core.model.tiny import (
    FIND_MARKS,
    READ_MARKS,
    ROOM_PATCH_PX,
    build_config,
    build_room_processor,
)
from mirage_core.puzzles.sat_camera import Pose, project, turned, unproject
from mirage_core.puzzles.sat_marks import MIN_MARK_GAP, Mark, draw_marks
from mirage_core.recipe import PretrainRooms
from mirage_core.synthesis.room_views import VIEWS_PER_ROOM, RoomViews, read_room_views
from mirage_core.training.collate import Collator
from mirage_core.training.readings import Reading, ReadingData, ReadingTrainer, read_out
from mirage_core.training.run import run_trainer, training_arguments

NUM_CELLS = 9
"""Columns and rows of a picture; the middle column is six degrees to either side."""
MAX_MARKS = 4
TURN_SHARE = 0.6
EDGE = 0.05
LABELS = (*"123456789", "X")
BESIDE = "-"
"""Said of a mark that the second view does not show."""
HELD_OUT_STREAM = 1
"""Second part of the seed of the readings that examine the finished model."""


def room_reading(views: RoomViews, room: int, rng: np.random.Generator) -> Reading:
    """One thing to read of a room; half of the pictures are mirrored."""
    first, second = rng.permutation(VIEWS_PER_ROOM)[:2].tolist()
    pictures = [views.pictures[room, view] for view in (first, second)]
    (yaw, pitch), (second_yaw, _) = views.cameras[room, [first, second]].tolist()
    turn_left_deg = (second_yaw - yaw + 180) % 360 - 180
    if rng.random() < 0.5:
        pictures, turn_left_deg = [np.ascontiguousarray(picture[:, ::-1]) for picture in pictures], -turn_left_deg
    marks = random_marks(rng)
    image = Image.fromarray(pictures[0])
    draw_marks(image, marks)
    marked = np.asarray(image)
    if rng.random() >= TURN_SHARE:
        answer = "".join(mark.label + _cell(mark.x) + _cell(mark.y) for mark in marks)
        return Reading(f"{READ_MARKS}<image>", (marked,), answer)
    columns = (column_after(mark, pitch, turn_left_deg) for mark in marks)
    answer = "".join(mark.label + column for mark, column in zip(marks, columns, strict=True))
    return Reading(f"{FIND_MARKS}<image><image>", (marked, pictures[1]), answer)


def random_marks(rng: np.random.Generator) -> tuple[Mark, ...]:
    """Up to four marks in random places, apart from one another, in the order of their labels."""
    labels = sorted(rng.choice(len(LABELS), int(rng.integers(1, MAX_MARKS + 1)), replace=False).tolist())
    marks: list[Mark] = []
    while len(marks) < len(labels):
        mark = Mark(LABELS[labels[len(marks)]], *rng.uniform(EDGE, 1 - EDGE, 2).tolist())
        if all(mark.gap(other) >= MIN_MARK_GAP for other in marks):
            marks.append(mark)
    return tuple(marks)


def column_after(mark: Mark, pitch_deg: float, turn_left_deg: float) -> str:
    """The column in which a mark's place is seen after a turn on the spot, whatever its distance."""
    pose = Pose(0.0, 0.0, 0.0, 0.0, pitch_deg)
    place = project(turned(pose, turn_left_deg), unproject(pose, mark.x, mark.y))
    return _cell(place[0]) if place is not None and 0 <= place[0] < 1 else BESIDE


def pretrain_rooms(settings: PretrainRooms, views: Path, out: Path, scratch: Path) -> dict[str, Any]:
    """Train a tiny model from nothing, examine it and save it below `out`.

    Returns:
        Counts: parameters, updates, losses, and how much of held-out rooms is read rightly.
    """
    set_seed(settings.seed)
    processor = build_room_processor()
    config = build_config(settings, processor.tokenizer, patch_px=ROOM_PATCH_PX)
    model = MirageForConditionalGeneration(config)
    shards = read_room_views(views)
    rooms = [(shard, room) for shard in shards for room in range(len(shard.pictures))]

    def draw(index: int) -> Reading:
        rng = np.random.default_rng([settings.seed, 0, index])
        return room_reading(*rooms[int(rng.integers(settings.num_rooms))], rng)

    arguments = training_arguments(settings.optimizer, scratch, settings.seed, "fp32")
    trainer = ReadingTrainer(
        model=model,
        args=TrainingArguments(**arguments),
        train_dataset=ReadingData(processor, draw, settings.optimizer.batch_size),
        data_collator=Collator(processor.tokenizer.pad_token_id),
    )
    counts = run_trainer(trainer, processor, out)
    rngs = [np.random.default_rng([settings.seed, HELD_OUT_STREAM, index]) for index in range(settings.num_held_out)]
    held_out = rooms[settings.num_rooms :]
    readings = [room_reading(*held_out[index % len(held_out)], rng) for index, rng in enumerate(rngs)]
    return {"parameters": model.num_parameters(), **counts, "held_out": read_rooms(model.eval(), processor, readings)}


def read_rooms(
    model: MirageForConditionalGeneration, processor: MirageProcessor, readings: list[Reading]
) -> dict[str, Any]:
    """Let a model read rooms, greedily, and count the characters behind the labels.

    Returns:
        Readings of marks and after turns, and of each the share of characters right.
    """
    texts = read_out(model, processor, readings, max_new_tokens=3 * MAX_MARKS + 1)
    counts: dict[str, list[float]] = {"marks": [], "after_turns": []}
    for one, text in zip(readings, texts, strict=True):
        said = text.ljust(len(one.answer))[: len(one.answer)] if len(text) == len(one.answer) else " " * len(one.answer)
        width = 3 if one.question.startswith(READ_MARKS) else 2
        pairs = [pair for place, pair in enumerate(zip(one.answer, said, strict=True)) if place % width]
        counts["marks" if width == 3 else "after_turns"] += [true == told for true, told in pairs]
    shares = {f"right_{name}": round(float(np.mean(values)), 4) for name, values in counts.items() if values}
    return {"readings": len(readings), **shares}


def _cell(share: float) -> str:
    return str(min(int(share * NUM_CELLS), NUM_CELLS - 1))
