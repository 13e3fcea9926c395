"""The heavy half of a stage: a command of `mirage_core.jobs` as a child process."""

import json
import os
import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from prefect import get_run_logger
from prefect.client.orchestration import get_client
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectNotFound

from mirage_core.jobs import COUNTS_FILE
from mirage_core.manifest import Counts
from mirage_core.settings import Settings
from tasks.child import run_child
from tasks.child_log import LOGS_FOLDER
from tasks.patience import patiently

TRAINING_SLOTS = "training"
"""Global concurrency limit; `make up` creates it, and a server without it limits nothing."""
LEASE_S = 60
"""So long a slot stays taken when its holder was killed; the shortest that Prefect grants."""

LAUNCH_VARIABLE = "MIRAGE_LAUNCH"
"""Words between `accelerate launch` and the program, such as `--config_file recipes/accelerate/ddp.yaml --num_processes
8`: what this machine has, like CUDA_VISIBLE_DEVICES. No setting of a recipe, as a recipe trains the same model on any
number of GPUs."""
LAUNCHED = ("supervised", "grpo")
"""Jobs that share out their passes among processes."""


def run_training_job(command: str, out: Path, settings: Settings | None = None, **options: Any) -> Counts:
    """The same for a job that trains or asks a model: it waits for a slot, so that jobs don't share a GPU."""
    with _training_slot():
        return run_job(command, out, settings, _log_file(out), **options)


@contextmanager
def _training_slot() -> Iterator[None]:
    """None where there are no slots, which is asked first: Prefect would warn of it at every stage.

    A server that does not answer must not end hours of work: the lease is then not renewed, or runs out by itself.
    """
    stack = ExitStack()
    if patiently(_are_there_slots):
        slot = concurrency(TRAINING_SLOTS, lease_duration=LEASE_S, raise_on_lease_renewal_failure=False)
        stack.enter_context(slot)
    try:
        yield
    finally:
        with suppress(httpx.TransportError):
            stack.close()


def _are_there_slots() -> bool:
    with get_client(sync_client=True) as client:
        try:
            client.read_global_concurrency_limit_by_name(TRAINING_SLOTS)
        except ObjectNotFound:
            return False
    return True


def _log_file(out: Path) -> Path:
    """It outlives a failed attempt, whose folder `STAGE/.DIGEST.HOST.PROCESS` does not."""
    return out.parents[1] / LOGS_FOLDER / out.parent.name / f"{out.name.split('.')[1]}.txt"


def run_job(
    command: str, out: Path, settings: Settings | None = None, log_file: Path | None = None, **options: Any
) -> Counts:
    """Run one job into `out` and return its counts; the settings stay in the artifact beside the result."""
    if settings is not None:
        path = out / "settings.json"
        path.write_text(settings.model_dump_json(indent=1), encoding="utf-8")
        options["settings"] = path
    arguments = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    program = ["mirage_core.jobs", command, *arguments, "--out", str(out)]
    launch = shlex.split(os.environ.get(LAUNCH_VARIABLE, ""))
    if launch and command in LAUNCHED:
        module, words = "accelerate.commands.launch", [*launch, "-m", *program]
        run_child(module, words, get_run_logger(), log_file, is_launcher=True)
    else:
        run_child(program[0], program[1:], get_run_logger(), log_file)
    counts: Counts = json.loads((out / COUNTS_FILE).read_text(encoding="utf-8"))
    return counts
