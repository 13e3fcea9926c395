"""SAT's five types of questions: what is asked, and which geometry makes which answer true.

The wording is that of SAT's generator (github arijitray1993/SAT, `scripts/3d_reasoning_qas`, arXiv 2412.07755). What a
question says, and which of its choices shall be right, is drawn before any room is looked at; rooms and cameras are
then sought that make it so. Text and answer are therefore independent: nothing can be guessed from the text.

Where we differ from the published generator, and why:
- "no objects moved" and "look straight" are offered as wrong choices as often as they are right; there the first is
  always right, and angles of wrong choices are round.
- A step of 0.2 to 0.3 m hardly takes anything further from the camera, so action consequence asks about a turn by 70 to
  90 degrees and a step of 0.8 or 1.2 m.
- Answers about moved things do not end in "in the first frame"; its authors call that a bug and strip it.
- Angles from 6 to 14 degrees are neither straight nor a turn and are not asked for (published: straight up to 10).
"""

import re
from collections.abc import Callable
from itertools import product
from typing import Literal, NamedTuple

import numpy as np

from mirage_core.puzzles.sat_camera import Action

QuestionType = Literal["obj_movement", "action_sequence", "goal_aim", "action_consequence", "perspective"]
Change = Literal["closer", "further"]

MAX_STRAIGHT_DEG = 5
MIN_TURN_DEG, MAX_TURN_DEG = 15, 38
"""Of an angle that is asked about; the picture ends at 45 degrees."""
MIN_AWAY_DEG = 25
"""Off the middle after a turn that faces away."""
VIDEO_TURNS_DEG = (20, 30, 40, 50)
VIDEO_STEPS_M = (0.2, 0.3)
BIG_TURNS_DEG = (70, 80, 90)
BIG_STEPS_M = (0.8, 1.2)
SIGN = {"left": -1, "right": 1}
"""Of an azimuth."""
OTHER = {"left": "right", "right": "left", "towards": "away from", "away from": "towards", "closer": "further"}
TURNS: dict[str, Action] = {"left": "turn left", "right": "turn right"}


class Look(NamedTuple):
    """One picture; then the camera turns and steps, in the mind."""

    azimuth_deg: float
    """Of the thing asked about."""
    turn_left_deg: float
    step_m: float = 0.0
    change: Change | None = None
    """Whether the step must take the camera closer to the thing or further from it."""


class Walk(NamedTuple):
    """One picture; then the camera goes to a mark on the floor and turns, in the mind."""

    turn_left_deg: float
    azimuth_after_deg: float
    """Of the thing asked about, from the mark, after the turn."""
    change: Change | None = None


class Video(NamedTuple):
    """Two pictures, between which the camera and one thing may move."""

    turn_left_deg: float
    step_m: float
    moved: tuple[str, str] | None
    """"left" or "right", and "towards" or "away from" the first camera."""


Plan = Look | Walk | Video


class Ask(NamedTuple):
    """A question before its room. In the texts `{name}` is the thing's phrase and `{mark}` its number."""

    text: str
    choices: tuple[str, str]
    """The right one first."""
    plan: Plan
    actions: tuple[Action, ...]
    """The movement in words, for a path and for a video model."""


OBJ_MOVEMENT = (
    "Were any of the objects in the initial frame that you can still see in the second frame moved from their original "
    "positions?"
)
ACTION_SEQUENCE = (
    "The first image is from the beginning of the video and the second image is from the end. How did the camera "
    "likely rotate when shooting the video?"
)
GOAL_AIM = (
    "I need to go to {name} (near the mark {mark} in the image). Which direction should I turn to face the object?"
)
FACING = "If I {turn}, will I be facing away from {name} (near the mark {mark} in the image)?"
GETTING_CLOSER = "If I {motion}, would {name} (near the mark {mark} in the image) move closer to the camera?"
GETTING_FURTHER = "If I {motion}, would {name} (near the mark {mark} in the image) move further from the camera?"
WALK_DISTANCE = (
    "If I move to the 'X' marked point in the image and turned {side} by 90 degrees, will the {{name}} (near marked "
    "{{mark}}) get closer or further away?"
)
WALK_SIDE = (
    "If I move to the 'X' marked point in the image and turned {side} by 90 degrees, will the {{name}} (near marked "
    "{{mark}}) be to my left or right?",
    "For someone at the 'X' marked point in the image and facing 90 degrees to the {side}, will the {{name}} (near "
    "marked {{mark}}) be to their left or right?",
)
NOT_MOVED, STILL, STRAIGHT = "no objects moved", "did not move", "look straight"
SIDES = ("left", "right")


