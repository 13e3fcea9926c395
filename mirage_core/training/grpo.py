"""Stage 3: GRPO on TRL's trainer. Text tokens are optimised, gradients flow through the latents.

Rewards grade with the same `check` as verification and benchmark. The Mirage paper describes this stage (appendix B:
5 rollouts, reward for the right answer plus 0.1 for the form, KL on text tokens only) but published no code for it.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset, Features, Image, List, Value
from transformers import set_seed
from trl import GRPOConfig

from mirage_core.errors import InputError
from mirage_core.model.load import best_device, load_model, load_processor
from mirage_core.recipe import Grpo, Reinforced
from mirage_core.row import Row, read_rows
from mirage_core.training.best import BestCheckpoint, validation_rows
from mirage_core.training.collate import chat_messages
from mirage_core.training.difficulty import drop_unteachable
from mirage_core.training.grpo_trainer import LatentGRPOTrainer
from mirage_core.training.rewards import asked_form, right_answer
from mirage_core.training.run import run_trainer, training_arguments

BEST_FILE = "best/weights.safetensors"


def train_grpo(start: str, data: Path, settings: Reinforced, out: Path, scratch: Path) -> dict[str, Any]:
    """Reinforce a model on the rows of split `rl` and save it below `out`.

    Args:
        start: Folder of the model to start from, which is also the reference of the KL term.
        data: Data set folder.
        settings: The stage.
        out: Artifact folder.
        scratch: Folder for checkpoints that a later call resumes from.

    Returns:
        Counts: rows, updates, first and last loss, mean reward in the first and last fifth of the logs; where it was
        asked for, puzzles dropped by difficulty, and which update validation chose.
    """
    set_seed(settings.seed)
    grpo, rows = settings.grpo, _read(data)
    model, processor = load_model(start, dtype=torch.float32), load_processor(start)
    model.model.visual.requires_grad_(False)
    dropped: dict[str, int] = {}
    if grpo.filter_samples is not None:
        rows, dropped = drop_unteachable(model.to(best_device()), processor, rows, settings, scratch)
    trainer = LatentGRPOTrainer(
        model=model,
        args=_arguments(settings, scratch),
        reward_funcs=[right_answer, asked_form(processor.tokenizer, settings.latents)],
        train_dataset=_in_order(_prompts(rows), grpo, settings.seed),
        processing_class=processor,
        kl_weight=grpo.kl_weight,
        reference=load_model(start, dtype=torch.float32) if grpo.kl_weight else None,
        latent_sigma=grpo.latent_sigma,
    )
    best = None
    if grpo.eval_every is not None:
        examined = validation_rows(data, grpo.eval_rows, settings.seed)
        best = BestCheckpoint(trainer, examined, processor, settings, scratch / BEST_FILE)
        trainer.add_callback(best)
    counts = run_trainer(trainer, processor, out, whole_updates=grpo.num_iterations)
    rewards = [entry["reward"] for entry in trainer.state.log_history if "reward" in entry]
    fifth = max(1, len(rewards) // 5)
    return {
        "rows": len(rows),
        **dropped,
        **counts,
        "first_reward": round(sum(rewards[:fifth]) / fifth, 4),
        "last_reward": round(sum(rewards[-fifth:]) / fifth, 4),
        **(best.counts() if best else {}),
    }


def _arguments(settings: Reinforced, scratch: Path) -> GRPOConfig:
    grpo = settings.grpo
    arguments = training_arguments(grpo, scratch, settings.seed, settings.precision) | {
        "logging_steps": 1,
        "num_generations": grpo.num_generations,
        "num_iterations": grpo.num_iterations,
        "max_completion_length": settings.max_new_tokens,
        "temperature": grpo.temperature,
        "gradient_checkpointing": False,  # TRL's default is True
        "beta": 0.0,  # our trainer is given `kl_weight`
        "use_bias_correction_kl": False,  # TRL's default is DeepSeek-V3.2's term, Mirage's verl had DeepSeekMath's
        "loss_type": "grpo",  # the default normalises by token counts taken before our mask
        "reward_weights": [1.0, grpo.format_reward],
        "shuffle_dataset": False,  # TRL's sampler forgets its shuffles when a run is resumed after the first epoch
    }
    return GRPOConfig(**arguments)


def _in_order(prompts: Dataset, grpo: Grpo, seed: int) -> Dataset:
    """The puzzles of all updates, shuffled anew on every pass: a single epoch, so that a resumed run sees the same."""
    num_rollouts = -(-grpo.num_updates // grpo.num_iterations)
    num_prompts = num_rollouts * grpo.batch_size * grpo.accumulation // grpo.num_generations
    num_passes = -(-num_prompts // len(prompts))
    passes = [np.random.default_rng([seed, number]).permutation(len(prompts)) for number in range(num_passes)]
    return prompts.select(np.concatenate(passes)[:num_prompts])


def _read(data: Path) -> list[Row]:
    rows = list(read_rows(str(data / "rows"), split="rl"))
    if not rows:
        raise InputError(f"{data}: no rows of split rl; give the spec some under num_puzzles.rl")
    return rows


def _prompts(rows: Sequence[Row]) -> Dataset:
    records = [
        {
            "prompt": chat_messages(row.question),
            "images": [{"bytes": png, "path": None} for png in row.images],
            "task": row.task,
            "meta": json.dumps(row.meta),
        }
        for row in rows
    ]
    part = {"type": Value("string"), "text": Value("string")}
    turn = {"role": Value("string"), "content": List(part)}
    text = Value("string")
    return Dataset.from_list(
        records,
        features=Features({"prompt": List(turn), "images": List(Image(mode="RGB")), "task": text, "meta": text}),
    )
