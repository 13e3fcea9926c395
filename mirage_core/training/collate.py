"""From questions, pictures and texts to padded batches; the only encoder and the only collator.

A row is tokenized once, before training. Its pictures enter either as pixels (`pixel_values`) or, where the vision
tower is frozen, as features computed once per picture (`image_features`); the model takes both through stock
arguments.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from transformers.modeling_outputs import BaseModelOutputWithPooling

from mirage_core.model.processor import LATENT_END, LATENT_PAD, LATENT_START, MirageProcessor
from mirage_core.row import Row

IGNORED = -100
"""Label of positions outside the loss; PyTorch's `ignore_index`."""
IMAGE_MARK = "<image>"


def chat_messages(question: str) -> list[dict[str, Any]]:
    """The user's turn in chat form; every `<image>` mark of the question becomes a picture."""
    texts = question.split(IMAGE_MARK)
    content = [{"type": "text", "text": texts[0]}]
    for text in texts[1:]:
        content += [{"type": "image"}, {"type": "text", "text": text}]
    return [{"role": "user", "content": [part for part in content if part.get("text") != ""]}]


def completion_text(row: Row, latent_size: int, thoughts: bool) -> str:
    r"""The assistant's turn: thought, latent span per helper image, thought, boxed answer.

    Args:
        row: The row.
        latent_size: Latents per span; 0 for the text-only arm.
        thoughts: False leaves both thoughts out (the paper's direct variant).

    Source: form of the published rows, `<think>..</think><output_image><think>..</think>.. \boxed{..}`.
    """
    span = LATENT_START + LATENT_PAD * latent_size + LATENT_END if latent_size else ""
    before = f"<think>{row.thought_before}</think>" if thoughts else ""
    after = f"<think>{row.thought_after}</think>" if thoughts and row.thought_after else ""
    return f"{before}{span * len(row.helper_images)}{after}\\boxed{{{row.answer}}}"


def encode(
    processor: MirageProcessor, question: str, image_grid_thw: Tensor, completion: str | None
) -> dict[str, Tensor]:
    """Tokenize one question and, for training, its completion.

    Args:
        processor: Tokenizer, chat template and the merge size of the vision tower.
        question: Text with one `<image>` mark per picture.
        image_grid_thw: (num_images, 3) patches in time, height and width, from the image processor.
        completion: Labelled together with the end of turn that follows; None for a bare prompt.

    Returns:
        `input_ids`, `mm_token_type_ids` and `image_grid_thw`, with `labels` where there is a completion. The prompt
        and the latent pads are not labelled.
    """
    tokenizer = processor.tokenizer
    prompt = processor.apply_chat_template(chat_messages(question), tokenize=False, add_generation_prompt=True)
    pieces = prompt.split(processor.image_token)
    assert len(pieces) == len(image_grid_thw) + 1, "one picture per <image> mark"
    counts = (image_grid_thw.prod(-1) // processor.image_processor.merge_size**2).tolist()
    text = pieces[0] + "".join(
        processor.image_token * count + piece for count, piece in zip(counts, pieces[1:], strict=True)
    )
    prompt_ids = torch.tensor(tokenizer(text)["input_ids"])
    row = {"input_ids": prompt_ids, "image_grid_thw": image_grid_thw}
    if completion is not None:
        tail_ids = torch.tensor(tokenizer(completion + tokenizer.eos_token)["input_ids"])
        row["input_ids"] = torch.cat([prompt_ids, tail_ids])
        row["labels"] = torch.cat([torch.full_like(prompt_ids, IGNORED), tail_ids])
        row["labels"][row["input_ids"] == tokenizer.convert_tokens_to_ids(LATENT_PAD)] = IGNORED
    row["mm_token_type_ids"] = (row["input_ids"] == processor.image_token_id).long()
    return row


@dataclass(frozen=True)
class Collator:
    """Pads encoded rows to one length and joins their pictures."""

    pad_token_id: int
    padding_side: Literal["left", "right"] = "right"

    def __call__(self, rows: Sequence[Mapping[str, Tensor]]) -> dict[str, Any]:
        def padded(key: str, value: int) -> Tensor:
            return torch.nn.utils.rnn.pad_sequence(
                [row[key] for row in rows], batch_first=True, padding_value=value, padding_side=self.padding_side
            )

        batch: dict[str, Any] = {
            "input_ids": padded("input_ids", self.pad_token_id),
            "mm_token_type_ids": padded("mm_token_type_ids", 0),
        }
        if len(grids := torch.cat([row["image_grid_thw"] for row in rows])):  # else the model reads text alone
            batch["image_grid_thw"] = grids
        ones = [torch.ones_like(row["input_ids"]) for row in rows]
        batch["attention_mask"] = torch.nn.utils.rnn.pad_sequence(
            ones, batch_first=True, padding_side=self.padding_side
        )
        if "labels" in rows[0]:
            batch["labels"] = padded("labels", IGNORED)
        for joined in ("pixel_values", "image_features", "latent_targets"):
            if joined in rows[0]:
                batch[joined] = torch.cat([row[joined] for row in rows])
        return batch


def encoded_images(features_ND: Tensor) -> dict[str, BaseModelOutputWithPooling] | None:
    """Precomputed vision features, all pictures of a batch in order, in the form the stock model takes them.

    None for a batch without pictures.
    """
    if not len(features_ND):
        return None
    return {"image": BaseModelOutputWithPooling(pooler_output=(features_ND,))}
