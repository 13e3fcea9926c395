"""Views of furnished rooms without questions: what a tiny base model learns to see rooms from.

Of each room several pictures from one place, between which the camera turned on the spot.
"""

from pathlib import Path
from typing import Any

import numpy as np

from mirage_core.puzzles.sat import NUM_THINGS
from mirage_core.puzzles.sat_camera import Pose, turned
from mirage_core.puzzles.sat_kinds import KINDS
from mirage_core.puzzles.sat_placing import look_around
from mirage_core.puzzles.sat_render import Renderer, process_renderer
from mirage_core.puzzles.sat_rooms import sample_room
from mirage_core.recipe import Rooms
from mirage_core.synthesis.shards import add_up, build_shards

VIEWS_PER_ROOM = 6
MAX_TURN_DEG = 52.0
"""From the first view, to either side."""
ROOM_PX = 128
"""Side of the pictures."""
ROOMS_PER_SHARD = 50
ROOM_STREAM = 7
"""Third part of a room's seed: no data set of SAT has such a one."""


def draw_room_views(settings: Rooms, out: Path, scratch: Path, workers: int | None = None) -> dict[str, Any]:
    """Write `views/pictures-00000.npy`, ... with the rooms of a base model.

    Args:
        settings: Their number, size and seed; held-out rooms are the last ones.
        out: Artifact folder.
        scratch: Folder where finished shards wait.
        workers: Processes; None is one per core.

    Returns:
        Counts: rooms and pictures.

    Raises:
        InputError: The machine cannot render.
    """
    num_rooms = settings.num_rooms + settings.num_held_out_rooms

    def draw_shard(number: int, folder: Path) -> dict[str, Any]:
        renderer = process_renderer()
        rooms = range(number * ROOMS_PER_SHARD, min((number + 1) * ROOMS_PER_SHARD, num_rooms))
        views = [_views(np.random.default_rng([settings.seed, room, ROOM_STREAM]), renderer) for room in rooms]
        (folder / "views").mkdir()
        np.save(folder / "views" / f"pictures-{number:05d}.npy", np.stack(views))
        return {"rooms": len(views), "pictures": len(views) * VIEWS_PER_ROOM}

    return add_up(build_shards(draw_shard, -(-num_rooms // ROOMS_PER_SHARD), scratch, out, "views of rooms", workers))


def read_room_views(folder: Path) -> list[np.ndarray]:
    """The shards that `draw_room_views` wrote, in order, mapped from disk and not read.

    Returns:
        Arrays of uint8 RGB (rooms, VIEWS_PER_ROOM, ROOM_PX, ROOM_PX, 3).
    """
    return [np.load(file, mmap_mode="r") for file in sorted((folder / "views").glob("pictures-*.npy"))]


def _views(rng: np.random.Generator, renderer: Renderer) -> np.ndarray:
    kinds = list(KINDS)
    pose: Pose | None = None
    while pose is None:
        room = sample_room(rng, str(rng.choice(kinds)), int(rng.integers(NUM_THINGS[0], NUM_THINGS[1] + 1)))
        pose = look_around(rng, room) if room else None
    assert room is not None
    turns = [0.0, *rng.uniform(-MAX_TURN_DEG, MAX_TURN_DEG, VIEWS_PER_ROOM - 1).tolist()]
    return np.stack([renderer.picture(room, turned(pose, turn), ROOM_PX) for turn in turns])
