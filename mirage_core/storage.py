"""Where artifacts lie: a local folder or an fsspec URL (`s3://bucket/prefix`), behind the same few calls."""

import os
import shutil
import tempfile
from pathlib import Path

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from mirage_core.errors import InputError

MANIFEST_NAME = "manifest.json"
"""Present in every complete artifact: published together with the rest, or after it."""


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

    On one disk it appears by a single rename. Elsewhere there is no rename, so the manifest, which marks an artifact
    as complete, goes first when the old one is removed and arrives last with the new one.
    """
    fs, target = url_to_fs(uri)
    if isinstance(fs, LocalFileSystem):
        shutil.rmtree(target, ignore_errors=True)
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        os.replace(folder, target)
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
        raise InputError(f"{root}: cannot be written ({reason}); give a folder where you may") from error
