"""Teaches a tiny model to see rooms: where marks are, and which.

Marks are drawn as SAT draws them, onto views of furnished rooms, in random places. The vision tower learns first, and
alone: the feature of each of six by six cells is to be the embedding of the label there, or of a letter for none, as
near as words can tell. Through a language model the same tower learned nothing (docs/LOG.md): one answer is too little
to tell it where to look. Then a new language model learns to answer where a named mark stands in the picture: in which
of six columns, or which of two choices is right, as "left by 30 percent" or "in the middle". No thing of a room is
asked about, no turn and no degrees.
"""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from transformers import TrainingArguments, set_seed

from mirage_core.model.base import resolve_base
from mirage_core.model.latent import MirageForConditionalGeneration, labels_to_predict
from mirage_core.model.load import load_model, load_processor
from mirage_core.model.processor import MirageProcessor
from mirage_core.model.tiny import build_config, build_processor
from mirage_core.puzzles import sat
from mirage_core.puzzles.sat_furniture import COLOURS
from mirage_core.puzzles.sat_kinds import KINDS
from mirage_core.puzzles.sat_marks import MIN_MARK_GAP, Mark, draw_marks
from mirage_core.recipe import ReadRooms, Rooms, SeeRooms
from mirage_core.synthesis.room_views import read_room_views
from mirage_core.training.collate import IGNORED, Collator
from mirage_core.training.pretrain import READ_MAP
from mirage_core.training.readings import Reading, ReadingData, ReadingTrainer, encode_readings, read_out
from mirage_core.training.run import run_trainer, training_arguments

COLUMN = "<image>\nIn which column is {name} (near the mark {label} in the image)?"
COLUMNS = "abcdef"
"""Of vision features, from left to right; digits would be taken for labels."""
HOW_FAR = "How far from the middle is {name} (near the mark {label} in the image)?"
SIDES, MIDDLE = ("left", "right"), "in the middle"
CHOICE_SHARE = 0.7
"""Of questions with two choices; in the others one word is said freely."""
MIDDLE_TO, OTHER_SIDE_TO = 0.06, 0.14
"""How far from the middle, as a share of the side, a mark may be that is in it, and one of which not that is the wrong
choice but always the other side."""
MAP_CELLS = 6
"""Rows and columns of a map, one cell for each vision feature."""
FREE = "F"
"""A cell without a mark, as of a maze."""
LABELS = (*"123456789", "X")
MARKS_OF_MAPS, MARKS_OF_QUESTIONS = (6, len(LABELS)), (1, 3)
"""How many, at least and at most: many to see more at once, and as few as pictures of SAT have."""
EDGE = 0.05
NEW_WORDS_SPREAD = 0.1
"""Of new words about the mean of the old ones, as a share of theirs. Embeddings are tied: further out, words that mean
nothing yet would be said in every place."""
ROPE_THETA = 15.0
"""At the stock 10,000 the rotary channels of columns, the slowest ones of heads as narrow as 16, turn by 0.016 rad from
one edge of the picture to the other: no column could be told (docs/LOG.md)."""
INITIALIZER_RANGE = 0.15
"""Of the weights of the new language model. At the stock 0.02 one as narrow attends to everything alike at first, and
needs far more updates to find the mark that is asked for (docs/LOG.md)."""
COLUMNS_WEIGHT = 0.3
"""Of what picture tokens say, beside the answers: with all tokens weighing the same, and so 36 of them against ten of
an answer, 2,500 updates taught columns alone (docs/LOG.md)."""
MAX_ANSWER_TOKENS = 16
HELD_OUT_STREAM = 1
"""Second part of the seed of the readings that examine the finished model."""


def map_reading(picture: np.ndarray, rng: np.random.Generator) -> Reading:
    """A view of a room whose map is to be read."""
    shown, marks = _marked(picture, rng, *MARKS_OF_MAPS)
    return Reading(READ_MAP, (shown,), map_of(marks))


def place_reading(picture: np.ndarray, rng: np.random.Generator) -> Reading:
    """A view of a room, and a question for the place of one of its marks; what is named beside it means nothing."""
    shown, marks = _marked(picture, rng, *MARKS_OF_QUESTIONS)
    mark = marks[int(rng.integers(len(marks)))]
    kind, colour = list(KINDS.values())[int(rng.integers(len(KINDS)))], list(COLOURS)[int(rng.integers(len(COLOURS)))]
    named = {"name": kind.phrase.format(colour=colour), "label": mark.label}
    if rng.random() >= CHOICE_SHARE:
        return Reading(COLUMN.format(**named), (shown,), COLUMNS[int(mark.x * len(COLUMNS))])
    right, wrong = _how_far(mark.x - 0.5, rng)
    choices = (right, wrong) if rng.random() < 0.5 else (wrong, right)
    return Reading(sat.question_text(HOW_FAR.format(**named), choices, 1), (shown,), rf"\boxed{{{right}}}")


