"""Work that is cut into shards: on all cores or a Ray cluster, and again only where it was not finished.

Every shard fills a folder of its own. A finished one carries the checksums of its files, so that a killed run goes on
where it was, and a shard that was truncated or altered meanwhile is made anew.
"""

import ctypes
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from mirage_core.storage import sha256_of
from mirage_core.synthesis.on_ray import is_wanted, make_on_ray

DONE_FILE = "_done.json"

MakeShard = Callable[[int, Path], dict[str, Any]]
"""Fills the folder with the files of shard `number`, named so that no two shards share a name; returns counts."""


def num_workers() -> int:
    """Processes that may run at once: the cores this process is allowed to use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def build_shards(
    make: MakeShard, num_shards: int, scratch: Path, out: Path, name: str, workers: int | None = None
) -> list[dict[str, Any]]:
    """Make all shards and move their files below `out`.

    Args:
        make: Makes one shard; called in forked processes when there are several workers, or on other machines.
        num_shards: Shards to make.
        scratch: Folder that survives a kill; finished shards wait there.
        out: Where the files of all shards end up, below the same relative paths.
        name: What is made, for the progress lines.
        workers: Processes of this machine; None is one per core, or the cluster that `RAY_ADDRESS` names.

    Returns:
        The counts of each shard, in order.
    """
    folders = [scratch / f"shard-{number:05d}" for number in range(num_shards)]
    found = ((number, finished_counts(folder)) for number, folder in enumerate(folders))
    counts = {number: made_before for number, made_before in found if made_before is not None}
    missing = [number for number in range(num_shards) if number not in counts]
    if counts:
        print(f"{name}: {len(counts)} of {num_shards} shards were made before", flush=True)
    started_s = time.monotonic()
    for done, (number, made) in enumerate(_make_all(make, missing, folders, workers), 1):
        counts[number] = made
        seconds_left = (time.monotonic() - started_s) / done * (len(missing) - done)
        print(f"{name}: {len(counts)}/{num_shards} shards, {seconds_left:.0f} s left", flush=True)
    for folder in folders:
        _move_files(folder, out)
    return [counts[number] for number in range(num_shards)]


def finished_counts(folder: Path) -> dict[str, Any] | None:
    """Counts of a finished shard; None if it is not finished or a file is not what it was then."""
    try:
        done = json.loads((folder / DONE_FILE).read_text(encoding="utf-8"))
        whole = all(sha256_of(folder / file) == sha for file, sha in done["files"].items())
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None
    return done["counts"] if whole else None


def add_up(counts: list[dict[str, Any]]) -> dict[str, Any]:
    """Sums by name, one level deep, as in `{"kept": 9, "rejected": {"hole": 1}}`."""
    total: dict[str, Any] = {}
    for part in counts:
        for key, value in part.items():
            total[key] = add_up([total.get(key, {}), value]) if isinstance(value, dict) else total.get(key, 0) + value
    return total


def lines_name(number: int) -> str:
    """File name of a shard of JSON lines."""
    return f"part-{number:05d}.jsonl"


def read_lines(folder: Path, shard: int | None = None) -> Iterator[Any]:
    """Stream what the JSON lines of a folder hold: of one shard, or of all of them in order."""
    for path in sorted(folder.glob("part-*.jsonl" if shard is None else lines_name(shard))):
        with path.open(encoding="utf-8") as file:
            for line in file:
                yield json.loads(line)


def _make_all(
    make: MakeShard, numbers: list[int], folders: list[Path], workers: int | None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number and counts of each shard, as it is finished."""
    if workers is None and len(numbers) > 1 and is_wanted():
        yield from make_on_ray(partial(_make_one, make), numbers, folders)
        return
    workers = workers or num_workers()
    if min(workers, len(numbers)) <= 1:
        for number in numbers:
            yield _make_one(make, number, folders[number])
        return
    # fork hands `make` over as it is; this process has one thread and no torch
    context = get_context("fork")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker, initargs=(make,)) as pool:
        futures = [pool.submit(_work, number, folders[number]) for number in numbers]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


_make_in_worker: MakeShard


def _start_worker(make: MakeShard) -> None:
    """Note what to do, and let the kernel end this process when its parent is killed: no orphan waits for work."""
    global _make_in_worker
    _make_in_worker = make
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _work(number: int, folder: Path) -> tuple[int, dict[str, Any]]:
    return _make_one(_make_in_worker, number, folder)


def _make_one(make: MakeShard, number: int, folder: Path) -> tuple[int, dict[str, Any]]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    counts = make(number, folder)
    files = {path.relative_to(folder).as_posix(): sha256_of(path) for path in folder.rglob("*") if path.is_file()}
    unfinished = folder / f"{DONE_FILE}.part"
    unfinished.write_text(json.dumps({"counts": counts, "files": files}), encoding="utf-8")
    unfinished.rename(folder / DONE_FILE)
    return number, counts


def _move_files(folder: Path, out: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != DONE_FILE:
            target = out / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
    shutil.rmtree(folder)
