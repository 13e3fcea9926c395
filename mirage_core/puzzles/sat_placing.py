"""SAT's cameras: placed so that a question's plan comes true in a given room, or a reason why they can't be."""

import math
from collections import Counter
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from mirage_core.puzzles.sat_camera import Pose, azimuth_deg, distance_m, moved, offset_m, path, project, turned
from mirage_core.puzzles.sat_questions import Ask, Look, Video, Walk
from mirage_core.puzzles.sat_render import Renderer, Sight
from mirage_core.puzzles.sat_rooms import Room, Thing, fits, is_free

EYE_M = (1.35, 1.65)
PITCH_DEG = (12.0, 20.0)
DISTANCE_M = (1.3, 4.2)
"""From the camera to the thing asked about."""
VIDEO_DISTANCE_M = (1.2, 3.2)
"""Nearer, so that a shift of a quarter of a metre shows."""
WALK_M = (0.9, 3.5)
MAX_SPOT_DEG = 36.0
"""Azimuth of the mark on the floor."""
MARK_DISTANCE_M = (0.8, 3.0)
"""From the mark on the floor to the thing asked about."""
STANDING_ROOM_M = 0.25
PASSING_ROOM_M = 0.18
"""Around a camera that stands, and that moves at the height of the eye."""
SHIFTS_M = (-0.5, -0.25, 0.25, 0.5)
MIN_SHIFT_M = 0.2
"""To the side and in depth, of a thing that was moved."""
MIN_CHANGE_M = 0.3
"""Of the distance after a step."""
MIN_WALK_CHANGE_M = 0.5
"""Of the distance after a walk; published."""
MAX_AZIMUTH_DEG = 39.0
MIN_SHARE = 0.004
"""Of the picture, that must show the thing asked about (published: 0.6 % of its box)."""
MIN_UNCOVERED = 0.6
MIN_OTHER_SHARE = 0.006
TRIES_TO_STAND = 50
MAX_ASIDE_DEG = 60.0
"""Off the middle of the room, of a camera that looks around."""
EDGE = 0.05
"""Of a picture's side; nothing asked about lies nearer to its edge."""


@dataclass(frozen=True)
class Layout:
    """Where everything is when a question is asked."""

    cameras: tuple[Pose, ...]
    """One per picture."""
    target: Pose
    """The view that the action leads to."""
    moved: Thing | None = None
    """The thing asked about as the second picture shows it, if it was moved."""
    spot: tuple[float, float] | None = None
    """The mark on the floor."""


def place(rng: np.random.Generator, room: Room, asked: int, ask: Ask) -> Layout | str:
    """Try once to place cameras for a question about thing number `asked`, by geometry alone.

    Returns:
        A layout, or the reason why this try failed.
    """
    plan = ask.plan
    if isinstance(plan, Video):
        layout = _place_video(rng, room, asked, plan)
    elif isinstance(plan, Look):
        layout = _place_look(rng, room, room.things[asked], plan)
    else:
        layout = _place_walk(rng, room, room.things[asked], plan)
    if isinstance(layout, str):
        return layout
    if not all(is_free(room, pose.x, pose.y, pose.z, PASSING_ROOM_M) for pose in path(layout.cameras[0], ask.actions)):
        return "path_blocked"
    return layout


def why_hidden(renderer: Renderer, room: Room, asked: int, ask: Ask, layout: Layout, side_px: int) -> str | None:
    """The reason why the pictures do not show what the question is about; None where they do."""
    views = [(room, layout.cameras[0])]
    if len(layout.cameras) == 2:
        views.append((room_after(room, asked, layout.moved), layout.cameras[1]))
    if isinstance(ask.plan, Walk):
        views.append((room, layout.target))
    for seen, pose in views:
        sight = renderer.sights(seen, pose, side_px, [asked]).get(asked)
        if sight is None or sight.uncovered < MIN_UNCOVERED:
            return "thing_covered"
        if sight.share < MIN_SHARE:
            return "thing_too_small"
        if not _clear_of_edge((sight.x, sight.y)):
            return "thing_at_edge"
    if layout.spot is not None and not _shows_floor(renderer, room, layout.cameras[0], layout.spot, side_px):
        return "spot_covered"
    return None


