"""SAT's camera: where it stands, how it moves, and where a point of the room appears to it.

x and y span the floor, z is up, lengths are metres. A yaw of 0 looks along +y; it grows to the left.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

Point = tuple[float, float, float]
Action = Literal["turn left", "turn right", "move forward"]
"""What an image-to-video model can be told (Mirage, appendix A)."""

FIELD_OF_VIEW_DEG = 90.0
"""Vertical, and horizontal too as pictures are square; that of AI2-THOR, by which SAT was made."""
NUM_PATH_FRAMES = 9
"""Frames that Mirage samples from an imagined video."""
PATH_TURN_DEG = 60.0
PATH_STEP_M = 0.5
"""How far a path turns or moves per action. A path follows the action as words tell it, "turn left", and so ends
elsewhere than the target view, as an imagined video does."""


@dataclass(frozen=True)
class Pose:
    """Where a camera is and where it looks; it never rolls."""

    x: float
    y: float
    z: float
    """Height of the eye."""
    yaw_deg: float
    pitch_deg: float
    """Down from the horizon."""

    @property
    def heading(self) -> tuple[float, float]:
        """Unit vector on the floor."""
        yaw = math.radians(self.yaw_deg)
        return -math.sin(yaw), math.cos(yaw)


def turned(pose: Pose, left_deg: float) -> Pose:
    """The pose after a turn on the spot; negative degrees turn right."""
    return replace(pose, yaw_deg=(pose.yaw_deg + left_deg) % 360)


def moved(pose: Pose, forward_m: float) -> Pose:
    """The pose after a step along its heading."""
    east, north = pose.heading
    return replace(pose, x=pose.x + forward_m * east, y=pose.y + forward_m * north)


def azimuth_deg(pose: Pose, x: float, y: float) -> float:
    """Angle on the floor from the heading to a point, to the right positive, from -180 to 180."""
    bearing = math.degrees(math.atan2(-(x - pose.x), y - pose.y))
    return (pose.yaw_deg - bearing + 180) % 360 - 180


def distance_m(pose: Pose, x: float, y: float) -> float:
    """On the floor."""
    return math.hypot(x - pose.x, y - pose.y)


def offset_m(pose: Pose, x: float, y: float) -> tuple[float, float]:
    """A point as (metres to the right of the camera, metres ahead of it)."""
    azimuth, distance = math.radians(azimuth_deg(pose, x, y)), distance_m(pose, x, y)
    return distance * math.sin(azimuth), distance * math.cos(azimuth)


def project(pose: Pose, point: Point) -> tuple[float, float] | None:
    """Where a point appears, as shares of the picture's width and height from the upper left corner.

    Returns:
        Shares outside 0..1 beside the picture; None behind the camera.
    """
    right, ahead = offset_m(pose, point[0], point[1])
    up, pitch = point[2] - pose.z, math.radians(pose.pitch_deg)
    depth = ahead * math.cos(pitch) - up * math.sin(pitch)
    if depth <= 0.05:
        return None
    height = ahead * math.sin(pitch) + up * math.cos(pitch)
    scale = 0.5 / math.tan(math.radians(FIELD_OF_VIEW_DEG) / 2)
    return 0.5 + scale * right / depth, 0.5 - scale * height / depth


def path(start: Pose, actions: tuple[Action, ...], num_frames: int = NUM_PATH_FRAMES) -> list[Pose]:
    """Poses evenly spaced over the actions, which take equally long; the first one is the start.

    Without actions the camera stands still.
    """
    if not actions:
        return [start] * num_frames
    poses = []
    for time in np.linspace(0, len(actions), num_frames):
        pose = start
        for number, action in enumerate(actions):
            share = float(np.clip(time - number, 0, 1))
            if action == "move forward":
                pose = moved(pose, share * PATH_STEP_M)
            else:
                pose = turned(pose, share * (PATH_TURN_DEG if action == "turn left" else -PATH_TURN_DEG))
        poses.append(pose)
    return poses
