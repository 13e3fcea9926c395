"""Runs a flow from the command line: `python -m flows.NAME`, with or without a Prefect server."""

import fcntl
import itertools
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_HOME,
    PREFECT_SERVER_ALLOW_EPHEMERAL_MODE,
    PREFECT_SERVER_ANALYTICS_ENABLED,
    PREFECT_SERVER_DATABASE_CONNECTION_URL,
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS,
    PREFECT_SERVER_LOGGING_LEVEL,
    temporary_settings,
)

from mirage_core import bucket, storage
from mirage_core.errors import InputError
from tasks import place

STATE_FOLDER = Path(".mirage")
"""Git-ignored home of databases, process ids and logs, in the working directory."""
EPHEMERAL_STARTUP_TIMEOUT_S = 120
HEALTH_TIMEOUT_S = 3


def run_flow(flow: Flow, **parameters: Any) -> Any:
    """Run a flow to its end and return its result.

    It is tracked by the configured server if that answers, else by a temporary one.

    Raises:
        SystemExit: With code 1 after one line `error: ...`, when the flow failed for a mistake that the user can mend.
    """
    for name in ("prefect.flow_runs", "prefect.task_runs"):
        logging.getLogger(name).addFilter(_is_news)
    try:
        with _ended_by_sigterm():
            place.check()  # before a server is started for nothing
            with server():
                return flow(**parameters)
    except Exception as error:
        if (told := _told(error)) is None:
            raise
        print(f"error: {told}", file=sys.stderr)
        raise SystemExit(1) from None


def _told(error: Exception) -> InputError | None:
    """What the user can mend, in one line."""
    if isinstance(error, InputError):
        return error
    if storage.is_remote(place.root()) and (told := bucket.explain(error, place.root())):
        return told
    # Prefect's own database may be what finds the disk full
    return storage.no_room(error, "this run", [str(place.work_root()), str(_home())])


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Leave through the interpreter's exit, which stops the temporary server; by default the signal leaves it behind.

    Prefect handles the signal while the flow runs, and sends it once more when that has ended.
    """
    if threading.current_thread() is not threading.main_thread():  # no signals there
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def server() -> Iterator[None]:
    """The configured server for the block if it answers, else a temporary one on the first free database here."""
    if PREFECT_API_URL.value() and _answers():
        yield
        return
    print("no Prefect server answers; starting a temporary one, without UI and schedules ...", file=sys.stderr)
    logging.getLogger("prefect").addFilter(lambda record: "temporary server" not in record.getMessage())
    home = _home()
    updates = {
        PREFECT_HOME: home,
        PREFECT_SERVER_ANALYTICS_ENABLED: False,
        PREFECT_SERVER_ALLOW_EPHEMERAL_MODE: True,
        PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS: EPHEMERAL_STARTUP_TIMEOUT_S,
        PREFECT_SERVER_DATABASE_CONNECTION_URL: f"sqlite+aiosqlite:///{_free_database(home)}",
        PREFECT_SERVER_LOGGING_LEVEL: "ERROR",
    }
    # `restore_defaults` also hides the url that pyproject.toml gives
    with temporary_settings(updates=updates, restore_defaults={PREFECT_API_URL}):
        yield


def _home() -> Path:
    """Folder of the temporary server's database."""
    return Path(os.environ.get("PREFECT_HOME", STATE_FOLDER / "prefect")).resolve()


def _answers() -> bool:
    with get_client(sync_client=True, httpx_settings={"timeout": HEALTH_TIMEOUT_S}) as client:
        return client.api_healthcheck() is None


def _free_database(home: Path) -> Path:
    """The first database that no other run is using: two servers on one SQLite file lock each other out.

    Databases are used again, because preparing a new one takes longer than the rest of a server's start. The lock is
    held until this process ends.
    """
    home.mkdir(parents=True, exist_ok=True)
    for number in itertools.count():
        lock = os.open(home / f"temporary-{number}.lock", os.O_CREAT | os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        return home / f"temporary-{number}.db"
    raise AssertionError("count() has no end")


def _is_news(record: logging.LogRecord) -> bool:
    """A logging filter: an `InputError` is told once, at the end, without a traceback."""
    return not (record.exc_info and isinstance(record.exc_info[1], InputError))
