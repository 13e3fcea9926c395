"""The training stages. Each runs as a child process; see `mirage_core.jobs`."""

import functools
from pathlib import Path
from typing import Any

from prefect import Task

from mirage_core.manifest import Counts
from mirage_core.model.base import BaseModelRef
from mirage_core.recipe import Pretrain, Reinforced, Supervised
from mirage_core.training import MODEL_FOLDER
from tasks.artifact import Artifact, folder
from tasks.child import KilledError
from tasks.jobs import run_training_job
from tasks.stage import stage

Model = Artifact | BaseModelRef


def _was_killed(task: Task, task_run: Any, state: Any) -> bool:
    return isinstance(state.data, KilledError)


training_stage = functools.partial(stage, retries=1, retry_condition_fn=_was_killed)
"""A stage that goes on from its last checkpoint when its trainer was killed; what fails by itself would fail again."""


def model_ref(model: Model) -> str:
    """What `from_pretrained` opens."""
    return model.ref if isinstance(model, BaseModelRef) else str(folder(model) / MODEL_FOLDER)


@training_stage("features", version=2)
def features(base: BaseModelRef, data: Artifact, *, out: Path) -> Counts:
    return run_training_job("features", out, base=base.ref, data=folder(data))


def _supervised(
    start: Model, data: Artifact, features: Artifact, settings: Supervised, out: Path, scratch: Path
) -> Counts:
    inputs = {"start": model_ref(start), "data": folder(data), "features": folder(features)}
    return run_training_job("supervised", out, settings, **inputs, scratch=scratch)


@training_stage("stage1", version=2)
def stage1(
    start: Model, data: Artifact, features: Artifact, settings: Supervised, *, out: Path, scratch: Path
) -> Counts:
    return _supervised(start, data, features, settings, out, scratch)


@training_stage("stage2", version=2)
def stage2(
    start: Model, data: Artifact, features: Artifact, settings: Supervised, *, out: Path, scratch: Path
) -> Counts:
    return _supervised(start, data, features, settings, out, scratch)


@training_stage("joint")
def joint(
    start: Model, data: Artifact, features: Artifact, settings: Supervised, *, out: Path, scratch: Path
) -> Counts:
    return _supervised(start, data, features, settings, out, scratch)


@training_stage("direct", version=2)
def direct(
    start: Model, data: Artifact, features: Artifact, settings: Supervised, *, out: Path, scratch: Path
) -> Counts:
    return _supervised(start, data, features, settings, out, scratch)


@training_stage("cot")
def cot(start: Model, data: Artifact, features: Artifact, settings: Supervised, *, out: Path, scratch: Path) -> Counts:
    return _supervised(start, data, features, settings, out, scratch)


@training_stage("grpo", version=2)
def grpo(start: Model, data: Artifact, settings: Reinforced, *, out: Path, scratch: Path) -> Counts:
    return run_training_job("grpo", out, settings, start=model_ref(start), data=folder(data), scratch=scratch)


@training_stage("pretrain")
def pretrain(settings: Pretrain, *, out: Path, scratch: Path) -> Counts:
    return run_training_job("pretrain", out, settings, scratch=scratch)
