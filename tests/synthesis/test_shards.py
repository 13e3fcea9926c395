"""Shards: every one is made once, in any number of processes, and again only if it is not whole."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mirage_core.errors import InputError
from mirage_core.synthesis.shards import add_up, build_shards, finished_counts


def maker(log: Path, broken: int | None = None):
    """Makes shards of one small file each and notes which."""

    def make(number: int, folder: Path) -> dict[str, int]:
        with log.open("a") as file:
            file.write(f"{number}\n")
        (folder / "part").mkdir()
        (folder / "part" / f"{number}.txt").write_text("x" * number)
        if number == broken:
            raise InputError(f"shard {number} cannot be made")
        return {"letters": number}

    return make


def made(log: Path) -> list[int]:
    return sorted(int(line) for line in log.read_text().split())


@pytest.mark.parametrize("workers", [1, 3])
def test_all_shards_are_made_and_moved(tmp_path, workers):
    counts = build_shards(maker(tmp_path / "log"), 7, tmp_path / "scratch", tmp_path / "out", "letters", workers)
    assert counts == [{"letters": number} for number in range(7)] and made(tmp_path / "log") == list(range(7))
    assert {path.name: len(path.read_text()) for path in (tmp_path / "out/part").iterdir()} == {
        f"{number}.txt": number for number in range(7)
    }
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize("workers", [1, 3])
def test_a_failure_is_told_and_what_was_finished_is_not_made_again(tmp_path, workers):
    log, folders = tmp_path / "log", (tmp_path / "scratch", tmp_path / "out")
    with pytest.raises(InputError, match="shard 5 cannot be made"):
        build_shards(maker(log, broken=5), 6, *folders, "letters", workers)
    finished = {number for number in range(6) if finished_counts(folders[0] / f"shard-{number:05d}")}
    assert 5 not in finished and finished
    log.unlink()
    build_shards(maker(log), 6, *folders, "letters", workers)
    assert made(log) == sorted(set(range(6)) - finished)


@pytest.mark.parametrize("damage", ["alter", "truncate", "delete", "forget", "garble"])
def test_a_damaged_shard_is_made_again(tmp_path, damage):
    log, folders = tmp_path / "log", (tmp_path / "scratch", tmp_path / "out")
    with pytest.raises(InputError):
        build_shards(maker(log, broken=4), 5, *folders, "letters", workers=1)
    shard = folders[0] / "shard-00002"
    file, note = shard / "part/2.txt", shard / "_done.json"
    {
        "alter": lambda: file.write_text("xy"),
        "truncate": lambda: file.write_text("x"),
        "delete": lambda: file.unlink(),
        "forget": lambda: note.unlink(),
        "garble": lambda: note.write_text(note.read_text()[:9]),
    }[damage]()
    log.unlink()
    build_shards(maker(log), 5, *folders, "letters", workers=1)
    assert made(log) == [2, 4]
    assert (folders[1] / "part/2.txt").read_text() == "xx"


def test_a_cluster_without_ray_is_a_mistake_that_names_its_remedy(tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:6379")
    monkeypatch.setitem(sys.modules, "ray", None)  # as where it is not installed
    with pytest.raises(InputError, match=r"RAY_ADDRESS is 127.0.0.1:6379, but Ray is not installed: pip install"):
        build_shards(maker(tmp_path / "log"), 2, tmp_path / "scratch", tmp_path / "out", "letters")


def test_counts_are_added_up_by_name():
    parts = [{"kept": 2, "rejected": {"hole": 1}}, {"kept": 3, "level 3": 1, "rejected": {}}, {"rejected": {"hole": 2}}]
    assert add_up(parts) == {"kept": 5, "level 3": 1, "rejected": {"hole": 3}}


SLEEPER = """
import sys, time
from pathlib import Path
from mirage_core.synthesis.shards import build_shards
def make(number, folder):
    import os
    Path(sys.argv[1], f"{os.getpid()}.pid").touch()
    time.sleep(60)
build_shards(make, 4, Path(sys.argv[1], "scratch"), Path(sys.argv[1], "out"), "sleep", workers=2)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel to end orphans")
def test_no_worker_outlives_a_killed_parent(tmp_path):
    parent = subprocess.Popen([sys.executable, "-c", SLEEPER, str(tmp_path)])
    deadline_s = time.monotonic() + 30
    while len(pids := [int(path.stem) for path in tmp_path.glob("*.pid")]) < 2:
        assert time.monotonic() < deadline_s and parent.poll() is None
        time.sleep(0.05)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    while any(_runs(pid) for pid in pids):
        assert time.monotonic() < deadline_s, "a worker outlived its parent"
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
