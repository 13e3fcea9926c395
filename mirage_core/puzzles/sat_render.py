"""SAT's pictures by MuJoCo: what a camera sees of a room, and how much of each thing is visible.

Without a display, by EGL: Mesa's software renderer or a GPU. One GL context serves a process and is freed when it ends.
"""

import atexit
import math
import os
from functools import cache
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np

from mirage_core.errors import InputError
from mirage_core.puzzles.sat_camera import Pose
from mirage_core.puzzles.sat_rooms import Room
from mirage_core.puzzles.sat_scene import THING_BODY, scene_xml

MAX_SIDE_PX = 512
MAX_GEOMS = 1000
WAY_OUT = (
    "install Mesa's EGL (apt-get install libegl1 libgl1-mesa-dri), or its OSMesa (libosmesa6) and set MUJOCO_GL=osmesa"
)


class Sight(NamedTuple):
    """How a thing appears in a picture."""

    share: float
    """Of the picture's pixels that show the thing."""
    uncovered: float
    """Share of its pixels that no other thing covers."""
    x: float
    y: float
    """The visible pixel nearest to the middle of the visible ones, as shares of the sides."""


def _load_mujoco() -> Any:
    """MuJoCo, told how to find a GL: it reads the environment when it is first imported.

    Raises:
        InputError: No MuJoCo, or no GL of the wanted kind.
    """
    os.environ.setdefault("MUJOCO_GL", "egl")
    if os.environ["MUJOCO_GL"] == "egl":
        os.environ.setdefault("PYOPENGL_PLATFORM", "egl")
        os.environ.setdefault("EGL_PLATFORM", "surfaceless")
    os.environ.setdefault("LP_NUM_THREADS", "0")  # of Mesa: none besides the caller; a fork would lose them and hang
    try:
        import mujoco
    except (ImportError, AttributeError, RuntimeError) as error:  # no library, none for PyOpenGL, a name unknown
        raise InputError(f"MUJOCO_GL={os.environ['MUJOCO_GL']}: MuJoCo cannot render ({error}); {WAY_OUT}") from error
    return mujoco


