"""SAT's rooms, cameras and renderer: nothing collides, nothing leaks, pixels and geometry agree."""

import ctypes.util
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_core.puzzles import sat
from mirage_core.puzzles.sat_camera import Pose, azimuth_deg, moved, offset_m, path, project, turned
from mirage_core.puzzles.sat_furniture import COLOURS, TONES
from mirage_core.puzzles.sat_kinds import KINDS
from mirage_core.puzzles.sat_render import Renderer
from mirage_core.puzzles.sat_rooms import Room, Thing, is_free, sample_room

pytestmark = pytest.mark.render

SIDE_PX = 128
ANGLES = st.floats(-180, 180)


def rooms(number, num_things=9):
    """As many random rooms, one after another kind wanted."""
    drawn, kinds = [], list(KINDS)
    for index in range(4 * number):
        room = sample_room(np.random.default_rng([3, index]), kinds[index % len(kinds)], num_things)
        if room is not None:
            drawn.append((kinds[index % len(kinds)], room))
        if len(drawn) == number:
            return drawn
    raise AssertionError("too few rooms")


def inside(thing, x, y):
    """Whether points are above a thing's rectangle, by turning them into its frame."""
    yaw = np.deg2rad(thing.yaw_deg)
    dx, dy = x - thing.x, y - thing.y
    along, across = dx * np.cos(yaw) + dy * np.sin(yaw), -dx * np.sin(yaw) + dy * np.cos(yaw)
    return (np.abs(along) <= thing.half_extent[0]) & (np.abs(across) <= thing.half_extent[1])


def standing(room: Room, things) -> Room:
    return replace(room, things=tuple(things))


# furniture


def bottom_of(part):
    if part.shape == "frustum":
        return part.centre[2]
    if part.shape == "cylinder":
        return part.centre[2] - part.size[1 if part.axis == "z" else 0]
    return part.centre[2] - part.size[2]


def test_there_are_many_kinds_whose_parts_stand_on_the_ground_and_have_known_colours():
    assert len(KINDS) >= 25
    for name, kind in KINDS.items():
        lows = [bottom_of(part) for part in kind.parts]
        assert min(lows) == pytest.approx(0, abs=0.011), name
        assert {part.tone for part in kind.parts} <= {*TONES, "main", "dark", "light"}
        assert any(part.tone in ("main", "light", "dark") for part in kind.parts) and "{colour}" in kind.phrase, name


def test_colours_are_apart():
    values = np.array(list(COLOURS.values()))
    gaps = np.linalg.norm(values[:, None] - values[None], axis=-1)[~np.eye(len(values), dtype=bool)]
    assert gaps.min() > 0.2


# rooms


def test_nothing_collides_or_leaves_the_room():
    for wanted, room in rooms(80):
        grid_x, grid_y = np.meshgrid(np.arange(0, room.width_m, 0.03), np.arange(0, room.depth_m, 0.03))
        for on_floor in (True, False):
            layers = [inside(thing, grid_x, grid_y) for thing in room.things if (thing.z == 0) == on_floor]
            assert not layers or sum(layer.astype(int) for layer in layers).max() <= 1
        for thing in room.things:
            assert ((thing.corners() >= 0) & (thing.corners() <= (room.width_m, room.depth_m))).all()
        assert [thing.kind for thing in room.things].count(wanted) == 1
        assert len({thing.kind for thing in room.things}) == len(room.things) == 9


def test_what_stands_on_a_top_stands_on_a_host_of_that_height():
    seen = 0
    for _, room in rooms(80):
        for thing in room.things:
            if KINDS[thing.kind].place != "top":
                assert thing.z == 0
                continue
            hosts = [h for h in room.things if KINDS[h.kind].host_z and inside(h, thing.x, thing.y)]
            assert len(hosts) == 1 and thing.z == pytest.approx(KINDS[hosts[0].kind].host_z * hosts[0].scale, abs=1e-3)
            seen += 1
    assert seen > 40


def test_every_kind_finds_a_place():
    placed = {wanted for wanted, _ in rooms(3 * len(KINDS))}
    assert placed == set(KINDS)


