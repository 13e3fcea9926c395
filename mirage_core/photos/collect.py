"""The photographs of a data set on disk: reduced, upright, named by their contents. No later step needs their source.

They lie below `photos/`, one JPEG each, listed in `photos.jsonl`; `unusable.jsonl` lists by name what was rejected.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mirage_core.errors import InputError
from mirage_core.photos.read import Photo, Unusable
from mirage_core.photos.splits import Listed, distinct

QUALITY = 95
"""Of the JPEGs, without subsampling: a puzzle's own JPEGs lose far more."""
NUM_NAMED = 3
"""Rejects that a message names."""


def collect_photos(
    source: Iterable[Photo | Unusable], out: Path, min_side_px: tuple[int, int] = (1, 1)
) -> dict[str, Any]:
    """Write the usable photographs of a source below `out`, each once.

    Args:
        source: As `read_photos` gives them.
        out: Artifact folder.
        min_side_px: Least width and height.

    Returns:
        Counts: asked, kept, and rejected by reason.

    Raises:
        InputError: None can be used; the message names some and says why.
    """
    folder = out / "photos"
    folder.mkdir(parents=True)
    listed: list[Listed] = []
    unusable: list[Unusable] = []
    for found in distinct(source, min_side_px):
        if isinstance(found, Unusable):
            unusable.append(found)
            continue
        height_px, width_px = found.pixels.shape[:2]
        listed.append(Listed(found.name, found.content, width_px, height_px, found.origin))
        Image.fromarray(found.pixels).save(folder / f"{found.content}.jpg", quality=QUALITY, subsampling=0)
    if not listed:
        named = "; ".join(f"{one.name} {one.told}" for one in unusable[:NUM_NAMED])
        raise InputError(f"no photograph can be used of {len(unusable)} found{': ' if named else ''}{named}")
    listed.sort(key=lambda photo: photo.content)
    _write(out / "photos.jsonl", listed)
    _write(out / "unusable.jsonl", unusable)
    rejected = Counter(one.reason for one in unusable)
    return {"asked": len(listed) + len(unusable), "kept": len(listed), "rejected": dict(rejected)}


def read_listed(folder: Path) -> list[Listed]:
    """The photographs that `collect_photos` wrote, in the order of their contents."""
    return [Listed(**values) for values in _lines(folder / "photos.jsonl")]


def read_pixels(folder: Path, photo: Listed) -> np.ndarray:
    """uint8 RGB of one of them."""
    with Image.open(folder / "photos" / f"{photo.content}.jpg") as image:
        return np.asarray(image.convert("RGB"))


def _write(path: Path, values: Iterable[Listed | Unusable]) -> None:
    path.write_text("".join(json.dumps(one._asdict()) + "\n" for one in values), encoding="utf-8")


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)
