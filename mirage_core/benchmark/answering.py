"""From test items to a model's inputs, and from what it says to graded answers."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mirage_core.benchmark.results import Answer
from mirage_core.grading import TASKS_WITH_TWO_RULES, grade
from mirage_core.model.processor import MirageProcessor
from mirage_core.puzzles import vsp
from mirage_core.row import Row, decode_image
from mirage_core.training.collate import Collator, encode


class Output(NamedTuple):
    """What the model said to one item."""

    ids: Tensor
    text: str
    """Up to the end of the turn."""


def model_inputs(processor: MirageProcessor, rows: Sequence[Row], device: torch.device) -> dict[str, Any]:
    """A batch of questions with their pictures, if they have any, padded on the left."""
    images = [decode_image(png, f"image of row {row.id}") for row in rows for png in row.images]
    pictures = processor.image_processor(images, return_tensors="pt") if images else {}
    all_grids = pictures["image_grid_thw"] if images else torch.empty(0, 3, dtype=torch.long)
    grids = all_grids.split([len(row.images) for row in rows])
    encoded = [encode(processor, row.question, grid, None) for row, grid in zip(rows, grids, strict=True)]
    batch = Collator(processor.tokenizer.pad_token_id, padding_side="left")(encoded)
    return {key: value.to(device) for key, value in {**batch, **pictures}.items()}


def read_outputs(processor: MirageProcessor, ids_BT: Tensor, prompt_length: int) -> list[Output]:
    """What was generated behind prompts of so many tokens."""
    tokenizer = processor.tokenizer
    outputs = []
    for ids in ids_BT[:, prompt_length:].cpu():
        outputs.append(Output(ids, tokenizer.decode(ids, skip_special_tokens=False).split(tokenizer.eos_token)[0]))
    return outputs


def graded(row: Row, told: Output, latent_pad_id: int) -> Answer:
    """An output as an answer to its item."""
    two_rules = row.task in TASKS_WITH_TWO_RULES
    planning = row.task == vsp.TASK
    return Answer(
        id=row.id,
        level=row.level,
        output=told.text,
        reason=grade(row.task, row.meta, told.text).reason,
        reason_vsp=grade(row.task, row.meta, told.text, "vsp").reason if two_rules else None,
        num_latents=int((told.ids == latent_pad_id).sum()),
        needs_planning=vsp.needs_planning(vsp.Board(tuple(row.meta["board"]))) if planning else None,
    )
