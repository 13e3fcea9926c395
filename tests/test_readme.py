"""The README's commands, run in a clone, in their order."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL

pytestmark = [pytest.mark.server, pytest.mark.prefect, pytest.mark.train]

REPO = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
QUICKER = {"make demo": "make demo RECIPE=smoke", "make test": "make --dry-run test", ". .venv/bin/activate": "true"}
"""What is run instead: the same road with the smoke recipe, no tests within tests, and no shell to activate."""


def commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", (REPO / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


@pytest.fixture
def clone(tmp_path) -> Path:
    """What is tracked or new in this checkout, without its environment and artifacts."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPO, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in listed.stdout.splitlines():
        if (source := REPO / name).is_file():
            target = tmp_path / "clone" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
            os.utime(target, (0, 0))  # older than the environment, so that make does not install into it
    return tmp_path / "clone"


@pytest.fixture
def environment(tmp_path, clone) -> dict[str, str]:
    """This environment instead of a new one, a free port instead of Prefect's, everything else as for a user."""
    (clone / ".venv").symlink_to(BIN.parent)
    if not (clone / ".venv/.installed").exists():
        (clone / ".venv/.installed").touch()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {"PATH": f"{BIN}:{os.environ['PATH']}", "PREFECT_API_URL": f"http://127.0.0.1:{port}/api", "PYTHONPATH": "."}
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PREFECT_", "MAKE"))}
    return kept | own | {"PREFECT_SERVER_ANALYTICS_ENABLED": "false"}


def test_the_commands_do_what_the_readme_says(clone, environment, prefect_server):
    """Flows after the first find a server: `make demo` shows already that they start one of their own."""
    flow_environment = environment | {"PREFECT_API_URL": PREFECT_API_URL.value()}

    def run(command: str) -> subprocess.CompletedProcess[str]:
        # not through pipes: what `make up` leaves in the background would keep them open
        log = clone / ".log"
        with log.open("w") as file:
            done = subprocess.run(
                re.sub(r"\b(vsp-|jigsaw-|sat-|comt-|recipes/)(tiny|demo)\b", r"\1smoke", command),
                shell=True, cwd=clone, env=flow_environment if "-m flows." in command else environment, stdout=file,
                stderr=subprocess.STDOUT, timeout=600,
            )  # fmt: skip
        return subprocess.CompletedProcess(command, done.returncode, log.read_text(), "")

    found = commands()
    assert found[:2] == ["make demo", "make test"] and found[-1] == "make down"
    try:
        for command in found:
            done = run(QUICKER.get(command, command))
            assert done.returncode == 0, f"{command}\n{done.stdout}"
            if command == "make demo":
                report = Path(done.stdout.strip().splitlines()[-1].removeprefix("report: "))
                assert report.is_file() and report.is_relative_to(clone / "artifacts")
    finally:
        run("make down")
