"""The best checkpoint of a run, chosen on rows of split `validation` alone."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from mirage_core.benchmark.scores import score
from mirage_core.errors import InputError
from mirage_core.model.processor import MirageProcessor
from mirage_core.recipe import Benchmark, Reinforced
from mirage_core.row import Row, read_rows
from mirage_core.training.grpo_trainer import LatentGRPOTrainer

METRIC = "validation_accuracy"


def validation_rows(data: Path, num_rows: int, seed: int) -> list[Row]:
    """At most `num_rows` puzzles of split `validation`, each once, drawn without regard to their order on disk."""
    found = read_rows(str(data / "rows"), split="validation")
    rows = list({(row.question, str(row.meta)): row for row in found}.values())  # a puzzle may have several thoughts
    if not rows:
        raise InputError(f"{data}: no rows of split validation; give the spec some under num_puzzles.validation")
    return [rows[number] for number in sorted(np.random.default_rng(seed).permutation(len(rows))[:num_rows])]


class BestCheckpoint(TrainerCallback):
    """Greedy accuracy every few updates; at the end of training the weights of the best update are put back.

    The model before the first update is a candidate; of equal ones the earliest wins. Trained weights of the best so
    far lie in one file, with what they scored, which is replaced in one go: a run that is killed and resumed from an
    older checkpoint meets the same updates again and finds none of them better than what it has kept.
    """

    def __init__(
        self,
        trainer: LatentGRPOTrainer,
        rows: Sequence[Row],
        processor: MirageProcessor,
        settings: Reinforced,
        file: Path,
    ) -> None:
        assert settings.grpo.eval_every is not None
        self.trainer, self.rows, self.processor, self.file = trainer, rows, processor, file
        self.every = settings.grpo.eval_every
        self.exam = Benchmark(batch_size=settings.grpo.batch_size, max_new_tokens=settings.max_new_tokens)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if state.global_step == 0 or not self.file.is_file():
            self.file.unlink(missing_ok=True)
            accuracy = self._accuracy()
            self._keep(state.global_step, accuracy, accuracy)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if state.global_step % self.every and state.global_step != state.max_steps:
            return
        accuracy, kept = self._accuracy(), self._kept()
        self.trainer.extra_logs[METRIC] = accuracy
        if accuracy > float(kept["accuracy"]):
            self._keep(state.global_step, accuracy, float(kept["start_accuracy"]))

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        best = load_file(self.file)
        with torch.no_grad():
            for name, weight in self._trained().items():
                weight.copy_(best[name])

    def counts(self) -> dict[str, Any]:
        """Which update was chosen, and accuracies there and before the first."""
        kept = self._kept()
        return {
            "best_update": int(kept["update"]),
            "best_validation_accuracy": round(float(kept["accuracy"]), 4),
            "start_validation_accuracy": round(float(kept["start_accuracy"]), 4),
            "validation_rows": len(self.rows),
        }

    def _model(self) -> Any:
        return self.trainer.accelerator.unwrap_model(self.trainer.model)

    def _trained(self) -> dict[str, torch.Tensor]:
        return {name: weight for name, weight in self._model().named_parameters() if weight.requires_grad}

    def _accuracy(self) -> float:
        model, right = self._model(), 0
        was_training = model.training
        for task in sorted({row.task for row in self.rows}):  # `score` takes rows of one task
            items = [row for row in self.rows if row.task == task]
            scores = score(model, items, self.processor, self.exam, progress=_silent)
            right += sum(answer.reason == "ok" for answer in scores.answers)
        model.train(was_training)
        return right / len(self.rows)

    def _keep(self, update: int, accuracy: float, start_accuracy: float) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        told = {"update": str(update), "accuracy": repr(accuracy), "start_accuracy": repr(start_accuracy)}
        weights = {name: weight.detach().cpu().contiguous() for name, weight in self._trained().items()}
        torn = self.file.with_suffix(".torn")
        save_file(weights, torn, metadata=told)
        os.replace(torn, self.file)

    def _kept(self) -> dict[str, str]:
        with safe_open(self.file, framework="pt") as file:
            told: dict[str, str] = file.metadata()
        return told


def _silent(line: str) -> None:
    """Accuracies go to the log, not batch by batch."""
