"""SAT's rooms: four walls with a door and windows, and things placed without collision."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mirage_core.puzzles.sat_camera import Point
from mirage_core.puzzles.sat_furniture import COLOURS, Rgb
from mirage_core.puzzles.sat_kinds import KINDS

GAP_M = 0.06
"""Kept free around everything."""
DOOR_WIDTH_M, DOOR_HEIGHT_M = 0.9, 2.0
DOOR_ZONE_M = 0.7
"""Depth of the floor before a door that stays free."""
WALL_SLACK_M = 0.03
TRIES_PER_THING = 25
WALLS = ("north", "east", "south", "west")
WALL_YAWS_DEG = {"north": 0.0, "east": -90.0, "south": 180.0, "west": 90.0}
"""Turn of a thing with its back to the wall; also the direction from the middle of the room to the wall."""
FLOOR_PATTERNS = ("planks", "tiles", "checker", "carpet")
FLOOR_RGB: dict[str, tuple[Rgb, ...]] = {
    "planks": ((0.62, 0.45, 0.28), (0.72, 0.58, 0.40), (0.45, 0.31, 0.20)),
    "tiles": ((0.78, 0.76, 0.72), (0.66, 0.70, 0.72), (0.80, 0.70, 0.60)),
    "checker": ((0.80, 0.78, 0.74), (0.70, 0.66, 0.58)),
    "carpet": ((0.55, 0.52, 0.50), (0.45, 0.50, 0.58), (0.60, 0.52, 0.44)),
}
WALL_RGB: tuple[Rgb, ...] = (
    (0.88, 0.86, 0.80), (0.80, 0.85, 0.88), (0.84, 0.88, 0.80),
    (0.90, 0.82, 0.76), (0.78, 0.78, 0.82), (0.92, 0.90, 0.88),
)  # fmt: skip


@dataclass(frozen=True)
class Thing:
    """A thing in its place."""

    kind: str
    """A name of `KINDS`."""
    colour: str
    """A name of `COLOURS`."""
    x: float
    y: float
    z: float
    """Of its bottom: 0, or the top it stands on."""
    yaw_deg: float
    scale: float

    @property
    def phrase(self) -> str:
        """How a question names it."""
        return KINDS[self.kind].phrase.format(colour=self.colour).replace(" a orange", " an orange")

    @property
    def centre(self) -> Point:
        """Middle of the box around it."""
        return self.x, self.y, self.z + KINDS[self.kind].half_extent[2] * self.scale / 2

    @property
    def half_extent(self) -> tuple[float, float, float]:
        """Half width, half depth and full height, before the turn."""
        width, depth, height = KINDS[self.kind].half_extent
        return width * self.scale, depth * self.scale, height * self.scale

    def corners(self, margin_m: float = 0.0) -> np.ndarray:
        """Corners on the floor, (4, 2), counter-clockwise."""
        half_x, half_y = self.half_extent[0] + margin_m, self.half_extent[1] + margin_m
        local = np.array([(-half_x, -half_y), (half_x, -half_y), (half_x, half_y), (-half_x, half_y)])
        yaw = math.radians(self.yaw_deg)
        turn = np.array([(math.cos(yaw), -math.sin(yaw)), (math.sin(yaw), math.cos(yaw))])
        return local @ turn.T + (self.x, self.y)


@dataclass(frozen=True)
class Room:
    """A furnished room; its floor spans 0..width_m by 0..depth_m."""

    width_m: float
    depth_m: float
    height_m: float
    floor: str
    """A name of `FLOOR_PATTERNS`."""
    floor_rgb: Rgb
    wall_rgb: tuple[Rgb, ...]
    """North, east, south, west."""
    door: tuple[str, float]
    """Its wall, and where its middle is along the wall, in metres."""
    windows: tuple[tuple[str, float], ...]
    pictures: tuple[tuple[str, float, str], ...]
    """On the walls: wall, place, colour."""
    light: Point
    brightness: float
    """0.7 to 1.1."""
    warmth: float
    """Of the light, -1 (blue) to 1 (yellow)."""
    things: tuple[Thing, ...]


def sample_room(rng: np.random.Generator, wanted: str, num_things: int) -> Room | None:
    """Draw a room with a thing of the wanted kind and `num_things` in all, each of another kind.

    Returns:
        None where there was no place for one of them.
    """
    width, depth, height = rng.uniform(4.2, 6.5), rng.uniform(4.2, 6.5), rng.uniform(2.4, 2.8)
    floor = str(rng.choice(FLOOR_PATTERNS))
    door_wall, *other_walls = rng.permutation(WALLS).tolist()
    door = (door_wall, _along(rng, door_wall, width, depth, DOOR_WIDTH_M))
    windows = tuple((wall, _along(rng, wall, width, depth, 1.4)) for wall in other_walls[: int(rng.integers(1, 3))])
    pictures = tuple(
        (wall, _along(rng, wall, width, depth, 1.0), str(rng.choice(list(COLOURS))))
        for wall in other_walls[len(windows) :]
    )
    walls = WALL_RGB[rng.integers(len(WALL_RGB))]
    accent = WALL_RGB[rng.integers(len(WALL_RGB))]
    things = _furnish(rng, width, depth, door, _kinds(rng, wanted, num_things))
    if things is None:
        return None
    return Room(
        round(width, 3), round(depth, 3), round(height, 3), floor, _choice(rng, FLOOR_RGB[floor]),
        tuple(accent if number == 0 else walls for number in range(4)), door, windows, pictures,
        (round(width * rng.uniform(0.35, 0.65), 3), round(depth * rng.uniform(0.35, 0.65), 3), round(height - 0.12, 3)),
        round(rng.uniform(0.75, 1.1), 3), round(rng.uniform(-0.6, 1.0), 3), things,
    )  # fmt: skip


def is_free(room: Room, x: float, y: float, z: float, margin_m: float) -> bool:
    """Whether a point of that height is inside the room and away from walls and from all things that reach so high."""
    if not (margin_m <= x <= room.width_m - margin_m and margin_m <= y <= room.depth_m - margin_m):
        return False
    for thing in room.things:
        half_x, half_y, height = thing.half_extent
        near = math.hypot(x - thing.x, y - thing.y) < math.hypot(half_x + margin_m, half_y + margin_m)
        if near and thing.z + height > z and _contains(thing.corners(margin_m), x, y):
            return False
    return True


def fits(room: Room, thing: Thing, without: int) -> bool:
    """Whether a thing would stay in the room or on its top and collide with none but number `without`."""
    others = [other for number, other in enumerate(room.things) if number != without]
    if thing.z > 0:
        host = next((o for o in others if o.z == 0 and _carries(o, thing) and _lies_in(thing, o)), None)
        return host is not None and not any(_collide(thing, other) for other in others if other is not host)
    carried = [other for other in others if other.z > 0]
    if any(_lies_in(other, room.things[without]) for other in carried):
        return False  # it would leave what stands on it in the air
    return _free_floor(thing, room.width_m, room.depth_m, room.door, [other for other in others if other.z == 0])


def wall_point(wall: str, along_m: float, width_m: float, depth_m: float) -> tuple[float, float, float]:
    """Point on the inner side of a wall and the yaw of a thing that stands there with its back to it."""
    points = {"north": (along_m, depth_m), "south": (along_m, 0.0), "east": (width_m, along_m), "west": (0.0, along_m)}
    return *points[wall], WALL_YAWS_DEG[wall]


def _along(rng: np.random.Generator, wall: str, width: float, depth: float, space: float) -> float:
    length = width if wall in ("north", "south") else depth
    return round(rng.uniform(space / 2 + 0.2, length - space / 2 - 0.2), 3)


def _choice(rng: np.random.Generator, values: Sequence[Rgb]) -> Rgb:
    return values[int(rng.integers(len(values)))]


def _kinds(rng: np.random.Generator, wanted: str, number: int) -> list[str]:
    """Distinct kinds, big ones first; a host is among them if something needs one."""
    others = [kind for kind in rng.permutation(list(KINDS)).tolist() if kind != wanted]
    chosen = [wanted, *others[: number - 1]]
    if any(KINDS[kind].place == "top" for kind in chosen) and not any(KINDS[kind].host_z for kind in chosen):
        hosts = [kind for kind in others if KINDS[kind].host_z]
        chosen[-1] = hosts[0]
    order = {"wall": 0, "floor": 1, "top": 2}
    return sorted(chosen, key=lambda kind: (order[KINDS[kind].place], -max(KINDS[kind].half_extent[:2])))


def _furnish(
    rng: np.random.Generator, width: float, depth: float, door: tuple[str, float], kinds: list[str]
) -> tuple[Thing, ...] | None:
    placed = list[Thing]()
    for kind in kinds:
        colour, scale = str(rng.choice(list(COLOURS))), round(rng.uniform(0.9, 1.12), 3)
        for thing in _proposals(rng, kind, colour, scale, width, depth, placed):
            if thing.z > 0:
                free = not any(_collide(thing, other) for other in placed if other.z > 0)
            else:
                free = _free_floor(thing, width, depth, door, placed)
            if free:
                placed.append(thing)
                break
        else:
            return None
    return tuple(placed)


def _proposals(
    rng: np.random.Generator, kind: str, colour: str, scale: float, width: float, depth: float, placed: list[Thing]
) -> Iterator[Thing]:
    half_x, half_y, _ = (value * scale for value in KINDS[kind].half_extent)
    hosts = [thing for thing in placed if KINDS[thing.kind].host_z]
    for _ in range(TRIES_PER_THING):
        yaw, z = float(rng.choice((0, 90, 180, 270))) + rng.uniform(-35, 35), 0.0
        x, y = rng.uniform(0, width), rng.uniform(0, depth)
        if KINDS[kind].place == "wall":
            wall = str(rng.choice(WALLS))
            x, y, yaw = wall_point(wall, _along(rng, wall, width, depth, 2 * half_x), width, depth)
            back, rad = half_y + WALL_SLACK_M, math.radians(yaw)
            x, y = x + back * math.sin(rad), y - back * math.cos(rad)
        elif KINDS[kind].place == "top":
            host = hosts[int(rng.integers(len(hosts)))]
            reach = max(half_x, half_y) * 1.2
            room_x, room_y = max(0, host.half_extent[0] - reach), max(0, host.half_extent[1] - reach)
            dx, dy, rad = rng.uniform(-room_x, room_x), rng.uniform(-room_y, room_y), math.radians(host.yaw_deg)
            x, y = host.x + dx * math.cos(rad) - dy * math.sin(rad), host.y + dx * math.sin(rad) + dy * math.cos(rad)
            z, yaw = KINDS[host.kind].host_z * host.scale, host.yaw_deg + rng.uniform(-30, 30)
        yield Thing(kind, colour, round(x, 3), round(y, 3), round(z, 4), round(yaw, 2), scale)


def _carries(host: Thing, thing: Thing) -> bool:
    return bool(KINDS[host.kind].host_z) and abs(KINDS[host.kind].host_z * host.scale - thing.z) < 0.01


def _lies_in(thing: Thing, host: Thing) -> bool:
    """Whether the middle and three quarters of a thing are above a host."""
    corners = (thing.corners() - (thing.x, thing.y)) * 0.75 + (thing.x, thing.y)
    return all(_contains(host.corners(), float(x), float(y)) for x, y in corners)


def _inside(thing: Thing, width: float, depth: float) -> bool:
    corners = thing.corners(0.02)
    return bool((corners >= 0).all() and (corners <= (width, depth)).all())


def _free_floor(thing: Thing, width: float, depth: float, door: tuple[str, float], others: list[Thing]) -> bool:
    return (
        _inside(thing, width, depth)
        and not _before_door(thing, width, depth, door)
        and not any(_collide(thing, other) for other in others)
    )


def _before_door(thing: Thing, width: float, depth: float, door: tuple[str, float]) -> bool:
    x, y, yaw_deg = wall_point(*door, width, depth)
    yaw, inward = math.radians(yaw_deg), DOOR_ZONE_M / 2
    half = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (DOOR_WIDTH_M / 2, DOOR_ZONE_M / 2)
    turn = np.array([(math.cos(yaw), -math.sin(yaw)), (math.sin(yaw), math.cos(yaw))])
    return _overlap(thing.corners(), half @ turn.T + (x + inward * math.sin(yaw), y - inward * math.cos(yaw)))


def _collide(one: Thing, other: Thing) -> bool:
    reach = sum(math.hypot(*thing.half_extent[:2]) for thing in (one, other)) + 2 * GAP_M
    if math.hypot(one.x - other.x, one.y - other.y) > reach:
        return False
    return _overlap(one.corners(GAP_M / 2), other.corners(GAP_M / 2))


def _contains(corners: np.ndarray, x: float, y: float) -> bool:
    edges = np.roll(corners, -1, axis=0) - corners
    to_point = np.array([x, y]) - corners
    return bool((edges[:, 0] * to_point[:, 1] - edges[:, 1] * to_point[:, 0] >= 0).all())


def _overlap(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two convex polygons share a point: no edge's normal separates them."""
    for corners in (one, other):
        edges = np.roll(corners, -1, axis=0) - corners
        normals = np.stack([edges[:, 1], -edges[:, 0]], axis=1)
        a, b = one @ normals.T, other @ normals.T
        if ((a.max(0) < b.min(0)) | (b.max(0) < a.min(0))).any():
            return False
    return True
