"""Teaches the tiny model of mazes to see rooms: where marks are, and which.

Marks are drawn as SAT draws them, onto views of furnished rooms, in random places. Read is the picture as a map of six
by six cells, as of a maze, with a mark's label where there is one; or, behind a question that names one of the marks,
in which of nine columns that stands. No thing of a room is asked about, and no question of SAT.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import TrainingArguments, set_seed

from mirage_core.model.base import resolve_base
from mirage_core.model.latent import MirageForConditionalGeneration
from mirage_core.model.load import load_model, load_processor
from mirage_core.model.processor import MirageProcessor
from mirage_core.model.tiny import build_config, build_processor
from mirage_core.puzzles import sat
from mirage_core.puzzles.sat_kinds import KINDS
from mirage_core.puzzles.sat_marks import MIN_MARK_GAP, Mark, draw_marks
from mirage_core.recipe import PretrainRooms
from mirage_core.synthesis.room_views import read_room_views
from mirage_core.training.collate import Collator
from mirage_core.training.pretrain import READ_MAP
from mirage_core.training.readings import Reading, ReadingData, ReadingTrainer, read_out
from mirage_core.training.run import run_trainer, training_arguments

WHERE = "<image>\nIn which column is {name} (near the mark {label} in the image)?"
NUM_COLUMNS = 9
"""Of which the middle one is six degrees to either side of straight ahead."""
MAP_CELLS = 6
"""Rows and columns of a map, one cell for each vision feature."""
FREE = "F"
"""A cell without a mark, as of a maze."""
LABELS = (*"123456789", "X")
MIN_MARKS = 4
WHERE_SHARE = 0.3
EDGE = 0.05
NEW_WORDS_SPREAD = 0.1
"""Of new words about the mean of the old ones, as a share of theirs. Embeddings are tied: further out, words that mean
nothing yet would be said in every place."""
HELD_OUT_STREAM = 1
"""Second part of the seed of the readings that examine the finished model."""


def room_reading(picture: np.ndarray, rng: np.random.Generator) -> Reading:
    """One thing to read of a view of a room; half of the views are mirrored."""
    marks = random_marks(rng)
    image = Image.fromarray(np.ascontiguousarray(picture[:, ::-1]) if rng.random() < 0.5 else np.array(picture))
    draw_marks(image, marks)
    shown = (np.asarray(image),)
    if rng.random() >= WHERE_SHARE:
        return Reading(READ_MAP, shown, map_of(marks))
    mark, name = marks[int(rng.integers(len(marks)))], list(KINDS)[int(rng.integers(len(KINDS)))]
    return Reading(WHERE.format(name=name, label=mark.label), shown, str(int(mark.x * NUM_COLUMNS)))


def random_marks(rng: np.random.Generator) -> tuple[Mark, ...]:
    """Marks in random places, apart from one another, no two in one cell of the map."""
    labels = rng.permutation(len(LABELS))[: int(rng.integers(MIN_MARKS, len(LABELS) + 1))].tolist()
    marks: list[Mark] = []
    while len(marks) < len(labels):
        mark = Mark(LABELS[labels[len(marks)]], *rng.uniform(EDGE, 1 - EDGE, 2).tolist())
        if all(mark.gap(other) >= MIN_MARK_GAP and _cell(mark) != _cell(other) for other in marks):
            marks.append(mark)
    return tuple(marks)


def map_of(marks: tuple[Mark, ...]) -> str:
    """Six lines of six letters."""
    rows = [[FREE] * MAP_CELLS for _ in range(MAP_CELLS)]
    for mark in marks:
        row, column = _cell(mark)
        rows[row][column] = mark.label
    return "\n".join(map("".join, rows))


def start_from(settings: PretrainRooms) -> tuple[MirageForConditionalGeneration, MirageProcessor]:
    """The base model with a tokenizer that also knows SAT's phrases, which mean nothing yet."""
    folder = Path(resolve_base(settings.base_model).ref)
    processor, old = build_processor(*sat.fixed_phrases()), load_model(folder)
    vocabulary = load_processor(folder).tokenizer.get_vocab()
    known = {
        index: vocabulary[token] for token, index in processor.tokenizer.get_vocab().items() if token in vocabulary
    }
    weights = old.get_input_embeddings().weight.data
    noise = torch.randn(len(processor.tokenizer), weights.shape[1]) * (NEW_WORDS_SPREAD * weights.std(0))
    embeddings = weights.mean(0) + noise
    embeddings[list(known)] = weights[list(known.values())]
    model = MirageForConditionalGeneration(build_config(settings, processor.tokenizer))
    tied = {"model.language_model.embed_tokens.weight": embeddings, "lm_head.weight": embeddings}
    model.load_state_dict({**old.state_dict(), **tied})
    model.tie_weights()
    return model, processor


def pretrain_rooms(settings: PretrainRooms, views: Path, out: Path, scratch: Path) -> dict[str, Any]:
    """Train the base model on, examine it and save it below `out`.

    Returns:
        Counts: parameters, updates, losses, and how much of held-out rooms is read rightly.
    """
    set_seed(settings.seed)
    model, processor = start_from(settings)
    pictures = [room for shard in read_room_views(views) for room in shard]

    def draw(index: int, rooms: list[np.ndarray], stream: int) -> Reading:
        rng = np.random.default_rng([settings.seed, stream, index])
        room = rooms[int(rng.integers(len(rooms)))]
        return room_reading(room[int(rng.integers(len(room)))], rng)

    seen, held_out = pictures[: settings.num_rooms], pictures[settings.num_rooms :]
    trainer = ReadingTrainer(
        model=model,
        args=TrainingArguments(**training_arguments(settings.optimizer, scratch, settings.seed, "fp32")),
        train_dataset=ReadingData(processor, lambda index: draw(index, seen, 0), settings.optimizer.batch_size),
        data_collator=Collator(processor.tokenizer.pad_token_id),
    )
    counts = run_trainer(trainer, processor, out)
    readings = [draw(index, held_out, HELD_OUT_STREAM) for index in range(settings.num_held_out)]
    return {"parameters": model.num_parameters(), **counts, "held_out": read_rooms(model.eval(), processor, readings)}


def read_rooms(
    model: MirageForConditionalGeneration, processor: MirageProcessor, readings: list[Reading]
) -> dict[str, Any]:
    """Let a model read rooms, greedily.

    Returns:
        Readings; of maps, the shares of marks that are told in their cell, by any label and by their own; of columns,
        the shares told rightly and at most one off.
    """
    texts = read_out(model, processor, readings, max_new_tokens=MAP_CELLS * (MAP_CELLS + 1))
    found: dict[str, list[bool]] = {"marks_found": [], "labels_right": [], "columns_right": [], "columns_near": []}
    for one, text in zip(readings, texts, strict=True):
        if one.question != READ_MAP:
            found["columns_right"].append(text == one.answer)
            found["columns_near"].append(text.isdigit() and abs(int(text) - int(one.answer)) <= 1)
            continue
        pairs = zip(one.answer, text.ljust(len(one.answer)), strict=False)
        told = [(true, said) for true, said in pairs if true in LABELS]
        found["marks_found"] += [said in LABELS for _, said in told]
        found["labels_right"] += [said == true for true, said in told]
    shares = {name: round(float(np.mean(values)), 4) for name, values in found.items() if values}
    return {"readings": len(readings), **shares}


def _cell(mark: Mark) -> tuple[int, int]:
    """Row and column of the map."""
    return int(mark.y * MAP_CELLS), int(mark.x * MAP_CELLS)
