"""Proof of a SAT thought: every claim that is read is held against the scene."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from mirage_core.puzzles import sat
from mirage_core.puzzles.verdict import OK, Verdict
from mirage_core.teacher import Explanation
from mirage_core.teacher.sat_claims import Kind, SatClaim, read_claims
from mirage_core.teacher.sat_scene import MIN_STEP_M, SatScene, View, sat_scene

SIDE_SLACK_DEG = 2.0
"""A thing so near to the middle may be said to be on either side."""
MAX_MIDDLE_DEG = 10.0
"""As far as SAT calls a thing straight ahead."""
MAX_FACING_DEG = 12.0
BEHIND_DEG = 80.0
ANGLE_SLACK_DEG, TURN_SLACK_DEG = 4.0, 4.0
DISTANCE_SLACK_M, DISTANCE_SLACK_SHARE = 0.15, 0.1
"""Whichever is more."""
STEP_SLACK_M = 0.1
CHANGE_SLACK_M = 0.02
SLIDE_SLACK_DEG = 1.0
MIN_SEEN_SHARE, MAX_UNSEEN_SHARE = 0.0005, 0.002
"""Of a view's pixels; in between a thing may be said to be in view or not."""


class SatFinding(NamedTuple):
    """One contradiction between a text and the scene."""

    reason: str
    words: str
    truth: str


def verify_sat(meta: dict[str, Any], explanation: Explanation, answer: str) -> Verdict:
    """Check a thought of a generated row and the answer that it leads to.

    Returns:
        Verdict with the reason of the first of `sat_findings`, or "ok".
    """
    first = next(sat_findings(meta, explanation, answer), None)
    return Verdict(False, first.reason) if first else OK


def sat_findings(meta: dict[str, Any], explanation: Explanation, answer: str) -> Iterator[SatFinding]:
    """Yield every contradiction.

    Reasons: "answer_<reason of check>", "empty_thought", and "wrong_" with the kind of claim: "wrong_side",
    "wrong_angle", "wrong_distance", "wrong_change" (closer, further), "wrong_visible", "wrong_turn", "wrong_step" (of
    the camera), "wrong_moved" (what was moved, and where to), "wrong_facing", "wrong_slide", "wrong_thing"
    (there is none, or it has another colour), "wrong_answer".
    """
    scene = sat_scene(meta)
    graded = sat.check(scene.puzzle, rf"\boxed{{{answer}}}")
    if not graded.ok:
        yield SatFinding(f"answer_{graded.reason}", answer, f"the right choice is {scene.puzzle.answer_text!r}")
    if not explanation.before.strip() or not explanation.after.strip():
        yield SatFinding("empty_thought", "", "both parts of the thought say something")
        return
    for claim in read_claims(explanation, scene):
        truth = _HOLDS[claim.kind](claim, scene)
        if truth is not None:
            yield SatFinding(f"wrong_{claim.kind}", claim.words, truth)


def _end(claim: SatClaim, scene: SatScene) -> View:
    """The view after the movement that a claim speaks of."""
    return scene.end if claim.view == "first" else claim.view


def _side(claim: SatClaim, scene: SatScene) -> str | None:
    assert claim.who is not None
    azimuth = scene.azimuth_deg(claim.who, claim.view)
    true = {
        "left": azimuth < SIDE_SLACK_DEG,
        "right": azimuth > -SIDE_SLACK_DEG,
        "middle": abs(azimuth) <= MAX_MIDDLE_DEG,
        "behind": abs(azimuth) > BEHIND_DEG,
    }[claim.value]
    return (
        None if true == claim.holds else f"it is {abs(azimuth):.0f} degrees to the {'left' if azimuth < 0 else 'right'}"
    )


def _angle(claim: SatClaim, scene: SatScene) -> str | None:
    assert claim.who is not None
    azimuth = abs(scene.azimuth_deg(claim.who, claim.view))
    return (
        None if abs(azimuth - (claim.number or 0)) <= ANGLE_SLACK_DEG else f"it is {azimuth:.0f} degrees off the middle"
    )


def _distance(claim: SatClaim, scene: SatScene) -> str | None:
    assert claim.who is not None and claim.number is not None
    true = scene.distance_m(claim.who, claim.view)
    slack = max(DISTANCE_SLACK_M, DISTANCE_SLACK_SHARE * true)
    return None if abs(true - claim.number) <= slack else f"it is {true:.1f} metres away"


