"""Where artifacts lie: a local folder or an fsspec URL (`s3://bucket/prefix`), behind the same few calls."""

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

from mirage_core.errors import InputError

MANIFEST_NAME = "manifest.json"
"""Present in every complete artifact: published together with the rest, or after it."""
SPARE_BYTES = 1 << 20
"""A disk with less room than this is full: who writes in large pieces fails before the last byte is taken."""
NO_ROOM = tuple(os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
"""What the system says when a disk, a quota or the largest size of a file is exhausted."""


def join(root: str, *parts: str) -> str:
    """Append parts to a folder or URL."""
    return "/".join([root.rstrip("/"), *parts])


def exists(uri: str) -> bool:
    """Whether a file or folder is there."""
    fs, path = url_to_fs(uri)
    return bool(fs.exists(path))


def read_text(uri: str) -> str:
    """Read a whole UTF-8 file."""
    fs, path = url_to_fs(uri)
    return str(fs.read_text(path, encoding="utf-8"))


def write_whole(uri: str, data: bytes) -> None:
    """Write a small file so that a reader sees all of it or what was there before."""
    fs, path = url_to_fs(uri)
    fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
    if not isinstance(fs, LocalFileSystem):  # object stores show an object when it is complete
        fs.pipe_file(path, data)
        return
    unfinished = Path(f"{path}.{os.getpid()}.part")
    unfinished.write_bytes(data)
    unfinished.replace(path)


def sha256_of(path: Path) -> str:
    """Checksum of a local file, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def local_folder(uri: str) -> Path:
    """The path of an artifact on this machine.

    Raises:
        InputError: The root is remote; nothing downloads artifacts yet.
    """
    fs, path = url_to_fs(uri)
    if not isinstance(fs, LocalFileSystem):
        raise InputError(f"{uri}: artifacts are read from a local folder; copy it to one first")
    return Path(path)


def publish(folder: Path, uri: str) -> None:
    """Move a finished local folder to its place, replacing what is there.

    On one disk it appears by a single rename, and what was there goes by another: nobody ever sees a half-removed
    artifact. Elsewhere there is no rename, so the manifest, which marks an artifact as complete, goes first when the
    old one is removed and arrives last with the new one.
    """
    fs, target = url_to_fs(uri)
    if isinstance(fs, LocalFileSystem):
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        replaced = folder.with_suffix(f".replaced{folder.suffix}")
        with suppress(FileNotFoundError):
            os.replace(target, replaced)
        os.replace(folder, target)
        shutil.rmtree(replaced, ignore_errors=True)
        return
    manifest_uri = join(target, MANIFEST_NAME)
    if fs.exists(manifest_uri):
        fs.rm(manifest_uri)
    if fs.exists(target):
        fs.rm(target, recursive=True)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    for path in sorted(files, key=lambda path: path == folder / MANIFEST_NAME):
        remote = join(target, path.relative_to(folder).as_posix())
        fs.makedirs(remote.rsplit("/", 1)[0], exist_ok=True)
        fs.put_file(str(path), remote)
    shutil.rmtree(folder)


def check_writable(root: str) -> None:
    """Find out before the work, not after it.

    Raises:
        InputError: Files cannot be made below `root`.
    """
    fs, path = url_to_fs(root)
    try:
        fs.makedirs(path, exist_ok=True)
        if isinstance(fs, LocalFileSystem):
            with tempfile.TemporaryFile(dir=path):
                pass
    except OSError as error:
        reason = error.strerror or str(error)
        advice = "free some space" if reason in NO_ROOM else "give a folder where you may"
        raise InputError(f"{root}: cannot be written ({reason}); {advice}") from error


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
