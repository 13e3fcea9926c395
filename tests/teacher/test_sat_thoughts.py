"""How many lies about rooms the checks catch, and how much truth they reject."""

import json
import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from mirage_core.puzzles import sat
from mirage_core.puzzles.sat_helpers import seen_shares
from mirage_core.puzzles.sat_kinds import KINDS
from mirage_core.teacher import Explanation
from mirage_core.teacher.chat import Png, Text
from mirage_core.teacher.prompting import load_prompt, messages
from mirage_core.teacher.sat_claims import SENTENCE, read_claims
from mirage_core.teacher.sat_facts import sat_facts
from mirage_core.teacher.sat_oracle import explain_sat
from mirage_core.teacher.sat_scene import sat_scene
from mirage_core.teacher.sat_verify import sat_findings, verify_sat

pytestmark = pytest.mark.render

SEED, NUM_FEW, NUM_MANY = 77, 40, 300
OPPOSITES = {
    "left": "right", "right": "left", "closer": "further", "further": "closer", "nearer": "farther", "towards":
    "away from", "away from": "towards", "further away": "closer", "yes": "no", "no": "yes",
}  # fmt: skip


def draw(number):
    """Metas as a file gives them back."""
    renderer = sat.process_renderer()
    for index in range(number):
        puzzle, _ = sat.sample(renderer, SEED, index)
        seen = seen_shares(puzzle, renderer)
        yield json.loads(json.dumps({"puzzle": sat.to_meta(puzzle), "seen": seen}))


@pytest.fixture(scope="module")
def few():
    return list(draw(NUM_FEW))


@pytest.fixture(scope="module")
def many():
    return list(draw(NUM_MANY))


def explain(meta, seed=0):
    return explain_sat(sat_scene(meta), np.random.default_rng([seed, len(str(meta))]))


def reason(meta, thought, answer=None):
    return verify_sat(meta, thought, answer or sat_scene(meta).puzzle.answer_text).reason


def swapped(text, words):
    """A text with some of its words exchanged for their opposites."""
    pattern = "|".join(sorted(map(re.escape, words), key=len, reverse=True))
    return re.sub(rf"\b({pattern})\b", lambda found: OPPOSITES[found[0]], text)


def lies(meta, thought):
    """(what was changed, a thought with one false sentence) for every way to make one false."""
    scene, sentences = sat_scene(meta), SENTENCE.split(thought.after)
    for number, sentence in enumerate(sentences):
        for kind, lie in (*swaps(sentence), *other_numbers(sentence), *rewordings(sentence)):
            yield kind, Explanation(thought.before, " ".join([*sentences[:number], lie, *sentences[number + 1 :]]))
    for kind, lie in other_things(scene, sentences[-1]):
        yield kind, Explanation(thought.before, " ".join([*sentences[:-1], lie]))


def swaps(sentence):
    for kind, words in (
        ("sides", ("left", "right")),
        ("change", ("closer", "further", "nearer", "further away")),
        ("depth", ("towards", "away from")),
    ):
        other = swapped(sentence.replace("left the view", "LEFT"), words).replace("LEFT", "left the view")
        if other != sentence:
            yield kind, other
    if re.search(r"\b(So|is) (yes|no)\b(?! objects)", sentence):
        yield "answer", swapped(sentence, ("yes", "no"))


def other_numbers(sentence):
    for found in re.finditer(r"\d+(?:\.\d+)?(?= (degrees|meters))", sentence):
        more = f"{float(found[0]) + 1.3:.1f}" if found[1] == "meters" else str(int(found[0]) + 13)
        yield found[1], sentence[: found.start()] + more + sentence[found.end() :]


def rewordings(sentence):
    for kind, pattern, lie in (
        ("middle", "in the middle", "40 degrees to the left of the middle"),
        ("visible", "out of view|has left the view|no longer in view", "in view"),
        ("visible", "has come into view|can be seen too|is in view", "is out of view"),
        ("step", " and moved forward", ", and the camera did not move"),
        ("still", ".*camera did not move", "So the camera rotated left"),
    ):
        if re.search(pattern, sentence):
            yield kind, re.sub(pattern, lie, sentence)


def other_things(scene, closing):
    name = scene.puzzle.room.things[scene.puzzle.asked].phrase
    other = next(thing.phrase for thing in scene.puzzle.room.things if thing.phrase != name)
    if name in closing:
        missing = next(kind for kind in KINDS if kind not in {thing.kind for thing in scene.puzzle.room.things})
        yield "no such thing", closing.replace(name, missing)
    if scene.puzzle.question_type != "obj_movement":
        return
    if scene.shift is None:
        yield "moved", f"So the {name} was moved left and towards the camera."
    else:
        yield "other thing moved", f"So the {other} was moved {scene.shift[0]} and {scene.shift[1]} the camera."
        yield "nothing moved", "So no objects moved."