def ask_obj_movement(rng: np.random.Generator, case: tuple[str, str, str]) -> Ask:
    """Case: side, depth, and what is right of what: "moved/opposite", "moved/none" or "none/moved"."""
    side, depth, pair = case
    moved, opposite = _movement(side, depth), _movement(OTHER[side], OTHER[depth])
    turn_left, step, actions = _video_motion(rng, str(rng.choice(SIDES)), bool(rng.random() < 0.5))
    if pair == "none/moved":
        return Ask(OBJ_MOVEMENT, (NOT_MOVED, moved), Video(turn_left, step, None), actions)
    if rng.random() < 0.3:
        turn_left, step, actions = 0, 0.0, ()
    wrong = opposite if pair == "moved/opposite" else NOT_MOVED
    return Ask(OBJ_MOVEMENT, (moved, wrong), Video(turn_left, step, (side, depth)), actions)


def ask_action_sequence(rng: np.random.Generator, case: tuple[str, bool, str]) -> Ask:
    """Case: side, whether the camera moved forward too, and "side/other", "side/still" or "still/side"."""
    side, steps, pair = case
    turn_left, step, actions = _video_motion(rng, side, steps)
    moved = (str(rng.choice(SIDES)), str(rng.choice(("towards", "away from"))))
    if pair == "still/side":
        return Ask(ACTION_SEQUENCE, (STILL, _rotation(side, steps)), Video(0, 0.0, moved), ())
    wrong = _rotation(OTHER[side], steps) if pair == "side/other" else STILL
    video = Video(turn_left, step, moved if rng.random() < 0.5 else None)
    return Ask(ACTION_SEQUENCE, (_rotation(side, steps), wrong), video, actions)


def ask_goal_aim(rng: np.random.Generator, case: tuple[str, str]) -> Ask:
    """Case: a side, and "side/other", "side/straight" or "straight/side"."""
    side, pair = case
    angle = int(rng.integers(MIN_TURN_DEG, MAX_TURN_DEG + 1))
    right = f"{side} by {angle} degrees"
    if pair == "straight/side":
        look = Look(_straight(rng), 0)
        return Ask(GOAL_AIM, (STRAIGHT, right), look, ("move forward",))
    wrong = STRAIGHT if pair == "side/straight" else f"{OTHER[side]} by {angle} degrees"
    look = Look(SIGN[side] * (angle + rng.uniform(-0.4, 0.4)), -SIGN[side] * angle)
    return Ask(GOAL_AIM, (right, wrong), look, (TURNS[side],))


def ask_facing(rng: np.random.Generator, case: tuple[str, str]) -> Ask:
    """Case: "left", "right" or "straight", and whether that faces away."""
    way, answer = case
    angle = int(rng.integers(MIN_TURN_DEG, MAX_TURN_DEG + 1))
    choices = (answer, "no" if answer == "yes" else "yes")
    if way == "straight":
        side = int(rng.choice((-1, 1)))
        azimuth = _straight(rng) if answer == "no" else side * rng.uniform(MIN_AWAY_DEG, MAX_TURN_DEG)
        return Ask(FACING.replace("{turn}", STRAIGHT), choices, Look(azimuth, 0), ("move forward",))
    azimuth = SIGN[way] * (angle + rng.uniform(-0.4, 0.4))
    if answer == "yes":
        azimuth = _straight(rng) if angle >= MIN_AWAY_DEG + MAX_STRAIGHT_DEG and rng.random() < 0.3 else -azimuth
    text = FACING.replace("{turn}", f"turn {way} by {angle} degrees")
    return Ask(text, choices, Look(azimuth, -SIGN[way] * angle), (TURNS[way],))


def ask_distance(rng: np.random.Generator, case: tuple[str, Change, str]) -> Ask:
    """Case: side of the turn, what the question asks about, and whether it is so."""
    side, asked, answer = case
    turn, step = int(rng.choice(BIG_TURNS_DEG)), float(rng.choice(BIG_STEPS_M))
    change: Change = asked if answer == "yes" else "further" if asked == "closer" else "closer"
    # The thing must be well before or well behind the camera after the turn: from 60 degrees it comes nearer by half
    # the step, from 106 it gets further by a quarter of it.
    low = max(20, 106 - turn) if change == "further" else max(20, turn - 60)
    azimuth = SIGN[side] * rng.uniform(low, MAX_TURN_DEG) * (-1 if change == "further" else 1)
    text = GETTING_CLOSER if asked == "closer" else GETTING_FURTHER
    motion = f"turned {side} by {turn} degrees and moved forward by {step:g} meters"
    choices = (answer, "no" if answer == "yes" else "yes")
    look = Look(azimuth, -SIGN[side] * turn, step, change)
    return Ask(text.replace("{motion}", motion), choices, look, (TURNS[side], "move forward"))


