"""A program kept in the background: started once, found again, stopped for good.

Process id and log lie under `.mirage/`. The program holds a lock on the file with its id for as long as it lives, so a
number that by now belongs to another program is never taken for ours.
"""

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from mirage_core.errors import InputError
from tasks.local import STATE_FOLDER

STOP_TIMEOUT_S = 20
"""Per signal: a worker first lets its flow runs end, a flow run its trainer write a checkpoint."""


def running(name: str) -> int | None:
    """Process id of the program if it lives."""
    try:
        file = (STATE_FOLDER / f"{name}.pid").open()
    except FileNotFoundError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(file.read())
        return None


def start(name: str, command: Sequence[str]) -> int:
    """Start a program in a session of its own; it inherits the locked file and so holds the lock until it ends."""
    STATE_FOLDER.mkdir(exist_ok=True)
    with (STATE_FOLDER / f"{name}.log").open("a") as log, (STATE_FOLDER / f"{name}.pid").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        child = subprocess.Popen(
            command,
            env={"PREFECT_HOME": str((STATE_FOLDER / "prefect").resolve())} | os.environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[lock.fileno()],
        )
        lock.truncate(0)
        lock.write(str(child.pid))
    return child.pid


def stop(name: str, pid: int) -> None:
    """Ask the program to end, then its whole group and those of its children, then make them.

    A worker's flow runs are children with groups of their own: they outlive a worker that ends in haste.
    """
    groups = [pid, *_children(pid)]
    requests = (
        lambda: os.kill(pid, signal.SIGTERM),
        lambda: _signal_all(groups, signal.SIGTERM),
        lambda: _signal_all(groups, signal.SIGKILL),
    )
    for request in requests:
        with suppress(ProcessLookupError):
            request()
        if wait_until(lambda: running(name) is None and not any(map(_group_lives, groups)), STOP_TIMEOUT_S):
            return
    raise InputError(f"{name}: process groups {groups} do not end")


def _signal_all(groups: Sequence[int], number: signal.Signals) -> None:
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, number)


def _children(pid: int) -> list[int]:
    """Children of a process that lead a group; none where the system does not tell."""
    with suppress(OSError):
        found = [
            int(child) for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text().split()
        ]
        return [child for child in found if os.getpgid(child) == child]
    return []


def _group_lives(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(condition: Callable[[], bool], timeout_s: float) -> bool:
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        if condition():
            return True
        time.sleep(0.2)
    return False
