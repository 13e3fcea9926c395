"""SAT's rooms as MuJoCo models: MJCF text of walls, floor, door, windows, light and things."""

import math
from xml.sax.saxutils import quoteattr

from mirage_core.puzzles.sat_camera import FIELD_OF_VIEW_DEG
from mirage_core.puzzles.sat_furniture import COLOURS, Part, Rgb, Vector, part_rgb
from mirage_core.puzzles.sat_kinds import KINDS
from mirage_core.puzzles.sat_rooms import DOOR_HEIGHT_M, DOOR_WIDTH_M, Room, Thing, wall_point

THING_BODY = "thing{number}"
"""Name of a thing's body."""
SHADOW_MAP_PX = 1024
NUM_SAMPLES = 4
"""Per pixel, against jagged edges."""
NUM_FRUSTUM_SIDES = 20
PATTERN_TILE_M = {"planks": (1.4, 0.16), "tiles": (0.45, 0.45), "checker": (1.0, 1.0), "carpet": (0.8, 0.8)}
"""Size of one repeat of the floor's texture."""


def scene_xml(room: Room, max_side_px: int) -> str:
    """MJCF of a room with a camera named "eye"; pictures may be up to `max_side_px` wide and high."""
    bodies = "".join(_thing_body(thing, number) for number, thing in enumerate(room.things))
    meshes = "".join(
        _mesh(number, place, part, thing.scale)
        for number, thing in enumerate(room.things)
        for place, part in enumerate(KINDS[thing.kind].parts)
        if part.shape == "frustum"
    )
    return f"""<mujoco>
<compiler angle="degree"/>
<visual>
<global offwidth="{max_side_px}" offheight="{max_side_px}"/>
<quality shadowsize="{SHADOW_MAP_PX}" offsamples="{NUM_SAMPLES}"/>
<map znear="0.01" zfar="30"/>
<headlight ambient="{_vector(_light(room, 0.45))}" diffuse="{_vector(_light(room, 0.15))}" specular="0 0 0"/>
</visual>
<asset>{_floor_asset(room)}{meshes}</asset>
<worldbody>
<camera name="eye" fovy="{FIELD_OF_VIEW_DEG}"/>
<light pos="{_vector(room.light)}" dir="0 0 -1" cutoff="70" exponent="0.3" diffuse="{_vector(_light(room, 0.5))}"
 specular=".15 .15 .15" castshadow="true"/>
<light pos="{_vector((*room.light[:2], 1.3))}" dir="0 0 1" cutoff="180" diffuse="{_vector(_light(room, 0.24))}"
 castshadow="false"/>
{_shell(room)}{bodies}
</worldbody>
</mujoco>"""


def _vector(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:.5g}" for value in values)


def _light(room: Room, strength: float) -> Rgb:
    """Brighter and warmer by the room's own measure."""
    level = strength * room.brightness
    return level * (1 + 0.07 * room.warmth), level, level * (1 - 0.12 * room.warmth)


def _floor_asset(room: Room) -> str:
    darker = _vector(tuple(0.75 * value for value in room.floor_rgb))
    main = _vector(room.floor_rgb)
    side_px = {"planks": 32, "tiles": 64}.get(room.floor, 256)  # the edge mark is one pixel wide
    texture = {
        "checker": f'builtin="checker" rgb1="{main}" rgb2="{darker}"',
        "carpet": f'builtin="flat" mark="random" random="0.25" rgb1="{main}" markrgb="{darker}"',
    }.get(room.floor, f'builtin="flat" mark="edge" rgb1="{main}" markrgb="{darker}"')
    across, along = PATTERN_TILE_M[room.floor]
    repeat = _vector((room.width_m / across, room.depth_m / along))
    return (
        f'<texture name="floor" type="2d" {texture} width="{side_px}" height="{side_px}"/>'
        f'<material name="floor" texture="floor" texrepeat="{repeat}"/>'
    )


def _geom(shape: str, size: str, centre: Vector, rgb: Rgb, more: str = "") -> str:
    return f'<geom type="{shape}" size="{size}" pos="{_vector(centre)}" rgba="{_vector(rgb)} 1" {more}/>'


