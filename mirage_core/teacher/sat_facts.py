"""What a prompt may say of a SAT puzzle: the values of the fields in `prompts/sat_dynamic.md`."""

from typing import Any

from mirage_core.teacher.sat_scene import MIN_STEP_M, SatScene, View, sat_scene

NAMES: dict[View, str] = {"first": "the first image", "second": "the second image", "helper": "the imagined view"}
MIN_SHARE = 0.004
"""Of a view's pixels, to be listed."""


def sat_facts(meta: dict[str, Any]) -> dict[str, str]:
    """Name of a prompt's field -> its text, for the `meta` of a generated row."""
    scene = sat_scene(meta)
    puzzle = scene.puzzle
    views: list[View] = ["first", "helper", *(["second"] if "second" in scene.seen else [])]  # type: ignore[list-item]
    return {
        "question": puzzle.text,
        "choices": " or ".join(f'"{choice}"' for choice in puzzle.choices),
        "answer": puzzle.answer_text,
        "movement": _movement(scene),
        "views": "\n".join(_view(scene, view) for view in views),
        "moved": _moved(scene),
    }


def _movement(scene: SatScene) -> str:
    def told(view: View) -> str:
        turn, step = scene.turn_left_deg(view), scene.step_m(view)
        turns = (
            f"turns {'left' if turn > 0 else 'right'} by {abs(turn):.0f} degrees" if abs(turn) >= 1 else "does not turn"
        )
        return f"the camera {turns}" + (f" and ends {step:.1f} meters from where it was" if step > MIN_STEP_M else "")

    lines = [f"- to {NAMES['helper']}: {told('helper')}"]
    if "second" in scene.seen:
        lines.append(f"- to {NAMES['second']}: {told('second')}")
    return "\n".join(lines)


def _view(scene: SatScene, view: View) -> str:
    asked = scene.puzzle.asked
    others = [n for n, share in scene.seen[view].items() if share >= MIN_SHARE and n != asked]
    return f"- {NAMES[view]}: " + "; ".join(_place(scene, number, view) for number in (asked, *others))


def _place(scene: SatScene, number: int, view: View) -> str:
    azimuth = scene.azimuth_deg(number, view)
    seen = "" if number in scene.seen[view] else ", out of view"
    return (
        f"the {scene.puzzle.room.things[number].phrase}, {abs(azimuth):.0f} degrees to the "
        f"{'left' if azimuth < 0 else 'right'}, {scene.distance_m(number, view):.1f} meters away{seen}"
    )


def _moved(scene: SatScene) -> str:
    if scene.shift is None:
        return "Nothing but the camera moved."
    name = scene.puzzle.room.things[scene.puzzle.asked].phrase
    return f"Between the images the {name} was moved {scene.shift[0]} and {scene.shift[1]} the camera."
