"""The local Prefect server and worker: `python -m tasks.services up | down | status`, run in the repository.

Both stay in the background (`tasks/background.py`) and listen on this machine only.
"""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import typer
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectAlreadyExists
from prefect.settings import PREFECT_API_URL
from prefect.states import Crashed
from prefect.workers.process import ProcessWorker

from mirage_core.errors import InputError
from tasks.background import running, start, stop, wait_until
from tasks.local import STATE_FOLDER

POOL = "local"
LOOPBACK = ("127.0.0.1", "localhost")
START_TIMEOUT_S = 120
"""The first start also prepares the database; a busy machine needs a minute."""

commands = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)


@commands.command()
def up() -> None:
    """Start server and worker, register the deployments of prefect.yaml; what runs already is left alone."""
    if not Path("prefect.yaml").is_file():
        raise InputError(f"no prefect.yaml in {Path.cwd()}; run this in the repository")
    url = _api_url()
    if not _answers(url):
        _start_server(url)
    _create_pool()
    _deploy()
    if not running("worker"):
        _close_abandoned_runs()
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


def _create_pool() -> None:
    template = ProcessWorker.get_default_base_job_template()
    with get_client(sync_client=True) as client, suppress(ObjectAlreadyExists):
        client.create_work_pool(WorkPoolCreate(name=POOL, type=ProcessWorker.type, base_job_template=template))


def _deploy() -> None:
    typer.echo("registering the deployments of prefect.yaml ...")
    done = subprocess.run(_prefect("--no-prompt", "deploy", "--all"), capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"`prefect deploy --all` failed:\n{done.stdout}{done.stderr}")


def _close_abandoned_runs() -> None:
    """Call runs crashed that no worker is left to finish: Prefect would show them as running for ever, and a
    deployment with a concurrency limit would wait for them.
    """
    types = FlowRunFilterStateType(any_=[StateType.PENDING, StateType.RUNNING, StateType.CANCELLING])
    with get_client(sync_client=True) as client:
        abandoned = client.read_flow_runs(
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=types)),
            work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[POOL])),
        )
        for flow_run in abandoned:
            client.set_flow_run_state(flow_run.id, Crashed(message="its worker was stopped"), force=True)
            typer.echo(f"flow run {flow_run.name}: its worker is gone; try: prefect flow-run retry {flow_run.id}")


def _prefect(*args: str) -> list[str]:
    return [sys.executable, "-m", "prefect", *args]


if __name__ == "__main__":
    try:
        commands()
    except InputError as error:
        sys.exit(f"error: {error}")
