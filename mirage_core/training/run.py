"""What all stages share: trainer arguments, resume, progress, metrics and the saved model."""

import json
import math
import time
from pathlib import Path
from typing import Any

import torch
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from mirage_core.model.load import save
from mirage_core.model.processor import MirageProcessor
from mirage_core.recipe import Optimizer
from mirage_core.training import METRICS_FILE, MODEL_FOLDER

NUM_LOGS = 50
"""Points of a loss curve; few enough for Prefect's log, many enough for a picture."""


def training_arguments(optimizer: Optimizer, scratch: Path, seed: int, precision: str) -> dict[str, Any]:
    """Arguments of `TrainingArguments` and its TRL descendants.

    Source: Mirage, table 9: AdamW with betas 0.9 and 0.95, weight decay 0.01, cosine schedule.
    """
    cuda = torch.cuda.is_available()
    return {
        "output_dir": str(scratch),
        "max_steps": optimizer.num_updates,
        "per_device_train_batch_size": optimizer.batch_size,
        "gradient_accumulation_steps": optimizer.accumulation,
        "learning_rate": optimizer.lr,
        "lr_scheduler_type": "cosine",
        "warmup_steps": optimizer.warmup_updates,
        "adam_beta1": 0.9,
        "adam_beta2": 0.95,
        "weight_decay": 0.01,
        "logging_steps": math.ceil(optimizer.num_updates / NUM_LOGS),
        "save_steps": optimizer.save_every,
        "save_total_limit": 2,  # the newest may be torn by a kill
        "seed": seed,
        "data_seed": seed,
        "bf16": precision == "bf16",
        "use_cpu": not cuda,
        "dataloader_pin_memory": cuda,
        "accelerator_config": {"dispatch_batches": False},  # it slices all tensors by rows; pixels have no such axis
        "remove_unused_columns": False,
        "report_to": [],
        "disable_tqdm": True,
    }


def run_trainer(trainer: Trainer, processor: MirageProcessor, out: Path) -> dict[str, Any]:
    """Train, from the newest whole checkpoint in the trainer's folder if there is one; save model and metrics.

    Returns:
        Counts: updates, where the run was resumed, the first and last logged loss.
    """
    resumed_from = newest_checkpoint(Path(trainer.args.output_dir), trainer.args.max_steps)
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(Progress(Path(trainer.args.output_dir) / METRICS_FILE))
    trainer.train(resume_from_checkpoint=str(resumed_from) if resumed_from else None)
    logs = [entry for entry in trainer.state.log_history if "loss" in entry]
    (out / METRICS_FILE).write_text(
        "".join(json.dumps(entry, sort_keys=True) + "\n" for entry in logs), encoding="utf-8"
    )
    save(trainer.accelerator.unwrap_model(trainer.model), processor, out / MODEL_FOLDER)
    return {
        "updates": trainer.state.global_step,
        "resumed_at": int(resumed_from.name.split("-")[1]) if resumed_from else 0,
        "first_loss": round(logs[0]["loss"], 4),
        "last_loss": round(logs[-1]["loss"], 4),
    }


def newest_checkpoint(folder: Path, num_updates: int) -> Path | None:
    """The newest checkpoint whose trainer state, which is written last, can be read.

    One of the last update is passed over: the stock trainer would take one more from there.
    """
    found = {int(path.name.split("-")[1]): path for path in folder.glob("checkpoint-*")}
    for _, path in sorted(item for item in found.items() if item[0] < num_updates)[::-1]:
        try:
            json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
        except (OSError, json.JSONDecodeError):
            continue
        return path
    return None


class Progress(TrainerCallback):
    """One line per log step for people, one JSON line in the scratch folder for those who watch a run."""

    def __init__(self, metrics_path: Path) -> None:
        self.metrics_path = metrics_path
        self.start_s = time.monotonic()
        self.start_step = 0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self.start_s, self.start_step = time.monotonic(), state.global_step
        self.metrics_path.parent.mkdir(parents=True, exist_ok=True)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if not logs or "loss" not in logs or not state.is_world_process_zero:
            return
        with self.metrics_path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": state.global_step, **logs}) + "\n")
        done = state.global_step - self.start_step
        seconds_left = (time.monotonic() - self.start_s) / max(done, 1) * (state.max_steps - state.global_step)
        shown = [f"{name} {logs[name]:.4f}" for name in ("loss", "text_loss", "alignment", "reward") if name in logs]
        print(f"step {state.global_step}/{state.max_steps}  {'  '.join(shown)}  {seconds_left:.0f} s left", flush=True)
