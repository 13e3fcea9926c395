"""What latents cost, beside stock transformers without them: `python benchmarks/latents.py --help`.

Measured in one run, for a random model and the packaged one: a step of stage 2 against teacher-forced steps of the same
tokens, generation with latents against the stock `generate` of as many tokens, batches against single rows, and what
stages hold in memory. Variants take turns, and each number is the median of its turns. CPU seconds leave out the time
in which others had the core, not what they did to its caches.
"""

import copy
import gc
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import torch
import typer
from transformers import Qwen2_5_VLForConditionalGeneration, TrainingArguments
from transformers.utils import logging

from mirage_core.model.base import resolve_base
from mirage_core.model.latent import MirageForConditionalGeneration
from mirage_core.model.load import load_model, load_processor
from mirage_core.model.processor import LATENT_END, LATENT_PAD, LATENT_START, MirageProcessor
from mirage_core.model.tiny import build_config, build_processor
from mirage_core.recipe import Grpo, Optimizer, Pretrain, Recipe
from mirage_core.training.collate import IGNORED, Collator, encoded_images
from mirage_core.training.supervised import StageTrainer

NUM_TEXT_IDS = 256
"""Ids below are bytes in the vocabulary of the tiny model: none of them is special."""
RAGGED = 0.25
"""Rows of unequal length lack up to this share of their prompt."""
STOCK, FORCED, OWN = "stock, teacher-forced", "stage 1, teacher-forced", "stage 2, own latents"


class Size(NamedTuple):
    """A model and its rows; `hidden` 0 means the packaged tiny model."""

    hidden: int
    layers: int
    vocabulary: int
    prompt: int
    completion: int
    grid: int
    latents: int


class Models(NamedTuple):
    """The latent model, the stock one with the same weights, and their processor."""

    ours: MirageForConditionalGeneration
    stock: Qwen2_5_VLForConditionalGeneration
    processor: MirageProcessor


class Seconds(NamedTuple):
    """Medians over the turns of a variant."""

    wall: float
    cpu: float


def main(
    hidden: Annotated[int, typer.Option(help="width of the random model; 0 leaves it out")] = 256,
    layers: Annotated[int, typer.Option(help="decoder layers of the random model")] = 4,
    vocabulary: Annotated[int, typer.Option(help="its tokens; 152064 as in Qwen2.5-VL-7B")] = 1000,
    prompt: Annotated[int, typer.Option(help="tokens of a prompt, those of its picture included")] = 512,
    completion: Annotated[int, typer.Option(help="tokens that are trained or generated, latents included")] = 64,
    grid: Annotated[int, typer.Option(help="features along a side of the picture")] = 6,
    latents: Annotated[int, typer.Option(help="latents of a row")] = 4,
    batches: Annotated[list[int], typer.Option(help="rows of a batch; repeat the option")] = [1, 8, 16, 64],  # noqa: B006
    repeats: Annotated[int, typer.Option(help="turns of each variant")] = 5,
    threads: Annotated[int, typer.Option(help="threads of torch")] = 1,
    tiny: Annotated[bool, typer.Option(help="also the packaged model, with prompts of 100 tokens")] = True,
) -> None:
    """Measure and print."""
    logging.set_verbosity_error()
    torch.set_num_threads(threads)
    print(f"{cpu_name()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before, {threads} torch thread(s)")
    sizes = [Size(hidden, layers, vocabulary, prompt, completion, grid, latents)] if hidden else []
    if tiny:
        sizes.append(Size(0, 0, 0, 100, 32, 6, latents))
    for size in sizes:
        models = build(size)
        parameters = models.ours.num_parameters() / 1e6
        name = f"hidden {size.hidden}, {size.layers} layers" if size.hidden else "packaged tiny"
        shape = f"prompts of {size.prompt} tokens, {size.completion} tokens of completion, k = {size.latents}"
        print(f"\n{name}, {parameters:.2f} M parameters; {shape}")
        compare_steps(models, size, batches, repeats)
        compare_generation(models, size, batches, repeats)
        compare_memory(size, max(batches), threads)
    print(f"\nload {os.getloadavg()[0]:.1f} after")


def build(size: Size) -> Models:
    """Both models, of equal weights."""
    torch.manual_seed(0)
    if size.hidden:
        processor = build_processor()
        width = Pretrain(hidden=size.hidden, layers=size.layers, optimizer=Optimizer(num_updates=1))
        config = build_config(width, processor.tokenizer, size.latents)
        config.text_config.vocab_size = max(config.text_config.vocab_size, size.vocabulary)
        ours = MirageForConditionalGeneration(config)
    else:
        ref = resolve_base("tiny").ref
        processor, ours = load_processor(ref), load_model(ref, size.latents, dtype=torch.float32)
    ours.model.visual.requires_grad_(False)
    stock = Qwen2_5_VLForConditionalGeneration(copy.deepcopy(ours.config))
    stock.load_state_dict(ours.state_dict())
    stock.model.visual.requires_grad_(False)
    ours.generation_config.eos_token_id = stock.generation_config.eos_token_id = None  # all rows go on to the end
    return Models(ours, stock, processor)