def _shell(room: Room) -> str:
    """Floor, ceiling, walls, skirting, and what is on the walls."""
    width, depth, height = room.width_m, room.depth_m, room.height_m
    middle = (width / 2, depth / 2)
    floor = (
        f'<geom type="box" size="{width / 2} {depth / 2} 0.05" pos="{middle[0]} {middle[1]} -0.05" material="floor"/>'
    )
    parts = [floor, _geom("box", f"{width / 2} {depth / 2} 0.05", (*middle, height + 0.05), (0.93, 0.93, 0.92))]
    for wall, rgb in zip(("north", "east", "south", "west"), room.wall_rgb, strict=True):
        length = width if wall in ("north", "south") else depth
        x, y, yaw = wall_point(wall, length / 2, width, depth)
        out = math.radians(yaw)
        outer = (x - 0.05 * math.sin(out), y + 0.05 * math.cos(out), height / 2)
        parts.append(_geom("box", _vector((length / 2, 0.05, height / 2)), outer, rgb, f'euler="0 0 {yaw}"'))
        parts.append(_on_wall(room, wall, length / 2, (length / 2, 0.025, 0.05), 0.05, (0.9, 0.9, 0.88)))
    wall, along = room.door
    door_z = DOOR_HEIGHT_M / 2
    parts.append(
        _on_wall(room, wall, along, (DOOR_WIDTH_M / 2 + 0.06, 0.02, door_z + 0.03), door_z, (0.95, 0.95, 0.93))
    )
    parts.append(_on_wall(room, wall, along, (DOOR_WIDTH_M / 2, 0.035, door_z - 0.03), door_z, (0.50, 0.33, 0.20)))
    parts.append(_on_wall(room, wall, along + 0.36, (0.02, 0.07, 0.02), 1.0, (0.8, 0.75, 0.5)))
    for wall, along in room.windows:
        parts.append(_on_wall(room, wall, along, (0.66, 0.03, 0.56), 1.5, (0.97, 0.97, 0.96)))
        for side in (-0.31, 0.31):
            parts.append(_on_wall(room, wall, along + side, (0.28, 0.04, 0.49), 1.5, (0.62, 0.80, 0.95)))
    for wall, along, colour in room.pictures:
        parts.append(_on_wall(room, wall, along, (0.38, 0.02, 0.28), 1.6, (0.2, 0.16, 0.12)))
        parts.append(_on_wall(room, wall, along, (0.33, 0.03, 0.23), 1.6, part_rgb("light", colour)))
        parts.append(_on_wall(room, wall, along + 0.1, (0.12, 0.035, 0.1), 1.55, COLOURS[colour]))
    return "".join(parts)


def _on_wall(room: Room, wall: str, along: float, half: Vector, z: float, rgb: Rgb) -> str:
    x, y, yaw = wall_point(wall, along, room.width_m, room.depth_m)
    return _geom("box", _vector(half), (x, y, z), rgb, f'euler="0 0 {yaw}"')


def _thing_body(thing: Thing, number: int) -> str:
    name = THING_BODY.format(number=number)
    geoms = "".join(_part_geom(part, thing, f"{number}_{place}") for place, part in enumerate(KINDS[thing.kind].parts))
    place = f'pos="{_vector((thing.x, thing.y, thing.z))}" euler="0 0 {thing.yaw_deg}"'
    return f"<body name={quoteattr(name)} {place}>{geoms}</body>"


def _part_geom(part: Part, thing: Thing, name: str) -> str:
    centre = tuple(value * thing.scale for value in part.centre)
    rgb, turn = part_rgb(part.tone, thing.colour), {"x": "0 90 0", "y": "90 0 0", "z": "0 0 0"}[part.axis]
    if part.shape == "frustum":
        return f'<geom type="mesh" mesh="frustum{name}" pos="{_vector(centre)}" rgba="{_vector(rgb)} 1"/>'
    size = _vector(tuple(value * thing.scale for value in part.size if value))
    return _geom(part.shape, size, (centre[0], centre[1], centre[2]), rgb, f'euler="{turn}"')


def _mesh(number: int, place: int, part: Part, scale: float) -> str:
    """Corners of a frustum; MuJoCo takes their convex hull."""
    bottom, top, height = (value * scale for value in part.size)
    corners = []
    for radius, z in ((bottom, 0.0), (top, height)):
        for side in range(NUM_FRUSTUM_SIDES):
            angle = 2 * math.pi * side / NUM_FRUSTUM_SIDES
            corners.append(_vector((radius * math.cos(angle), radius * math.sin(angle), z)))
    return f'<mesh name="frustum{number}_{place}" vertex="{"  ".join(corners)}"/>'