def room_after(room: Room, asked: int, thing: Thing | None) -> Room:
    """The room with thing number `asked` in its new place, or as it is."""
    if thing is None:
        return room
    return replace(room, things=(*room.things[:asked], thing, *room.things[asked + 1 :]))


def markable(sights: dict[int, Sight]) -> list[int]:
    """Things that are seen well enough to carry a mark."""
    return [
        number
        for number, sight in sights.items()
        if sight.share >= MIN_OTHER_SHARE and sight.uncovered >= MIN_UNCOVERED and _clear_of_edge((sight.x, sight.y))
    ]


def count(reasons: Counter[str], outcome: object) -> bool:
    """Count a reason; whether the outcome was one."""
    if isinstance(outcome, str):
        reasons[outcome] += 1
    return isinstance(outcome, str)


def look_around(rng: np.random.Generator, room: Room) -> Pose | None:
    """A camera in a free place that looks roughly to the middle of a room; None where there was no such place."""
    for _ in range(TRIES_TO_STAND):
        x, y = rng.uniform(0, room.width_m), rng.uniform(0, room.depth_m)
        if is_free(room, x, y, 0.0, STANDING_ROOM_M):
            bearing = math.degrees(math.atan2(x - room.width_m / 2, room.depth_m / 2 - y))
            return _eye(rng, x, y, bearing + rng.uniform(-MAX_ASIDE_DEG, MAX_ASIDE_DEG))
    return None


def _eye(rng: np.random.Generator, x: float, y: float, yaw_deg: float) -> Pose:
    height, pitch = rng.uniform(*EYE_M), rng.uniform(*PITCH_DEG)
    return Pose(round(x, 3), round(y, 3), round(height, 3), round(yaw_deg % 360, 3), round(pitch, 2))


def _camera_at(
    rng: np.random.Generator, room: Room, thing: Thing, azimuth: float, distances: tuple[float, float]
) -> Pose | str:
    """A camera that sees a thing at a given azimuth."""
    around, distance = rng.uniform(0, 2 * math.pi), rng.uniform(*distances)
    x, y = thing.x + distance * math.cos(around), thing.y + distance * math.sin(around)
    if not is_free(room, x, y, 0.0, STANDING_ROOM_M):
        return "no_place_for_camera"
    bearing = math.degrees(math.atan2(-(thing.x - x), thing.y - y))
    return _eye(rng, x, y, bearing + azimuth)


def _place_look(rng: np.random.Generator, room: Room, thing: Thing, plan: Look) -> Layout | str:
    camera = _camera_at(rng, room, thing, plan.azimuth_deg, DISTANCE_M)
    if isinstance(camera, str):
        return camera
    target = moved(turned(camera, plan.turn_left_deg), plan.step_m)
    if not is_free(room, target.x, target.y, target.z, PASSING_ROOM_M):
        return "path_blocked"
    nearer = distance_m(camera, thing.x, thing.y) - distance_m(target, thing.x, thing.y)
    if plan.change is not None and (nearer if plan.change == "closer" else -nearer) < MIN_CHANGE_M:
        return "distance_hardly_changes"
    return Layout((camera,), target)