def ask_perspective(rng: np.random.Generator, case: tuple[str, str, str]) -> Ask:
    """Case: side of the turn, "distance" or "side", and the answer."""
    side, about, answer = case
    turn_left = -90 * SIGN[side]
    actions: tuple[Action, ...] = ("move forward", TURNS[side])
    if about == "distance":
        change: Change = "closer" if answer == "Closer" else "further"
        # What gets further lies behind the shoulder that the walker turns over; elsewhere a walk brings it nearer.
        low = -SIGN[side] * MAX_TURN_DEG if change == "closer" else SIGN[side] * MIN_TURN_DEG
        plan = Walk(turn_left, float(rng.uniform(*sorted((low, SIGN[side] * MAX_TURN_DEG)))), change)
        other = "Further" if answer == "Closer" else "Closer"
        return Ask(WALK_DISTANCE.format(side=side), (answer, other), plan, actions)
    text = WALK_SIDE[int(rng.integers(len(WALK_SIDE)))].format(side=side)
    plan = Walk(turn_left, SIGN[answer] * rng.uniform(MIN_TURN_DEG, MAX_TURN_DEG))
    return Ask(text, (answer, OTHER[answer]), plan, actions)


def ask_action_consequence(rng: np.random.Generator, case: tuple[str, ...]) -> Ask:
    """The case of a turn that may face away has two parts, that of a change of distance three."""
    return ask_facing(rng, case) if len(case) == 2 else ask_distance(rng, case)  # type: ignore[arg-type]


_DEPTHS = ("towards", "away from")
_YES_NO = ("yes", "no")
_FIELD = re.compile(r"\{+\w+\}+")


def fixed_phrases() -> list[str]:
    """What questions and choices are put together from, besides names and numbers, the longest first."""
    texts = (
        *(OBJ_MOVEMENT, ACTION_SEQUENCE, GOAL_AIM, FACING, GETTING_CLOSER, GETTING_FURTHER, WALK_DISTANCE, *WALK_SIDE),
        *(" degrees and moved forward by {step} meters", "turned {side} by {angle} degrees"),
        *(NOT_MOVED, STILL, STRAIGHT),
        *(f"{verb}{side} by " for verb, side in product(("", "turn "), SIDES)),
        *(_rotation(side, steps) for side, steps in product(SIDES, (True, False))),
        *(_movement(side, depth) for side, depth in product(SIDES, _DEPTHS)),
    )
    parts = {part for text in texts for part in _FIELD.split(text) if len(part) > 2}
    return sorted(parts, key=lambda part: (-len(part), part))


CASES: dict[QuestionType, tuple[tuple, ...]] = {
    "obj_movement": tuple(product(SIDES, _DEPTHS, ("moved/opposite", "moved/opposite", "moved/none", "none/moved"))),
    "action_sequence": tuple(product(SIDES, (False, True), ("side/other", "side/other", "side/still", "still/side"))),
    "goal_aim": tuple(product(SIDES, ("side/other", "side/straight", "straight/side"))),
    "action_consequence": (
        *product(("left", "right", "left", "right", "straight"), _YES_NO),
        *product(SIDES, ("closer", "further"), _YES_NO),
    ),
    "perspective": (*product(SIDES, ("distance",), ("Closer", "Further")), *product(SIDES, ("side",), SIDES)),
}
"""What each type asks equally often; an answer is right in half of the cases that offer it."""
ASKING: dict[QuestionType, Callable[..., Ask]] = {
    "obj_movement": ask_obj_movement,
    "action_sequence": ask_action_sequence,
    "goal_aim": ask_goal_aim,
    "action_consequence": ask_action_consequence,
    "perspective": ask_perspective,
}


def draw_ask(rng: np.random.Generator, question_type: QuestionType, seed: int, number: int) -> tuple[Ask, bool]:
    """The question of the `number`-th puzzle of a type, and whether its right choice stands first.

    Cases come from a shuffled deck, so that every run of `2 * len(CASES[type])` puzzles holds each of them twice, once
    with the right choice first.
    """
    cases = CASES[question_type]
    block, place = divmod(number, 2 * len(cases))
    order = np.random.default_rng([seed, block, list(CASES).index(question_type)]).permutation(2 * len(cases))
    case, second = divmod(int(order[place]), 2)
    return ASKING[question_type](rng, cases[case]), not second


def _movement(side: str, depth: str) -> str:
    return f"{{name}} was moved {side} and {depth} the camera"


def _rotation(side: str, steps: bool) -> str:
    return f"rotated {side} and moved forward" if steps else f"rotated {side}"


def _straight(rng: np.random.Generator) -> float:
    return float(rng.uniform(-MAX_STRAIGHT_DEG, MAX_STRAIGHT_DEG))


def _video_motion(rng: np.random.Generator, side: str, steps: bool) -> tuple[int, float, tuple[Action, ...]]:
    """Turn to the left in degrees, step in metres, and both in words."""
    turn, step = int(rng.choice(VIDEO_TURNS_DEG)), float(rng.choice(VIDEO_STEPS_M))
    actions: tuple[Action, ...] = (TURNS[side], "move forward") if steps else (TURNS[side],)
    return -SIGN[side] * turn, step if steps else 0.0, actions
