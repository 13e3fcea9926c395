"""Whole programs that call `run_flow`, as `python -m flows.NAME` does, in a folder of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prefect import flow
from prefect.client.orchestration import get_client

from tasks.local import run_flow

REPO = Path(__file__).parents[1]
PROGRAM = """
import sys, time
from prefect import flow, task
from mirage_core.errors import InputError
from tasks.local import run_flow

@task(log_prints=True)
def load(spec):
    print("reading", spec)
    if spec == "missing":
        raise InputError("missing.yaml: cannot be read")
    if spec == "bug":
        raise ZeroDivisionError("our own")
    time.sleep(3)
    return spec

@flow
def read(spec: str):
    return load(spec)

if __name__ == "__main__":
    print("result:", run_flow(read, spec=sys.argv[1]))
"""


@pytest.fixture
def program(tmp_path):
    """Starts the program in an empty folder where pyproject.toml names a server that does not answer."""
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "pyproject.toml").write_text('[tool.prefect.api]\nurl = "http://127.0.0.1:9/api"\n')
    env = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    env |= {"PYTHONPATH": str(REPO), "HOME": str(tmp_path / "home")}

    def start(spec: str) -> subprocess.Popen:
        command = [sys.executable, "program.py", spec]
        return subprocess.Popen(
            command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    return start


@pytest.mark.server
def test_without_a_server_a_flow_still_runs_and_two_do_not_meet(program, tmp_path):
    runs = [program("spec.yaml"), program("spec.yaml")]
    for run in runs:
        out, err = run.communicate(timeout=180)
        assert run.returncode == 0, err
        assert out == "result: spec.yaml\n"
        assert "locked" not in err
    databases = {path.name for path in (tmp_path / ".mirage" / "prefect").glob("*.db")}
    assert databases == {"temporary-0.db", "temporary-1.db"}
    assert not list((tmp_path / "home").rglob("*.db")), "Prefect's own database is left alone"


@pytest.mark.server
def test_a_mistake_ends_in_one_line_without_a_traceback(program):
    run = program("missing")
    out, err = run.communicate(timeout=180)
    assert run.returncode == 1
    assert err.splitlines()[-1] == "error: missing.yaml: cannot be read"
    assert "Traceback" not in err
    assert out == ""


@pytest.mark.server
def test_a_bug_keeps_its_traceback(program):
    run = program("bug")
    _, err = run.communicate(timeout=180)
    assert run.returncode == 1
    assert "ZeroDivisionError: our own" in err and "Traceback" in err


@pytest.mark.prefect
def test_a_server_that_answers_tracks_the_run(prefect_server, capsys):
    @flow
    def tracked(word: str):
        return word

    assert run_flow(tracked, word="yes") == "yes"
    assert "temporary" not in capsys.readouterr().err
    with get_client(sync_client=True) as client:
        assert client.read_flow_by_name("tracked")
