"""Photographs that show what an official item shows, at whatever size and however cropped: they are kept out.

Keypoints of the item's crop are searched in every photograph; where enough of them agree on one similarity transform,
both show the same.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from mirage_core.photos.read import Photo, Unusable
from mirage_core.row import Row, decode_image

NUM_KEYPOINTS = 600
MIN_MATCHES = 12
"""Keypoints without which two pictures are not compared further."""
MIN_AGREEING = 60
"""Keypoints that agree on one transform, from which on two pictures count as showing the same. Measured: official items
and BSDS500's photographs at most 24, an item and its own enlarged cut 182."""
MAX_RATIO = 0.75
"""Of the distances to the best and the second best match; Lowe's test (2004)."""


class Keypoints(NamedTuple):
    """What is found in one picture."""

    places: np.ndarray
    """float32 (keypoints, 2), pixels."""
    descriptors: np.ndarray | None
    """ORB's; None where nothing was found."""


class Known(NamedTuple):
    """An official item's crop."""

    name: str
    keypoints: Keypoints


def without_official(found: Iterable[Photo | Unusable], items: Sequence[Row]) -> Iterator[Photo | Unusable]:
    """Turn photographs of official items into "official_item"."""
    known = known_pictures(items)
    for one in found:
        name = shown_item(one.pixels, known) if isinstance(one, Photo) else None
        yield Unusable(one.name, "official_item", f"shows what {name} shows") if name else one


def known_pictures(items: Sequence[Row]) -> list[Known]:
    """The crops of items, ready to be searched."""
    return [Known(row.id, keypoints(decode_image(row.images[0], row.id))) for row in items]


def shown_item(pixels: np.ndarray, known: Sequence[Known]) -> str | None:
    """The item whose crop a picture (uint8 RGB) shows; None where it is none of them."""
    found = keypoints(pixels)
    return next((one.name for one in known if num_agreeing(one.keypoints, found) >= MIN_AGREEING), None)


def keypoints(pixels: np.ndarray) -> Keypoints:
    """ORB keypoints of a picture, uint8 RGB."""
    detector = cv2.ORB.create(NUM_KEYPOINTS)
    points, described = detector.detectAndCompute(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), None)
    return Keypoints(np.array([point.pt for point in points], np.float32), described)


def num_agreeing(one: Keypoints, other: Keypoints) -> int:
    """Keypoints of two pictures that agree on one similarity transform."""
    if one.descriptors is None or other.descriptors is None:
        return 0
    if min(len(one.descriptors), len(other.descriptors)) < MIN_MATCHES:
        return 0
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(one.descriptors, other.descriptors, k=2)
    good = [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < MAX_RATIO * pair[1].distance]
    if len(good) < MIN_MATCHES:
        return len(good)
    source = np.array([one.places[match.queryIdx] for match in good])
    target = np.array([other.places[match.trainIdx] for match in good])
    _, inliers = cv2.estimateAffinePartial2D(source, target)
    return 0 if inliers is None else int(inliers.sum())
