"""Where artifacts lie: a local folder or a bucket (`s3://bucket/prefix`), behind the same few calls.

How an artifact lies in a bucket and gets there is told in `bucket.py`.
"""

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractFileSystem

from mirage_core.errors import InputError

MANIFEST_NAME = "manifest.json"
"""Present in every complete artifact: published together with the rest, or after it."""
SPARE_BYTES = 1 << 20
"""A disk with less room than this is full: who writes in large pieces fails before the last byte is taken."""
NUM_ATTEMPTS = 10
"""Of a request to a bucket. When each fails with 10 %, one in ten thousand million is given up."""
NO_ROOM = tuple(os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
"""What the system says when a disk, a quota or the largest size of a file is exhausted."""


def join(root: str, *parts: str) -> str:
    """Append parts to a folder or URL."""
    return "/".join([root.rstrip("/"), *parts])


def is_remote(uri: str) -> bool:
    """Whether it is a URL and not a folder of this machine."""
    return "://" in uri


def open_root(uri: str, num_attempts: int = NUM_ATTEMPTS) -> tuple[AbstractFileSystem, str]:
    """The file system of a folder or URL, and the path in it.

    Endpoint and keys of S3 come from the environment, as for every AWS tool. Listings are never remembered: other
    machines write to the same place.

    Args:
        uri: Folder or URL.
        num_attempts: How often a request is sent whose failure may pass (500, 503, a lost connection), with growing
            pauses of at most 20 s.
    """
    if not uri.startswith("s3://"):
        return url_to_fs(uri)
    retries = {"mode": "standard", "total_max_attempts": num_attempts}
    return url_to_fs(uri, use_listings_cache=False, config_kwargs={"retries": retries})


def exists(uri: str) -> bool:
    """Whether a file or folder is there."""
    fs, path = open_root(uri)
    return bool(fs.exists(path))


def artifacts(root: str) -> list[str]:
    """Places of all complete artifacts, `{root}/{stage}/{digest}`; hidden folders hold none."""
    fs, path = open_root(root)
    found = sorted(fs.glob(join(path, "[!.]*", "[!.]*", MANIFEST_NAME)))
    return [join(root, *name.split("/")[-3:-1]) for name in found]


def read_bytes(uri: str) -> bytes:
    """Read a whole file."""
    fs, path = open_root(uri)
    return bytes(fs.cat_file(path))


def read_text(uri: str) -> str:
    """Read a whole UTF-8 file."""
    return read_bytes(uri).decode("utf-8")


def write_whole(uri: str, data: bytes) -> None:
    """Write a small file so that a reader sees all of it or what was there before."""
    fs, path = open_root(uri)
    if not isinstance(fs, LocalFileSystem):  # object stores show an object when it is complete
        fs.pipe_file(path, data)
        return
    fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
    unfinished = Path(f"{path}.{os.getpid()}.part")
    unfinished.write_bytes(data)
    unfinished.replace(path)


def sha256_of(path: Path) -> str:
    """Checksum of a local file, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def publish(folder: Path, place: Path) -> None:
    """Move a finished folder to its place on the same disk, replacing what is there.

    It appears by a single rename, and what was there goes by another: nobody ever sees a half-removed artifact.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    replaced = folder.with_suffix(f".replaced{folder.suffix}")
    with suppress(FileNotFoundError):
        os.replace(place, replaced)
    os.replace(folder, place)
    shutil.rmtree(replaced, ignore_errors=True)


def check_writable(folder: str) -> None:
    """Find out before the work, not after it.

    Raises:
        InputError: Files cannot be made below the local `folder`.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        advice = "free some space" if reason in NO_ROOM else "give a folder where you may"
        raise InputError(f"{folder}: cannot be written ({reason}); {advice}") from error


def no_room(error: Exception, writer: str, folders: Sequence[str]) -> InputError | None:
    """What to tell the user when `error` was raised because there is no room left to write; None for other errors.

    Child processes, Arrow and safetensors hand on the system's words without its error number; torch and SQLite hide
    even those. So the words are looked for, but first the disks are asked.

    Args:
        error: What was raised.
        writer: Whose work it ended, for the message.
        folders: Local folders that it writes to, the likeliest first.
    """
    there = [folder for folder in folders if Path(folder).is_dir()]
    full = [folder for folder in there if shutil.disk_usage(folder).free < SPARE_BYTES]
    if not full and any(words in str(error) for words in NO_ROOM):
        full = there
    if not full:
        return None
    reason = (str(error).splitlines() or [type(error).__name__])[-1]
    advice = "free some space and run the same command again, it goes on where it stopped"
    return InputError(f"{full[0]}: no room left for {writer} ({reason}); {advice}")
