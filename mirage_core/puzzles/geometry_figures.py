"""Figures of planar geometry: points with letters, lines, circles, angles and lengths."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIDE_PX = 336
OVERSAMPLING = 3
"""Drawn larger and scaled down, for smooth lines."""
MARGIN = 0.16
"""Of the side, around the figure."""
INK, MARKED = (20, 20, 30), (200, 30, 30)


class Figure(NamedTuple):
    """What is drawn of a problem; points are named by letters."""

    lines: tuple[str, ...]
    """Two letters each."""
    circles: tuple[str, ...] = ()
    """Centre and a point on the circle."""
    angles: tuple[tuple[str, str], ...] = ()
    """Three letters and what is written there."""
    lengths: tuple[tuple[str, str], ...] = ()
    """Two letters and what is written there."""


def draw_figure(points: Mapping[str, Sequence[Any]], figure: Figure, side_px: int = SIDE_PX) -> Image.Image:
    """Draw a figure as RGB; what is asked, written as "?", is red."""
    size = side_px * OVERSAMPLING
    place = _fit(points, figure, size)
    image = Image.new("RGB", (size, size), "white")
    draw, width = ImageDraw.Draw(image), max(2, size // 180)
    font: Any = ImageFont.load_default(size=size // 18)
    middle = np.mean(list(place.values()), axis=0)
    for centre, edge in map(tuple, figure.circles):
        radius = float(np.linalg.norm(place[centre] - place[edge]))
        x, y = place[centre]
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=INK, width=width)
    for start, end in map(tuple, figure.lines):
        draw.line((*place[start], *place[end]), fill=INK, width=width)
    for name, text in figure.angles:
        one, apex, other = (place[letter] for letter in name)
        _angle(draw, one, apex, other, text, size, font, width)
    for name, text in figure.lengths:
        tail, head = (place[letter] for letter in name)
        between, along = (tail + head) / 2, (head - tail) / np.linalg.norm(head - tail)
        across = np.array([-along[1], along[0]])
        side = 1 if across @ (between - middle) >= 0 else -1
        draw.text(tuple(between + side * across * size * 0.045), text, fill=_ink(text), font=font, anchor="mm")
    for name, point in place.items():
        x, y = point
        draw.ellipse((x - 2 * width, y - 2 * width, x + 2 * width, y + 2 * width), fill=INK)
        draw.text(tuple(point + _away(point, middle) * size * 0.055), name, fill=INK, font=font, anchor="mm")
    return image.resize((side_px, side_px), Image.Resampling.LANCZOS)


def _fit(points: Mapping[str, Sequence[Any]], figure: Figure, size: int) -> dict[str, np.ndarray]:
    """Pixels of the points: the whole figure, circles too, fills the picture but for the margin; y grows downwards."""
    exact = {name: np.array([float(point[0]), -float(point[1])]) for name, point in points.items()}
    reach = list(exact.values())
    for centre, edge in map(tuple, figure.circles):
        radius = np.linalg.norm(exact[centre] - exact[edge])
        reach += [exact[centre] - radius, exact[centre] + radius]
    low, high = np.min(reach, axis=0), np.max(reach, axis=0)
    scale = size * (1 - 2 * MARGIN) / max(high - low)
    return {name: (point - (low + high) / 2) * scale + size / 2 for name, point in exact.items()}


def _away(point: np.ndarray, middle: np.ndarray) -> np.ndarray:
    gap = point - middle
    length = float(np.linalg.norm(gap))
    return gap / length if length > 1 else np.array([0.0, -1.0])


def _angle(
    draw: ImageDraw.ImageDraw, one: np.ndarray, apex: np.ndarray, other: np.ndarray, text: str, size: int, font: Any,
    width: int,
) -> None:  # fmt: skip
    starts = [float(np.degrees(np.arctan2(*(end - apex)[::-1]))) for end in (one, other)]
    if (starts[1] - starts[0]) % 360 > 180:
        starts.reverse()
    radius = size * 0.07
    box = (apex[0] - radius, apex[1] - radius, apex[0] + radius, apex[1] + radius)
    draw.arc(box, starts[0], starts[0] + (starts[1] - starts[0]) % 360, fill=_ink(text), width=width)
    bisector = np.radians(starts[0] + ((starts[1] - starts[0]) % 360) / 2)
    label = apex + np.array([np.cos(bisector), np.sin(bisector)]) * size * 0.13
    draw.text(tuple(label), text, fill=_ink(text), font=font, anchor="mm")


def _ink(text: str) -> tuple[int, int, int]:
    return MARKED if text == "?" else INK
