"""How many lies about jigsaws the checks catch, and how much truth they reject."""

import re
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from mirage_core.photos.splits import Listed
from mirage_core.puzzles import jigsaw
from mirage_core.synthesis.jigsaw_rows import Place, draw_jigsaws, places
from mirage_core.teacher import Explanation
from mirage_core.teacher.chat import Png, Text
from mirage_core.teacher.jigsaw_claims import read_claims
from mirage_core.teacher.jigsaw_facts import jigsaw_facts
from mirage_core.teacher.jigsaw_oracle import explain_jigsaw
from mirage_core.teacher.jigsaw_scene import SIDES, jigsaw_scene, other
from mirage_core.teacher.jigsaw_verify import jigsaw_findings, verify_jigsaw
from mirage_core.teacher.prompting import load_prompt, messages

pytestmark = pytest.mark.thorough

NUM_PUZZLES = 120
ORDINALS = {"second": "third", "third": "second"}
OPPOSITES = {
    "brighter": "darker", "darker": "brighter", "warmer": "cooler", "cooler": "warmer", "busier": "smoother",
    "smoother": "busier",
}  # fmt: skip


def scenery(seed, width=640, height=400):
    """Blotches of several sizes with hard-edged bars across: what photographs are made of."""
    rng = np.random.default_rng([23, seed])
    total = np.zeros((height, width, 3))
    for size, weight in ((160, 0.6), (40, 0.3), (8, 0.1)):
        small = rng.integers(0, 256, (height // size + 1, width // size + 1, 3), dtype=np.uint8)
        total += weight * np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))
    for _ in range(12):
        across = int(rng.integers(0, width - 30))
        slope = rng.uniform(-0.6, 0.6)
        down = np.arange(height)
        for offset in range(12):
            total[down, np.clip(across + offset + slope * down, 0, width - 1).astype(int)] *= 0.35
    return total.clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def rows():
    photos = [Listed(str(n), f"{n:064x}", 640, 400, f"{n:064x}") for n in range(NUM_PUZZLES // 4)]
    chosen = places(photos, "train", NUM_PUZZLES, 3)
    settings = jigsaw.JigsawCut(wrong=("tile", "near"))
    drawn = draw_jigsaws(chosen, lambda photo: scenery(int(photo.name)), settings, "random-piece", 3)
    return [row for row in drawn if not isinstance(row, Place)]


def explain(row, seed=0):
    rng = np.random.default_rng([seed, int(row.id[-8:], 16)])
    return explain_jigsaw(row.images, row.answer, row.meta["helper_shows"], rng)


def reason(row, thought, answer=None):
    return verify_jigsaw(row.images, row.answer, thought, answer or row.answer).reason


def is_seam_lie(found):
    return found in ("wrong_seam", "wrong_number", "wrong_lines")


def swapped(words, text):
    return re.sub(rf"\b({'|'.join(words)})\b", lambda found: words[found[0]], text)


def test_the_oracle_tells_the_truth_in_words_that_are_read(rows):
    kinds = Counter()
    for row in rows:
        for seed in range(3):
            thought = explain(row, seed)
            assert not list(jigsaw_findings(row.images, row.answer, thought, row.answer)), thought
            kinds.update(claim.kind for part in thought for claim in read_claims(part))
            sentences = re.split(r"(?<=\.) ", thought.after)
            assert all(list(read_claims(sentence)) for sentence in sentences), thought
    assert set(kinds) == {"seam", "difference", "brightness", "warmth", "detail", "lines", "missing"}
    assert min(kinds.values()) > 20, kinds


def test_the_cue_names_the_candidate_that_the_helper_shows(rows):
    for row in rows[:20]:
        cue = explain(row).before.split(". ")[-1]
        assert jigsaw.CHOICES[row.meta["helper_shows"]] in cue.lower()
        assert jigsaw.CHOICES[other(row.meta["helper_shows"])] not in cue.lower()


def test_another_candidate_chosen_is_caught(rows):
    for row in rows:
        thought = explain(row)
        head, _, last = thought.after.rpartition(". ")
        lie = Explanation(thought.before, f"{head}. {swapped(ORDINALS, last)}")
        assert reason(row, lie) == "wrong_candidate"
        assert reason(row, thought, other(row.answer)) == "answer_wrong_choice"


def test_candidates_exchanged_along_a_seam_are_caught(rows):
    made = caught = 0
    for row in rows:
        thought = explain(row)
        sentences = re.split(r"(?<=\.) ", thought.after)
        for number, sentence in enumerate(sentences[:-1]):
            lie = [*sentences[:number], swapped(ORDINALS, sentence), *sentences[number + 1 :]]
            made += 1
            caught += is_seam_lie(reason(row, Explanation(thought.before, " ".join(lie))))
    assert made > NUM_PUZZLES and caught >= 0.99 * made, (caught, made)


def test_the_other_side_is_caught_where_the_numbers_differ(rows):
    sides = {"left": "top", "top": "left", "upper": "left", "above": "left"}
    made = caught = 0
    for row in rows:
        scene = jigsaw_scene(row.images)
        differences = [[round(scene.difference(who, side)) for who in ("A", "B")] for side in SIDES]
        if max(abs(np.subtract(*differences))) < 3:
            continue
        thought = explain(row)
        lie = Explanation(thought.before, swapped(sides, thought.after))
        made += 1
        caught += is_seam_lie(reason(row, lie))
    assert made > NUM_PUZZLES / 2 and caught >= 0.99 * made, (caught, made)


def test_reversed_looks_are_caught(rows):
    made = 0
    for row in rows:
        thought = explain(row)
        lie = Explanation(swapped(OPPOSITES, thought.before), thought.after)
        if lie == thought:
            continue
        made += 1
        assert reason(row, lie) in ("wrong_brightness", "wrong_warmth", "wrong_detail")
    assert made > NUM_PUZZLES / 2


def test_changed_numbers_are_caught(rows):
    for row in rows:
        thought = explain(row)
        lie = Explanation(thought.before, re.sub(r"\d+", lambda found: str(int(found[0]) + 7), thought.after, count=1))
        assert reason(row, lie) in ("wrong_number", "wrong_lines")


def test_free_prose_is_held_against_the_pictures(rows):
    true = false = 0
    for row in rows:
        right, wrong = (jigsaw.CHOICES[who] for who in (row.answer, other(row.answer)))
        scene = jigsaw_scene(row.images)
        if any(scene.smooth(other(row.answer), side) for side in SIDES) or not scene.smooth(row.answer, None):
            continue
        before = f"The photograph shows dark bars. Let me picture {right} in the corner."
        for after in (
            f"At the upper edge {right} lines up with the bars, but {wrong} disrupts them. It is ({row.answer}).",
            f"{wrong.capitalize()} does not match the left border. {right.capitalize()} blends seamlessly with it.",
        ):
            true += 1
            assert reason(row, Explanation(before, after)) == "ok", after
        for after in (
            f"At the upper edge {wrong} continues the bars. So {right} is the missing part.",
            f"Along the left edge {right} clashes with what lies there. Still it is the missing part.",
            f"{wrong.capitalize()} must be the missing piece.",
            f"{right.capitalize()} cannot be the missing part.",
            f"The answer is ({other(row.answer)}).",
        ):
            false += 1
            assert reason(row, Explanation(before, after)) in ("wrong_seam", "wrong_candidate"), after
    assert true > 20 and false > 50


def test_a_thought_with_an_empty_part_is_rejected(rows):
    assert reason(rows[0], Explanation("Let me look.", " ")) == "empty_thought"
    assert reason(rows[0], Explanation("", "So.")) == "empty_thought"


def test_official_items_can_be_explained(shared):
    from mirage_core.benchmark.official_jigsaw import read_official

    for row in read_official(str(shared / "data/blink_jigsaw")):
        for seed in range(3):
            thought = explain_jigsaw(row.images, row.answer, "A", np.random.default_rng(seed))
            assert reason(row, thought) == "ok", thought


def test_the_prompt_can_be_read():
    prompt = load_prompt("blink_jigsaw")
    assert [role for role, _ in prompt.turns] == ["system", "user"]
    assert prompt.turns[1][1].count("<image>") == prompt.turns[1][1].count("<helper_image>") == 1
    assert "$objections" in prompt.again


def test_the_prompt_is_filled_from_the_pictures(rows):
    for row in rows[:20]:
        facts = jigsaw_facts(row.images, row.answer, row.meta["helper_shows"])
        parts = messages(facts, row.images, row.helper_images, load_prompt("blink_jigsaw"))[-1].content
        assert [part.data for part in parts if isinstance(part, Png)] == [*row.images, *row.helper_images]
        told = " ".join(part.text for part in parts if isinstance(part, Text))
        scene = jigsaw_scene(row.images)
        assert f"The missing part is {jigsaw.CHOICES[row.answer]}" in told
        assert all(f"{jigsaw.CHOICES[who]} {scene.difference(who, side):.0f}" in told for who in "AB" for side in SIDES)
