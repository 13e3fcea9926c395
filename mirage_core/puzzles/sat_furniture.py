"""SAT's furniture: what a kind of thing is, and the colours it may have.

A thing stands on the plane z = 0 around the origin and faces -y: its back, +y, goes to a wall. Lengths are metres.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

Rgb = tuple[float, float, float]
Vector = tuple[float, float, float]
Shape = Literal["box", "sphere", "cylinder", "ellipsoid", "frustum"]
Place = Literal["floor", "wall", "top"]

COLOURS: dict[str, Rgb] = {
    "red": (0.80, 0.10, 0.10),
    "orange": (0.93, 0.45, 0.06),
    "yellow": (0.93, 0.80, 0.12),
    "green": (0.13, 0.55, 0.20),
    "teal": (0.05, 0.55, 0.55),
    "blue": (0.12, 0.28, 0.75),
    "purple": (0.45, 0.18, 0.62),
    "pink": (0.93, 0.50, 0.66),
    "brown": (0.42, 0.25, 0.13),
    "white": (0.93, 0.93, 0.91),
    "grey": (0.50, 0.50, 0.52),
    "black": (0.09, 0.09, 0.10),
}
"""Names that a question uses, apart enough to be told from one another under every light of a room."""
TONES: dict[str, Rgb] = {
    "wood": (0.55, 0.36, 0.19),
    "metal": (0.62, 0.63, 0.66),
    "white": (0.93, 0.93, 0.93),
    "black": (0.06, 0.06, 0.07),
    "screen": (0.10, 0.14, 0.22),
    "leaf": (0.16, 0.47, 0.14),
    "fur": (0.62, 0.42, 0.24),
    "paper": (0.95, 0.92, 0.82),
    "glow": (1.00, 0.93, 0.72),
    "sea": (0.25, 0.50, 0.80),
    "gold": (0.80, 0.65, 0.25),
}
"""Parts that keep their colour whatever the colour of the thing."""


class Part(NamedTuple):
    """One solid. `size` holds MuJoCo's half lengths; of a frustum: bottom radius, top radius, height."""

    shape: Shape
    size: Vector
    centre: Vector
    """Of a frustum: the centre of its bottom."""
    tone: str
    """A name of `TONES`, or "main", "dark", "light": the thing's colour, a darker and a lighter one."""
    axis: Literal["x", "y", "z"] = "z"
    """Along which a cylinder lies."""


@dataclass(frozen=True)
class Kind:
    """A kind of thing."""

    phrase: str
    """How a question names it; `{colour}` stands for a name of `COLOURS`."""
    parts: tuple[Part, ...]
    place: Place
    """On the floor, with its back to a wall, or on top of a host."""
    movable: bool = False
    """Whether someone may have moved it between two pictures."""
    host_z: float = 0.0
    """Height of a top that things may stand on; 0 is none."""

    @cached_property
    def half_extent(self) -> Vector:
        """Half width (x), half depth (y) and full height (z) of the box around it."""
        reach = [_reach(part) for part in self.parts]
        return max(r[0] for r in reach), max(r[1] for r in reach), max(r[2] for r in reach)


def part_rgb(tone: str, colour: str) -> Rgb:
    """Colour of a part of a thing of the named colour."""
    if tone in TONES:
        return TONES[tone]
    red, green, blue = COLOURS[colour]
    if tone == "dark":
        return red * 0.55, green * 0.55, blue * 0.55
    share = 0.35 if tone == "light" else 0.0
    return red + share * (1 - red), green + share * (1 - green), blue + share * (1 - blue)


def _reach(part: Part) -> Vector:
    """Furthest |x|, |y| and z of a part."""
    (a, b, c), (x, y, z) = part.size, part.centre
    if part.shape == "frustum":
        return abs(x) + max(a, b), abs(y) + max(a, b), z + c
    half = {"x": (b, a, a), "y": (a, b, a), "z": (a, a, b)}[part.axis] if part.shape == "cylinder" else (a, b, c)
    return abs(x) + half[0], abs(y) + half[1], z + half[2]
