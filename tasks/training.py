"""The training stages. Each runs as a child process; see `mirage_core.jobs`."""

import json
from pathlib import Path
from typing import Any

from prefect import get_run_logger

from mirage_core.jobs import COUNTS_FILE
from mirage_core.manifest import Counts
from mirage_core.model.base import BaseModelRef
from mirage_core.recipe import Pretrain, Reinforced, Supervised
from mirage_core.settings import Settings
from mirage_core.training import MODEL_FOLDER
from tasks.artifact import Artifact, folder
from tasks.child import run_child
from tasks.stage import stage

Model = Artifact | BaseModelRef


def model_ref(model: Model) -> str:
    """What `from_pretrained` opens."""
    return model.ref if isinstance(model, BaseModelRef) else str(folder(model) / MODEL_FOLDER)


def run_job(command: str, out: Path, settings: Settings | None = None, **options: Any) -> Counts:
    """Run one job into `out` and return its counts; the settings stay in the artifact beside the result."""
    if settings is not None:
        path = out / "settings.json"
        path.write_text(settings.model_dump_json(indent=1), encoding="utf-8")
        options["settings"] = path
    arguments = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    run_child("mirage_core.jobs", [command, *arguments, "--out", str(out)], get_run_logger())
    counts: Counts = json.loads((out / COUNTS_FILE).read_text(encoding="utf-8"))
    return counts


@stage("features")
def features(base: BaseModelRef, data: Artifact, *, out: Path) -> Counts:
    return run_job("features", out, base=base.ref, data=folder(data))


def _supervised(
    start: Model, data: Artifact, features: Artifact, settings: Supervised, out: Path, scratch: Path
) -> Counts:
    inputs = {"start": model_ref(start), "data": folder(data), "features": folder(features)}
    return run_job("supervised", out, settings, **inputs, scratch=scratch)


@stage("stage1")
def stage1(
    start: Model, data: Artifact, features: Artifact, settings: Supervised, *, out: Path, scratch: Path
) -> Counts:
    return _supervised(start, data, features, settings, out, scratch)


@stage("stage2")
def stage2(
    start: Model, data: Artifact, features: Artifact, settings: Supervised, *, out: Path, scratch: Path
) -> Counts:
    return _supervised(start, data, features, settings, out, scratch)


@stage("direct")
def direct(
    start: Model, data: Artifact, features: Artifact, settings: Supervised, *, out: Path, scratch: Path
) -> Counts:
    return _supervised(start, data, features, settings, out, scratch)


@stage("grpo")
def grpo(start: Model, data: Artifact, settings: Reinforced, *, out: Path, scratch: Path) -> Counts:
    return run_job("grpo", out, settings, start=model_ref(start), data=folder(data), scratch=scratch)


@stage("pretrain")
def pretrain(settings: Pretrain, *, out: Path, scratch: Path) -> Counts:
    return run_job("pretrain", out, settings, scratch=scratch)
