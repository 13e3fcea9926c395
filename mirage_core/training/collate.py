"""From questions, pictures and texts to padded batches; the only encoder and the only collator.

A row is tokenized once, before training. Its pictures enter either as pixels (`pixel_values`) or, where the vision
tower is frozen, as features computed once per picture (`image_features`); the model takes both through stock
arguments.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from transformers.modeling_outputs import BaseModelOutputWithPooling

from mirage_core.model.processor import LATENT_PAD, MirageProcessor

IGNORED = -100
"""Label of positions outside the loss; PyTorch's `ignore_index`."""
IMAGE_MARK = "<image>"


class Example(NamedTuple):
    """One thing to learn: `question` holds one `<image>` mark per picture, `completion` is the assistant's turn."""

    question: str
    images: Sequence[np.ndarray]
    completion: str


def prompt_text(processor: MirageProcessor, question: str) -> str:
    """The chat prompt up to and including the assistant's header, one image token per `<image>` mark."""
    texts = question.split(IMAGE_MARK)
    content: list[dict[str, str]] = [{"type": "text", "text": texts[0]}]
    for text in texts[1:]:
        content += [{"type": "image"}, {"type": "text", "text": text}]
    messages = [{"role": "user", "content": [part for part in content if part.get("text") != ""]}]
    return str(processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))


def encode(processor: MirageProcessor, examples: Sequence[Example]) -> list[dict[str, Tensor]]:
    """Tokenize examples: the completion and the end of turn are labelled, the prompt and latent pads are not."""
    prompts = [prompt_text(processor, example.question) for example in examples]
    end = processor.tokenizer.eos_token
    texts = [prompt + example.completion + end for prompt, example in zip(prompts, examples, strict=True)]
    images = [image for example in examples for image in example.images]
    batch = processor(text=texts, images=images)
    num_images, num_patches = 0, 0
    pad_id = processor.tokenizer.convert_tokens_to_ids(LATENT_PAD)
    encoded = []
    for index, example in enumerate(examples):
        ids = torch.tensor(batch["input_ids"][index])
        tail = len(processor.tokenizer(example.completion + end)["input_ids"])
        labels = ids.clone()
        labels[:-tail] = IGNORED
        labels[labels == pad_id] = IGNORED
        grid = torch.as_tensor(batch["image_grid_thw"][num_images : num_images + len(example.images)])
        patches = int(grid.prod(-1).sum())
        encoded.append(
            {
                "input_ids": ids,
                "labels": labels,
                "mm_token_type_ids": torch.tensor(batch["mm_token_type_ids"][index]),
                "image_grid_thw": grid,
                "pixel_values": torch.as_tensor(batch["pixel_values"][num_patches : num_patches + patches]),
            }
        )
        num_images, num_patches = num_images + len(example.images), num_patches + patches
    return encoded


@dataclass(frozen=True)
class Collator:
    """Pads encoded rows on the right and joins their pictures."""

    pad_token_id: int

    def __call__(self, rows: Sequence[Mapping[str, Tensor]]) -> dict[str, Any]:
        def padded(key: str, value: int) -> Tensor:
            return torch.nn.utils.rnn.pad_sequence([row[key] for row in rows], batch_first=True, padding_value=value)

        batch: dict[str, Any] = {
            "input_ids": padded("input_ids", self.pad_token_id),
            "labels": padded("labels", IGNORED),
            "mm_token_type_ids": padded("mm_token_type_ids", 0),
            "image_grid_thw": torch.cat([row["image_grid_thw"] for row in rows]),
        }
        lengths = torch.tensor([len(row["input_ids"]) for row in rows])
        batch["attention_mask"] = (torch.arange(batch["input_ids"].shape[1])[None] < lengths[:, None]).long()
        if "image_features" in rows[0]:
            features = tuple(row["image_features"] for row in rows)
            batch["mm_encoder_outputs"] = {"image": BaseModelOutputWithPooling(pooler_output=features)}
        else:
            batch["pixel_values"] = torch.cat([row["pixel_values"] for row in rows])
        if "latent_targets" in rows[0]:
            batch["latent_targets"] = torch.cat([row["latent_targets"] for row in rows])
        return batch
