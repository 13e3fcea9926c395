"""Teaches the tiny model of mazes to see rooms: where marks are, and which.

Marks are drawn as SAT draws them, onto views of furnished rooms, in random places. Read is the picture as a map of six
by six cells, as of a maze, with a mark's label where there is one; or, behind a question that names one of the marks,
in which of nine columns that stands. No thing of a room is asked about, and no question of SAT.

The vision tower learns first, alone: the feature of each cell is to be the embedding of its letter, as near as words
can tell. Through the language model the same tower learned nothing (docs/LOG.md): one answer is too little to tell it
where to look. The language model, that of mazes, then only has to repeat what it is shown.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from transformers import TrainingArguments, set_seed

from mirage_core.model.base import resolve_base
from mirage_core.model.latent import MirageForConditionalGeneration
from mirage_core.model.load import load_model, load_processor
from mirage_core.model.processor import MirageProcessor
from mirage_core.model.tiny import build_config, build_processor
from mirage_core.puzzles import sat
from mirage_core.puzzles.sat_kinds import KINDS
from mirage_core.puzzles.sat_marks import MIN_MARK_GAP, Mark, draw_marks
from mirage_core.recipe import ReadRooms, Rooms, SeeRooms, TinySize
from mirage_core.synthesis.room_views import read_room_views
from mirage_core.training.collate import Collator
from mirage_core.training.pretrain import READ_MAP
from mirage_core.training.readings import Reading, ReadingData, ReadingTrainer, encode_readings, read_out
from mirage_core.training.run import run_trainer, training_arguments

WHERE = "<image>\nIn which column is {name} (near the mark {label} in the image)?"
NUM_COLUMNS = 9
"""Of which the middle one is six degrees to either side of straight ahead."""
MAP_CELLS = 6
"""Rows and columns of a map, one cell for each vision feature."""
FREE = "F"
"""A cell without a mark, as of a maze."""
LABELS = (*"123456789", "X")
MIN_MARKS = 6
WHERE_SHARE = 0.3
EDGE = 0.05
NEW_WORDS_SPREAD = 0.1
"""Of new words about the mean of the old ones, as a share of theirs. Embeddings are tied: further out, words that mean
nothing yet would be said in every place."""
HELD_OUT_STREAM = 1
"""Second part of the seed of the readings that examine the finished model."""


def room_reading(picture: np.ndarray, rng: np.random.Generator, where_share: float = WHERE_SHARE) -> Reading:
    """One thing to read of a view of a room; half of the views are mirrored."""
    marks = random_marks(rng)
    image = Image.fromarray(np.ascontiguousarray(picture[:, ::-1]) if rng.random() < 0.5 else np.array(picture))
    draw_marks(image, marks)
    shown = (np.asarray(image),)
    if rng.random() >= where_share:
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


class SightTrainer(ReadingTrainer):
    """Trains the vision tower, and the words that it is compared with, on maps."""

    def compute_loss(
        self,
        model: MirageForConditionalGeneration,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        scores_VT = scores_of_words(model, inputs)
        labels_BS = inputs["labels"]
        letters_L = torch.tensor(letter_ids(self.processing_class), device=labels_BS.device)
        loss = torch.nn.functional.cross_entropy(scores_VT, labels_BS[torch.isin(labels_BS, letters_L)])
        return (loss, scores_VT) if return_outputs else loss


def scores_of_words(model: MirageForConditionalGeneration, inputs: dict[str, Any]) -> Tensor:
    """How much each vision feature is like each word: (V, T), features of all pictures in the order of maps."""
    features = model.get_image_features(inputs["pixel_values"], inputs["image_grid_thw"]).pooler_output
    return torch.cat(tuple(features)) @ model.get_input_embeddings().weight.T


def letter_ids(processor: MirageProcessor) -> list[int]:
    """Of the letters of maps."""
    return [processor.tokenizer.convert_tokens_to_ids(letter) for letter in (*LABELS, FREE)]


def start_from(settings: SeeRooms) -> tuple[MirageForConditionalGeneration, MirageProcessor]:
    """The base model with a new vision tower, and a tokenizer that also knows SAT's phrases, which mean nothing yet."""
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
    text = old.config.text_config
    size = TinySize(
        hidden=text.hidden_size,
        layers=text.num_hidden_layers,
        heads=text.num_attention_heads,
        **settings.model_dump(include={"vision_hidden", "vision_depth"}),
    )
    model = MirageForConditionalGeneration(build_config(size, processor.tokenizer))
    language = {name: weight for name, weight in old.state_dict().items() if ".visual." not in name}
    tied = {"model.language_model.embed_tokens.weight": embeddings, "lm_head.weight": embeddings}
    model.load_state_dict({**model.state_dict(), **language, **tied})
    model.tie_weights()
    return model, processor


class Drawer:
    """Readings of rooms, drawn from `views`."""

    def __init__(self, settings: Rooms, views: Path, where_share: float) -> None:
        pictures = [room for shard in read_room_views(views) for room in shard]
        self.seed, self.where_share = settings.seed, where_share
        self.seen, self.held_out = pictures[: settings.num_rooms], pictures[settings.num_rooms :]

    def __call__(self, index: int, stream: int = 0) -> Reading:
        """The `index`-th reading of a stream; that of `HELD_OUT_STREAM` shows rooms that no other one does."""
        rng = np.random.default_rng([self.seed, stream, index])
        rooms = self.held_out if stream == HELD_OUT_STREAM else self.seen
        room = rooms[int(rng.integers(len(rooms)))]
        return room_reading(room[int(rng.integers(len(room)))], rng, self.where_share)


