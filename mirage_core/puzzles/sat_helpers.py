"""SAT's helper images: the view that an action leads to, or a frame of the way there.

A simulator gives what a video model imagines: the true view. Worse helpers stand beside it, so that one can measure
what a helper's quality is worth.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np
from PIL import Image

from mirage_core.errors import InputError
from mirage_core.puzzles.sat import SIDE_PX, Puzzle, second_room
from mirage_core.puzzles.sat_camera import NUM_PATH_FRAMES, Pose, moved, path, turned
from mirage_core.puzzles.sat_render import Renderer

HelperKind = Literal["target", "path-frame", "noise"]
HELPER_KINDS = get_args(HelperKind)
VIDEO_FRAMES_PER_S = 4
COMPARED_SIDE_PX = 32
"""Side to which pictures are brought, in grey, to tell how much they differ."""
BLUR_SIGMA = 1.5


def helper_image(
    puzzle: Puzzle, kind: HelperKind, renderer: Renderer, side_px: int = SIDE_PX, seed: Sequence[int] = (0,)
) -> Image.Image:
    """Draw the helper image of a puzzle.

    Args:
        puzzle: The puzzle.
        kind: "target": the true view that the action leads to. "path-frame": of nine frames of a camera that follows
            the action's words, the one that `pick_frame` picks. "noise": random pixels, which show nothing.
        renderer: Of this process.
        side_px: Width and height.
        seed: Of the noise.
    """
    if kind == "noise":
        return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (side_px, side_px, 3), np.uint8))
    if kind == "target":
        return Image.fromarray(renderer.picture(puzzle.room, target_pose(puzzle), side_px))
    frames = path_frames(puzzle, renderer, side_px)
    return Image.fromarray(frames[pick_frame(frames, given_views(puzzle, renderer, side_px))])


def target_pose(puzzle: Puzzle) -> Pose:
    """Where the action leads.

    Of a question about the thing that moved, the second camera: drawn without the thing's movement, its view differs
    from the second picture by just that movement. Of one about the camera's own movement, half of the way, as the end
    is given.
    """
    if puzzle.question_type != "action_sequence":
        return puzzle.layout.target
    start, end = puzzle.layout.cameras
    left_deg = (end.yaw_deg - start.yaw_deg + 180) % 360 - 180
    step_m = ((end.x - start.x) ** 2 + (end.y - start.y) ** 2) ** 0.5
    return moved(turned(start, left_deg / 2), step_m / 2)


def path_frames(
    puzzle: Puzzle, renderer: Renderer, side_px: int = SIDE_PX, num_frames: int = NUM_PATH_FRAMES
) -> list[np.ndarray]:
    """What a camera sees that does as the action's words say, from the first picture on; nothing else moves.

    Like a video model it is told "turn left" and not how far, so it passes or misses the target view.
    """
    poses = path(puzzle.layout.cameras[0], puzzle.actions, num_frames)
    return [renderer.picture(puzzle.room, pose, side_px) for pose in poses]


def given_views(puzzle: Puzzle, renderer: Renderer, side_px: int = SIDE_PX) -> list[np.ndarray]:
    """The question's views without marks."""
    cameras = puzzle.layout.cameras
    return [renderer.picture(puzzle.room, camera, side_px) for camera in cameras]


def seen_shares(puzzle: Puzzle, renderer: Renderer, side_px: int = SIDE_PX) -> dict[str, dict[str, float]]:
    """How much of each view every visible thing takes up, by the thing's number: what may be said to be seen.

    Views: "first", "second" where the question has two pictures, and "helper", the target view.
    """
    views = {"first": (puzzle.room, puzzle.layout.cameras[0]), "helper": (puzzle.room, target_pose(puzzle))}
    if len(puzzle.layout.cameras) == 2:
        views["second"] = (second_room(puzzle), puzzle.layout.cameras[1])
    return {view: _shares(renderer.labels(room, pose, side_px)) for view, (room, pose) in views.items()}


def pick_frame(frames: Sequence[np.ndarray], given: Sequence[np.ndarray]) -> int:
    """The most informative of some frames: new against what the question shows, and sharp.

    The measure needs pixels only, so that it serves imagined videos as well: the mean absolute difference to the
    nearest given picture (grey, 32 x 32), times the share of the
    given detail (variance of the Laplacian) that the frame has, at most 1. The first frame wins a tie.
    """
    known = [_small(view) for view in given]
    detail = max(1e-6, float(np.mean([_detail(view) for view in given])))
    scores = [
        min(float(np.abs(_small(frame) - view).mean()) for view in known) * min(1.0, _detail(frame) / detail)
        for frame in frames
    ]
    return int(np.argmax(scores))


def similarity(one: np.ndarray, other: np.ndarray) -> float:
    """Structural similarity (Wang et al. 2004) of two pictures in grey, 1 for equal ones; at the size of the first.

    Gaussian windows of 1.5 pixels and the published constants.
    """
    x, y = _grey(one), _grey(other)
    if x.shape != y.shape:
        y = cv2.resize(y, (x.shape[1], x.shape[0]), interpolation=cv2.INTER_AREA)
    mean_x, mean_y = _blur(x), _blur(y)
    variance_x, variance_y = _blur(x * x) - mean_x**2, _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    brightness = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return float((brightness * (2 * covariance + c2) / (variance_x + variance_y + c2)).mean())


def write_video(frames: Sequence[np.ndarray], file: Path) -> None:
    """Write RGB frames as MP4 (codec mp4v), at four frames a second.

    Raises:
        InputError: OpenCV cannot write there or lacks the codec.
    """
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"mp4v"), VIDEO_FRAMES_PER_S, (width, height))
    if not writer.isOpened():
        raise InputError(f"{file}: OpenCV can't write an MP4 there (no such folder, or a build without FFmpeg)")
    try:
        for frame in frames:
            writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    finally:
        writer.release()


def read_video(file: Path) -> list[np.ndarray]:
    """RGB frames of a video.

    Raises:
        InputError: No video that OpenCV can read.
    """
    reader, frames = cv2.VideoCapture(str(file)), list[np.ndarray]()
    while True:
        found, frame = reader.read()
        if not found:
            break
        frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
    reader.release()
    if not frames:
        raise InputError(f"{file}: not a video that OpenCV can read")
    return frames


def _shares(labels: np.ndarray) -> dict[str, float]:
    numbers, counts = np.unique(labels[labels >= 0], return_counts=True)
    return {str(n): round(c / labels.size, 5) for n, c in zip(numbers.tolist(), counts.tolist(), strict=True)}


def _grey(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64)


def _blur(grey: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(grey, (11, 11), BLUR_SIGMA)


def _small(image: np.ndarray) -> np.ndarray:
    return cv2.resize(_grey(image), (COMPARED_SIDE_PX, COMPARED_SIDE_PX), interpolation=cv2.INTER_AREA)


def _detail(image: np.ndarray) -> float:
    return float(cv2.Laplacian(_grey(image), cv2.CV_64F).var())
