"""What all stages share: trainer arguments, resume, progress, metrics and the saved model."""

import json
import math
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from mirage_core.errors import InputError
from mirage_core.model.load import save
from mirage_core.model.processor import MirageProcessor
from mirage_core.recipe import Optimizer
from mirage_core.training import METRICS_FILE, MODEL_FOLDER

NUM_LOGS = 50
"""Points of a loss curve; few enough for Prefect's log, many enough for a picture."""


def training_arguments(optimizer: Optimizer, scratch: Path, seed: int, precision: str) -> dict[str, Any]:
    """Arguments of `TrainingArguments` and its TRL descendants.

    An update sees `batch_size * accumulation` rows whatever the number of processes, which share out its passes: so a
    recipe trains the same model on any machine.

    Raises:
        InputError: The passes of an update cannot be shared out equally.

    Source: Mirage, table 9: AdamW with betas 0.9 and 0.95, weight decay 0.01, cosine schedule.
    """
    cuda = torch.cuda.is_available()
    num_processes = int(os.environ.get("WORLD_SIZE", "1"))  # of torchrun and accelerate launch
    if optimizer.accumulation % num_processes:
        raise InputError(
            f"accumulation: {optimizer.accumulation} forward passes of {optimizer.batch_size} rows cannot be "
            f"shared out equally among {num_processes} processes: make it a multiple and batch_size smaller"
        )
    return {
        "output_dir": str(scratch),
        "max_steps": optimizer.num_updates,
        "per_device_train_batch_size": optimizer.batch_size,
        "gradient_accumulation_steps": optimizer.accumulation // num_processes,
        "ddp_find_unused_parameters": False,  # all that is trained is used in every pass
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


def run_trainer(trainer: Trainer, processor: MirageProcessor, out: Path, whole_updates: int = 1) -> dict[str, Any]:
    """Train, from the newest whole checkpoint in the trainer's folder if there is one; save model and metrics.

    All processes of a distributed run call it; the first one writes.

    Args:
        trainer: Its folder is where checkpoints lie.
        processor: Saved with the model.
        out: Artifact folder.
        whole_updates: A checkpoint that a run may be resumed from stands at a multiple of so many updates.

    Returns:
        Counts: updates, where the run was resumed, the first and last logged loss.

    Raises:
        SystemExit: SIGTERM came; a checkpoint was written.
        InputError: The processes share out the model in a way that is not known to be right.
    """
    _check_strategy(trainer)
    resumed_from = newest_checkpoint(Path(trainer.args.output_dir), trainer.args.max_steps)
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(Progress(Path(trainer.args.output_dir) / METRICS_FILE))
    trainer.add_callback(stop := StopAtSigterm(whole_updates))
    trainer.train(resume_from_checkpoint=str(resumed_from) if resumed_from else None)
    if stop.asked and trainer.state.global_step < trainer.args.max_steps:
        print(f"stopped after update {trainer.state.global_step}, of which there is a checkpoint", flush=True)
        sys.exit(128 + signal.SIGTERM)
    logs = [entry for entry in trainer.state.log_history if "loss" in entry]
    if trainer.is_world_process_zero():
        lines = "".join(json.dumps(entry, sort_keys=True) + "\n" for entry in logs)
        (out / METRICS_FILE).write_text(lines, encoding="utf-8")
    _save(trainer, processor, out / MODEL_FOLDER)
    trainer.accelerator.wait_for_everyone()
    trainer.accelerator.end_training()
    return {
        "updates": trainer.state.global_step,
        "resumed_at": int(resumed_from.name.split("-")[1]) if resumed_from else 0,
        "first_loss": round(logs[0]["loss"], 4),
        "last_loss": round(logs[-1]["loss"], 4),
    }


def _check_strategy(trainer: Trainer) -> None:
    state = trainer.accelerator.state
    if os.environ.get("ACCELERATE_USE_FSDP") == "true" and not trainer.is_fsdp_enabled:
        raise InputError("accelerate shards models on GPUs only: on CPUs use recipes/accelerate/ddp.yaml")
    if trainer.is_deepspeed_enabled or (trainer.is_fsdp_enabled and state.fsdp_plugin.fsdp_version != 2):
        raise InputError(
            "latents are not tested with DeepSpeed or FSDP 1, where processes with differing numbers of latents wait "
            "for one another: use recipes/accelerate/ddp.yaml or fsdp2.yaml"
        )
    if trainer.is_fsdp_enabled and isinstance(trainer.model, PeftModel):
        raise InputError("lora: adapters are small, copy them with recipes/accelerate/ddp.yaml instead of sharding")


def _save(trainer: Trainer, processor: MirageProcessor, folder: Path) -> None:
    model = trainer.accelerator.unwrap_model(trainer.model)
    if isinstance(model, PeftModel):
        model = model.merge_and_unload()
    # shards are gathered by all processes, and the first one is given the whole
    weights = trainer.accelerator.get_state_dict(trainer.model) if trainer.is_fsdp_enabled else None
    if trainer.is_world_process_zero():
        save(model, processor, folder, weights)


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


class StopAtSigterm(TrainerCallback):
    """A run that is cancelled, or whose flow died, ends after the update it is at, with a checkpoint.

    The stock callback of `enable_jit_checkpoint` waits three seconds first and saves in the middle of an update, from
    where a resumed run does not end where an undisturbed one does. In a distributed run SIGTERM ends the processes at
    once, as ever: they would stop at different updates.
    """

    def __init__(self, whole_updates: int) -> None:
        self.whole_updates = whole_updates
        self.asked = False
        self._before: Any = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if args.world_size == 1 and threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, number: int, frame: Any) -> None:
        self.asked = True

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if self.asked and state.global_step % self.whole_updates == 0:
            control.should_save = control.should_training_stop = True

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)


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
