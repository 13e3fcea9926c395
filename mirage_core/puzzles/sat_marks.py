"""SAT's marks: red dots with a white number or an X."""

import math
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageDraw, ImageFont

MARK_RADIUS = 0.028
"""As a share of the side; published: 15 of 512 pixels."""
MIN_MARK_GAP = 0.085
"""Between the middles of two marks, as a share of the side."""
RED, WHITE = (235, 20, 20), (255, 255, 255)


@dataclass(frozen=True)
class Mark:
    """A labelled dot; x and y are shares of the picture's sides from the upper left corner."""

    label: str
    x: float
    y: float

    def gap(self, other: "Mark") -> float:
        """Distance between middles, as a share of the side."""
        return math.hypot(self.x - other.x, self.y - other.y)


def draw_marks(image: Image.Image, marks: tuple[Mark, ...]) -> None:
    """Draw marks onto a square picture; the label stands in the middle of its dot."""
    draw, side_px = ImageDraw.Draw(image), image.width
    radius = MARK_RADIUS * side_px
    font: Any = ImageFont.load_default(size=max(8, round(2.1 * radius)))
    for mark in marks:
        x, y = mark.x * side_px, mark.y * side_px
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=RED)
        draw.text((x, y), mark.label, fill=WHITE, font=font, anchor="mm")
