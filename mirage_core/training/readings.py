"""What tiny base models learn first: to read short answers off pictures drawn without end."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info
from transformers import Trainer

from mirage_core.model.latent import MirageForConditionalGeneration, labels_to_predict
from mirage_core.model.processor import MirageProcessor
from mirage_core.training.collate import IGNORED, Collator, encode


class Reading(NamedTuple):
    """Pictures and what they say."""

    question: str
    """With one `<image>` mark per picture."""
    images: tuple[np.ndarray, ...]
    """uint8 RGB."""
    answer: str


def encode_readings(
    processor: MirageProcessor, readings: Sequence[Reading], answered: bool = True
) -> list[dict[str, Tensor]]:
    """Encoded rows with pixels; bare prompts unless `answered`."""
    pictures = processor.image_processor([image for one in readings for image in one.images], return_tensors="pt")
    grids = pictures["image_grid_thw"].split([len(one.images) for one in readings])
    pixels = pictures["pixel_values"].split([int(grid.prod(-1).sum()) for grid in grids])
    return [
        {**encode(processor, one.question, grid, one.answer if answered else None), "pixel_values": pixel_values}
        for one, grid, pixel_values in zip(readings, grids, pixels, strict=True)
    ]


class ReadingData(IterableDataset[dict[str, Tensor]]):
    """Endless encoded readings, the `index`-th of which is `draw(index)`; workers take turns by batch, so their number
    does not change the data, and a resumed run goes on where it left off.
    """

    def __init__(self, processor: MirageProcessor, draw: Callable[[int], Reading], batch_size: int) -> None:
        self.processor, self.draw, self.batch_size = processor, draw, batch_size

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        worker = get_worker_info()
        number, step = (worker.id, worker.num_workers) if worker else (0, 1)
        while True:
            indices = range(number * self.batch_size, (number + 1) * self.batch_size)
            yield from encode_readings(self.processor, [self.draw(index) for index in indices])
            number += step


class ReadingTrainer(Trainer):
    """Stock trainer that computes logits only where there is something to predict."""

    def compute_loss(
        self,
        model: MirageForConditionalGeneration,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        outputs = model(**inputs, logits_to_keep=labels_to_predict(inputs["labels"]) != IGNORED)
        return (outputs.loss, outputs) if return_outputs else outputs.loss

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """None are counted, as in the stages of training."""
        return 0


@torch.no_grad()
def read_out(
    model: MirageForConditionalGeneration,
    processor: MirageProcessor,
    readings: Sequence[Reading],
    max_new_tokens: int,
    batch_size: int = 100,
) -> list[str]:
    """What a model says to some readings, greedily."""
    collate = Collator(processor.tokenizer.pad_token_id, padding_side="left")
    texts: list[str] = []
    for first in range(0, len(readings), batch_size):
        batch = collate(encode_readings(processor, readings[first : first + batch_size], answered=False))
        ids = model.generate(**batch, max_new_tokens=max_new_tokens, do_sample=False)
        texts += processor.tokenizer.batch_decode(ids[:, batch["input_ids"].shape[1] :], skip_special_tokens=True)
    return texts
