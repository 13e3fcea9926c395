"""The oracle of SAT: reasoning told from the geometry, in words that `sat_claims` reads and checks.

Ahead of the helper image stands what the pictures show and where the mind's eye goes; behind it what that view shows
and what follows. Angles and distances are told as a careful observer would estimate them, rounded to whole degrees and
tenths of a metre.
"""

from collections.abc import Sequence

import numpy as np

from mirage_core.puzzles.sat_questions import SIGN
from mirage_core.teacher import Explanation
from mirage_core.teacher import sat_wording as wording
from mirage_core.teacher.sat_scene import MIDDLE_DEG, MIN_STEP_M, SatScene, View

MIN_LANDMARK_SHARE = 0.006
"""Of a view, to be named."""
MIN_NEARER_M = 0.1
PERCENT_REMARKS = 40


def explain_sat(scene: SatScene, rng: np.random.Generator) -> Explanation:
    """Tell why the right choice is right.

    Args:
        scene: The puzzle; what is told is true of its target view, whatever the row's helper image shows.
        rng: Chooses wording and remarks; the facts come from the scene.
    """
    tell = {
        "obj_movement": _obj_movement,
        "action_sequence": _action_sequence,
        "goal_aim": _goal_aim,
        "action_consequence": _action_consequence,
        "perspective": _perspective,
    }[scene.puzzle.question_type]
    before, after = tell(scene, rng)
    return Explanation(*(" ".join(map(_capital, part)) for part in (before, after)))


Parts = tuple[list[str], list[str]]


def _goal_aim(scene: SatScene, rng: np.random.Generator) -> Parts:
    turn = round(scene.turn_left_deg("helper"))
    before = [_marked(scene, rng), _pick(wording.AIM_CUES, rng)]
    if turn == 0:
        return before, [_pick(wording.AIM_STRAIGHT, rng), _pick(wording.AIM_STRAIGHT_CLOSINGS, rng)]
    words = {"side": _side_of_turn(turn), "angle": abs(turn)}
    after = [_pick(wording.AIM_TURNED, rng).format(**words), *_remark(scene, rng)]
    return before, [*after, _pick(wording.AIM_CLOSINGS, rng).format(**words)]


def _action_consequence(scene: SatScene, rng: np.random.Generator) -> Parts:
    turn, asked = round(scene.turn_left_deg("helper")), scene.puzzle.asked
    words = {"side": _side_of_turn(turn), "angle": abs(turn), "step": f"{scene.step_m('helper'):g}"}
    if scene.step_m("helper") > MIN_STEP_M:
        words["step"] = f"{scene.step_m('helper'):.1f}"
        before = [_marked(scene, rng), _pick(wording.STEP_CUES, rng).format(**words)]
        return before, [*_distances(scene, rng), _closing_of_change(scene, rng)]
    cue = _pick(wording.TURN_CUES if turn else wording.STRAIGHT_CUES, rng).format(**words)
    where = _pick(wording.THERE, rng).format(where=_where(scene, asked, "helper"))
    gone = [_pick(wording.GONE, rng)] if asked not in scene.seen["helper"] and rng.random() < 0.5 else []
    closings = wording.FACING_AWAY if scene.puzzle.answer_text == "yes" else wording.NOT_FACING_AWAY
    return [_marked(scene, rng), cue], [where, *gone, _pick(closings, rng)]


def _perspective(scene: SatScene, rng: np.random.Generator) -> Parts:
    side = _side_of_turn(scene.turn_left_deg("helper"))
    before = [_marked(scene, rng), _pick(wording.WALK_CUES, rng).format(side=side)]
    if "closer or further" in scene.puzzle.text:
        return before, [*_distances(scene, rng), _closing_of_change(scene, rng)]
    where = _where(scene, scene.puzzle.asked, "helper")
    after = [_pick(wording.FROM_MARK, rng).format(where=where)]
    if rng.integers(100) < PERCENT_REMARKS:
        after.append(_pick(wording.FAR_THERE, rng).format(distance=_metres(scene, scene.puzzle.asked, "helper")))
    closing = _pick(wording.SIDE_CLOSINGS, rng).format(name=_name(scene), side=scene.puzzle.answer_text)
    return before, [*after, closing]


def _obj_movement(scene: SatScene, rng: np.random.Generator) -> Parts:
    asked = scene.puzzle.asked
    told = {view: _place(scene, asked, view) for view in ("first", "helper", "second")}
    before = [_pick(wording.FIRST, rng).format(name=_name(scene), place=told["first"])]
    if rng.integers(100) < PERCENT_REMARKS:
        before.append(_motion(scene, rng))
    before.append(_pick(wording.UNMOVED_CUES, rng))
    if scene.shift is None:
        stays = _pick(wording.STAYS, rng).format(name=_name(scene), place=told["helper"])
        return before, [stays, _pick(wording.STAYS_CLOSINGS, rng)]
    differs = _pick(wording.DIFFERS, rng).format(place=told["helper"], second=told["second"])
    side, depth = scene.shift
    return before, [differs, _pick(wording.MOVED_CLOSINGS, rng).format(name=_name(scene), side=side, depth=depth)]


