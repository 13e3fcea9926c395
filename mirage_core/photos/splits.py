"""Which photographs belong to which split: each to one, by its content, so that none is learnt from and examined on."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from mirage_core.errors import InputError
from mirage_core.photos.read import Photo, Unusable

AnySplit = TypeVar("AnySplit", bound=str)


class Listed(NamedTuple):
    """A photograph without its pixels."""

    name: str
    content: str
    width_px: int
    height_px: int
    origin: str
    """Content of the photograph that it is a part of, or its own."""


def distinct(source: Iterable[Photo | Unusable], min_side_px: tuple[int, int]) -> Iterator[Photo | Unusable]:
    """Turn photographs that are smaller in width or height into "too_small", and those seen before into "repeated"."""
    seen: dict[str, str] = {}
    for found in source:
        if isinstance(found, Unusable):
            yield found
            continue
        height_px, width_px = found.pixels.shape[:2]
        if width_px < min_side_px[0] or height_px < min_side_px[1]:
            needed = f"{min_side_px[0]} x {min_side_px[1]} are needed"
            yield Unusable(found.name, "too_small", f"is {width_px} x {height_px} pixels; {needed}")
        elif found.content in seen:
            yield Unusable(found.name, "repeated", f"shows the same as {seen[found.content]}")
        else:
            seen[found.content] = found.name
            yield found


def assign(photos: Iterable[Listed], shares: Mapping[AnySplit, int]) -> dict[AnySplit, list[Listed]]:
    """Deal photographs out to splits in proportion to whole-number shares, at least one to each.

    Parts of one photograph go to one split. Where a photograph comes to lie follows from contents alone, never from
    names or the order of files.

    Raises:
        InputError: There are fewer photographs than splits.
    """
    by_origin: dict[str, list[Listed]] = {}
    for photo in sorted(photos, key=lambda photo: (photo.origin, photo.content)):
        by_origin.setdefault(photo.origin, []).append(photo)
    origins = list(by_origin.values())
    if len(origins) < len(shares):
        raise InputError(
            f"{len(origins)} usable photographs cannot be dealt out to {len(shares)} splits ({', '.join(shares)}), "
            "since a photograph belongs to one only"
        )
    whole, spare = sum(shares.values()), len(origins) - len(shares)
    dealt: dict[AnySplit, list[Listed]] = {}
    first, share_so_far = 0, 0
    for place, (split, share) in enumerate(shares.items(), 1):
        share_so_far += share
        last = place + spare * share_so_far // whole
        dealt[split] = [photo for parts in origins[first:last] for photo in parts]
        first = last
    return dealt