class Renderer:
    """A GL context and the last room it was given.

    Raises:
        InputError: The machine has no GL of the kind that MUJOCO_GL names.
    """

    def __init__(self) -> None:
        self._mujoco = _load_mujoco()
        try:
            self._gl = self._mujoco.GLContext(MAX_SIDE_PX, MAX_SIDE_PX)
            self._gl.make_current()
        except Exception as error:  # whatever the driver raises
            raise InputError(f"MUJOCO_GL={os.environ['MUJOCO_GL']}: no GL context ({error}); {WAY_OUT}") from error
        self._room: Room | None = None
        self._context: Any = None
        self._options = self._mujoco.MjvOption()
        self._camera = self._mujoco.MjvCamera()
        self._camera.type, self._camera.fixedcamid = self._mujoco.mjtCamera.mjCAMERA_FIXED, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the room and the context; a second call does nothing."""
        if self._gl is not None:
            self._gl.make_current()
            self._drop_room()
            self._gl.free()
            self._gl = None

    def picture(self, room: Room, pose: Pose, side_px: int) -> np.ndarray:
        """What the camera sees, uint8 RGB (side_px, side_px, 3)."""
        self._load(room)
        self._look(pose)
        return self._draw(side_px)

    def labels(self, room: Room, pose: Pose, side_px: int) -> np.ndarray:
        """Number of the thing that each pixel shows, int (side_px, side_px); -1 for the floor, -2 for all else."""
        self._load(room)
        self._look(pose)
        return self._labels(side_px)

    def sights(self, room: Room, pose: Pose, side_px: int, numbers: list[int] | None = None) -> dict[int, Sight]:
        """How the things appear that are visible at all; `numbers` limits the work to those asked for."""
        labels = self.labels(room, pose, side_px)
        found = {}
        for number in [n for n in np.unique(labels).tolist() if n >= 0 and (numbers is None or n in numbers)]:
            rows, columns = np.nonzero(labels == number)
            nearest = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
            x, y = (columns[nearest] + 0.5) / side_px, (rows[nearest] + 0.5) / side_px
            alone = self._alone(number, side_px)
            found[number] = Sight(len(rows) / labels.size, min(1.0, len(rows) / max(1, alone)), float(x), float(y))
        return found

    def camera_matrices(self, room: Room, pose: Pose) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """MuJoCo's own account of the camera and the things, for checks.

        Returns:
            Position (3,), rotation (3, 3) whose columns are the camera's right, up and backward axes in the room, and
            the positions of the things (number, 3).
        """
        self._load(room)
        self._look(pose)
        bodies = [self._model.body(THING_BODY.format(number=number)).id for number in range(len(room.things))]
        return (
            self._data.cam_xpos[0].copy(),
            self._data.cam_xmat[0].reshape(3, 3).copy(),
            self._data.xpos[bodies].copy(),
        )

    def _load(self, room: Room) -> None:
        if self._gl is None:
            raise ValueError("this renderer was closed")
        self._gl.make_current()  # another renderer of this process may have been used or closed
        if room == self._room:
            return
        self._drop_room()
        mujoco = self._mujoco
        self._model = mujoco.MjModel.from_xml_string(scene_xml(room, MAX_SIDE_PX))
        self._data = mujoco.MjData(self._model)
        self._context = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_50.value)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self._context)
        self._scene = mujoco.MjvScene(self._model, maxgeom=MAX_GEOMS)
        bodies = {self._model.body(THING_BODY.format(number=n)).id: n for n in range(len(room.things))}
        self._thing_of_geom = np.array([bodies.get(body, -2) for body in self._model.geom_bodyid.tolist()])
        self._thing_of_geom[0] = -1  # the floor comes first
        self._room = room

    def _drop_room(self) -> None:
        if self._context is not None:
            self._context.free()
        self._room = self._context = self._scene = self._data = self._model = None

    def _look(self, pose: Pose) -> None:
        yaw, tilt = math.radians(pose.yaw_deg) / 2, math.radians(90 - pose.pitch_deg) / 2
        self._model.cam_pos[0] = (pose.x, pose.y, pose.z)
        self._model.cam_quat[0] = (
            math.cos(yaw) * math.cos(tilt), math.cos(yaw) * math.sin(tilt),
            math.sin(yaw) * math.sin(tilt), math.sin(yaw) * math.cos(tilt),
        )  # fmt: skip
        self._mujoco.mj_kinematics(self._model, self._data)
        self._mujoco.mj_camlight(self._model, self._data)

    def _draw(self, side_px: int) -> np.ndarray:
        mujoco = self._mujoco
        mujoco.mjv_updateScene(
            self._model, self._data, self._options, None, self._camera, mujoco.mjtCatBit.mjCAT_ALL.value, self._scene
        )
        view, image = mujoco.MjrRect(0, 0, side_px, side_px), np.empty((side_px, side_px, 3), np.uint8)
        mujoco.mjr_render(view, self._scene, self._context)
        mujoco.mjr_readPixels(image, None, view, self._context)
        return np.ascontiguousarray(image[::-1])  # GL counts rows from below

    def _labels(self, side_px: int) -> np.ndarray:
        flags = self._mujoco.mjtRndFlag.mjRND_SEGMENT, self._mujoco.mjtRndFlag.mjRND_IDCOLOR
        for flag in flags:
            self._scene.flags[flag] = True
        colours = self._draw(side_px).astype(np.int64)
        for flag in flags:
            self._scene.flags[flag] = False
        drawn = colours[..., 0] + (colours[..., 1] << 8) + (colours[..., 2] << 16)  # 0 is the background
        thing_of_drawn = np.full(self._scene.ngeom + 1, -2)
        for geom in self._scene.geoms[: self._scene.ngeom]:
            if geom.objtype == self._mujoco.mjtObj.mjOBJ_GEOM and geom.segid >= 0:
                thing_of_drawn[geom.segid + 1] = self._thing_of_geom[geom.objid]
        return thing_of_drawn[drawn]

    def _alone(self, number: int, side_px: int) -> int:
        """Pixels that would show a thing if nothing else were there."""
        self._model.geom_group[:] = np.where(self._thing_of_geom == number, 0, 3)  # by default, group 3 is not drawn
        try:
            return int((self._labels(side_px) == number).sum())
        finally:
            self._model.geom_group[:] = 0


@cache
def _renderer_of(process: int) -> Renderer:
    renderer = Renderer()
    atexit.register(renderer.close)
    return renderer


def process_renderer() -> Renderer:
    """The one renderer of this process, made when first asked for; a forked child gets its own."""
    return _renderer_of(os.getpid())
