"""A small latent model, and the slow truth it is compared with.

The reference knows nothing of our recurrence: one row at a time, no padding, no cache, every state recomputed from the
whole sequence by the stock language model.

Shapes: B rows, T columns, D width, V vocabulary.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from mirage_core.model import MirageForConditionalGeneration, MirageProcessor
from mirage_core.model.tiny import build_config, build_processor
from mirage_core.recipe import Optimizer, Pretrain

SIZE = Pretrain(hidden=64, layers=2, optimizer=Optimizer(num_updates=1))
SIZES = [(112, 112), (56, 84), (84, 84), (112, 56), (56, 56), (84, 112), (56, 112)]
"""Height and width of the pictures, row after row; differing grids, so that positions differ."""


class Row(NamedTuple):
    """One row of a batch without its padding."""

    ids_1T: Tensor
    types_1T: Tensor
    labels_1T: Tensor
    grid_thw: Tensor
    image_features: Tensor


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def processor() -> MirageProcessor:
    return build_processor()


@pytest.fixture(scope="session")
def new_model(processor: MirageProcessor) -> Callable[[], MirageForConditionalGeneration]:
    """A function that makes the same model again."""

    def build() -> MirageForConditionalGeneration:
        torch.manual_seed(0)
        model = MirageForConditionalGeneration(build_config(SIZE, processor.tokenizer))
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim > 1:
                    parameter.mul_(4)  # attention far from uniform, so that wrong positions or masks are seen
        return model.eval()

    return build


@pytest.fixture
def model(new_model: Callable[[], MirageForConditionalGeneration]) -> MirageForConditionalGeneration:
    return new_model()


@pytest.fixture(scope="session")
def batch_of(processor: MirageProcessor) -> Callable[..., dict[str, Tensor]]:
    """A function from four completions and a padding side to model inputs with labels.

    Rows have one picture each unless numbers are given.
    """

    def build(completions: list[str], side: str, num_images: Sequence[int] = (1, 1, 1, 1)) -> dict[str, Tensor]:
        rng = np.random.default_rng(0)
        drawn = iter([rng.integers(0, 255, (*size, 3), dtype=np.uint8) for size in SIZES])
        images = [list(itertools.islice(drawn, number)) for number in num_images]
        prompts = []
        for index, number in enumerate(num_images):
            content = [{"type": "image"}] * number + [{"type": "text", "text": "Solve it" + "!" * 3 * index}]
            messages = [{"role": "user", "content": content}]
            prompts.append(processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
        texts = [prompt + completion for prompt, completion in zip(prompts, completions, strict=True)]
        batch = processor(text=texts, images=images, padding=True, padding_side=side, return_tensors="pt")
        labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
        labels = labels.masked_fill(labels == processor.tokenizer.convert_tokens_to_ids("<|latent_pad|>"), -100)
        first = batch["attention_mask"].argmax(1, keepdim=True)
        labels = labels.scatter(1, first, -100)  # nothing before it to predict it from
        return {**batch, "labels": labels.masked_fill(batch["mm_token_type_ids"] == 1, -100)}

    return build


@pytest.fixture(scope="session")
def row_of() -> Callable[..., Row]:
    """A function from a model, a batch and the number of a row to that row alone."""

    def take(model: MirageForConditionalGeneration, batch: dict[str, Tensor], row: int) -> Row:
        real = batch["attention_mask"][row].bool()
        ends = (batch["input_ids"] == model.config.vision_start_token_id).sum(1).cumsum(0).tolist()
        own = slice(ends[row - 1] if row else 0, ends[row])
        grids = batch["image_grid_thw"]
        patches = batch["pixel_values"].split(grids.prod(-1).tolist())[own]
        features = torch.cat(model.model.get_image_features(torch.cat(patches), grids[own]).pooler_output)
        columns = [batch[key][row][real][None] for key in ("input_ids", "mm_token_type_ids", "labels")]
        return Row(*columns, grids[own], features)

    return take


@pytest.fixture(scope="session")
def naive_states() -> Callable[..., Tensor]:
    """A function from a model and a row to its hidden states (1, T, D), every latent by a pass over all before it."""

    def run(
        model: MirageForConditionalGeneration, row: Row, detach: bool = False, given: Tensor | None = None
    ) -> Tensor:
        config, backbone = model.config, model.model
        embeds = model.get_input_embeddings()(row.ids_1T)
        is_image = (row.ids_1T == config.image_token_id)[..., None]
        inputs = list(embeds.masked_scatter(is_image, row.image_features)[0])
        positions, _ = backbone.get_rope_index(row.ids_1T, row.types_1T, image_grid_thw=row.grid_thw)

        def states(num_columns: int) -> Tensor:
            known: Any = torch.stack(inputs[:num_columns])[None]
            return backbone.language_model(
                inputs_embeds=known, position_ids=positions[..., :num_columns], use_cache=False
            ).last_hidden_state

        for number, column in enumerate((row.ids_1T[0] == config.latent_pad_id).nonzero().flatten().tolist()):
            last_D = states(column)[0, -1] if given is None else given[number]
            inputs[column] = last_D.detach() if detach else last_D
        return states(len(inputs))

    return run