def check_truth(metas, seeds):
    kinds = Counter()
    for meta in metas:
        for seed in range(seeds):
            thought, scene = explain(meta, seed), sat_scene(meta)
            assert not list(sat_findings(meta, thought, scene.puzzle.answer_text)), (thought, scene.puzzle)
            kinds.update(claim.kind for claim in read_claims(thought, scene))
            for sentence in SENTENCE.split(thought.after):
                alone = Explanation(scene.puzzle.room.things[scene.puzzle.asked].phrase, sentence)
                assert list(read_claims(alone, scene)), sentence
    assert set(kinds) == {
        "side", "angle", "distance", "change", "visible", "turn", "step", "moved", "facing", "slide", "thing", "answer",
    }  # fmt: skip


def check_lies(metas):
    made, caught, missed = Counter(), Counter(), []
    for meta in metas:
        thought = explain(meta)
        for kind, lie in lies(meta, thought):
            made[kind] += 1
            if reason(meta, lie) == "ok":
                missed.append((kind, lie.after))
            else:
                caught[kind] += 1
    return made, caught, missed


def test_the_oracle_tells_the_truth_in_words_that_are_read(few):
    check_truth(few, 4)


@pytest.mark.render
def test_hundreds_of_true_thoughts_all_stand(many):
    check_truth(many, 3)


def test_each_kind_of_lie_is_caught(few):
    made, _, missed = check_lies(few)
    assert not missed
    assert len(made) >= 12


@pytest.mark.render
def test_each_kind_of_lie_is_caught_hundreds_of_times(many):
    made, _, missed = check_lies(many)
    assert not missed, missed[:5]
    assert made.total() > 1000 and min(made.values()) >= 5, made


def test_the_other_choice_is_no_answer(few):
    for meta in few:
        puzzle = sat_scene(meta).puzzle
        assert reason(meta, explain(meta), puzzle.choices[1 - puzzle.answer]) == "answer_wrong_choice"


def test_a_thought_about_another_room_does_not_stand(few):
    by_type = [[meta for meta in few if meta["puzzle"]["question_type"] == kind] for kind in sat.QUESTION_TYPES]
    for metas in by_type:
        for one, other in pairwise(metas):
            assert reason(one, explain(other)) != "ok"


def test_the_first_part_does_not_name_the_answer(few):
    for meta in few:
        puzzle, before = sat_scene(meta).puzzle, explain(meta).before.lower()
        if puzzle.answer_text.lower() not in ("left", "right", "yes", "no"):
            assert puzzle.answer_text.lower() not in before
        if puzzle.question_type in ("goal_aim", "action_sequence") and "degrees" not in before:
            assert not re.search(r"\b(left|right)\b", before)


def test_thoughts_differ_in_words_and_not_by_chance(few):
    for meta in few[:10]:
        assert len({explain(meta, seed) for seed in range(8)}) > 3
        assert explain(meta, 3) == explain(meta, 3)


def test_free_prose_is_held_against_the_room(few):
    meta = next(
        meta
        for meta in few
        if meta["puzzle"]["question_type"] == "goal_aim" and meta["puzzle"]["actions"] != ["move forward"]
    )
    puzzle = sat_scene(meta).puzzle
    side, name = puzzle.answer_text.split()[0], puzzle.room.things[puzzle.asked].phrase
    wrong = OPPOSITES[side]
    true = f"The {name} sits to the {side} of the middle in the first image, so I need to turn {side} to face it."
    assert reason(meta, Explanation("Let me look.", true)) == "ok"
    for lie, caught in (
        (true.replace(f"to the {side}", f"to the {wrong}"), "wrong_side"),
        (true.replace(f"turn {side}", f"turn {wrong}"), "wrong_turn"),
        (f"In the first image the {name} is straight ahead.", "wrong_side"),
        (f"After turning {side}, I am facing away from it.", "wrong_facing"),
        (f"After turning {side}, the {name} is no longer visible.", "wrong_visible"),
        (f"Once I have turned {side} by 80 degrees, it is in the middle.", "wrong_turn"),
    ):
        assert reason(meta, Explanation("Let me look.", lie)) == caught, lie


def test_the_prompt_names_what_is_measured(few):
    prompt = load_prompt("sat_dynamic")
    for meta in few[:10]:
        facts = sat_facts(meta)
        chat = messages(facts, [b"one", b"two"], [b"helper"], prompt)
        parts = chat[-1].content
        assert [part.data for part in parts if isinstance(part, Png)] == [b"one", b"two", b"helper"]
        said = " ".join(part.text for part in parts if isinstance(part, Text))
        assert sat_scene(meta).puzzle.answer_text in said and "$" not in said