def batch_of(models: Models, size: Size, num_rows: int, ragged: bool = False) -> dict[str, Any]:
    """Rows of a picture, a question, a span of latents and text, collated as in training."""
    torch.manual_seed(num_rows)
    ids = {
        name: models.processor.tokenizer.convert_tokens_to_ids(name) for name in (LATENT_START, LATENT_PAD, LATENT_END)
    }
    image_id, num_features = models.processor.image_token_id, size.grid**2
    rows = []
    for number in range(num_rows):
        lacking = int(RAGGED * size.prompt * number / num_rows) if ragged else 0
        question = torch.randint(NUM_TEXT_IDS, (size.prompt - num_features - lacking,))
        text = torch.randint(NUM_TEXT_IDS, (size.completion - size.latents - 2,))
        span = torch.tensor([ids[LATENT_START], *[ids[LATENT_PAD]] * size.latents, ids[LATENT_END]])
        prompt = torch.cat([torch.full((num_features,), image_id), question])
        row = {"input_ids": torch.cat([prompt, span, text])}
        labels = torch.cat([torch.full_like(prompt, IGNORED), span, text])
        row["labels"] = labels.masked_fill(row["input_ids"] == ids[LATENT_PAD], IGNORED)
        row["mm_token_type_ids"] = (row["input_ids"] == image_id).long()
        row["image_grid_thw"] = torch.tensor([[1, 2 * size.grid, 2 * size.grid]])
        width = models.ours.config.text_config.hidden_size
        row["image_features"] = torch.randn(num_features, width)
        row["latent_targets"] = torch.randn(size.latents, width)
        rows.append(row)
    return Collator(models.processor.tokenizer.pad_token_id)(rows)


def compare_steps(models: Models, size: Size, batches: Sequence[int], repeats: int) -> None:
    """Forward and backward passes of the same tokens; the optimizer's part would be equal and is left out."""
    print(
        "| rows | lengths | " + " | ".join(f"{name}, s" for name in (STOCK, FORCED, OWN)) + " | to stock | to stage 1 |"
    )
    for num_rows in batches:
        for ragged in (False, True) if num_rows > 1 else (False,):
            steps = steps_of(models, batch_of(models, size, num_rows, ragged), size.latents)
            taken = by_turns(steps, repeats)
            ratios = (ratio(taken[OWN], taken[plain]) for plain in (STOCK, FORCED))
            cells = [str(num_rows), "unequal" if ragged else "equal", *(shown(taken[name]) for name in steps), *ratios]
            print(f"| {' | '.join(cells)} |", flush=True)


def steps_of(models: Models, batch: dict[str, Any], latent_size: int) -> dict[str, Callable[[], None]]:
    """The step of a stock text-only trainer, which sees latent pads as tokens, and those of our stages."""
    args = TrainingArguments(output_dir=tempfile.gettempdir(), use_cpu=True, report_to=[])
    once = Optimizer(num_updates=1)
    recipe = Recipe(latent_size=latent_size, stage1=once, stage2=once, direct=once, grpo=Grpo(num_updates=1))
    stages = {FORCED: recipe.supervised("stage1"), OWN: recipe.supervised("stage2")}
    plain = {key: value for key, value in batch.items() if key not in ("image_features", "latent_targets")}

    def stock() -> None:
        models.stock.train()
        models.stock(**plain, mm_encoder_outputs=encoded_images(batch["image_features"])).loss.backward()
        models.stock.zero_grad()

    def stage(trainer: StageTrainer) -> None:
        models.ours.train()
        inputs = dict(batch) if trainer.settings.alignment else {**plain, "image_features": batch["image_features"]}
        trainer.compute_loss(models.ours, inputs).backward()
        models.ours.zero_grad()

    trainers = {name: StageTrainer(model=models.ours, args=args, settings=stages[name]) for name in stages}
    return {STOCK: stock, **{name: partial(stage, trainer) for name, trainer in trainers.items()}}