def _change(claim: SatClaim, scene: SatScene) -> str | None:
    assert claim.who is not None
    was, now = scene.distance_m(claim.who, "first"), scene.distance_m(claim.who, _end(claim, scene))
    true = now < was + CHANGE_SLACK_M if claim.value == "closer" else now > was - CHANGE_SLACK_M
    return None if true == claim.holds else f"it was {was:.1f} metres away and then is {now:.1f}"


def _visible(claim: SatClaim, scene: SatScene) -> str | None:
    assert claim.who is not None
    share = scene.seen[claim.view].get(claim.who, 0.0)
    seen = claim.holds == (claim.value == "seen")
    true = share >= MIN_SEEN_SHARE if seen else share <= MAX_UNSEEN_SHARE
    return None if true else f"it covers {share:.2%} of that view"


def _turn(claim: SatClaim, scene: SatScene) -> str | None:
    turn = scene.turn_left_deg(_end(claim, scene))
    side = "straight" if abs(turn) < 1 else "left" if turn > 0 else "right"
    true = (claim.value == side) == claim.holds
    if true and claim.number is not None and claim.holds:
        true = abs(abs(turn) - claim.number) <= TURN_SLACK_DEG
    return None if true else f"the camera's turn is {abs(turn):.0f} degrees ({side})"


def _step(claim: SatClaim, scene: SatScene) -> str | None:
    step = scene.step_m(_end(claim, scene))
    true = ((step > MIN_STEP_M) == (claim.value == "forward")) == claim.holds
    if true and claim.number is not None and claim.holds:
        true = abs(step - claim.number) <= STEP_SLACK_M
    return None if true else f"the camera goes {step:.1f} metres"


def _moved(claim: SatClaim, scene: SatScene) -> str | None:
    shift = scene.shift if claim.who in (None, scene.puzzle.asked) else None
    told = "nothing was moved" if shift is None else f"it was moved {shift[0]} and {shift[1]} the camera"
    if claim.value == "none":
        return None if shift is None else told
    true = shift is not None and all(word in shift for word in _words(claim.value))
    return None if true == claim.holds else told


def _words(value: str) -> list[str]:
    side, _, depth = value.partition(" ")
    return [word for word in ([side, depth] if side in ("left", "right") else [value]) if word]


def _facing(claim: SatClaim, scene: SatScene) -> str | None:
    azimuth = abs(scene.azimuth_deg(scene.puzzle.asked, scene.end))
    true = (azimuth <= MAX_FACING_DEG) == (claim.value == "face")
    return None if true == claim.holds else f"it is {azimuth:.0f} degrees off the middle then"


def _slide(claim: SatClaim, scene: SatScene) -> str | None:
    assert claim.who is not None
    slid = scene.azimuth_deg(claim.who, _end(claim, scene)) - scene.azimuth_deg(claim.who, "first")
    slid = (slid + 180) % 360 - 180
    true = slid > -SLIDE_SLACK_DEG if claim.value == "right" else slid < SLIDE_SLACK_DEG
    return None if true == claim.holds else f"it goes {abs(slid):.0f} degrees to the {'right' if slid > 0 else 'left'}"


def _thing(claim: SatClaim, scene: SatScene) -> str | None:
    if claim.who is None:
        return "there is no such thing in the room"
    phrase = scene.puzzle.room.things[claim.who].phrase
    return None if claim.value in phrase.split() else f"it is the {phrase}"


def _answer(claim: SatClaim, scene: SatScene) -> str | None:
    choices = [choice.lower() for choice in scene.puzzle.choices]
    right = scene.puzzle.answer_text.lower()
    if claim.value == right or claim.value not in choices:
        return None
    return f"the right choice is {right!r}"


_HOLDS: dict[Kind, Callable[[SatClaim, SatScene], str | None]] = {
    "side": _side, "angle": _angle, "distance": _distance, "change": _change, "visible": _visible, "turn": _turn,
    "step": _step, "moved": _moved, "facing": _facing, "slide": _slide, "thing": _thing, "answer": _answer,
}  # fmt: skip
