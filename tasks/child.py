"""Training as a child process: its lines in our log, a clean stop, and no orphan when we are killed.

Call it from a task that the flow calls directly. Prefect stops a run by raising in the main thread; a task that was
submitted to another thread would never hear of it.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from logging import Logger, LoggerAdapter
from pathlib import Path

from mirage_core.errors import InputError
from tasks.child_log import ChildLog

GRACE_S = 20
"""Time for a last checkpoint between SIGTERM and SIGKILL."""
NUM_LAST_LINES = 20

ERROR_PREFIX = "error: "
"""A last line that starts so is a mistake the user can mend, not a crash."""

PR_SET_PDEATHSIG = 1
TIED_TO_PARENT = f"""
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl({PR_SET_PDEATHSIG}, signal.SIGTERM)
    if os.getppid() != int(sys.argv[1]):
        sys.exit("the parent died first")
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Asks the kernel for SIGTERM when the parent dies, then becomes the real program. `preexec_fn` would do it without
a second start of Python, but may deadlock in a process with threads, and Prefect has many."""


class KilledError(RuntimeError):
    """A child was ended by a signal that we did not send, such as the kernel's when memory ran out."""


def end_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent of this process dies; on other systems than Linux nobody asks."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def run_child(
    module: str,
    args: Sequence[str],
    log: Logger | LoggerAdapter,
    log_file: Path | None = None,
    is_launcher: bool = False,
) -> None:
    """Run `python -m module args` to its end, its output relayed line by line, and in full into a file.

    Args:
        module: Name of a module.
        args: Its arguments.
        log: Where its lines go.
        log_file: Where all of them are kept; None keeps none.
        is_launcher: It starts the real programs, whose failure it follows with words of its own.

    Raises:
        InputError: It failed and its last line, or that of a program it launched, was `error: ...`.
        KilledError: It was ended by a signal.
        RuntimeError: It failed otherwise; the message holds its last lines, as that of `KilledError` does.
    """
    last_lines: deque[str] = deque(maxlen=NUM_LAST_LINES)
    mistake = ""
    with ChildLog(log, log_file) as told, _own_group([sys.executable, "-u", "-m", module, *args]) as child:
        for line in child.stdout:
            if line := line.rstrip():
                last_lines.append(line)
                if line.startswith(ERROR_PREFIX) or not is_launcher:
                    mistake = line
                told.write(line)
        code = child.wait()
    if code == 0:
        return
    if mistake.startswith(ERROR_PREFIX):
        raise InputError(mistake.removeprefix(ERROR_PREFIX))
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with code {code}"
    error = KilledError if code < 0 else RuntimeError
    raise error("\n".join([f"{module} {how}; its last lines:", *last_lines]))


@contextmanager
def _own_group(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A process group that does not outlive the block: SIGTERM, time for a checkpoint, SIGKILL."""
    child = subprocess.Popen(
        [sys.executable, "-S", "-c", TIED_TO_PARENT, str(os.getpid()), *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        process_group=0,
    )
    try:
        yield child
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                child.wait(GRACE_S)
        with suppress(ProcessLookupError):  # what the child started and left behind
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
