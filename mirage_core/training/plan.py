"""A dry run of a recipe without weights, hub or GPU: `python -m mirage_core.training.plan recipes/qwen2.5-vl-7b.yaml`.

Builds the latent model on the meta device and tells its shapes, what of it each stage trains, and how much memory the
stage takes on each GPU (see memory.py), with a word on whether that fits.
"""

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
import yaml
from transformers import Qwen2_5_VLConfig

from mirage_core.errors import InputError
from mirage_core.model.latent import MirageForConditionalGeneration
from mirage_core.model.published import config_of, on_meta
from mirage_core.recipe import Lora, Optimizer, Precision, Recipe
from mirage_core.settings import load_settings
from mirage_core.training.adapters import with_adapters
from mirage_core.training.memory import HEADROOM, Memory, Pass, Sizes, count, estimate, kept_by, sizes_of

CARDS_GB = (24, 40, 80)
"""Memory of common GPUs."""
GB = 1e9
SPAN_MARKS = 2
"""Tokens around the latents of a span."""


class Stage(NamedTuple):
    """What decides the memory of a stage."""

    name: str
    optimizer: Optimizer
    rows: Pass
    lora: Lora | None
    has_reference: bool = False


def main(
    recipe: Annotated[Path, typer.Argument(help="YAML of a recipe")],
    accelerate: Annotated[
        Path | None, typer.Option(help="file of `accelerate launch`; without it every GPU holds a copy")
    ] = None,
    num_gpus: Annotated[int, typer.Option(min=1, help="plans are made for 1, 2, 4, ... up to so many")] = 8,
    prompt_tokens: Annotated[int, typer.Option(min=1, help="of a row: question and image")] = 800,
    completion_tokens: Annotated[int, typer.Option(min=1, help="of a row's text; GRPO takes max_new_tokens")] = 200,
) -> None:
    """Print the plan."""
    settings = load_settings(recipe, Recipe)
    sharded = accelerate is not None and is_sharding(accelerate)
    config = config_of(settings.base_model)
    print("\n".join(shapes(settings.base_model, config, on_meta(config))))
    for stage in stages_of(settings, prompt_tokens, completion_tokens):
        print("\n" + "\n".join(plan(config, stage, settings.precision, num_gpus, sharded)))
    print("\n" + "\n".join(legend(sharded)))


