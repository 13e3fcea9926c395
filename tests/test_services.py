"""The real server and worker on a free port, in a copy of the repository: up, a run by its bare name, down."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

REPO = Path(__file__).parents[1]
LINKED = ("flows", "tasks", "mirage_core", "datasets_spec", "recipes")

pytestmark = pytest.mark.server


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def programs_in(folder: Path) -> list[str]:
    """Command lines of our processes whose working directory is below a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
        except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            continue
    return found


@pytest.fixture
def python(tmp_path):
    """Runs `python -m ...` in the copy, as a user whose home is empty and who installed the package."""
    repo = tmp_path / "repo"
    repo.mkdir()
    for name in LINKED:
        (repo / name).symlink_to(REPO / name)
    for name in ("prefect.yaml", "pyproject.toml"):
        shutil.copy(REPO / name, repo)
    installed = tmp_path / "mirage_plugin-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: mirage-plugin\nVersion: 1\n")
    (installed / "entry_points.txt").write_text("[prefect.plugins]\nmirage = tasks.bare_names\n")
    env = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    env |= {
        "HOME": str(tmp_path / "home"),
        "PREFECT_API_URL": f"http://127.0.0.1:{free_port()}/api",
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{REPO}",
    }

    def run(*args: str) -> str:
        command = [sys.executable, "-m", *args]
        done = subprocess.run(command, cwd=repo, env=env, capture_output=True, text=True, timeout=400)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    yield run
    run("tasks.services", "down")


def test_up_run_down(python, tmp_path):
    python("tasks.services", "up")
    status = python("tasks.services", "status")
    assert "/api answers" in status and "not running" not in status

    python("tasks.services", "up")
    assert python("tasks.services", "status") == status, "a second `up` starts nothing"

    python(
        *("prefect", "deployment", "run", "synth-vsp", "--watch"),
        *("-p", 'spec="datasets_spec/vsp-smoke.yaml"'),
    )
    assert list((tmp_path / "repo" / "artifacts" / "dataset").glob("*/manifest.json"))

    python("tasks.services", "down")
    assert programs_in(tmp_path) == []
    assert "not running" in python("tasks.services", "status")