def compare_generation(models: Models, size: Size, batches: Sequence[int], repeats: int) -> None:
    """Greedy continuation of prompts that end by opening a span: there ours thinks in latents, stock in tokens.

    Rates are relative to those of the first batch size, by row.
    """
    print("| rows | stock, tokens/s | with latents, tokens/s | to stock | to one row | stock to one row |")
    alone: dict[str, float] = {}
    for num_rows in batches:
        runs = {"stock": partial(generate, models.stock), "ours": partial(generate, models.ours)}
        inputs = prompts_of(models, size, num_rows)
        taken = by_turns({name: partial(run, inputs, size.completion) for name, run in runs.items()}, repeats)
        rates = {name: num_rows * size.completion / seconds.cpu for name, seconds in taken.items()}
        alone = alone or {name: rate / num_rows for name, rate in rates.items()}
        cells = [str(num_rows), *(f"{rate:.0f}" for rate in rates.values()), ratio(taken["stock"], taken["ours"])]
        cells += [f"{rates[name] / alone[name]:.1f}" for name in ("ours", "stock")]
        print(f"| {' | '.join(cells)} |", flush=True)


def prompts_of(models: Models, size: Size, num_rows: int) -> dict[str, Any]:
    """Equal prompts up to and with the token that opens a span."""
    batch = batch_of(models, size, num_rows)
    inputs = {name: batch[name][:, : size.prompt + 1] for name in ("input_ids", "attention_mask", "mm_token_type_ids")}
    inputs["image_grid_thw"] = batch["image_grid_thw"]
    return {**inputs, "mm_encoder_outputs": encoded_images(batch["image_features"])}


@torch.no_grad()
def generate(model: Any, inputs: dict[str, Any], num_new: int) -> None:
    """As many tokens for every row."""
    model.eval()
    ids = model.generate(**inputs, max_new_tokens=num_new, min_new_tokens=num_new, do_sample=False)
    assert ids.shape[1] == inputs["input_ids"].shape[1] + num_new, ids.shape
    pads = (ids[:, -num_new:] == model.config.latent_pad_id).sum(1)
    assert not isinstance(model, MirageForConditionalGeneration) or (pads >= model.config.latent_size).all(), pads


def compare_memory(size: Size, num_rows: int, threads: int) -> None:
    """What a step adds to a process, each in a fresh one."""
    print(f"| step of {num_rows} rows | kept for the backward pass, MB | peak above the start, MB | to stage 1 |")
    found = {}
    for name in (STOCK, FORCED, OWN):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            found[name] = pool.submit(memory_of_step, size, num_rows, threads, name).result()
    for name, taken in found.items():
        to_stage1 = ", ".join(f"{mb / plain_mb:.2f}" for mb, plain_mb in zip(taken, found[FORCED], strict=True))
        print(f"| {name} | {taken[0]:.0f} | {taken[1]:.0f} | {to_stage1} |", flush=True)


def memory_of_step(size: Size, num_rows: int, threads: int, name: str) -> tuple[float, float]:
    """MB: tensors kept for the backward pass, each storage once; peak of resident memory above that before the step."""
    torch.set_num_threads(threads)
    models = build(size)
    steps_of(models, batch_of(models, size, 1), size.latents)[name]()  # loads kernels, makes buffers
    step = steps_of(models, batch_of(models, size, num_rows), size.latents)[name]
    before_mb = status_mb("VmRSS")
    step()
    peak_mb = status_mb("VmHWM") - before_mb
    held = {parameter.untyped_storage().data_ptr() for parameter in models.ours.parameters()}
    held |= {parameter.untyped_storage().data_ptr() for parameter in models.stock.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in held:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        step()
    return sum(kept.values()) / 1e6, peak_mb


def status_mb(field: str) -> float:
    """A line of `/proc/self/status`. Unlike that of `resource`, its peak does not begin with that of the parent."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines())
    return int(lines[field].split()[0]) / 1024


def by_turns(work: dict[str, Callable[[], None]], repeats: int) -> dict[str, Seconds]:
    """Median seconds of each, one after the other so that all meet the same moments of a shared machine."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in work}
    for turn in range(-1, repeats):  # one turn to warm up
        for name, run in work.items():
            gc.collect()
            wall_s, cpu_s = time.perf_counter(), time.process_time()
            run()
            if turn >= 0:
                times[name].append((time.perf_counter() - wall_s, time.process_time() - cpu_s))
    return {name: Seconds(*map(statistics.median, zip(*taken, strict=True))) for name, taken in times.items()}


def shown(seconds: Seconds) -> str:
    """CPU seconds."""
    return f"{seconds.cpu:.3f}"


def ratio(one: Seconds, other: Seconds) -> str:
    """Of CPU seconds, and in brackets of wall seconds."""
    return f"{one.cpu / other.cpu:.2f} ({one.wall / other.wall:.2f})"


def cpu_name() -> str:
    """As the kernel calls it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


if __name__ == "__main__":
    typer.run(main)
