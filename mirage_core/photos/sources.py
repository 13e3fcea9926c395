"""Where photographs come from: a folder or bucket, a data set of the hub, or packages that ship some."""

import io
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import fsspec
from fsspec.core import url_to_fs

from mirage_core.errors import InputError
from mirage_core.photos.read import Photo, Unusable, read_photo, windows

EMBEDDED = "embedded"
HUB = "hf://"
"""`hf://datasets/OWNER/NAME` or `hf://OWNER/NAME` names a data set of the hub, not files in one."""
SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".mpo", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".jp2", ".avif"}
)
"""Only such files are tried; others, such as a README, are not counted as rejects."""
SHIPPED = {
    "sklearn": ("datasets/images", ("china.jpg", "flower.jpg")),
    "skimage": (
        "data",
        (
            "astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "grass.png",
            "gravel.png", "hubble_deep_field.jpg", "moon.png", "motorcycle_left.png", "rocket.jpg",
        ),
    ),
}  # fmt: skip
"""Photographs inside the wheels of scikit-learn and scikit-image: CC0 or public domain, but for scikit-learn's two,
which are CC BY 2.0. Of the stereo pair one is left out: it shows the same."""
EMBEDDED_WINDOW_PX = (300, 165)
"""Least width and height of the windows that they are cut into: half a puzzle of the official size."""
IMAGE_FIELDS = ("image", "img", "picture", "photo", "jpg", "png")
"""Columns of a hub's data set that are tried, in this order, where it names no image columns."""

Source = Iterator[Photo | Unusable]


def read_photos(source: str, split: str = "train", limit: int | None = None) -> Source:
    """Stream photographs, one in memory at a time, in an order that does not change.

    Args:
        source: A folder or fsspec URL (`s3://bucket/prefix`), searched to its depths; `hf://OWNER/NAME`; or "embedded".
        split: Of a hub's data set.
        limit: Photographs to read of a hub's data set, which may have millions; None is all.

    Raises:
        InputError: There is no such source, or nothing in it that could be a photograph.
    """
    if source == EMBEDDED:
        return _embedded()
    if source.startswith(HUB):
        return _hub(source.removeprefix(HUB).removeprefix("datasets/").rstrip("/"), split, limit)
    return _files(source)


def picture_paths(source: str) -> list[str]:
    """Files of a folder or fsspec URL that are named like pictures, in order.

    Raises:
        InputError: There is no such folder, or no such file in it.
    """
    try:
        filesystem, folder = url_to_fs(source)
        found = filesystem.find(folder) if filesystem.exists(folder) else None
    except (ImportError, ValueError, OSError) as error:
        raise InputError(f"{source}: cannot be listed ({error})") from error
    if found is None:
        raise InputError(f"{source}: no such folder of photographs")
    paths = sorted(path for path in found if Path(path).suffix.lower() in SUFFIXES)
    if not paths:
        held = f"{len(found)} files, none of them" if found else "nothing, so no file"
        raise InputError(f"{source}: holds {held} named like a picture ({', '.join(sorted(SUFFIXES))})")
    return paths


def shipped_files() -> list[Path]:
    """Files of the embedded photographs, in order.

    Raises:
        InputError: A package that ships some is missing, or lacks them.
    """
    return [_shipped_folder(package) / file for package, (_, files) in SHIPPED.items() for file in files]


def _files(source: str) -> Source:
    paths, filesystem = picture_paths(source), url_to_fs(source)[0]
    return (_file(partial(filesystem.open, path, "rb"), filesystem.unstrip_protocol(path)) for path in paths)


def _file(opens: Callable[[], Any], name: str) -> Photo | Unusable:
    name = name.removeprefix("file://")
    try:
        with opens() as opened:
            return read_photo(opened, name)
    except OSError as error:
        return Unusable(name, "unreadable", f"cannot be opened ({error})")


def _embedded() -> Source:
    for package, (_, files) in SHIPPED.items():
        folder = _shipped_folder(package)
        for file in files:
            with (folder / file).open("rb") as opened:
                found = read_photo(opened, f"{package}/{file}")
            assert isinstance(found, Photo), found
            yield from windows(found, EMBEDDED_WINDOW_PX)


def _shipped_folder(package: str) -> Path:
    spec = find_spec(package)  # the package itself is not imported: that takes a second
    folder = Path(spec.origin).parent / SHIPPED[package][0] if spec and spec.origin else Path(package)
    if missing := [file for file in SHIPPED[package][1] if not (folder / file).is_file()]:
        raise InputError(
            f"source `{EMBEDDED}`: {folder} lacks {', '.join(missing)}; install scikit-image>=0.26 and scikit-learn"
        )
    return folder


def _hub(dataset: str, split: str, limit: int | None) -> Source:
    from datasets import Image as ImageFeature
    from datasets import load_dataset

    try:
        rows = load_dataset(dataset, split=split, streaming=True)
        features = rows.features or {}
        named = [name for name, kind in features.items() if isinstance(kind, ImageFeature)]
        column = next(iter(named or [name for name in IMAGE_FIELDS if name in features]), None)
        if column is None:
            raise InputError(f"{HUB}{dataset}: no column of pictures among {', '.join(features) or 'none'}")
        rows = rows.select_columns([column]).cast_column(column, ImageFeature(decode=False))
    except InputError:
        raise
    except Exception as error:  # datasets and its HTTP stack raise some twenty kinds, none of them a common one
        told = " ".join(str(error).split())[:300]
        raise InputError(
            f"{HUB}{dataset}, split {split}: cannot be opened ({type(error).__name__}: {told}); "
            "is the id right, is the hub reachable, or has the data set gated access? A local folder needs neither"
        ) from error
    return _hub_rows(rows if limit is None else rows.take(limit), column, dataset)


def _hub_rows(rows: Any, column: str, dataset: str) -> Source:
    for number, row in enumerate(rows):
        name, picture = f"{HUB}{dataset}#{number}", row[column]
        if picture and picture.get("bytes"):
            yield read_photo(io.BytesIO(picture["bytes"]), name)
        elif picture and picture.get("path"):
            yield _file(partial(fsspec.open, picture["path"], "rb"), name)
        else:
            yield Unusable(name, "unreadable", "the row holds no picture")
