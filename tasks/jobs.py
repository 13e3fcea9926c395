"""The heavy half of a stage: a command of `mirage_core.jobs` as a child process."""

import json
import os
import shlex
from pathlib import Path
from typing import Any

from prefect import get_run_logger

from mirage_core.jobs import COUNTS_FILE
from mirage_core.manifest import Counts
from mirage_core.settings import Settings
from tasks.child import run_child

LAUNCH_VARIABLE = "MIRAGE_LAUNCH"
"""Words between `accelerate launch` and the program, such as `--config_file recipes/accelerate/ddp.yaml --num_processes
8`: what this machine has, like CUDA_VISIBLE_DEVICES. No setting of a recipe, as a recipe trains the same model on any
number of GPUs."""
LAUNCHED = ("supervised", "grpo")
"""Jobs that share out their passes among processes."""


def run_job(command: str, out: Path, settings: Settings | None = None, **options: Any) -> Counts:
    """Run one job into `out` and return its counts; the settings stay in the artifact beside the result."""
    if settings is not None:
        path = out / "settings.json"
        path.write_text(settings.model_dump_json(indent=1), encoding="utf-8")
        options["settings"] = path
    arguments = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    program = ["mirage_core.jobs", command, *arguments, "--out", str(out)]
    launch = shlex.split(os.environ.get(LAUNCH_VARIABLE, ""))
    if launch and command in LAUNCHED:
        run_child("accelerate.commands.launch", [*launch, "-m", *program], get_run_logger(), is_launcher=True)
    else:
        run_child(program[0], program[1:], get_run_logger())
    counts: Counts = json.loads((out / COUNTS_FILE).read_text(encoding="utf-8"))
    return counts
