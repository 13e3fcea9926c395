"""SAT's kinds of things: furniture and household objects, built from simple solids as `sat_furniture` describes."""

from collections.abc import Sequence
from typing import Literal

from mirage_core.puzzles.sat_furniture import Kind, Part, Place, Vector


def _box(x: float, y: float, z: float, width: float, depth: float, height: float, tone: str = "main") -> Part:
    """A box whose bottom is at z."""
    return Part("box", (width / 2, depth / 2, height / 2), (x, y, z + height / 2), tone)


def _rod(x: float, y: float, z: float, radius: float, height: float, tone: str = "main") -> Part:
    """An upright cylinder whose bottom is at z."""
    return Part("cylinder", (radius, height / 2, 0), (x, y, z + height / 2), tone)


def _roll(x: float, y: float, z: float, radius: float, length: float, axis: Literal["x", "y"], tone: str) -> Part:
    """A lying cylinder with its centre at (x, y, z)."""
    return Part("cylinder", (radius, length / 2, 0), (x, y, z), tone, axis)


def _ball(x: float, y: float, z: float, radius: float, tone: str = "main") -> Part:
    return Part("sphere", (radius, radius, radius), (x, y, z), tone)


def _egg(x: float, y: float, z: float, half: Vector, tone: str = "main") -> Part:
    return Part("ellipsoid", half, (x, y, z), tone)


def _cone(x: float, y: float, z: float, bottom: float, top: float, height: float, tone: str = "main") -> Part:
    """A frustum whose bottom is at z."""
    return Part("frustum", (bottom, top, height), (x, y, z), tone)


def _legs(width: float, depth: float, height: float, thick: float, tone: str = "main") -> list[Part]:
    """Four legs below the corners of a rectangle."""
    x, y = width / 2 - thick / 2, depth / 2 - thick / 2
    return [_box(sx * x, sy * y, 0, thick, thick, height, tone) for sx in (-1, 1) for sy in (-1, 1)]


def _kind(
    phrase: str, place: Place, parts: Sequence[Part], movable: bool = False, host_z: float = 0.0
) -> tuple[str, Kind]:
    name = phrase.replace("{colour} ", "").split(" with ")[0].split(" in ")[0]
    return name, Kind(phrase, tuple(parts), place, movable, host_z)