def _how_far(off: float, rng: np.random.Generator) -> tuple[str, str]:
    """The right and the wrong choice of a mark so far, as a share of the side, to the right of the middle."""
    if abs(off) < MIDDLE_TO:
        return MIDDLE, f"{SIDES[int(rng.integers(2))]} by {int(rng.integers(20, 80))} percent"
    side, other = SIDES[::-1] if off > 0 else SIDES
    by = f"by {int(abs(off) * 200)} percent"
    return f"{side} {by}", f"{other} {by}" if abs(off) < OTHER_SIDE_TO or rng.random() < 0.6 else MIDDLE


def _marked(picture: np.ndarray, rng: np.random.Generator, fewest: int, most: int) -> tuple[np.ndarray, list[Mark]]:
    """Half of the views are mirrored."""
    marks = random_marks(rng, fewest, most)
    image = Image.fromarray(np.ascontiguousarray(picture[:, ::-1]) if rng.random() < 0.5 else np.array(picture))
    draw_marks(image, tuple(marks))
    return np.asarray(image), marks


def random_marks(rng: np.random.Generator, fewest: int, most: int) -> list[Mark]:
    """Marks in random places, apart from one another, no two in one cell of the map."""
    labels = rng.permutation(len(LABELS))[: int(rng.integers(fewest, most + 1))].tolist()
    marks: list[Mark] = []
    while len(marks) < len(labels):
        mark = Mark(LABELS[labels[len(marks)]], *rng.uniform(EDGE, 1 - EDGE, 2).tolist())
        if all(mark.gap(other) >= MIN_MARK_GAP and _cell(mark) != _cell(other) for other in marks):
            marks.append(mark)
    return marks


def map_of(marks: list[Mark]) -> str:
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


