"""By what photographs are recognised before they are read, so that a data set that is there is not built again."""

import hashlib
from pathlib import Path

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from mirage_core.errors import InputError
from mirage_core.photos.sources import EMBEDDED, HUB, picture_paths, shipped_files

TIMEOUT_S = 20
"""Of asking the hub."""


def fingerprint_photos(source: str, split: str = "train", limit: int | None = None) -> str:
    """sha256 of a source's photographs.

    Of files of this machine it is over their contents and their paths below the source; of a remote store's over their
    paths and what the store says of their version (an ETag, on S3); of a data set of the hub over its commit.

    Args:
        source: See `read_photos`.
        split: Of a hub's data set.
        limit: Of a hub's data set.

    Raises:
        InputError: There is no such source, or nothing in it that could be a photograph.
    """
    digest = hashlib.sha256()
    if source.startswith(HUB):
        dataset = source.removeprefix(HUB).removeprefix("datasets/").rstrip("/")
        _add(digest, f"{dataset} {split} {limit}", hub_commit(dataset).encode())
    elif source == EMBEDDED:
        for shipped in shipped_files():
            _add(digest, shipped.name, shipped.read_bytes())
    else:
        filesystem, folder = url_to_fs(source)
        is_here = isinstance(filesystem, LocalFileSystem)
        for path in picture_paths(source):
            version = Path(path).read_bytes() if is_here else filesystem.ukey(path).encode()
            _add(digest, path.removeprefix(folder), version)
    return digest.hexdigest()


def _add(digest: "hashlib._Hash", name: str, content: bytes) -> None:
    digest.update(name.encode())
    digest.update(hashlib.sha256(content).digest())


def hub_commit(dataset: str) -> str:
    """The newest commit of a data set of the hub.

    Raises:
        InputError: It cannot be asked for.
    """
    from huggingface_hub import HfApi

    try:
        return str(HfApi().dataset_info(dataset, timeout=TIMEOUT_S).sha)
    except Exception as error:  # the hub's client and its HTTP stack raise many kinds, none of them a common one
        told = " ".join(str(error).split())[:300]
        raise InputError(
            f"{HUB}{dataset}: cannot be opened ({type(error).__name__}: {told}); is the id right, is the hub "
            "reachable, or has the data set gated access? A local folder needs neither"
        ) from error
