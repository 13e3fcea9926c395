"""SAT's helper images show what the action leads to, and videos can be read again."""

from functools import cache

import numpy as np
import pytest

from mirage_core.errors import InputError
from mirage_core.puzzles import sat
from mirage_core.puzzles.sat_helpers import (
    HELPER_KINDS,
    given_views,
    helper_image,
    path_frames,
    pick_frame,
    read_video,
    similarity,
    target_pose,
    write_video,
)

pytestmark = pytest.mark.render

SIDE_PX = 96


@pytest.fixture(scope="module")
def renderer():
    return sat.process_renderer()


@cache
def drawn(question_type, index):
    return sat.sample(sat.process_renderer(), 21, index, (question_type,))[0]


def puzzles(question_type, number=8):
    return [drawn(question_type, index) for index in range(number)]


def middle_of(puzzle, renderer):
    """Where the target view shows the thing asked about, as a share of the width; None where it does not."""
    sight = renderer.sights(puzzle.room, target_pose(puzzle), 256, [puzzle.asked]).get(puzzle.asked)
    return None if sight is None else sight.x


def test_the_target_view_of_an_aim_has_the_thing_in_the_middle(renderer):
    for puzzle in puzzles("goal_aim"):
        first = renderer.sights(puzzle.room, puzzle.layout.cameras[0], 256, [puzzle.asked])[puzzle.asked].x
        if puzzle.answer_text == "look straight":
            assert target_pose(puzzle) == puzzle.layout.cameras[0]
        else:
            assert (first < 0.5) == puzzle.answer_text.startswith("left")
            assert abs(middle_of(puzzle, renderer) - 0.5) < 0.12 < abs(first - 0.5) + 0.05


def test_the_target_view_of_a_walk_shows_the_thing_on_the_side_that_is_right(renderer):
    seen = 0
    for puzzle in puzzles("perspective", 16):
        x = middle_of(puzzle, renderer)
        assert x is not None
        if puzzle.answer_text in ("left", "right"):
            assert (x < 0.5) == (puzzle.answer_text == "left")
            seen += 1
    assert seen >= 5


def test_the_target_view_of_a_video_differs_from_its_end_by_the_moved_thing_alone(renderer):
    """Shadows move too, so some pixels beside the thing may differ."""
    for puzzle in puzzles("obj_movement"):
        view = np.asarray(helper_image(puzzle, "target", renderer, SIDE_PX)).astype(int)
        end = np.asarray(sat.pictures(puzzle, renderer, SIDE_PX)[1]).astype(int)
        changed = (np.abs(view - end).max(-1) > 30).mean()
        assert changed == 0 if puzzle.answer_text == "no objects moved" else 0 < changed < 0.5


def test_the_target_view_of_a_camera_movement_lies_between_its_pictures(renderer):
    for puzzle in puzzles("action_sequence"):
        first, last = (camera.yaw_deg for camera in puzzle.layout.cameras)
        half = target_pose(puzzle).yaw_deg
        off = (np.array([half - first, last - half]) + 180) % 360 - 180
        assert off[0] == pytest.approx(off[1])


def test_a_path_starts_at_the_first_picture_and_knows_nothing_of_the_movement_of_things(renderer):
    for puzzle in puzzles("obj_movement", 4):
        frames = path_frames(puzzle, renderer, SIDE_PX)
        assert len(frames) == 9
        assert np.array_equal(frames[0], given_views(puzzle, renderer, SIDE_PX)[0])
        assert np.array_equal(frames[0], frames[8]) == (puzzle.actions == ())


def test_pictures_without_marks_are_given_views(renderer):
    puzzle = puzzles("obj_movement", 1)[0]
    assert np.array_equal(sat.pictures(puzzle, renderer, SIDE_PX)[0], given_views(puzzle, renderer, SIDE_PX)[0])


@pytest.mark.parametrize("kind", HELPER_KINDS)
def test_helper_images_have_the_wanted_size_and_come_out_alike(renderer, kind):
    puzzle = puzzles("goal_aim", 1)[0]
    one, other = (np.asarray(helper_image(puzzle, kind, renderer, SIDE_PX, (4,))) for _ in range(2))
    assert one.shape == (SIDE_PX, SIDE_PX, 3) and np.array_equal(one, other)


def test_noise_depends_on_its_seed_and_shows_nothing(renderer):
    puzzle = puzzles("goal_aim", 1)[0]
    one, other = (np.asarray(helper_image(puzzle, "noise", renderer, SIDE_PX, (s,))) for s in (1, 2))
    target = np.asarray(helper_image(puzzle, "target", renderer, SIDE_PX))
    assert not np.array_equal(one, other) and similarity(one, target) < 0.1


def test_the_picked_frame_is_new_and_sharp(renderer):
    frames = path_frames(puzzles("goal_aim", 2)[0], renderer, SIDE_PX)
    given = frames[:1]
    assert pick_frame([given[0], given[0], frames[5]], given) == 2  # the new one
    grey = np.full_like(frames[5], 128)
    assert pick_frame([grey, frames[5], given[0]], given) == 1  # the one that shows something
    assert pick_frame([given[0]] * 3, given) == 0
    assert pick_frame([frames[4], frames[8]], [frames[0], frames[8]]) == 0  # not what is known already


def test_similarity_falls_as_the_camera_turns_away(renderer):
    frames = path_frames(puzzles("goal_aim", 2)[0], renderer, SIDE_PX)
    values = [similarity(frames[0], frame) for frame in frames]
    assert values[0] == pytest.approx(1) and values[0] > values[1] > values[8]
    assert similarity(frames[0], frames[0][::2, ::2]) > 0.4  # sizes may differ


def test_a_video_can_be_read_again(renderer, tmp_path):
    frames = path_frames(puzzles("goal_aim", 2)[0], renderer, SIDE_PX)
    write_video(frames, tmp_path / "path.mp4")
    read = read_video(tmp_path / "path.mp4")
    assert len(read) == len(frames)
    for frame, other in zip(frames, read, strict=True):
        assert np.abs(frame.astype(int) - other).mean() < 8
    reds = [np.abs(frame[..., 0].astype(int) - other[..., 0]).mean() for frame, other in zip(frames, read, strict=True)]
    assert max(reds) < 8  # the channels are not swapped


def test_videos_that_cannot_be_written_or_read_say_so(tmp_path):
    frame = np.zeros((16, 16, 3), np.uint8)
    with pytest.raises(InputError, match=r"none/path\.mp4"):
        write_video([frame], tmp_path / "none/path.mp4")
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(InputError, match=r"text\.mp4"):
        read_video(tmp_path / "text.mp4")