_FLOOR = (
    _kind("{colour} dining table", "floor", [_box(0, 0, 0.70, 1.3, 0.8, 0.05), *_legs(1.2, 0.7, 0.70, 0.07)],
        host_z=0.75),
    _kind("{colour} coffee table", "floor", [_rod(0, 0, 0.38, 0.45, 0.05), _rod(0, 0, 0, 0.05, 0.38, "metal"), _rod(0,
        0, 0, 0.28, 0.03, "metal")], host_z=0.43),
    _kind("{colour} bench", "floor", [_box(0, 0, 0.42, 1.2, 0.36, 0.06), _box(-0.5, 0, 0, 0.07, 0.32, 0.42, "dark"),
        _box(0.5, 0, 0, 0.07, 0.32, 0.42, "dark")]),
    _kind("{colour} chair", "floor", [_box(0, 0, 0.43, 0.44, 0.44, 0.05), *_legs(0.42, 0.42, 0.43, 0.045, "dark"),
        _box(-0.18, 0.2, 0.48, 0.04, 0.04, 0.47, "dark"), _box(0.18, 0.2, 0.48, 0.04, 0.04, 0.47, "dark"), _box(0, 0.2,
        0.66, 0.42, 0.035, 0.28)], movable=True),
    _kind("{colour} armchair", "floor", [_box(0, -0.03, 0.08, 0.6, 0.66, 0.3), _box(0, -0.05, 0.38, 0.54, 0.58, 0.08,
        "light"), _box(0, 0.33, 0.08, 0.84, 0.16, 0.8), _box(-0.36, -0.03, 0.08, 0.13, 0.7, 0.52), _box(0.36, -0.03,
        0.08, 0.13, 0.7, 0.52), *_legs(0.8, 0.74, 0.08, 0.06, "wood")], movable=True),
    _kind("{colour} stool", "floor", [_rod(0, 0, 0.58, 0.19, 0.06), *_legs(0.3, 0.3, 0.58, 0.04, "wood"), _box(0, 0,
        0.22, 0.28, 0.03, 0.03, "wood")], movable=True),
    _kind("{colour} ottoman", "floor", [_rod(0, 0, 0.06, 0.3, 0.34), _rod(0, 0, 0.3, 0.31, 0.03, "dark"), _rod(0, 0, 0,
        0.2, 0.06, "wood")], movable=True),
    _kind("floor lamp with a {colour} shade", "floor", [_rod(0, 0, 0, 0.16, 0.03, "black"), _rod(0, 0, 0.03, 0.018,
        1.3, "black"), _cone(0, 0, 1.25, 0.24, 0.14, 0.3)], movable=True),
    _kind("potted plant in a {colour} pot", "floor", [_cone(0, 0, 0, 0.13, 0.19, 0.32), _rod(0, 0, 0.3, 0.025, 0.35,
        "wood"), _egg(0, 0, 0.78, (0.27, 0.27, 0.26), "leaf"), _egg(0.14, 0.08, 1.0, (0.17, 0.17, 0.18), "leaf"),
        _egg(-0.13, -0.08, 1.02, (0.16, 0.16, 0.2), "leaf")], movable=True),
    _kind("{colour} ball", "floor", [_ball(0, 0, 0.2, 0.2)], movable=True),
    _kind("{colour} storage box", "floor", [_box(0, 0, 0, 0.5, 0.38, 0.32), _box(0, 0, 0.32, 0.54, 0.42, 0.05, "dark"),
        _box(0, -0.2, 0.14, 0.16, 0.02, 0.08, "paper")], movable=True),
    _kind("{colour} trash can", "floor", [_cone(0, 0, 0, 0.15, 0.2, 0.5), _rod(0, 0, 0.5, 0.21, 0.04, "dark"), _ball(0,
        0, 0.55, 0.045, "dark")], movable=True),
    _kind("{colour} laundry basket", "floor", [_cone(0, 0, 0, 0.2, 0.27, 0.42), _rod(0, 0, 0.42, 0.28, 0.03, "light"),
        _egg(0.05, 0, 0.47, (0.17, 0.15, 0.08), "white"), _egg(-0.08, 0.05, 0.48, (0.11, 0.12, 0.07), "sea")],
        movable=True),
    _kind("{colour} suitcase", "floor", [_box(0, 0, 0.06, 0.46, 0.24, 0.64), _box(0, -0.125, 0.2, 0.4, 0.02, 0.03,
        "dark"), _box(0, -0.125, 0.5, 0.4, 0.02, 0.03, "dark"), _box(-0.1, 0.06, 0.7, 0.025, 0.025, 0.28, "metal"),
        _box(0.1, 0.06, 0.7, 0.025, 0.025, 0.28, "metal"), _box(0, 0.06, 0.96, 0.25, 0.04, 0.035, "black"),
        _roll(-0.18, 0, 0.03, 0.035, 0.2, "y", "black"), _roll(0.18, 0, 0.03, 0.035, 0.2, "y", "black")],
        movable=True),
    _kind("teddy bear with a {colour} shirt", "floor", [_egg(0, 0, 0.22, (0.19, 0.16, 0.21)), _ball(0, 0, 0.52, 0.155,
        "fur"), _ball(-0.12, 0, 0.65, 0.06, "fur"), _ball(0.12, 0, 0.65, 0.06, "fur"), _ball(0, -0.14, 0.49, 0.065,
        "paper"), _ball(0, -0.2, 0.5, 0.02, "black"), _ball(-0.055, -0.135, 0.57, 0.02, "black"), _ball(0.055, -0.135,
        0.57, 0.02, "black"), _egg(-0.2, -0.07, 0.29, (0.07, 0.12, 0.07), "fur"), _egg(0.2, -0.07, 0.29, (0.07, 0.12,
        0.07), "fur"), _egg(-0.12, -0.2, 0.09, (0.09, 0.15, 0.09), "fur"), _egg(0.12, -0.2, 0.09, (0.09, 0.15, 0.09),
        "fur")], movable=True),
    _kind("{colour} toy truck", "floor", [_box(-0.06, 0, 0.1, 0.5, 0.26, 0.2), _box(0.28, 0, 0.1, 0.16, 0.26, 0.28,
        "light"), _box(0.365, 0, 0.26, 0.01, 0.2, 0.08, "screen"), *[_roll(x, y, 0.09, 0.09, 0.05, "y", "black") for x
        in (-0.2, 0.22) for y in (-0.14, 0.14)]], movable=True),
    _kind("{colour} traffic cone", "floor", [_box(0, 0, 0, 0.42, 0.42, 0.04), _cone(0, 0, 0.04, 0.16, 0.03, 0.6),
        _cone(0, 0, 0.27, 0.118, 0.085, 0.14, "paper")], movable=True),
    _kind("{colour} bucket", "floor", [_cone(0, 0, 0, 0.14, 0.19, 0.34), _rod(0, 0, 0.34, 0.2, 0.02, "metal"), _rod(0,
        0, 0.345, 0.17, 0.02, "sea")], movable=True),
    _kind("{colour} floor vase", "floor", [_cone(0, 0, 0, 0.12, 0.2, 0.25), _cone(0, 0, 0.25, 0.2, 0.07, 0.3), _cone(0,
        0, 0.55, 0.07, 0.12, 0.08)], movable=True),
    _kind("{colour} rocking horse", "floor", [_roll(-0.13, 0, 0.03, 0.03, 0.8, "y", "wood"), _roll(0.13, 0, 0.03, 0.03,
        0.8, "y", "wood"), *_legs(0.26, 0.5, 0.36, 0.05, "dark"), _egg(0, 0, 0.46, (0.14, 0.32, 0.14)), _egg(0, -0.28,
        0.66, (0.07, 0.09, 0.2)), _egg(0, -0.38, 0.82, (0.07, 0.15, 0.08)), _egg(0, 0.33, 0.5, (0.03, 0.05, 0.15),
        "black")], movable=True),
)  # fmt: skip