def _place_walk(rng: np.random.Generator, room: Room, thing: Thing, plan: Walk) -> Layout | str:
    at_spot = _camera_at(rng, room, thing, plan.azimuth_after_deg, MARK_DISTANCE_M)
    if isinstance(at_spot, str):
        return at_spot
    before = turned(at_spot, -plan.turn_left_deg)
    walk, aside = rng.uniform(*WALK_M), math.radians(rng.uniform(-MAX_SPOT_DEG, MAX_SPOT_DEG))
    if plan.change == "further":  # only from the side that the walker will turn to is the thing nearer
        aside = math.copysign(aside, plan.turn_left_deg)
    east, north = before.heading
    right, ahead = -walk * math.sin(aside), -walk * math.cos(aside)
    x, y = before.x + ahead * east + right * north, before.y + ahead * north - right * east
    camera = replace(before, x=round(x, 3), y=round(y, 3))
    if not is_free(room, camera.x, camera.y, 0.0, STANDING_ROOM_M):
        return "no_place_for_camera"
    if abs(azimuth_deg(camera, thing.x, thing.y)) > MAX_AZIMUTH_DEG or distance_m(camera, thing.x, thing.y) < 0.9:
        return "thing_out_of_view"
    if not _clear_of_edge(project(camera, (at_spot.x, at_spot.y, 0.0))):
        return "spot_out_of_view"
    if any(not is_free(room, float(x), float(y), camera.z, PASSING_ROOM_M) for x, y in _between(camera, at_spot)):
        return "path_blocked"
    nearer = distance_m(camera, thing.x, thing.y) - distance_m(at_spot, thing.x, thing.y)
    if plan.change is not None and (nearer if plan.change == "closer" else -nearer) < MIN_WALK_CHANGE_M:
        return "distance_hardly_changes"
    return Layout((camera,), at_spot, spot=(at_spot.x, at_spot.y))


def _place_video(rng: np.random.Generator, room: Room, asked: int, plan: Video) -> Layout | str:
    low, high = -MAX_AZIMUTH_DEG + max(0, -plan.turn_left_deg), MAX_AZIMUTH_DEG - max(0, plan.turn_left_deg)
    if low > high:  # a thing at one edge leaves at the other
        return "thing_out_of_view"
    thing = room.things[asked]
    camera = _camera_at(rng, room, thing, rng.uniform(low, high), VIDEO_DISTANCE_M)
    if isinstance(camera, str):
        return camera
    second = moved(turned(camera, plan.turn_left_deg), plan.step_m)
    if not is_free(room, second.x, second.y, second.z, PASSING_ROOM_M):
        return "path_blocked"
    after = thing if plan.moved is None else _shifted(rng, room, asked, camera, plan.moved)
    if after is None:
        return "thing_cannot_move"
    if abs(azimuth_deg(second, after.x, after.y)) > MAX_AZIMUTH_DEG:
        return "thing_out_of_view"
    return Layout((camera, second), second, moved=None if plan.moved is None else after)


def _shifted(rng: np.random.Generator, room: Room, asked: int, camera: Pose, wanted: tuple[str, str]) -> Thing | None:
    """The thing after a shift along the room's axes that is clearly of the wanted kind for the camera."""
    thing = room.things[asked]
    right, _ = offset_m(camera, thing.x, thing.y)
    distance = distance_m(camera, thing.x, thing.y)
    for number in rng.permutation(len(SHIFTS_M) ** 2).tolist():
        dx, dy = list(product(SHIFTS_M, SHIFTS_M))[number]
        after = replace(thing, x=round(thing.x + dx, 3), y=round(thing.y + dy, 3))
        aside = (offset_m(camera, after.x, after.y)[0] - right) * (1 if wanted[0] == "right" else -1)
        away = (distance_m(camera, after.x, after.y) - distance) * (1 if wanted[1] == "away from" else -1)
        if aside >= MIN_SHIFT_M and away >= MIN_SHIFT_M and fits(room, after, asked):
            return after
    return None


def _between(start: Pose, end: Pose) -> np.ndarray:
    share = np.linspace(0, 1, 12)[:, None]
    return np.array([(start.x, start.y)]) * (1 - share) + np.array([(end.x, end.y)]) * share


def _clear_of_edge(point: tuple[float, float] | None) -> bool:
    return point is not None and all(EDGE <= share <= 1 - EDGE for share in point)


def _shows_floor(renderer: Renderer, room: Room, camera: Pose, spot: tuple[float, float], side_px: int) -> bool:
    point = project(camera, (*spot, 0.0))
    assert point is not None
    column, row = int(point[0] * side_px), int(point[1] * side_px)
    labels = renderer.labels(room, camera, side_px)
    return bool((labels[max(0, row - 2) : row + 3, max(0, column - 2) : column + 3] == -1).all())
