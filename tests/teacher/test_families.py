"""Models tell about jigsaws and rooms: what is wrong with a reply is named, fed back, and the oracle steps in."""

import asyncio
import json
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from fault_server import stats
from pupil import JIGSAW_LIES
from test_jigsaw_thoughts import scenery

from mirage_core.errors import InputError
from mirage_core.photos.splits import Listed
from mirage_core.puzzles import jigsaw, sat
from mirage_core.puzzles.sat_helpers import seen_shares
from mirage_core.row import Row, encode_png, read_rows, write_rows
from mirage_core.sat_spec import SatSpec
from mirage_core.synthesis.asking import ask_shard, join_shards
from mirage_core.synthesis.dataset import build_dataset
from mirage_core.synthesis.jigsaw_reasoning import jigsaw_by_oracle
from mirage_core.synthesis.jigsaw_rows import Place, draw_jigsaws, places
from mirage_core.synthesis.sat_reasoning import sat_by_oracle
from mirage_core.teacher import Explanation
from mirage_core.teacher.explain import Prompts
from mirage_core.teacher.facts import facts_of
from mirage_core.teacher.judge import PROMPT as JUDGE
from mirage_core.teacher.prompting import load_prompt, messages, read_explanation
from mirage_core.teacher.proof import review_thought
from mirage_core.teacher.sat_scene import sat_scene
from mirage_core.teacher.server import Teacher
from mirage_core.teacher.settings import ServerTeacher
from mirage_core.teacher.store import AnswerStore

pytestmark = pytest.mark.render

SETTINGS = ServerTeacher(model="teacher", timeout_s=20.0, backoff_s=0.01, num_tries=2)
SEED = 3
PROMPTS = {jigsaw.TASK: "blink_jigsaw", sat.TASK: "sat_dynamic"}
"""Task of the rows -> that of their spec, which names the prompt file."""


@pytest.fixture(scope="module")
def jigsaws() -> list[Row]:
    photos = [Listed(str(n), f"{n:064x}", 640, 400, f"{n:064x}") for n in range(6)]
    drawn = draw_jigsaws(
        places(photos, "train", 24, SEED), lambda photo: scenery(int(photo.name)), jigsaw.JigsawCut(), "random-piece", 3
    )
    rows = [row for row in drawn if not isinstance(row, Place)]
    return [replace(row, meta={**row.meta, "number": number}) for number, row in enumerate(rows)]


@pytest.fixture(scope="module")
def rooms() -> list[Row]:
    """Rows as they are drawn, but with plain pictures: nobody looks at them."""
    renderer, rows = sat.process_renderer(), []
    for number in range(20):
        puzzle, _ = sat.sample(renderer, 77, number)
        meta = {"puzzle": sat.to_meta(puzzle), "seen": seen_shares(puzzle, renderer)}
        place = {"number": number, "seed": 77, "index": number}
        pictures = [encode_png(np.full((64, 64, 3), shade, np.uint8)) for shade in (90, 120)]
        row = Row(
            id=f"room-{number}", task=sat.TASK, split="train", level=1, question=sat.question(puzzle),
            images=pictures[: len(puzzle.layout.cameras)], helper_images=pictures[:1], thought_before="",
            thought_after="", answer=puzzle.answer_text, choices=list(puzzle.choices),
            meta=json.loads(json.dumps({**place, **meta})),
        )  # fmt: skip
        rows.append(row)
    return rows


def ask(rows, folder, fallback_seed):
    """Explain the rows as one shard and join them; returns the counts of asking and of the rows, and the rows."""
    write_rows(rows, str(folder / "pictures/rows"))
    prompts = Prompts(load_prompt(PROMPTS[rows[0].task]), load_prompt(JUDGE))
    for name in ("shard", "thoughts", "data"):
        (folder / name).mkdir()

    async def story():
        with AnswerStore(folder / "store") as store:
            async with Teacher(SETTINGS, store) as teacher:
                how = (prompts, 1, fallback_seed, folder / "shard", lambda told: None)
                return await ask_shard(teacher, folder / "pictures", 0, *how)

    asked = join_shards([folder / "shard"], [asyncio.run(story())], folder / "thoughts")
    parts = [folder / name for name in ("pictures", "thoughts")]
    counts = build_dataset(*parts, "nobody", folder / "data", folder / "scratch", workers=1)
    return asked, counts, list(read_rows(str(folder / "data/rows")))


def reasons(row, thought):
    return {one.reason for one in review_thought(row, thought).objections}


@pytest.mark.server
def test_a_truthful_model_tells_about_jigsaws_and_sees_all_their_pictures(jigsaws, tmp_path, fault_server):
    url = fault_server("--explain")
    asked, counts, rows = ask(jigsaws, tmp_path, None)
    assert counts["kept"] == asked["accepted_at_once"] == len(jigsaws), asked["refused"]
    assert {row.teacher for row in rows} == {"teacher"}
    assert sum(stats(url)["sizes"].values()) == 4 * len(jigsaws)


@pytest.mark.server
def test_lies_about_jigsaws_are_told_and_mended(jigsaws, tmp_path, fault_server):
    fault_server("--explain", "--lie-share", 1)
    asked, counts, _ = ask(jigsaws, tmp_path, None)
    assert asked["accepted_at_once"] == 0 and counts["kept"] == len(jigsaws)
    assert set(asked["refused"]) == set(JIGSAW_LIES)


