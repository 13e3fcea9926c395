"""The local Prefect server and worker: `python -m tasks.services up | down | status`, run in the repository.

Both stay in the background (`tasks/background.py`) and listen on this machine only.
"""

import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import typer
from prefect.settings import PREFECT_API_URL

from mirage_core.errors import InputError
from tasks.abandoned import close_flow_runs, flow_runs_with_a_process
from tasks.background import running, start, stop, wait_until
from tasks.child import GRACE_S
from tasks.local import STATE_FOLDER
from tasks.server_setup import POOL, set_up_server

LOOPBACK = ("127.0.0.1", "localhost")
START_TIMEOUT_S = 120
"""The first start also prepares the database; a busy machine needs a minute."""
END_TIMEOUT_S = GRACE_S + 10
"""A flow run whose worker was killed lets its trainer write a checkpoint, and tells the server."""

commands = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)


@commands.command()
def up() -> None:
    """Start server and worker, register the deployments of prefect.yaml; what runs already is left alone."""
    if not Path("prefect.yaml").is_file():
        raise InputError(f"no prefect.yaml in {Path.cwd()}; run this in the repository")
    url = _api_url()
    if not _answers(url):
        _start_server(url)
    set_up_server()
    _deploy()
    _close_abandoned_runs()
    if not running("worker"):
        start("worker", _prefect("worker", "start", "--pool", POOL, "--type", "process", "--name", "mirage"))
        typer.echo("worker started")
    typer.echo(f"UI: {url.removesuffix('/api')}   logs: {STATE_FOLDER}/*.log")
    typer.echo("next: prefect deployment run synth-vsp --watch")


@commands.command()
def down() -> None:
    """Stop what `up` started: the worker and its flow runs first, then the server."""
    for name in ("worker", "server"):
        pid = running(name)
        if pid is None:
            typer.echo(f"{name}: not running")
            continue
        stop(name, pid)
        typer.echo(f"{name}: stopped")
        if name == "worker" and _answers(_api_url()):
            _close_abandoned_runs()


@commands.command()
def status() -> None:
    """Say what runs."""
    url = _api_url()
    typer.echo(f"api: {url} {'answers' if _answers(url) else 'does not answer'}")
    for name in ("server", "worker"):
        pid = running(name)
        typer.echo(f"{name}: {'not running' if pid is None else f'process {pid}'}")


def _api_url() -> str:
    url = PREFECT_API_URL.value()
    if not url or urlsplit(url).hostname not in LOOPBACK or urlsplit(url).port is None:
        raise InputError(f"PREFECT_API_URL is {url}; these services only listen on http://127.0.0.1:PORT/api")
    return url


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=5, trust_env=False).is_success
    except httpx.TransportError:
        return False


def _start_server(url: str) -> None:
    pid = running("server")
    if pid is None:
        address = ["--host", LOOPBACK[0], "--port", str(urlsplit(url).port)]
        pid = start("server", _prefect("server", "start", *address))
    typer.echo(f"waiting for the server at {url} ...")
    if not wait_until(lambda: _answers(url) or running("server") is None, START_TIMEOUT_S) or not _answers(url):
        raise InputError(f"the server did not start; its last words are in {STATE_FOLDER}/server.log")


def _deploy() -> None:
    typer.echo("registering the deployments of prefect.yaml ...")
    done = subprocess.run(_prefect("--no-prompt", "deploy", "--all"), capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"`prefect deploy --all` failed:\n{done.stdout}{done.stderr}")


def _close_abandoned_runs() -> None:
    """Before a new worker starts, the runs of the last one get the time that they need for a checkpoint."""
    worker_lives = running("worker") is not None
    if not worker_lives:
        wait_until(lambda: not flow_runs_with_a_process(), END_TIMEOUT_S)
    for run in close_flow_runs(POOL, worker_lives):
        typer.echo(f"flow run {run.name} was cut off; to go on with it: prefect flow-run retry {run.name}")


def _prefect(*args: str) -> list[str]:
    return [sys.executable, "-m", "prefect", *args]


if __name__ == "__main__":
    try:
        commands()
    except InputError as error:
        sys.exit(f"error: {error}")