def _action_sequence(scene: SatScene, rng: np.random.Generator) -> Parts:
    turn, steps = scene.turn_left_deg("second"), scene.step_m("second") > MIN_STEP_M
    number = _landmark(scene, rng)
    cue = _pick(wording.HALFWAY_CUES, rng)
    before, after = [cue], list[str]()
    if number is not None:
        name = scene.puzzle.room.things[number].phrase
        before = [_pick(wording.FIRST, rng).format(name=name, place=_where(scene, number, "first")), cue]
        where = {"where": _where(scene, number, "helper"), "second": _where(scene, number, "second")}
        texts = wording.SLIDES if abs(turn) > 1 else wording.RESTS
        after.append(_pick(texts, rng).format(name=name, side=_side_of_turn(-turn), **where))
        nearer = scene.distance_m(number, "first") - scene.distance_m(number, "second")
        if steps and nearer > MIN_NEARER_M:
            after.append(_pick(wording.NEARER_SECOND, rng).format(name=name))
    elif abs(turn) > 1:
        words = {"side": _side_of_turn(turn), "angle": round(abs(turn) / 2)}
        after.append(_pick(wording.HALF_TURN, rng).format(**words))
    closings = (
        wording.STILL_CLOSINGS if abs(turn) < 1 else wording.STEP_CLOSINGS if steps else wording.ROTATION_CLOSINGS
    )
    return before, [*after, _pick(closings, rng).format(side=_side_of_turn(turn))]


def _marked(scene: SatScene, rng: np.random.Generator) -> str:
    """What the picture shows of the thing asked about; nothing that gives the answer away."""
    return _pick(wording.MARKED, rng).format(
        name=_name(scene), mark=scene.puzzle.marks[0].label, distance=_metres(scene, scene.puzzle.asked, "first")
    )


def _distances(scene: SatScene, rng: np.random.Generator) -> list[str]:
    """How far the thing is before and after, and where it then is."""
    asked = scene.puzzle.asked
    was, now = scene.distance_m(asked, "first"), scene.distance_m(asked, "helper")
    return [
        _pick(wording.DISTANCES, rng).format(
            where=_where(scene, asked, "helper"), now=f"{now:.1f}",
            change="closer" if now < was else "further away",
        )
    ]  # fmt: skip


def _closing_of_change(scene: SatScene, rng: np.random.Generator) -> str:
    closer = scene.distance_m(scene.puzzle.asked, "helper") < scene.distance_m(scene.puzzle.asked, "first")
    words = {"name": _name(scene), "change": "closer" if closer else "further away"}
    if scene.puzzle.question_type == "perspective":
        return _pick(wording.CHANGE_CLOSINGS, rng).format(**words)
    return _pick(wording.YES_NO_CLOSINGS, rng).format(answer=scene.puzzle.answer_text, **words)


def _motion(scene: SatScene, rng: np.random.Generator) -> str:
    turn, step = scene.turn_left_deg("second"), scene.step_m("second")
    texts = (
        wording.CAMERA_STILL if abs(turn) < 1 else wording.CAMERA_STEPS if step > MIN_STEP_M else wording.CAMERA_TURNS
    )
    return _pick(texts, rng).format(side=_side_of_turn(turn), angle=round(abs(turn)), step=f"{step:.1f}")


def _remark(scene: SatScene, rng: np.random.Generator) -> list[str]:
    """Now and then, a thing that has come into view or left it."""
    if rng.integers(100) >= PERCENT_REMARKS:
        return []
    told = []
    for texts, there, gone in ((wording.COMES, "helper", "first"), (wording.LEAVES, "first", "helper")):
        for number, share in scene.seen[there].items():  # type: ignore[index]
            if share >= MIN_LANDMARK_SHARE and number not in scene.seen[gone]:  # type: ignore[index]
                told.append(_pick(texts, rng).format(name=scene.puzzle.room.things[number].phrase))
    return told and [_pick(told, rng)]


def _landmark(scene: SatScene, rng: np.random.Generator) -> int | None:
    """A thing that stayed in its place and is well seen in both pictures."""
    found = [
        number
        for number, share in scene.seen["first"].items()
        if min(share, scene.seen["second"].get(number, 0.0)) >= MIN_LANDMARK_SHARE
        and not (number == scene.puzzle.asked and scene.shift is not None)
    ]
    return found[int(rng.integers(len(found)))] if found else None


def _name(scene: SatScene) -> str:
    return scene.puzzle.room.things[scene.puzzle.asked].phrase


def _place(scene: SatScene, number: int, view: View) -> str:
    return f"{_where(scene, number, view)}, about {_metres(scene, number, view)} meters away"


def _where(scene: SatScene, number: int, view: View) -> str:
    """Words for a thing's direction, such as "28 degrees to the left of the middle"."""
    azimuth = scene.azimuth_deg(number, view)
    side = "left" if azimuth < 0 else "right"
    if abs(azimuth) <= MIDDLE_DEG:
        return "in the middle of the view"
    if abs(azimuth) > 92:
        return f"{round(abs(azimuth))} degrees to the {side}, behind the camera"
    return f"{round(abs(azimuth))} degrees to the {side} of the middle"


def _metres(scene: SatScene, number: int, view: View) -> str:
    return f"{scene.distance_m(number, view):.1f}"


def _side_of_turn(turn_left_deg: float) -> str:
    return next(side for side, sign in SIGN.items() if sign * turn_left_deg <= 0)


def _pick(texts: Sequence[str], rng: np.random.Generator) -> str:
    return texts[int(rng.integers(len(texts)))]


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