class PlaceTrainer(ReadingTrainer):
    """Trains a language model on places; beside the answers, every picture token is to say its own column. Without that
    the place of a mark is read off its distance from the question, which is another one in every question.
    """

    def compute_loss(
        self,
        model: MirageForConditionalGeneration,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        columns_C = self.processing_class.tokenizer.convert_tokens_to_ids(list(COLUMNS))
        picture_BT = inputs["input_ids"] == model.config.image_token_id
        next_BT = with_columns(labels_to_predict(inputs.pop("labels")), picture_BT, torch.tensor(columns_C))
        said_BT = next_BT != IGNORED
        outputs = model(**inputs, logits_to_keep=said_BT)
        losses_N = torch.nn.functional.cross_entropy(outputs.logits.flatten(0, -2), next_BT[said_BT], reduction="none")
        column_N = picture_BT[said_BT]
        loss = losses_N[~column_N].mean() + COLUMNS_WEIGHT * losses_N[column_N].mean()
        return (loss, outputs) if return_outputs else loss


def with_columns(next_BT: Tensor, picture_BT: Tensor, columns_C: Tensor) -> Tensor:
    """What each token says next (B, T), with picture tokens, in rows of C, saying the words of their columns."""
    columns_N = columns_C.to(next_BT.device).repeat(int(picture_BT.sum()) // len(columns_C))
    return next_BT.masked_scatter(picture_BT, columns_N)


def scores_of_words(model: MirageForConditionalGeneration, inputs: dict[str, Any]) -> Tensor:
    """How much each vision feature is like each word: (V, T), features of all pictures in the order of maps."""
    features = model.get_image_features(inputs["pixel_values"], inputs["image_grid_thw"]).pooler_output
    return torch.cat(tuple(features)) @ model.get_input_embeddings().weight.T


def letter_ids(processor: MirageProcessor) -> list[int]:
    """Of the letters of maps."""
    return [processor.tokenizer.convert_tokens_to_ids(letter) for letter in (*LABELS, FREE)]


def start_from(settings: SeeRooms) -> tuple[MirageForConditionalGeneration, MirageProcessor]:
    """A new model with the word embeddings of the base model; its tokenizer also knows SAT's phrases, which mean
    nothing yet.
    """
    folder = Path(resolve_base(settings.words_of).ref)
    processor, weights = build_processor(*sat.fixed_phrases()), load_model(folder).get_input_embeddings().weight.data
    vocabulary = load_processor(folder).tokenizer.get_vocab()
    known = {
        index: vocabulary[token] for token, index in processor.tokenizer.get_vocab().items() if token in vocabulary
    }
    noise = torch.randn(len(processor.tokenizer), weights.shape[1]) * (NEW_WORDS_SPREAD * weights.std(0))
    embeddings = weights.mean(0) + noise
    embeddings[list(known)] = weights[list(known.values())]
    model = MirageForConditionalGeneration(build_config(settings, processor.tokenizer))
    model.get_input_embeddings().weight.data.copy_(embeddings)
    return model, processor


def start_reading(seeing: Path) -> tuple[MirageForConditionalGeneration, MirageProcessor]:
    """The tower and the words of a model that sees rooms, with a new language model of the same size."""
    seer = load_model(seeing)
    config = copy.deepcopy(seer.config)
    config.text_config.rope_parameters["rope_theta"] = ROPE_THETA
    config.text_config.initializer_range = INITIALIZER_RANGE
    model = MirageForConditionalGeneration(config)
    model.model.visual = seer.model.visual
    model.get_input_embeddings().weight.data.copy_(seer.get_input_embeddings().weight)
    model.model.visual.requires_grad_(False)  # else it forgets what it sees before the language model asks for it
    return model, load_processor(seeing)


class Drawer:
    """Readings of the rooms of `views`, each from its own random generator."""

    def __init__(
        self, settings: Rooms, views: Path, reading: Callable[[np.ndarray, np.random.Generator], Reading]
    ) -> None:
        pictures = [room for shard in read_room_views(views) for room in shard]
        self.seed, self.reading = settings.seed, reading
        self.seen, self.held_out = pictures[: settings.num_rooms], pictures[settings.num_rooms :]

    def __call__(self, index: int, stream: int = 0) -> Reading:
        """The `index`-th reading of a stream; that of `HELD_OUT_STREAM` shows rooms that no other one does."""
        rng = np.random.default_rng([self.seed, stream, index])
        rooms = self.held_out if stream == HELD_OUT_STREAM else self.seen
        room = rooms[int(rng.integers(len(rooms)))]
        return self.reading(room[int(rng.integers(len(room)))], rng)

    def held_out_readings(self, number: int) -> list[Reading]:
        """Of rooms that training does not show."""
        return [self(index, HELD_OUT_STREAM) for index in range(number)]


def see_rooms(settings: SeeRooms, views: Path, out: Path, scratch: Path) -> dict[str, Any]:
    """Train the vision tower of a new model, examine it and save the model below `out`.

    Returns:
        Counts: parameters, updates, losses, and how many marks of held-out rooms the tower sees.
    """
    set_seed(settings.seed)
    model, processor = start_from(settings)
    draw = Drawer(settings, views, map_reading)
    counts = run_trainer(_trainer(SightTrainer, model, processor, draw, settings, scratch), processor, out)
    seen = examine_sight(model.eval(), processor, draw.held_out_readings(settings.num_held_out))
    return {"parameters": model.num_parameters(), **counts, "held_out": seen}


def read_rooms(settings: ReadRooms, seeing: Path, views: Path, out: Path, scratch: Path) -> dict[str, Any]:
    """Train a language model behind a tower that sees rooms, examine the model and save it below `out`.

    Returns:
        Counts: parameters, updates, losses, and how many places of marks in held-out rooms are told.
    """
    set_seed(settings.seed)
    model, processor = start_reading(seeing)
    draw = Drawer(settings, views, place_reading)
    counts = run_trainer(_trainer(PlaceTrainer, model, processor, draw, settings, scratch), processor, out)
    read = examine(model.eval(), processor, draw.held_out_readings(settings.num_held_out))
    return {"parameters": model.num_parameters(), **counts, "held_out": read}


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
    """What the vision tower alone sees: of each cell, the letter that its feature is most like.

    Returns:
        Readings; the shares of marks that are seen in their cell, as any label and as their own.
    """
    letters_L = torch.tensor(letter_ids(processor))
    collate = Collator(processor.tokenizer.pad_token_id)
    marks: list[tuple[str, str]] = []
    for first in range(0, len(readings), batch_size):
        batch = readings[first : first + batch_size]
        scores_VL = scores_of_words(model, collate(encode_readings(processor, batch)))[:, letters_L]
        true = "".join(one.answer.replace("\n", "") for one in batch)
        seen = [(*LABELS, FREE)[letter] for letter in scores_VL.argmax(-1).tolist()]
        marks += [pair for pair in zip(true, seen, strict=True) if pair[0] != FREE]
    found, right = (
        np.mean(share) for share in zip(*((seen != FREE, seen == true) for true, seen in marks), strict=True)
    )
    return {"readings": len(readings), "marks_found": round(float(found), 4), "labels_right": round(float(right), 4)}


def examine(
    model: MirageForConditionalGeneration, processor: MirageProcessor, readings: list[Reading]
) -> dict[str, Any]:
    """Let a model tell where marks are, greedily.

    Returns:
        Readings; the shares of choices that are right, of columns that are, and of columns at most one off.
    """
    texts = read_out(model, processor, readings, max_new_tokens=MAX_ANSWER_TOKENS)
    told = [(one.answer, text) for one, text in zip(readings, texts, strict=True)]
    chosen = [said == true for true, said in told if true not in COLUMNS]
    off = [
        abs(COLUMNS.index(said) - COLUMNS.index(true)) if said and said in COLUMNS else len(COLUMNS)
        for true, said in told if true in COLUMNS
    ]  # fmt: skip
    return {
        "readings": len(readings),
        "choices_right": round(float(np.mean(chosen)), 4),
        "columns_right": round(float(np.mean(np.array(off) == 0)), 4),
        "columns_near": round(float(np.mean(np.array(off) <= 1)), 4),
    }


def _cell(mark: Mark) -> tuple[int, int]:
    """Row and column of the map."""
    return int(mark.y * MAP_CELLS), int(mark.x * MAP_CELLS)
