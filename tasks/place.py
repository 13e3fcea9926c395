"""Where artifacts lie: a local folder, or a bucket with the same folder for the work in progress and a cache.

`MIRAGE_ROOT=s3://bucket/prefix` names a bucket; without it the root is Prefect's `results.local_storage_path`, which is
the local folder in both cases.
"""

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path

from prefect.settings import get_current_settings

from mirage_core import bucket, local_cache, storage
from mirage_core.errors import InputError

logger = logging.getLogger(__name__)

ROOT_VARIABLE = "MIRAGE_ROOT"
CACHE_VARIABLE = "MIRAGE_CACHE_GB"
CACHE_GB = 50.0
CACHE_FOLDER = ".cache"

_held: ContextVar[ExitStack] = ContextVar("held")


def work_root() -> Path:
    """The local folder of partial and scratch folders. A relative setting counts from the working directory."""
    return get_current_settings().results.local_storage_path.expanduser().resolve()


def root() -> str:
    """The artifact root.

    Raises:
        InputError: The environment variable names none.
    """
    named = os.environ.get(ROOT_VARIABLE)
    return bucket.checked_root(named) if named else str(work_root())


def check() -> None:
    """Find out within seconds, before the work, whether artifacts can be written.

    Raises:
        InputError: They can't.
    """
    storage.check_writable(str(work_root()))
    if storage.is_remote(root()):
        bucket.check(root())


def publish(folder: Path, uri: str, replace: bool) -> None:
    """Move a finished folder to its place, where readers see nothing of it before they see all."""
    if not storage.is_remote(uri):
        storage.publish(folder, Path(uri))
    elif bucket.publish(folder, uri, replace):
        local_cache.adopt(folder, uri, _cache(), _cache_bytes())
    else:
        logger.info("%s: another run has published it meanwhile; that one stays", uri)
        shutil.rmtree(folder)


def remove(uri: str) -> None:
    """Delete an artifact."""
    if storage.is_remote(uri):
        bucket.remove(uri)
    else:
        shutil.rmtree(uri)


def files_uri(uri: str) -> str:
    """Where the files of a complete artifact lie: in a bucket, below the name of the attempt that made them."""
    if not storage.is_remote(uri):
        return uri
    found = bucket.find(uri)
    if found is None:
        raise InputError(f"{uri}: the artifact is not there; run the flow again to rebuild it")
    return found.place


def held_folder(uri: str) -> Path:
    """The local copy of an artifact in a bucket; it stays until the block of `reading` ends, or the process."""
    held = local_cache.hold(uri, _cache(), _cache_bytes())
    if stack := _held.get(None):
        stack.callback(os.close, held.lock)
    return held.folder


@contextmanager
def reading() -> Iterator[None]:
    """What the block reads stays in the cache for so long."""
    with ExitStack() as stack:
        token = _held.set(stack)
        try:
            yield
        finally:
            _held.reset(token)


def _cache() -> Path:
    return work_root() / CACHE_FOLDER


def _cache_bytes() -> int:
    text = os.environ.get(CACHE_VARIABLE, str(CACHE_GB))
    try:
        if (size_gb := float(text)) > 0:
            return int(size_gb * 1e9)
    except ValueError:
        pass
    raise InputError(f"{CACHE_VARIABLE}: must be a number of GB above 0, not {text!r}")
