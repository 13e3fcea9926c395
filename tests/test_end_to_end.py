"""The whole road as a user walks it: real processes, no server up, artifacts in a fresh root."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
import yaml
from prefect.settings import PREFECT_API_URL

from mirage_core import manifest

pytestmark = [pytest.mark.prefect, pytest.mark.train]

REPO = Path(__file__).parents[1]
STAGES = {
    *("puzzles", "helper-images", "reasoning", "dataset", "official-test", "features"),
    *("stage1", "stage2", "grpo", "direct", "benchmark", "baselines", "report"),
}
RERUN_LIMIT_S = 60
"""A rerun takes less than half of this on an idle machine."""
SPEC = {
    "task": "vsp_spatial_planning", "seed": 5, "level_shares": {3: 1, 4: 1},
    "num_puzzles": {"train": 16, "rl": 4, "validation": 4},
}  # fmt: skip
ONE_UPDATE = {"num_updates": 1, "batch_size": 8, "lr": 1e-3, "warmup_updates": 0}
RECIPE = {
    "stage1": ONE_UPDATE, "stage2": ONE_UPDATE, "direct": ONE_UPDATE,
    "grpo": {**ONE_UPDATE, "num_generations": 4},
    "benchmark": {"max_new_tokens": 16, "batch_size": 8},
}  # fmt: skip


class Run(NamedTuple):
    """How a command ended."""

    code: int
    text: str
    """Both streams."""
    seconds: float

    def stages(self, state: str) -> set[str]:
        """Stages with a task run that finished in that state."""
        return {
            name.rsplit("-", 1)[0]
            for name in re.findall(rf"Task run '([\w-]+)' - Finished in state {state}", self.text)
        }


class World(NamedTuple):
    """One artifact root and the command that fills it."""

    root: Path
    start: Callable[..., subprocess.Popen]
    """The server to use as Prefect's setting, or nothing to let the command start one."""

    def run(self, **server: str) -> Run:
        started_s = time.monotonic()
        process = self.start(**server)
        text, _ = process.communicate(timeout=600)
        return Run(process.returncode, text, time.monotonic() - started_s)

    def only(self, stage: str) -> Path:
        """The folder of the one artifact of a stage."""
        (folder,) = [path for path in (self.root / stage).iterdir() if not path.name.startswith(".")]
        return folder


@pytest.fixture(scope="module")
def world(tmp_path_factory, vsp_folder, boards) -> World:
    folder = tmp_path_factory.mktemp("end-to-end")
    (folder / "spec.yaml").write_text(yaml.safe_dump(SPEC))
    (folder / "recipe.yaml").write_text(yaml.safe_dump(RECIPE))
    paths = {
        "--spec": folder / "spec.yaml",
        "--recipe": folder / "recipe.yaml",
        "--test": vsp_folder(*boards(6, largest=4)),
    }
    command = [sys.executable, "-m", "flows.end_to_end", *(str(part) for pair in paths.items() for part in pair)]
    environment = os.environ | {
        "PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(folder / "artifacts"),
        "PREFECT_HOME": str(folder / "prefect"),
    }
    environment.pop("PREFECT_API_URL", None)

    def start(**server: str) -> subprocess.Popen:
        return subprocess.Popen(
            command, cwd=REPO, env=environment | server, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    return World(folder / "artifacts", start)


@pytest.fixture(scope="module")
def server(prefect_server) -> dict[str, str]:
    """The one that runs already: starting another for every command takes longer than what is tested here."""
    return {"PREFECT_API_URL": PREFECT_API_URL.value()}


@pytest.fixture(scope="module")
def first(world) -> Run:
    return world.run()


def test_one_command_ends_with_the_path_of_a_report(world, first):
    assert first.code == 0, first.text
    last_line = first.text.strip().splitlines()[-1]
    report = Path(last_line.removeprefix("report: "))
    assert report == world.only("report") / "report.html"
    assert "untrained base" in report.read_text()
    assert first.stages("Completed") == STAGES


def test_every_artifact_is_whole_and_says_where_it_came_from(world, first):
    folders = [path.parent for path in world.root.glob("*/*/manifest.json")]
    assert {folder.parent.name for folder in folders} == STAGES
    for folder in folders:
        assert manifest.verify(folder) == []
        record = manifest.read(str(folder))
        assert all((world.root / parent.stage / parent.digest).is_dir() for parent in manifest.parents(record))
        assert bool(manifest.parents(record)) == (record.stage not in ("puzzles", "official-test"))


def test_a_rerun_finds_everything_done(world, first):
    again = world.run()
    assert again.code == 0, again.text
    assert again.stages("Cached") == STAGES
    assert again.stages("Completed") == set()
    assert again.seconds < RERUN_LIMIT_S


def test_a_deleted_stage_is_the_only_one_that_runs_again(world, first, server):
    shutil.rmtree(world.only("stage2"))
    again = world.run(**server)
    assert again.code == 0, again.text
    assert again.stages("Completed") == {"stage2"}
    assert again.stages("Cached") == STAGES - {"stage2"}


def test_a_trainer_killed_twice_fails_its_stage_alone_and_the_rerun_repeats_only_that(world, first, server):
    """Once is made good by the stage itself."""
    shutil.rmtree(world.only("direct"))
    process = world.start(**server)
    trainer = _wait_for_child(process.pid, "supervised")
    trainer.kill()
    trainer.wait(30)
    _wait_for_child(process.pid, "supervised").kill()
    text, _ = process.communicate(timeout=300)
    assert process.returncode != 0
    assert "was killed by SIGKILL" in text
    assert not list((world.root / "direct").glob("*/manifest.json"))
    again = world.run(**server)
    assert again.code == 0, again.text
    assert again.stages("Completed") == {"direct"}


def _wait_for_child(pid: int, command: str) -> psutil.Process:
    """The process below ours that runs a job."""
    deadline_s = time.monotonic() + 120
    while time.monotonic() < deadline_s:
        for child in psutil.Process(pid).children(recursive=True):
            line = child.cmdline()
            if "mirage_core.jobs" in line and command in line and "-S" not in line:
                return child
        time.sleep(0.05)
    raise AssertionError(f"no job {command} was started")
