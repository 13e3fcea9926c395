"""Stage 3: GRPO on TRL's trainer. Text tokens are optimised, gradients flow through the latents.

Rewards grade with the same `check` as verification and benchmark. The Mirage paper describes this stage (appendix B:
5 rollouts, reward for the right answer plus 0.1 for the form, nothing on latents) but published no code for it.
"""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset, Features, Image, List, Value
from torch import Tensor
from transformers import set_seed
from trl import GRPOConfig, GRPOTrainer

from mirage_core.errors import InputError
from mirage_core.grading import grade
from mirage_core.model.load import load_model, load_processor
from mirage_core.model.processor import LATENT_END, LATENT_PAD, LATENT_START
from mirage_core.puzzles import vsp, vsp_reasoning
from mirage_core.recipe import Grpo, Reinforced
from mirage_core.row import read_rows
from mirage_core.training.collate import chat_messages
from mirage_core.training.run import run_trainer, training_arguments

THOUGHT = r"(<think>((?!</?think>|<\|latent_|\\boxed\{).)*</think>)?"
SPAN = f"({re.escape(LATENT_START)}({re.escape(LATENT_PAD)})+{re.escape(LATENT_END)})"
BOX = {vsp.TASK: "[UDLR](,[UDLR])*", vsp_reasoning.TASK: "[ABC]"}
"""Task -> form of the answer: comma-separated moves, or a choice."""
ASKED_FORM = {task: re.compile(rf"{THOUGHT}{SPAN}{THOUGHT}\\boxed\{{{box}\}}", re.DOTALL) for task, box in BOX.items()}
"""One latent span, then one box, thoughts around the span or none."""


def train_grpo(start: str, data: Path, settings: Reinforced, out: Path, scratch: Path) -> dict[str, Any]:
    """Reinforce a stage-2 model on the rows of split `rl` and save it below `out`.

    Args:
        start: Folder of the model to start from.
        data: Data set folder.
        settings: The stage.
        out: Artifact folder.
        scratch: Folder for checkpoints that a later call resumes from.

    Returns:
        Counts: rows, updates, first and last loss, mean reward in the first and last fifth of the logs.
    """
    set_seed(settings.seed)
    grpo, prompts = settings.grpo, _prompts(data)
    model, processor = load_model(start, dtype=torch.float32), load_processor(start)
    model.model.visual.requires_grad_(False)
    arguments = training_arguments(grpo, scratch, settings.seed, settings.precision) | {
        "logging_steps": 1,
        "num_generations": grpo.num_generations,
        "max_completion_length": settings.max_new_tokens,
        "temperature": grpo.temperature,
        "gradient_checkpointing": False,  # TRL's default is True
        "beta": 0.0,  # no KL term, so no reference model
        "loss_type": "grpo",  # the default normalises by token counts taken before our mask
        "reward_weights": [1.0, grpo.format_reward],
        "shuffle_dataset": False,  # TRL's sampler forgets its shuffles when a run is resumed after the first epoch
    }
    trainer = LatentGRPOTrainer(
        model=model,
        args=GRPOConfig(**arguments),
        reward_funcs=[right_answer, asked_form(processor.tokenizer)],
        train_dataset=_in_order(prompts, grpo, settings.seed),
        processing_class=processor,
    )
    counts = run_trainer(trainer, processor, out)
    rewards = [entry["reward"] for entry in trainer.state.log_history if "reward" in entry]
    fifth = max(1, len(rewards) // 5)
    return {
        "rows": len(prompts),
        **counts,
        "first_reward": round(sum(rewards[:fifth]) / fifth, 4),
        "last_reward": round(sum(rewards[-fifth:]) / fifth, 4),
    }


class LatentGRPOTrainer(GRPOTrainer):
    """Stock trainer that leaves forced tokens out of the loss.

    `latent_pad` and `latent_end` are not sampled but forced; `latent_start` is sampled and optimised. `tool_mask` is
    TRL's own name for "completion tokens that the model did not choose".
    """

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        config, ids_BT = self.model.config, inputs["completion_ids"]
        inputs["tool_mask"] = ((ids_BT != config.latent_pad_id) & (ids_BT != config.latent_end_id)).long()
        return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)


def right_answer(completions: list[Any], task: list[str], meta: list[str], **_: Any) -> list[float]:
    """1 where the boxed answer is right, else 0; the same grading as in the benchmark."""
    texts = [completion[0]["content"] for completion in completions]
    puzzles = zip(task, meta, texts, strict=True)
    return [float(grade(name, json.loads(puzzle), text).ok) for name, puzzle, text in puzzles]


def asked_form(tokenizer: Any) -> Any:
    """Reward function: 1 where the whole output, latents included, has the asked form, else 0."""

    def has_asked_form(completion_ids: list[list[int]], task: list[str], **_: Any) -> list[float]:
        end = tokenizer.eos_token
        texts = [tokenizer.decode(ids, skip_special_tokens=False).removesuffix(end) for ids in completion_ids]
        return [float(ASKED_FORM[name].fullmatch(text) is not None) for name, text in zip(task, texts, strict=True)]

    return has_asked_form


def _in_order(prompts: Dataset, grpo: Grpo, seed: int) -> Dataset:
    """The puzzles of all updates, shuffled anew on every pass: a single epoch, so that a resumed run sees the same."""
    num_prompts = grpo.num_updates * grpo.batch_size * grpo.accumulation // grpo.num_generations
    num_passes = -(-num_prompts // len(prompts))
    passes = [np.random.default_rng([seed, number]).permutation(len(prompts)) for number in range(num_passes)]
    return prompts.select(np.concatenate(passes)[:num_prompts])


def _prompts(data: Path) -> Dataset:
    records = [
        {
            "prompt": chat_messages(row.question),
            "images": [{"bytes": png, "path": None} for png in row.images],
            "task": row.task,
            "meta": json.dumps(row.meta),
        }
        for row in read_rows(str(data / "rows"), split="rl")
    ]
    if not records:
        raise InputError(f"{data}: no rows of split rl; give the spec some under num_puzzles.rl")
    part = {"type": Value("string"), "text": Value("string")}
    turn = {"role": Value("string"), "content": List(part)}
    text = Value("string")
    return Dataset.from_list(
        records,
        features=Features({"prompt": List(turn), "images": List(Image(mode="RGB")), "task": text, "meta": text}),
    )