def test_free_places_are_away_from_walls_and_tall_things():
    rng = np.random.default_rng(0)
    for _, room in rooms(10):
        for _ in range(200):
            x, y = rng.uniform(-0.5, room.width_m + 0.5), rng.uniform(-0.5, room.depth_m + 0.5)
            blocked = any(inside(t, x, y) and t.z + t.half_extent[2] > 1.5 for t in room.things)
            if is_free(room, x, y, 1.5, 0.2):
                assert not blocked and min(x, y, room.width_m - x, room.depth_m - y) >= 0.2
            if blocked:
                assert not is_free(room, x, y, 1.5, 0.0)


# camera


@given(yaw=ANGLES, turn=ANGLES, x=st.floats(-3, 3), y=st.floats(0.5, 3))
def test_a_turn_to_the_left_takes_things_to_the_right(yaw, turn, x, y):
    pose = Pose(0, 0, 1.5, yaw, 10)
    change = azimuth_deg(turned(pose, turn), x, y) - azimuth_deg(pose, x, y) - turn
    assert abs((change + 180) % 360 - 180) < 1e-6


@given(yaw=ANGLES, step=st.floats(0.1, 2))
def test_a_step_forward_brings_what_is_straight_ahead_nearer_by_the_step(yaw, step):
    pose = Pose(1, 2, 1.5, yaw, 10)
    ahead = moved(pose, 3)
    assert offset_m(moved(pose, step), ahead.x, ahead.y) == pytest.approx((0, 3 - step), abs=1e-6)


def test_left_is_left():
    pose = Pose(0, 0, 1.5, 0, 0)  # looks along +y
    assert azimuth_deg(pose, -1, 1) == pytest.approx(-45) and azimuth_deg(pose, 1, 1) == pytest.approx(45)
    assert azimuth_deg(turned(pose, 45), -1, 1) == pytest.approx(0)
    assert project(pose, (0, 2, 1.5)) == pytest.approx((0.5, 0.5))
    assert project(pose, (0, -2, 1.5)) is None


def test_a_path_starts_where_the_camera_is_and_follows_the_words():
    pose = Pose(1, 1, 1.5, 30, 10)
    poses = path(pose, ("turn left", "move forward"))
    assert len(poses) == 9 and poses[0] == pose
    assert poses[4].yaw_deg == pytest.approx(90) and (poses[4].x, poses[4].y) == (1, 1)
    assert poses[8].x == pytest.approx(0.5) and poses[8].yaw_deg == pytest.approx(90)
    assert path(pose, ()) == [pose] * 9
    assert path(pose, ("turn right",))[8].yaw_deg == pytest.approx(330)


# renderer


def test_a_projected_ball_is_where_the_pixels_show_it():
    renderer = sat.process_renderer()
    seen = 0
    for index in range(40):
        room = sample_room(np.random.default_rng([9, index]), "ball", 4)
        if room is None:
            continue
        number = next(place for place, thing in enumerate(room.things) if thing.kind == "ball")
        ball = room.things[number]
        pose = Pose(room.width_m / 2, 0.3, 1.5, float(index - 20), 20)
        sight = renderer.sights(room, pose, 256, [number]).get(number)
        if sight is None or sight.uncovered < 0.99 or not 0.1 < sight.x < 0.9 or sight.y > 0.9:
            continue
        x, y = project(pose, (ball.x, ball.y, ball.z + 0.2 * ball.scale))
        assert abs(x - sight.x) < 0.02 and abs(y - sight.y) < 0.02
        seen += 1
    assert seen >= 5


def test_projection_agrees_with_mujocos_matrices():
    renderer = sat.process_renderer()
    for _, room in rooms(5):
        pose = Pose(room.width_m / 2, 0.4, 1.4, 17.0, 14.0)
        position, rotation, bodies = renderer.camera_matrices(room, pose)
        for body in bodies:
            right, up, back = rotation.T @ (body - position)
            if -back > 0.1:
                assert project(pose, tuple(body)) == pytest.approx((0.5 + right / -back / 2, 0.5 - up / -back / 2))


def test_labels_name_every_thing_that_is_alone_in_view_and_nothing_that_is_not_there():
    renderer = sat.process_renderer()
    _, room = rooms(1)[0]
    for number, thing in enumerate(room.things):
        alone = standing(room, [thing])
        for around in np.linspace(0, 6, 7):
            x, y = thing.x + 1.5 * np.cos(around), thing.y + 1.5 * np.sin(around)
            if is_free(alone, x, y, 0.0, 0.1):
                yaw = float(np.rad2deg(np.arctan2(-(thing.x - x), thing.y - y)))
                assert set(np.unique(renderer.labels(alone, Pose(x, y, 1.5, yaw, 20), SIDE_PX))) <= {0, -1, -2}
                assert 0 in renderer.labels(alone, Pose(x, y, 1.5, yaw, 20), SIDE_PX), (number, thing.kind)
                break


