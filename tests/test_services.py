"""The real server and worker on a free port, in a copy of the repository: up, a run by its bare name, down."""

import sqlite3
import time
from pathlib import Path

import psutil
import pytest

LONG_FLOW = """
from prefect import flow, get_run_logger
from tasks.child import run_child

@flow
def long():
    run_child("trainer", [], get_run_logger())
"""
TRAINER = """
import signal, sys, time
from pathlib import Path

def stop(signum, frame):
    Path("saved").touch()
    sys.exit(1)

signal.signal(signal.SIGTERM, stop)
Path("started").touch()
time.sleep(600)
"""
LONG_DEPLOYMENT = """
  - {name: for-ever, entrypoint: "long_flow.py:long", parameters: {}, work_pool: {name: local, job_variables: {}}}
"""

pytestmark = pytest.mark.server


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
def repo_copy(copy_repo, tmp_path):
    copy = copy_repo(tmp_path, LONG_DEPLOYMENT)
    (copy.folder / "long_flow.py").write_text(LONG_FLOW)
    (copy.folder / "trainer.py").write_text(TRAINER)
    return copy


def flow_run_states(repo: Path) -> list[str]:
    with sqlite3.connect(repo / ".mirage" / "prefect" / "prefect.db") as database:
        return [name for (name,) in database.execute("select state_name from flow_run where deployment_id is not null")]


def test_up_run_down(repo_copy, tmp_path):
    repo, python = repo_copy.folder, repo_copy.run
    python("tasks.services", "up")
    status = python("tasks.services", "status")
    assert "/api answers" in status and "not running" not in status

    python("tasks.services", "up")
    assert python("tasks.services", "status") == status, "a second `up` starts nothing"

    smoke = 'spec="datasets_spec/vsp-smoke.yaml"'
    python("prefect", "deployment", "run", "synth-vsp", "--watch", "-p", smoke)
    assert list((repo / "artifacts" / "dataset").glob("*/manifest.json"))

    python("prefect", "deployment", "run", "for-ever")
    deadline_s = time.monotonic() + 60
    while not (repo / "started").exists():
        assert time.monotonic() < deadline_s
        time.sleep(0.2)
    assert "prefect flow-run retry" in python("tasks.services", "down")
    deadline_s = time.monotonic() + 30  # a run that dies first leaves it to the kernel to tell its trainer
    while not (repo / "saved").exists() or programs_in(tmp_path):
        assert time.monotonic() < deadline_s, programs_in(tmp_path)
        time.sleep(0.2)
    assert "not running" in python("tasks.services", "status")
    states = flow_run_states(repo)
    assert "Completed" in states and "Crashed" in states and "Running" not in states