_WALL = (
    _kind("{colour} sofa", "wall", [_box(0, -0.03, 0.08, 1.7, 0.8, 0.3), _box(-0.42, -0.08, 0.38, 0.8, 0.66, 0.1,
        "light"), _box(0.42, -0.08, 0.38, 0.8, 0.66, 0.1, "light"), _box(0, 0.36, 0.08, 1.9, 0.2, 0.75), _box(-0.88,
        -0.03, 0.08, 0.16, 0.84, 0.5), _box(0.88, -0.03, 0.08, 0.16, 0.84, 0.5), *_legs(1.8, 0.8, 0.08, 0.08,
        "wood")]),
    _kind("{colour} bed", "wall", [_box(0, 0, 0.1, 1.1, 1.9, 0.2, "wood"), _box(0, 0, 0.3, 1.0, 1.84, 0.13, "white"),
        _box(0, -0.24, 0.3, 1.1, 1.36, 0.19), _box(0, 0.93, 0, 1.14, 0.07, 0.95, "wood"), _egg(0, 0.66, 0.5, (0.34,
        0.18, 0.08), "white"), *_legs(1.1, 1.86, 0.1, 0.08, "wood")]),
    _kind("{colour} bookshelf", "wall", [_box(0, 0.14, 0, 0.9, 0.03, 1.8, "dark"), _box(-0.44, 0, 0, 0.04, 0.3, 1.8),
        _box(0.44, 0, 0, 0.04, 0.3, 1.8), *[_box(0, 0, z, 0.88, 0.3, 0.035) for z in (0.04, 0.48, 0.92, 1.36, 1.77)],
        *[_box(-0.36 + 0.07 * i, 0.04, z, 0.055, 0.18, 0.24 + 0.03 * (i % 3), ("paper", "sea", "wood", "gold", "leaf",
        "black")[(i + k) % 6]) for k, z in enumerate((0.075, 0.515, 0.955, 1.395)) for i in range(4 + 2 * (k % 3))]]),
    _kind("{colour} cabinet", "wall", [_box(0, 0, 0.06, 1.0, 0.42, 0.74), _box(0, 0, 0.8, 1.04, 0.46, 0.03, "wood"),
        _box(0, 0, 0, 0.9, 0.36, 0.06, "black"), _box(-0.245, -0.215, 0.12, 0.46, 0.02, 0.62, "light"), _box(0.245,
        -0.215, 0.12, 0.46, 0.02, 0.62, "light"), _ball(-0.06, -0.24, 0.45, 0.022, "metal"), _ball(0.06, -0.24, 0.45,
        0.022, "metal")], host_z=0.83),
    _kind("{colour} desk", "wall", [_box(0, 0, 0.71, 1.25, 0.62, 0.04), _box(-0.4, 0.02, 0, 0.4, 0.54, 0.71, "light"),
        _box(0.58, 0, 0, 0.05, 0.56, 0.71), *[_box(-0.4, -0.26, z, 0.36, 0.02, 0.19, "main") for z in (0.05, 0.27,
        0.49)], *[_ball(-0.4, -0.28, z, 0.02, "metal") for z in (0.145, 0.365, 0.585)]], host_z=0.75),
    _kind("{colour} wardrobe", "wall", [_box(0, 0, 0.05, 1.1, 0.55, 1.85), _box(0, 0, 0, 1.0, 0.5, 0.05, "black"),
        _box(-0.27, -0.28, 0.1, 0.52, 0.02, 1.74, "light"), _box(0.27, -0.28, 0.1, 0.52, 0.02, 1.74, "light"),
        _rod(-0.05, -0.3, 0.85, 0.013, 0.3, "metal"), _rod(0.05, -0.3, 0.85, 0.013, 0.3, "metal")]),
    _kind("{colour} fridge", "wall", [_box(0, 0, 0.04, 0.66, 0.6, 1.7), _box(0, 0, 0, 0.6, 0.55, 0.04, "black"),
        _box(0, -0.31, 0.08, 0.64, 0.03, 1.0, "light"), _box(0, -0.31, 1.11, 0.64, 0.03, 0.6, "light"), _rod(-0.26,
        -0.345, 0.7, 0.015, 0.34, "metal"), _rod(-0.26, -0.345, 1.15, 0.015, 0.28, "metal")]),
    _kind("television on a {colour} stand", "wall", [_box(0, 0, 0.05, 1.3, 0.38, 0.4), _box(0, 0, 0, 1.2, 0.34, 0.05,
        "black"), _box(0, -0.2, 0.1, 0.6, 0.02, 0.3, "light"), _box(0, 0.02, 0.45, 0.4, 0.2, 0.02, "black"), _box(0,
        0.02, 0.47, 0.06, 0.04, 0.08, "black"), _box(0, 0.02, 0.53, 1.1, 0.05, 0.64, "black"), _box(0, -0.007, 0.56,
        1.04, 0.01, 0.58, "screen")]),
    _kind("{colour} piano", "wall", [_box(0, 0.1, 0, 1.35, 0.36, 1.15), _box(0, -0.16, 0.6, 1.35, 0.34, 0.12), _box(0,
        -0.2, 0.72, 1.2, 0.15, 0.02, "white"), *[_box(-0.53 + 0.118 * i, -0.16, 0.735, 0.035, 0.09, 0.015, "black") for
        i in range(10)], _box(-0.62, -0.27, 0, 0.08, 0.08, 0.6, "dark"), _box(0.62, -0.27, 0, 0.08, 0.08, 0.6, "dark"),
        _box(0, -0.1, 0.9, 0.5, 0.03, 0.25, "paper")]),
    _kind("{colour} grandfather clock", "wall", [_box(0, 0, 0, 0.46, 0.32, 0.35), _box(0, 0, 0.35, 0.34, 0.26, 0.95),
        _box(0, 0, 1.3, 0.46, 0.32, 0.5), _box(0, 0, 1.8, 0.5, 0.36, 0.05, "dark"), _roll(0, -0.16, 1.55, 0.18, 0.02,
        "y", "paper"), _box(0, -0.175, 1.55, 0.016, 0.01, 0.13, "black"), _box(0.045, -0.175, 1.542, 0.09, 0.01, 0.016,
        "black"), _box(0, -0.132, 0.45, 0.2, 0.01, 0.75, "screen"), _roll(0, -0.14, 0.62, 0.07, 0.02, "y", "gold")]),
    _kind("{colour} washing machine", "wall", [_box(0, 0, 0.03, 0.62, 0.58, 0.82), _box(0, 0, 0, 0.56, 0.5, 0.03,
        "black"), _roll(0, -0.29, 0.42, 0.22, 0.03, "y", "metal"), _roll(0, -0.3, 0.42, 0.17, 0.03, "y", "screen"),
        _box(-0.15, -0.295, 0.72, 0.24, 0.01, 0.09, "white"), _roll(0.18, -0.3, 0.765, 0.045, 0.03, "y", "metal")]),
)  # fmt: skip

