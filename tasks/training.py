"""The training stages. Each runs as a child process; see `mirage_core.jobs`."""

from pathlib import Path

from mirage_core.manifest import Counts
from mirage_core.model.base import BaseModelRef
from mirage_core.recipe import Pretrain, Reinforced, Supervised
from mirage_core.training import MODEL_FOLDER
from tasks.artifact import Artifact, folder
from tasks.jobs import run_job
from tasks.stage import stage

Model = Artifact | BaseModelRef


def model_ref(model: Model) -> str:
    """What `from_pretrained` opens."""
    return model.ref if isinstance(model, BaseModelRef) else str(folder(model) / MODEL_FOLDER)


@stage("features", version=2)
def features(base: BaseModelRef, data: Artifact, *, out: Path) -> Counts:
    return run_job("features", out, base=base.ref, data=folder(data))


def _supervised(
    start: Model, data: Artifact, features: Artifact, settings: Supervised, out: Path, scratch: Path
) -> Counts:
    inputs = {"start": model_ref(start), "data": folder(data), "features": folder(features)}
    return run_job("supervised", out, settings, **inputs, scratch=scratch)


@stage("stage1", version=2)
def stage1(
    start: Model, data: Artifact, features: Artifact, settings: Supervised, *, out: Path, scratch: Path
) -> Counts:
    return _supervised(start, data, features, settings, out, scratch)


@stage("stage2", version=2)
def stage2(
    start: Model, data: Artifact, features: Artifact, settings: Supervised, *, out: Path, scratch: Path
) -> Counts:
    return _supervised(start, data, features, settings, out, scratch)


@stage("joint")
def joint(
    start: Model, data: Artifact, features: Artifact, settings: Supervised, *, out: Path, scratch: Path
) -> Counts:
    return _supervised(start, data, features, settings, out, scratch)


@stage("direct", version=2)
def direct(
    start: Model, data: Artifact, features: Artifact, settings: Supervised, *, out: Path, scratch: Path
) -> Counts:
    return _supervised(start, data, features, settings, out, scratch)


@stage("cot")
def cot(start: Model, data: Artifact, features: Artifact, settings: Supervised, *, out: Path, scratch: Path) -> Counts:
    return _supervised(start, data, features, settings, out, scratch)


@stage("grpo", version=2)
def grpo(start: Model, data: Artifact, settings: Reinforced, *, out: Path, scratch: Path) -> Counts:
    return run_job("grpo", out, settings, start=model_ref(start), data=folder(data), scratch=scratch)


@stage("pretrain")
def pretrain(settings: Pretrain, *, out: Path, scratch: Path) -> Counts:
    return run_job("pretrain", out, settings, scratch=scratch)