def is_sharding(path: Path) -> bool:
    """Whether a file of `accelerate launch` shares the model out.

    Raises:
        InputError: It cannot be read, or names a way of sharing that training refuses.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{path}: cannot be read as YAML ({error})") from error
    kind = values.get("distributed_type") if isinstance(values, dict) else None
    known = {"NO": False, "MULTI_GPU": False, "MULTI_CPU": False, "FSDP": True}
    if kind not in known:
        raise InputError(f"{path}: `distributed_type` is {kind}; known are {', '.join(known)}")
    return known[kind]


def stages_of(recipe: Recipe, prompt_tokens: int, completion_tokens: int) -> Iterator[Stage]:
    """The stages of a recipe, with the size of their forward passes."""
    for name in ("stage1", "stage2", "joint", "direct", "cot"):
        if getattr(recipe, name) is None:
            continue
        settings = recipe.supervised(name)
        span = 0 if settings.latents == "none" else recipe.latent_size + SPAN_MARKS
        rows = Pass(
            num_rows=settings.optimizer.batch_size,
            num_tokens=prompt_tokens + span + completion_tokens,
            num_labels=completion_tokens,
            num_latents=recipe.latent_size if settings.latents == "own" else 0,
            precision=recipe.precision,
        )
        yield Stage(name, settings.optimizer, rows, recipe.lora)
    new_tokens = recipe.benchmark.max_new_tokens
    rows = Pass(recipe.grpo.batch_size, prompt_tokens + new_tokens, 0, recipe.latent_size, recipe.precision)
    yield Stage("grpo", recipe.grpo, rows, None, recipe.grpo.kl_weight > 0)


def shapes(name: str, config: Qwen2_5_VLConfig, model: MirageForConditionalGeneration) -> Iterator[str]:
    """The model, part by part."""
    text, vision, sizes = config.text_config, config.vision_config, sizes_of(model)
    yield f"{name}: {sizes.total:,} parameters"
    yield "| part | shape | parameters |"
    yield "| --- | --- | --- |"
    yield f"| vision tower, frozen | {vision.depth} blocks of {vision.hidden_size} | {sizes.vision:,} |"
    yield f"| embeddings | {text.vocab_size} x {text.hidden_size} | {sizes.embeddings:,} |"
    heads = f"{text.num_attention_heads} heads, {text.num_key_value_heads} of keys and values"
    layers = f"{sizes.num_layers} of {text.hidden_size}, {heads}, MLP {text.intermediate_size}"
    yield f"| decoder layers | {layers} | {sizes.layer * sizes.num_layers:,} |"
    yield f"| head | {text.hidden_size} x {text.vocab_size} | {f'{sizes.head:,}' if sizes.head else 'the embeddings'} |"
    yield f"| last norm | {text.hidden_size} | {sizes.other:,} |"


def plan(config: Qwen2_5_VLConfig, stage: Stage, precision: Precision, num_gpus: int, sharded: bool) -> Iterator[str]:
    """What a stage trains and takes, for growing numbers of GPUs."""
    sizes, kept = trained_sizes(config, stage.lora), kept_by(config, stage.rows)
    how = f"LoRA of rank {stage.lora.rank}" if stage.lora else "all weights but the vision tower's"
    rows, optimizer = stage.rows, stage.optimizer
    yield f"{stage.name}: trains {sizes.trained:,} of {sizes.total:,} parameters ({how}); a forward pass of " + (
        f"{rows.num_rows} rows of {rows.num_tokens} tokens, {precision}"
    )
    yield "| GPUs | weights | gradients | AdamW | at work | reference | activations | sum | with checkpointing: " + (
        "activations | sum | fits into |"
    )
    yield "| --- " * 11 + "|"
    for number in powers_of_two(num_gpus):
        if optimizer.accumulation % number:
            yield f"| {number} | accumulation = {optimizer.accumulation} passes cannot be shared out | " + "| " * 9
            continue
        if sharded and stage.lora and number > 1:
            yield f"| {number} | lora is not sharded: take recipes/accelerate/ddp.yaml | " + "| " * 9
            continue
        memory = estimate(sizes, kept, precision, number, sharded, stage.has_reference)
        yield f"| {number} | {' | '.join(cells(memory))} |"


def trained_sizes(config: Qwen2_5_VLConfig, lora: Lora | None) -> Sizes:
    """Counts with the parts frozen that training freezes; adapters count as trained and nowhere else."""
    model = on_meta(config)
    model.model.visual.requires_grad_(False)
    whole = sizes_of(model)
    if lora is None:
        return whole
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of PEFT about transformers
        adapters = with_adapters(model, lora)
    trained = sum(weight.numel() for weight in adapters.parameters() if weight.requires_grad)
    return Sizes(**{**vars(whole), "other": whole.other + count(adapters) - whole.total, "trained": trained})


def cells(memory: Memory) -> Iterator[str]:
    """A line of the table, in GB."""
    parts = (memory.weights, memory.gradients, memory.moments, memory.working, memory.reference)
    plain, checkpointed = memory.total(checkpointed=False), memory.total(checkpointed=True)
    for size in (*parts, memory.activations, plain, memory.activations_checkpointed, checkpointed):
        yield f"{size / GB:.1f}"
    yield f"{fits(plain)}; with checkpointing {fits(checkpointed)}"


def fits(num_bytes: int) -> str:
    """The smallest card."""
    cards = [card for card in CARDS_GB if num_bytes <= HEADROOM * card * GB]
    return f"{cards[0]} GB" if cards else "none"


def powers_of_two(most: int) -> list[int]:
    """1, 2, 4, ... up to and with `most`."""
    return sorted({most, *(2**power for power in range(most.bit_length()) if 2**power <= most)})


def legend(sharded: bool) -> Iterator[str]:
    """How to read the tables."""
    yield f"GB (1e9 bytes) on each GPU; {'shards (FSDP2)' if sharded else 'a copy of the model on each (DDP)'}."
    yield f"It fits where the sum is at most {HEADROOM:.0%} of its memory. An estimate: none of it was run on a GPU."
    yield "Recipes have no setting for checkpointing; its column says what it would save."
    if sharded:
        yield "While loading, every process holds the whole model in float32 in the memory of its machine."


if __name__ == "__main__":
    try:
        typer.run(main)
    except InputError as error:
        sys.exit(f"error: {error}")
