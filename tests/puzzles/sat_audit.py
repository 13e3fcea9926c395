"""An independent account of SAT's answers: from MuJoCo's camera matrices, segmentation and the wording alone.

Nothing of the generator's geometry is used: points are brought into a camera by its rotation matrix, marks are read off
the segmentation, and a mark on the floor is met by a ray.
"""

import math
import re

import numpy as np

from mirage_core.puzzles import sat
from mirage_core.puzzles.sat_render import Renderer


class Camera:
    """One camera's axes on the floor, from MuJoCo."""

    def __init__(self, renderer: Renderer, room, pose) -> None:
        self.position, self.rotation, bodies = renderer.camera_matrices(room, pose)
        heights = [thing.half_extent[2] for thing in room.things]
        self.centres = bodies + np.stack(
            [np.zeros(len(heights)), np.zeros(len(heights)), np.array(heights) / 2], axis=1
        )
        self.right = self.rotation[:2, 0]
        forward = -self.rotation[:2, 2]
        self.forward = forward / np.linalg.norm(forward)

    def angle_to(self, point, forward=None) -> float:
        """Degrees to the right of a direction."""
        ahead = self.forward if forward is None else forward
        aside = np.array([ahead[1], -ahead[0]])
        to = np.asarray(point)[:2] - self.position[:2]
        return math.degrees(math.atan2(to @ aside, to @ ahead))

    def pixel(self, point) -> tuple[float, float]:
        """Shares of the sides, for a field of view of 90 degrees."""
        right, up, back = self.rotation.T @ (np.asarray(point) - self.position)
        return 0.5 + right / -back / 2, 0.5 - up / -back / 2

    def floor_at(self, x: float, y: float) -> np.ndarray:
        """Where the ray through a pixel meets the floor."""
        ray = self.rotation @ np.array([2 * x - 1, 1 - 2 * y, -1.0])
        return (self.position - ray * self.position[2] / ray[2])[:2]


def rotated(direction: np.ndarray, left_deg: float) -> np.ndarray:
    angle = math.radians(left_deg)
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]) @ direction


def marked_thing(puzzle: sat.Puzzle, renderer: Renderer) -> int:
    """The thing below the mark that the question names; it must be the one whose phrase the question has."""
    label = re.search(r"(?:near the mark|near marked|marked) (\d)", puzzle.text)[1]
    mark = next(mark for mark in puzzle.marks if mark.label == label)
    labels = renderer.labels(puzzle.room, puzzle.layout.cameras[0], sat.SIDE_PX)
    number = int(labels[int(mark.y * sat.SIDE_PX), int(mark.x * sat.SIDE_PX)])
    assert number >= 0 and puzzle.room.things[number].phrase in puzzle.text
    return number


def answer(puzzle: sat.Puzzle, renderer: Renderer) -> str:
    """The choice that the pictures make right."""
    first = Camera(renderer, puzzle.room, puzzle.layout.cameras[0])
    if puzzle.question_type == "obj_movement":
        return _movement(puzzle, renderer, first)
    if puzzle.question_type == "action_sequence":
        return _rotation(puzzle, renderer, first)
    number = marked_thing(puzzle, renderer)
    point = first.centres[number]
    if puzzle.question_type == "goal_aim":
        angle = first.angle_to(point)
        return (
            "look straight"
            if abs(angle) <= 10
            else f"{'left' if angle < 0 else 'right'} by {round(abs(angle))} degrees"
        )
    if puzzle.question_type == "action_consequence":
        return _consequence(puzzle.text, first, point)
    return _perspective(puzzle, first, point)


def _movement(puzzle, renderer, first) -> str:
    second = Camera(renderer, sat.second_room(puzzle), puzzle.layout.cameras[1])
    shifts = second.centres - first.centres
    moved = np.flatnonzero(np.abs(shifts).max(1) > 1e-6)
    if not len(moved):
        return "no objects moved"
    (number,) = moved
    side = "right" if shifts[number][:2] @ first.right > 0 else "left"
    was, now = (np.linalg.norm(camera.centres[number][:2] - first.position[:2]) for camera in (first, second))
    depth = "away from" if now > was else "towards"
    return f"{puzzle.room.things[number].phrase} was moved {side} and {depth} the camera"


def _rotation(puzzle, renderer, first) -> str:
    second = Camera(renderer, puzzle.room, puzzle.layout.cameras[1])
    turn = first.forward[0] * second.forward[1] - first.forward[1] * second.forward[0]
    step = (second.position - first.position)[:2] @ second.forward
    if abs(turn) < 1e-6 and step < 1e-6:
        return "did not move"
    return f"rotated {'left' if turn > 0 else 'right'}" + (" and moved forward" if step > 0.1 else "")


def _consequence(text, camera, point) -> str:
    if "facing away" in text:
        found = re.search(r"turn (left|right) by (\d+) degrees", text)
        turn = 0 if found is None else int(found[2]) * (1 if found[1] == "left" else -1)
        off = abs(camera.angle_to(point, rotated(camera.forward, turn)))
        assert off < 10 or off > 20, off
        return "yes" if off > 20 else "no"
    side, turn, step = re.search(
        r"turned (left|right) by (\d+) degrees and moved forward by ([\d.]+) meters", text
    ).groups()
    forward = rotated(camera.forward, int(turn) * (1 if side == "left" else -1))
    here = camera.position[:2]
    was, now = np.linalg.norm(point[:2] - here), np.linalg.norm(point[:2] - here - float(step) * forward)
    assert abs(was - now) > 0.2
    return "yes" if (now < was) == ("move closer" in text) else "no"


def _perspective(puzzle, camera, point) -> str:
    mark = next(mark for mark in puzzle.marks if mark.label == "X")
    spot = camera.floor_at(mark.x, mark.y)
    if "closer or further" in puzzle.text:
        was, now = np.linalg.norm(point[:2] - camera.position[:2]), np.linalg.norm(point[:2] - spot)
        assert abs(was - now) > 0.4
        return "Closer" if now < was else "Further"
    side = re.search(r"(?:turned|degrees to the) (left|right)", puzzle.text)[1]
    ahead = rotated(camera.forward, 90 if side == "left" else -90)
    to = point[:2] - spot
    assert to @ ahead > 0  # before that person
    return "right" if to @ np.array([ahead[1], -ahead[0]]) > 0 else "left"