_TOP = (
    _kind("{colour} laptop", "top", [_box(0, 0, 0, 0.36, 0.26, 0.025), _box(0, 0.13, 0.02, 0.36, 0.02, 0.25), _box(0,
        0.118, 0.035, 0.33, 0.006, 0.22, "screen"), _box(0, 0.01, 0.025, 0.31, 0.12, 0.004, "black")], movable=True),
    _kind("table lamp with a {colour} shade", "top", [_rod(0, 0, 0, 0.09, 0.03, "metal"), _rod(0, 0, 0.03, 0.015, 0.26,
        "metal"), _cone(0, 0, 0.25, 0.16, 0.09, 0.2)], movable=True),
    _kind("{colour} stack of books", "top", [_box(0, 0, 0, 0.3, 0.22, 0.06), _box(0.01, 0.01, 0.06, 0.27, 0.2, 0.05,
        "paper"), _box(-0.01, 0, 0.11, 0.28, 0.21, 0.05, "dark"), _box(0, 0, 0.16, 0.24, 0.18, 0.05)], movable=True),
    _kind("{colour} fruit bowl", "top", [_cone(0, 0, 0, 0.08, 0.18, 0.11), _ball(-0.07, 0, 0.13, 0.06, "gold"),
        _ball(0.06, 0.04, 0.13, 0.06, "leaf"), _ball(0.03, -0.07, 0.13, 0.055, "fur"), _ball(-0.01, 0.01, 0.18, 0.055,
        "gold")], movable=True),
    _kind("{colour} jug", "top", [_cone(0, 0, 0, 0.09, 0.11, 0.12), _cone(0, 0, 0.12, 0.11, 0.065, 0.12), _cone(0, 0,
        0.24, 0.065, 0.085, 0.04), _box(0.13, 0, 0.07, 0.02, 0.025, 0.14), _box(0.1, 0, 0.19, 0.08, 0.025, 0.02)],
        movable=True),
    _kind("globe on a {colour} base", "top", [_rod(0, 0, 0, 0.11, 0.03), _rod(0, 0, 0.03, 0.016, 0.08), _ball(0, 0,
        0.25, 0.15, "sea"), _egg(-0.03, -0.07, 0.29, (0.07, 0.085, 0.08), "leaf"), _egg(0.05, 0.07, 0.22, (0.09, 0.085,
        0.08), "leaf")], movable=True),
    _kind("{colour} radio", "top", [_box(0, 0, 0, 0.34, 0.13, 0.2), _roll(-0.08, -0.07, 0.1, 0.065, 0.02, "y",
        "black"), _box(0.09, -0.068, 0.11, 0.11, 0.01, 0.05, "paper"), _roll(0.09, -0.07, 0.055, 0.025, 0.02, "y",
        "metal"), _rod(0.15, 0, 0.2, 0.006, 0.2, "metal")], movable=True),
)  # fmt: skip

KINDS: dict[str, Kind] = dict([*_FLOOR, *_WALL, *_TOP])
"""By name, which is the phrase without its colour."""
