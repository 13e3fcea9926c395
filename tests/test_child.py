"""Real child processes; the module that they run is written into a temporary folder."""

import logging
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from mirage_core.errors import InputError
from tasks.child import KilledError, run_child

REPO = Path(__file__).parents[1]
SLEEPER = """
import os, signal, subprocess, sys, time
from pathlib import Path

def stop(signum, frame):
    Path("stopped").write_text("checkpoint saved")
    sys.exit(1)

signal.signal(signal.SIGTERM, stop)
helper = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
Path("pids").write_text(f"{os.getpid()} {helper.pid}")
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def trainer(tmp_path, monkeypatch):
    """Writes the module `trainer` that a child can then run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{REPO}")

    def write(code: str) -> None:
        (tmp_path / "trainer.py").write_text(textwrap.dedent(code))

    return write


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition, timeout_s=20.0) -> bool:
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_lines_reach_the_log_while_it_runs(trainer, caplog):
    trainer("""
        import sys
        print("step 1"); print(); print("step 2", sys.argv[1:]); print("careful", file=sys.stderr)
    """)
    with caplog.at_level(logging.INFO):
        run_child("trainer", ["--lr", "0.1"], logging.getLogger("test"))
    assert caplog.messages == ["step 1", "step 2 ['--lr', '0.1']", "careful"]


def test_a_flood_of_lines_is_whole_in_the_file_and_short_in_the_log(trainer, caplog, tmp_path):
    trainer("for number in range(5000): print('line', number)")
    file = tmp_path / "logs/stage1/abc.txt"
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            run_child("trainer", [], logging.getLogger("test"), file)
    lines = file.read_text().splitlines()
    assert lines[1:5001] == lines[5002:] == [f"line {number}" for number in range(5000)]
    assert 200 < len(caplog.messages) < 300 and caplog.messages[:2] == ["line 0", "line 1"]
    left_out = int(caplog.messages[-1].split()[0])
    assert left_out > 4800 and caplog.messages[-1].endswith(f"more lines, all are in {file}")


def test_a_crash_carries_the_last_lines(trainer):
    trainer("print('step 1'); raise ZeroDivisionError('boom')")
    with pytest.raises(RuntimeError, match=r"(?s)trainer exited with code 1.*step 1.*ZeroDivisionError: boom"):
        run_child("trainer", [], logging.getLogger("test"))


def test_a_kill_is_called_by_its_signal(trainer):
    trainer("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(KilledError, match="trainer was killed by SIGKILL"):
        run_child("trainer", [], logging.getLogger("test"))


def test_a_mistake_of_the_user_stays_one(trainer):
    trainer("import sys; print('step 1'); sys.exit('error: recipes/x.yaml: `lr` must be above 0')")
    with pytest.raises(InputError, match=r"^recipes/x.yaml: `lr` must be above 0$"):
        run_child("trainer", [], logging.getLogger("test"))


def test_helpers_that_a_finished_child_leaves_behind_are_ended(trainer, tmp_path):
    trainer("""
        import subprocess, sys
        from pathlib import Path
        command = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]
        helper = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        Path("pid").write_text(str(helper.pid))
    """)
    run_child("trainer", [], logging.getLogger("test"))
    pid = int((tmp_path / "pid").read_text())
    assert wait_until(lambda: not alive(pid))


def test_an_interrupted_parent_lets_the_child_save_and_leaves_nothing(trainer, tmp_path):
    trainer(SLEEPER)

    class Interrupt(logging.Handler):
        def emit(self, record):
            raise KeyboardInterrupt

    log = logging.getLogger("interrupted")
    log.addHandler(Interrupt())
    log.setLevel(logging.INFO)
    with pytest.raises(KeyboardInterrupt):
        run_child("trainer", [], log)

    assert (tmp_path / "stopped").read_text() == "checkpoint saved"
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert wait_until(lambda: not any(alive(pid) for pid in pids))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_a_killed_parent_leaves_no_trainer(trainer, tmp_path):
    trainer(SLEEPER)
    code = "import logging, tasks.child; tasks.child.run_child('trainer', [], logging.getLogger())"
    parent = subprocess.Popen([sys.executable, "-c", code])
    assert wait_until((tmp_path / "pids").exists)
    assert wait_until(lambda: (tmp_path / "pids").read_text() != "")
    trainer_pid, helper_pid = (int(pid) for pid in (tmp_path / "pids").read_text().split())

    parent.send_signal(signal.SIGKILL)
    parent.wait()

    assert wait_until((tmp_path / "stopped").exists)
    assert wait_until(lambda: not alive(trainer_pid))
    os.kill(helper_pid, signal.SIGKILL)  # the trainer's own helpers are the trainer's to end