def test_what_stands_before_a_thing_covers_it():
    renderer = sat.process_renderer()
    _, room = rooms(1)[0]
    far, near = Thing("ball", "red", 2, 3.5, 0, 0, 1), Thing("wardrobe", "blue", 2, 2, 0, 0, 1)
    pose = Pose(2, 0.5, 1.5, 0, 10)
    assert renderer.sights(standing(room, [far]), pose, SIDE_PX)[0].uncovered == 1
    assert 0 not in renderer.sights(standing(room, [far, near]), pose, SIDE_PX)
    beside = Thing("wardrobe", "blue", 2.62, 2, 0, 0, 1)
    assert 0.05 < renderer.sights(standing(room, [far, beside]), pose, SIDE_PX)[0].uncovered < 0.95


def test_pixels_do_not_depend_on_what_was_drawn_before():
    (_, one), (_, other) = rooms(2)
    pose = Pose(2, 1, 1.5, 0, 15)
    first = sat.process_renderer().picture(one, pose, SIDE_PX)
    sat.process_renderer().sights(other, pose, SIDE_PX)
    assert np.array_equal(sat.process_renderer().picture(one, pose, SIDE_PX), first)
    assert first.std() > 10


def test_a_process_has_one_renderer_and_a_closed_one_says_so():
    assert sat.process_renderer() is sat.process_renderer()
    with Renderer() as renderer:
        pass
    renderer.close()
    with pytest.raises(ValueError, match="closed"):
        renderer.picture(rooms(1)[0][1], Pose(1, 1, 1.5, 0, 0), SIDE_PX)


LEAK = """
import os, sys
import numpy as np, psutil
from mirage_core.puzzles.sat_camera import Pose
from mirage_core.puzzles.sat_render import Renderer
from mirage_core.puzzles.sat_rooms import sample_room
def memory_mb(): return psutil.Process().memory_info().rss / 1e6
def handles(): return psutil.Process().num_fds()
def draw(start, number, contexts):
    renderer = Renderer()
    for index in range(start, start + number):
        room = sample_room(np.random.default_rng(index), "ball", 5)
        if room is None: continue
        if contexts and index % 3 == 0:
            renderer.close(); renderer = Renderer()
        renderer.picture(room, Pose(2, 1, 1.5, 0, 15), 64)
    renderer.close()
contexts = sys.argv[1] == "contexts"
draw(0, 30, contexts)
before, files = memory_mb(), handles()
draw(30, 40, contexts)
print(memory_mb() - before, handles() - files)
"""


@pytest.mark.render
@pytest.mark.parametrize("what", ["rooms", "contexts"])
def test_rooms_and_contexts_are_freed(what):
    """Without the calls that free them a room costs about 33 MB and a context 40."""
    done = subprocess.run([sys.executable, "-c", LEAK, what], check=True, capture_output=True, text=True)
    grown_mb, files = map(float, done.stdout.split())
    assert grown_mb < 120 and files <= 2, done.stdout


@pytest.mark.parametrize(
    "environment",
    [
        {"MUJOCO_GL": "osmesa", "LD_LIBRARY_PATH": ""},
        {"MUJOCO_GL": "teapot"},
        {"__EGL_VENDOR_LIBRARY_FILENAMES": "/nowhere.json"},  # libEGL without any driver
    ],
)
def test_a_machine_without_gl_gets_a_message_that_names_the_way_out(environment):
    if environment.get("MUJOCO_GL") == "osmesa" and ctypes.util.find_library("OSMesa"):
        pytest.skip("OSMesa is installed here")
    code = "from mirage_core.puzzles.sat_render import Renderer; Renderer()"
    clean = {name: value for name, value in os.environ.items() if name not in ("PYOPENGL_PLATFORM", "MUJOCO_GL")}
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, env=clean | environment
    )
    assert done.returncode != 0 and "InputError" in done.stderr, done.stderr
    assert "apt-get install libegl1" in done.stderr and "MUJOCO_GL" in done.stderr