@pytest.mark.server
def test_mixed_lets_the_oracle_tell_about_jigsaws(jigsaws, tmp_path, fault_server):
    fault_server("--explain", "--lie-share", 1, "--stubborn-share", 1)
    asked, counts, rows = ask(jigsaws, tmp_path, SEED)
    assert asked["fallbacks"] == counts["kept"] == len(jigsaws)
    assert {row.meta["fallback_for"] for row in rows} == set(JIGSAW_LIES)
    for row in rows:
        assert row.teacher == "oracle" and (row.thought_before, row.thought_after) == jigsaw_by_oracle(row, SEED)


@pytest.mark.server
def test_mixed_lets_the_oracle_tell_about_rooms(rooms, tmp_path, fault_server):
    lie = "BEFORE: It is a room like any other, I think.\nCUE: Let me picture it.\nAFTER: I was told the answer."
    url = fault_server("--answer", lie)
    asked, counts, rows = ask(rooms, tmp_path, SEED)
    assert asked["refused"] == {"leak": 2 * len(rooms)} and asked["fallbacks"] == counts["kept"] == len(rooms)
    for row in rows:
        assert row.meta["fallback_for"] == "leak" and row.teacher == "oracle"
        assert (row.thought_before, row.thought_after) == sat_by_oracle(row.meta, 0)
    assert sum(stats(url)["sizes"].values()) == 2 * sum(len(row.images) + 1 for row in rooms)


def test_what_a_model_says_truly_about_rooms_stands(rooms):
    assert {reason for row in rooms for n in range(3) for reason in reasons(row, sat_by_oracle(row.meta, n))} == set()


def test_what_a_model_gets_wrong_about_rooms_is_named(rooms):
    found = Counter()
    for row in rooms:
        thought, scene = sat_by_oracle(row.meta, 0), sat_scene(row.meta)
        side = scene.azimuth_deg(scene.puzzle.asked, "first") < 0
        name, wrong = scene.puzzle.room.things[scene.puzzle.asked].phrase, "right" if side else "left"
        lies = {
            "wrong_side": f"In the first image the {name} is 30 degrees to the {wrong}. {thought.before}",
            "wrong_angle": f"In the first image the {name} is 88 degrees to the {wrong}. {thought.before}",
            "leak": f"In the {'third' if len(row.images) == 2 else 'second'} image it is near. {thought.before}",
            "told_early": f"So the answer is {row.answer}. {thought.before}",
            "no_cue": thought.before.replace(thought.before.split(". ")[-1], "The room is a room."),
        }
        for lie, before in lies.items():
            found[lie] += lie in reasons(row, thought._replace(before=before))
        found["given"] += "leak" in reasons(row, thought._replace(after=f"I was given it. {thought.after}"))
        boxed = f"{thought.after} \\boxed{{{row.answer}}}"
        found["boxed_answer"] += "boxed_answer" in reasons(row, thought._replace(after=boxed))
        open_end = f"{thought.after} What a room."
        found["no_conclusion"] += "no_conclusion" in reasons(row, thought._replace(after=open_end))
    straight = sum(abs(sat_scene(row.meta).azimuth_deg(sat_scene(row.meta).puzzle.asked, "first")) < 3 for row in rooms)
    assert found.pop("wrong_side") >= len(rooms) - straight
    assert set(found.values()) == {len(rooms)}, found


def test_an_objection_about_a_jigsaw_says_what_is_true(jigsaws):
    row = jigsaws[0]
    right, wrong = (jigsaw.CHOICES[who] for who in (("A", "B") if row.answer == "A" else ("B", "A")))
    shown = jigsaw.CHOICES[row.meta["helper_shows"]]
    true = read_explanation(
        "BEFORE: The border of the hole is dark.\n"
        f"CUE: Let me picture {shown} there.\nAFTER: So {right} is the missing part."
    )
    assert isinstance(true, Explanation) and reasons(row, true) == set()
    (one,) = review_thought(row, true._replace(after=f"So {wrong} is the missing part.")).objections
    assert one.reason == "wrong_candidate" and f"in these pictures: the missing part is {right}" in one.told
    assert reasons(row, true._replace(after=f"The missing part is {right}.")) == set()
    for after, reason in (
        (f"The missing part is {wrong}.", "wrong_candidate"),
        ("The colours agree.", "no_conclusion"),
        (f"In the fourth image it fits. {true.after}", "leak"),
        (f"It is 12 grey levels off. {true.after}", "leak"),
        (f"{true.after} \\boxed{{{row.answer}}}", "boxed_answer"),
        (f"{true.after} **Done.**", "markup"),
    ):
        assert reason in reasons(row, true._replace(after=after)), after


@pytest.mark.parametrize("family", ["jigsaws", "rooms"])
def test_the_prompt_asks_for_what_is_reviewed_and_every_field_is_filled(family, request):
    row = request.getfixturevalue(family)[0]
    prompt = load_prompt(PROMPTS[row.task])
    asked = " ".join(prompt.turns[-1][1].split())
    for demand in (
        "BEFORE:",
        "CUE:",
        "AFTER:",
        "not say yet|not named yet",
        "last (which|what)",
        "boxed",
        "Never mention",
    ):
        assert re.search(demand, asked), demand
    *_, question = messages(facts_of(row), row.images, row.helper_images, prompt)
    assert not [part for part in question.content if "$" in getattr(part, "text", "")]
    pictures = [part.data for part in question.content if hasattr(part, "data")]
    assert pictures == [*row.images, *row.helper_images]


def test_a_model_is_not_shown_noise():
    spec = SatSpec(task="sat_dynamic", seed=1, num_puzzles={"train": 4}, helper_image="noise")
    with pytest.raises(InputError, match="teacher mixed: .*noise is for the oracle"):
        spec.told_by("mixed")
    assert spec.model_copy(update={"helper_image": "target"}).told_by("mixed").asks_model
