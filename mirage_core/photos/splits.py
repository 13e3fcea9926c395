"""Which photographs belong to which split: each to one, by its content, so that none is learnt from and examined on."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from mirage_core.errors import InputError
from mirage_core.photos.read import Photo, Unusable


class Listed(NamedTuple):
    """A photograph as the catalogue has it, without its pixels."""

    name: str
    content: str
    width_px: int
    height_px: int


class Catalogue(NamedTuple):
    """What was found in a source."""

    photos: tuple[Listed, ...]
    """In the order of their contents, each content once."""
    unusable: tuple[Unusable, ...]


def catalogue(source: Iterable[Photo | Unusable], min_width_px: int = 1, min_height_px: int = 1) -> Catalogue:
    """Read a source through once, one photograph in memory at a time.

    Photographs that are too small are "too_small", those seen before, whatever their name, are "repeated".
    """
    photos: dict[str, Listed] = {}
    unusable: list[Unusable] = []
    for found in source:
        if isinstance(found, Unusable):
            unusable.append(found)
            continue
        height_px, width_px = found.pixels.shape[:2]
        if width_px < min_width_px or height_px < min_height_px:
            told = f"is {width_px} x {height_px} pixels; {min_width_px} x {min_height_px} are needed"
            unusable.append(Unusable(found.name, "too_small", told))
        elif found.content in photos:
            unusable.append(Unusable(found.name, "repeated", f"shows the same as {photos[found.content].name}"))
        else:
            photos[found.content] = Listed(found.name, found.content, width_px, height_px)
    return Catalogue(tuple(photos[content] for content in sorted(photos)), tuple(unusable))


def assign(photos: Iterable[Listed], shares: Mapping[str, int]) -> dict[str, list[Listed]]:
    """Deal the photographs out to the splits, in proportion to whole-number shares.

    A photograph's place follows from its content alone and the contents of the others, never from its name. Every split
    gets at least one.

    Raises:
        InputError: There are fewer photographs than splits.
    """
    ordered = sorted(photos, key=lambda photo: photo.content)
    if len(ordered) < len(shares):
        raise InputError(
            f"{len(ordered)} usable photographs cannot be dealt out to {len(shares)} splits ({', '.join(shares)}), "
            "since a photograph belongs to one only"
        )
    whole, spare = sum(shares.values()), len(ordered) - len(shares)
    dealt: dict[str, list[Listed]] = {}
    first, share_so_far = 0, 0
    for place, (split, share) in enumerate(shares.items(), 1):
        share_so_far += share
        last = place + spare * share_so_far // whole
        dealt[split] = ordered[first:last]
        first = last
    return dealt
