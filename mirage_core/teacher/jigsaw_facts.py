"""What a prompt may say of a jigsaw: the values of the fields in `prompts/blink_jigsaw.md`."""

from collections.abc import Sequence

from mirage_core.puzzles.jigsaw import CHOICES, Letter
from mirage_core.teacher.jigsaw_scene import SIDES, jigsaw_scene

EDGES = {"top": "top edge", "left": "left edge"}


def jigsaw_facts(images: Sequence[bytes], answer: Letter, shown: Letter) -> dict[str, str]:
    """Name of a prompt's field -> its text.

    Args:
        images: Files of the crop, candidate A and candidate B.
        answer: The right candidate.
        shown: The candidate that the helper image shows.
    """
    scene = jigsaw_scene(images)
    around = scene.around
    seams = [
        f"- {EDGES[side]}: "
        + ", ".join(f"{CHOICES[who]} {scene.difference(who, side):.0f}" for who in CHOICES)
        + f" (up to {scene.seams[answer, side].smooth_up_to:.0f} looks smooth here)"
        for side in SIDES
    ]
    looks = [
        f"- {CHOICES[who]}: brightness {look.brightness:.0f} (around {around.brightness:.0f}), red minus blue "
        f"{look.warmth:.0f} (around {around.warmth:.0f}), detail {look.detail:.0f} (around {around.detail:.0f})"
        for who, look in scene.looks.items()
    ]
    return {
        "answer": CHOICES[answer],
        "shown": CHOICES[shown],
        "seams": "\n".join(seams),
        "looks": "\n".join(looks),
    }
