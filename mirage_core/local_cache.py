"""Artifacts of a bucket on the disk of this machine, whole ones, the least recently used deleted first.

A folder of the cache is named `{stage}-{digest}-{attempt}`. Who reads it holds a shared lock on it, which ends with
the process at the latest; only what nobody holds is deleted. The name of the attempt follows from the checksums of the
files, so an artifact that was built again is another folder, never a changed one.
"""

import fcntl
import logging
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from mirage_core import bucket, manifest, storage
from mirage_core.errors import InputError

logger = logging.getLogger(__name__)

NUM_DOWNLOADS = 3
"""Of an artifact whose files do not have the manifest's checksums, before it counts as damaged in the bucket."""


class Held(NamedTuple):
    """An artifact that stays in the cache until its lock is closed."""

    folder: Path
    lock: int
    """File descriptor; give it to `os.close`."""


def hold(uri: str, cache: Path, limit_bytes: int) -> Held:
    """The whole artifact in a local folder, downloaded if need be, every checksum compared.

    Args:
        uri: Its place in the bucket.
        cache: Folder of the cache.
        limit_bytes: What the cache may take up; exceeded only by what is in use.

    Raises:
        InputError: It is not there, or damaged.
    """
    found, broken, num_damaged = None, [""], 0
    while num_damaged < NUM_DOWNLOADS:
        found = bucket.find(uri)
        if found is None:
            raise InputError(f"{uri}: the artifact is not there; run the flow again to rebuild it")
        entry = cache / _name(found)
        if (lock := _locked(entry, fcntl.LOCK_SH)) is None:
            _fetch(found, entry, limit_bytes)
            continue
        broken = manifest.verify(entry) or manifest.added(entry)
        if not broken:
            os.utime(entry)
            return Held(entry, lock)
        os.close(lock)
        logger.warning("%s: damaged files (%s, ...); downloaded again", entry, broken[0])
        _delete(entry)
        num_damaged += 1
    assert found is not None
    bucket.withdraw(found)
    raise InputError(f"{uri}: damaged files ({broken[0]}, ...); run the flow again to rebuild it")


def adopt(folder: Path, uri: str, cache: Path, limit_bytes: int) -> None:
    """Move a folder that was just published into the cache, on the same disk: who made it mostly reads it next."""
    published = bucket.Published(uri, (folder / storage.MANIFEST_NAME).read_bytes())
    cache.mkdir(parents=True, exist_ok=True)
    _put(folder, cache / _name(published))
    make_room(cache, limit_bytes)


def make_room(cache: Path, limit_bytes: int, coming_bytes: int = 0) -> None:
    """Delete what was not used for longest until the limit is kept, and what killed runs left unfinished."""
    for left in cache.glob(".*"):
        if (lock := _locked(left, fcntl.LOCK_EX | fcntl.LOCK_NB)) is not None:
            shutil.rmtree(left, ignore_errors=True)
            os.close(lock)
    used_bytes = {entry: _size(entry) for entry in cache.glob("[!.]*")}
    excess = sum(used_bytes.values()) + coming_bytes - limit_bytes
    for entry in sorted(used_bytes, key=_last_use):
        if excess <= 0:
            return
        if (lock := _locked(entry, fcntl.LOCK_EX | fcntl.LOCK_NB)) is not None:
            _delete(entry)
            os.close(lock)
            excess -= used_bytes[entry]
    if excess > 0:
        logger.warning("%s: %.1f GB more than its limit, all in use", cache, excess / 1e9)


def _name(published: bucket.Published) -> str:
    stage, digest = published.uri.rsplit("/", 2)[1:]
    return f"{stage}-{digest}-{published.attempt}"


def _fetch(found: bucket.Published, entry: Path, limit_bytes: int) -> None:
    """Download to the entry's place; nothing there afterwards if the artifact was replaced meanwhile."""
    there = bucket.sizes(found)
    lost = [name for name in found.manifest.files if name not in there]
    if lost and bucket.find(found.uri) == found:
        bucket.withdraw(found)
        raise InputError(f"{found.uri}: lacks {lost[0]}; run the flow again to rebuild it")
    make_room(entry.parent, limit_bytes, sum(there.values()))
    with _unfinished(entry.parent) as folder, suppress(FileNotFoundError):
        bucket.download(found, folder)
        _put(folder, entry)


@contextmanager
def _unfinished(cache: Path) -> Iterator[Path]:
    """A folder that is locked while it is filled, so that nobody takes it for one that a killed run left."""
    folder = cache / f".{uuid.uuid4().hex}"
    folder.mkdir(parents=True)
    lock = _locked(folder, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _put(folder: Path, entry: Path) -> None:
    try:
        folder.rename(entry)
    except OSError:
        if not entry.is_dir():
            raise
        shutil.rmtree(folder)  # another process has downloaded the same


def _delete(entry: Path) -> None:
    """It is gone at once for who looks for it; a reader in another process would not see it half-deleted."""
    gone = entry.with_name(f".{uuid.uuid4().hex}")
    with suppress(FileNotFoundError):
        entry.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def _locked(folder: Path, how: int) -> int | None:
    """A lock on a folder; None if it is not there, no longer, or held by others and `how` says not to wait."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(lock, how)
        if folder.stat().st_ino == os.fstat(lock).st_ino:
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(lock)
    return None


def _size(entry: Path) -> int:
    with suppress(FileNotFoundError):  # deleted by another process
        return sum(path.stat().st_size for path in entry.rglob("*") if path.is_file())
    return 0


def _last_use(entry: Path) -> float:
    with suppress(FileNotFoundError):
        return entry.stat().st_mtime
    return 0.0
