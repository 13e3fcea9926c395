"""What is true of a SAT puzzle's views, from a row's `meta` alone: whoever has the row can measure it again."""

from typing import Any, Literal, NamedTuple

from mirage_core.puzzles import sat
from mirage_core.puzzles.sat_camera import Pose, azimuth_deg, distance_m
from mirage_core.puzzles.sat_helpers import target_pose

View = Literal["first", "second", "helper"]
"""The first picture, the second one, and the view that the helper image shows: the target view."""
MIDDLE_DEG = 5.0
"""A thing up to here from the middle of a view may be said to be in the middle."""
MIN_STEP_M = 0.1


class SatScene(NamedTuple):
    """A puzzle, and which things its views show."""

    puzzle: sat.Puzzle
    seen: dict[View, dict[int, float]]
    """Share of a view's pixels, by the thing's number; things that cannot be seen are left out."""

    def pose(self, view: View) -> Pose:
        """Where the camera is."""
        if view == "helper":
            return target_pose(self.puzzle)
        return self.puzzle.layout.cameras[view == "second"]

    def place(self, number: int, view: View) -> tuple[float, float]:
        """Where a thing stands on the floor; the helper image shows nothing moved."""
        moved = self.puzzle.layout.moved
        thing = self.puzzle.room.things[number]
        thing = moved if moved is not None and view == "second" and number == self.puzzle.asked else thing
        return thing.x, thing.y

    def azimuth_deg(self, number: int, view: View) -> float:
        """To the right of the middle of a view."""
        return azimuth_deg(self.pose(view), *self.place(number, view))

    def distance_m(self, number: int, view: View) -> float:
        """From the camera, on the floor."""
        return distance_m(self.pose(view), *self.place(number, view))

    def turn_left_deg(self, view: View) -> float:
        """The camera's turn from the first picture on."""
        return (self.pose(view).yaw_deg - self.pose("first").yaw_deg + 180) % 360 - 180

    def step_m(self, view: View) -> float:
        """How far the camera goes from the first picture on."""
        here, there = self.pose("first"), self.pose(view)
        return ((here.x - there.x) ** 2 + (here.y - there.y) ** 2) ** 0.5

    @property
    def end(self) -> View:
        """The view after the movement in question."""
        return "second" if len(self.puzzle.layout.cameras) == 2 else "helper"

    @property
    def shift(self) -> tuple[str, str] | None:
        """How the thing asked about was moved, as the first camera sees it: ("left", "towards"); None if it was not."""
        if self.puzzle.layout.moved is None:
            return None
        camera, number = self.pose("first"), self.puzzle.asked
        was, now = self.place(number, "first"), self.place(number, "second")
        nearer = distance_m(camera, *now) < distance_m(camera, *was)
        east, north = camera.heading
        aside = (now[0] - was[0]) * north - (now[1] - was[1]) * east
        return "right" if aside > 0 else "left", "towards" if nearer else "away from"


def sat_scene(meta: dict[str, Any]) -> SatScene:
    """The scene of a generated row."""
    seen = {view: {int(number): share for number, share in found.items()} for view, found in meta["seen"].items()}
    return SatScene(sat.from_meta(meta["puzzle"]), seen)