def see_rooms(settings: SeeRooms, views: Path, out: Path, scratch: Path) -> dict[str, Any]:
    """Train a vision tower before the language model of the base model, examine it and save both below `out`.

    Returns:
        Counts: parameters, updates, losses, and how many marks of held-out rooms the tower sees.
    """
    set_seed(settings.seed)
    model, processor = start_from(settings)
    draw = Drawer(settings, views, where_share=0.0)
    counts = run_trainer(_trainer(SightTrainer, model, processor, draw, settings, scratch), processor, out)
    readings = [draw(index, HELD_OUT_STREAM) for index in range(settings.num_held_out)]
    return {
        "parameters": model.num_parameters(),
        **counts,
        "held_out": examine_sight(model.eval(), processor, readings),
    }


def read_rooms(settings: ReadRooms, seeing: Path, views: Path, out: Path, scratch: Path) -> dict[str, Any]:
    """Train a model whose tower sees rooms to read them, examine it and save it below `out`.

    Returns:
        Counts: parameters, updates, losses, and how much of held-out rooms is read rightly.
    """
    set_seed(settings.seed)
    model, processor = load_model(seeing), load_processor(seeing)
    draw = Drawer(settings, views, WHERE_SHARE)
    counts = run_trainer(_trainer(ReadingTrainer, model, processor, draw, settings, scratch), processor, out)
    readings = [draw(index, HELD_OUT_STREAM) for index in range(settings.num_held_out)]
    return {"parameters": model.num_parameters(), **counts, "held_out": examine(model.eval(), processor, readings)}


def _trainer(
    kind: type[ReadingTrainer],
    model: MirageForConditionalGeneration,
    processor: MirageProcessor,
    draw: Drawer,
    settings: SeeRooms | ReadRooms,
    scratch: Path,
) -> ReadingTrainer:
    return kind(
        model=model,
        args=TrainingArguments(**training_arguments(settings.optimizer, scratch, settings.seed, "fp32")),
        train_dataset=ReadingData(processor, draw, settings.optimizer.batch_size),
        data_collator=Collator(processor.tokenizer.pad_token_id),
        processing_class=processor,
    )


@torch.no_grad()
def examine_sight(
    model: MirageForConditionalGeneration, processor: MirageProcessor, readings: list[Reading], batch_size: int = 100
) -> dict[str, Any]:
    """What the vision tower alone sees; the map of each picture is made of the letters that its features are most like.

    Returns:
        As `share_marks`.
    """
    letters_L = torch.tensor(letter_ids(processor))
    texts: list[str] = []
    for first in range(0, len(readings), batch_size):
        rows = encode_readings(processor, readings[first : first + batch_size])
        scores_VL = scores_of_words(model, Collator(processor.tokenizer.pad_token_id)(rows))[:, letters_L]
        seen = "".join((*LABELS, FREE)[letter] for letter in scores_VL.argmax(-1).tolist())
        texts += [
            "\n".join(re.findall(f".{{{MAP_CELLS}}}", of_one)) for of_one in re.findall(f".{{{MAP_CELLS**2}}}", seen)
        ]
    return share_marks(readings, texts)


def examine(
    model: MirageForConditionalGeneration, processor: MirageProcessor, readings: list[Reading]
) -> dict[str, Any]:
    """Let a model read rooms, greedily.

    Returns:
        As `share_marks`, and the shares of columns told rightly and at most one off.
    """
    texts = read_out(model, processor, readings, max_new_tokens=MAP_CELLS * (MAP_CELLS + 1))
    columns = [(one.answer, text) for one, text in zip(readings, texts, strict=True) if one.question != READ_MAP]
    right = [said == true for true, said in columns]
    near = [said.isdecimal() and abs(int(said) - int(true)) <= 1 for true, said in columns]
    return {
        **share_marks(readings, texts),
        "columns_right": round(float(np.mean(right)), 4),
        "columns_near": round(float(np.mean(near)), 4),
    }


def share_marks(readings: list[Reading], texts: list[str]) -> dict[str, Any]:
    """Compare maps with what was said of them.

    Returns:
        Readings; the shares of marks that are told in their cell, by any label and by their own.
    """
    maps = [(one.answer, text) for one, text in zip(readings, texts, strict=True) if one.question == READ_MAP]
    pairs = [pair for answer, text in maps for pair in zip(answer, text.ljust(len(answer)), strict=False)]
    marks = [(true, said) for true, said in pairs if true in LABELS]
    return {
        "readings": len(readings),
        "marks_found": round(float(np.mean([said in LABELS for _, said in marks])), 4),
        "labels_right": round(float(np.mean([said == true for true, said in marks])), 4),
    }


def _cell(mark: Mark) -> tuple[int, int]:
    """Row and column of the map."""
    return int(mark.y * MAP_CELLS), int(mark.x * MAP_CELLS)
