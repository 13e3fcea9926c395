"""A shard explained by a model: refused replies are told why and tried again, and every row ends with a name."""

import asyncio
import json
from collections import Counter

import pytest
from fault_server import stats

from mirage_core.row import read_rows
from mirage_core.spec import DatasetSpec
from mirage_core.synthesis.asking import ServerFails, ask_shard, join_shards
from mirage_core.synthesis.dataset import build_dataset
from mirage_core.synthesis.reasoning import read_thoughts
from mirage_core.teacher.explain import Prompts
from mirage_core.teacher.judge import PROMPT as JUDGE
from mirage_core.teacher.prompting import load_prompt
from mirage_core.teacher.server import Teacher
from mirage_core.teacher.settings import ServerTeacher
from mirage_core.teacher.store import AnswerStore

pytestmark = pytest.mark.server

SETTINGS = ServerTeacher(model="teacher", timeout_s=4.0, backoff_s=0.01, num_tries=2)
COMMON = {"seed": 3, "level_shares": {3: 1, 4: 1, 5: 1}, "thoughts_per_puzzle": 2, "puzzles_per_shard": 60}
SPECS = {
    "vsp_spatial_planning": DatasetSpec(
        task="vsp_spatial_planning", num_puzzles={"train": 60, "validation": 30}, **COMMON
    ),
    "vsp_spatial_reasoning": DatasetSpec(
        task="vsp_spatial_reasoning", num_puzzles={"train": 60, "validation": 30}, **COMMON
    ),
}
NUM_THOUGHTS = 2 * 60 + 30


@pytest.fixture(scope="module", params=SPECS)
def made(request, synthesize, tmp_path_factory):
    """Puzzles and pictures of a task, told by nobody yet."""
    return SPECS[request.param], synthesize(SPECS[request.param], tmp_path_factory.mktemp("made"))


def ask(made, folder, settings=SETTINGS, fallback=False):
    """Explain both shards and build the rows; returns the counts of asking and of the rows."""
    spec, built = made
    prompts = Prompts(load_prompt(spec.task), load_prompt(JUDGE))

    async def story():
        with AnswerStore(folder / "store") as store:
            async with Teacher(settings, store) as teacher:
                counts = []
                for shard in range(2):
                    out = folder / f"shard-{shard}"
                    out.mkdir()
                    seed = spec.seed if fallback else None
                    counts.append(
                        await ask_shard(teacher, built.pictures, shard, prompts, 2, seed, out, lambda told: None)
                    )
                return counts

    counts = asyncio.run(story())
    thoughts, data = folder / "thoughts", folder / "data"
    thoughts.mkdir()
    data.mkdir()
    joined = join_shards([folder / f"shard-{shard}" for shard in range(2)], counts, thoughts)
    return joined, build_dataset(built.pictures, thoughts, "nobody", data, folder / "scratch", workers=1)


def rows_of(folder, part="rows"):
    return list(read_rows(str(folder / "data" / part)))


def test_a_truthful_model_is_accepted_at_once_and_its_name_stands_in_the_rows(tmp_path, made, fault_server):
    url = fault_server("--explain")
    asked, counts = ask(made, tmp_path)
    assert asked["thoughts"] == asked["accepted_at_once"] == asked["replies"] == counts["kept"] == NUM_THOUGHTS
    assert asked["refused"] == {} and counts["rejected"] == {}
    rows = rows_of(tmp_path)
    assert {row.teacher for row in rows} == {"teacher"}
    texts = {row.thought_before + row.thought_after for row in rows if row.split == "train"}
    assert len(texts) > 100, "several thoughts about a puzzle are different ones"
    shown = 2 * NUM_THOUGHTS if made[0].task == "vsp_spatial_planning" else 0
    assert sum(stats(url)["sizes"].values()) == shown


def test_a_lie_is_told_and_mended_and_a_lasting_one_rejected(tmp_path, made, fault_server):
    url = fault_server("--explain", "--lie-share", 0.5, "--stubborn-share", 0.4)
    asked, counts = ask(made, tmp_path)
    refused = sum(asked["refused"].values())
    assert counts["kept"] == asked["accepted"] and counts["kept"] + sum(counts["rejected"].values()) == NUM_THOUGHTS
    assert asked["replies"] == NUM_THOUGHTS + (NUM_THOUGHTS - asked["accepted_at_once"])
    assert 0.35 < 1 - asked["accepted_at_once"] / NUM_THOUGHTS < 0.65
    assert refused == (NUM_THOUGHTS - asked["accepted_at_once"]) + (NUM_THOUGHTS - asked["accepted"])
    assert set(asked["refused"]) == {"leak", "wrong_tile", "markup"} == set(counts["rejected"])
    assert sum(stats(url)["received"].values()) == asked["replies"]
    for row in rows_of(tmp_path):
        assert "red line" not in row.thought_after and "**" not in row.thought_after
    for row in rows_of(tmp_path, "rejected"):
        assert "red line" in row.thought_after or "**" in row.thought_after or "(0,0),Hole" in row.thought_after


def test_mixed_lets_the_oracle_write_what_was_refused_and_marks_it(tmp_path, made, fault_server):
    fault_server("--explain", "--lie-share", 0.5, "--stubborn-share", 1)
    asked, counts = ask(made, tmp_path, fallback=True)
    assert counts["kept"] == NUM_THOUGHTS and counts["rejected"] == {}
    rows = rows_of(tmp_path)
    marked = [row for row in rows if "fallback_for" in row.meta]
    assert len(marked) == asked["fallbacks"] == NUM_THOUGHTS - asked["accepted"] > 30
    assert {row.teacher for row in marked} == {"oracle"}
    assert {row.teacher for row in rows if row not in marked} == {"teacher"}
    assert {row.meta["fallback_for"] for row in marked} == {"leak", "wrong_tile", "markup"}
    by_oracle = {(row.id, row.thought_after) for row in read_rows(str(made[1].data / "rows"))}
    assert {(row.id, row.thought_after) for row in marked} <= by_oracle


def test_a_fifth_of_the_exchanges_may_fail_in_any_way_and_every_row_has_an_end(tmp_path, made, fault_server):
    url = fault_server("--explain", "--fault-share", 0.2, "--lie-share", 0.3, "--stubborn-share", 0.5, "--slow-s", 6)
    asked, counts = ask(made, tmp_path)
    assert counts["kept"] + sum(counts["rejected"].values()) == counts["asked"] == NUM_THOUGHTS
    assert asked["failed"] == 0 and set(counts["rejected"]) <= {"leak", "wrong_tile", "markup"}
    found = stats(url)
    assert sum(found["received"].values()) == asked["replies"] + sum(found["faults"].values())
    assert set(found["answered"].values()) == {1}, "nothing that was answered was asked again"

    undisturbed = tmp_path / "undisturbed"
    undisturbed.mkdir()
    fault_server("--explain", "--lie-share", 0.3, "--stubborn-share", 0.5)
    ask(made, undisturbed)
    assert list(read_thoughts(tmp_path / "thoughts")) == list(read_thoughts(undisturbed / "thoughts"))


def test_a_server_that_fails_too_often_stops_the_shard_and_its_answers_stay(tmp_path, made, fault_server):
    fault_server("--explain", "--fault-share", 0.5, "--kinds", "500")
    settings = SETTINGS.model_copy(update={"http_tries": 1})
    with pytest.raises(ServerFails, match="got no answer: server error 500 after 1 tries"):
        ask(made, tmp_path, settings)
    assert not list(tmp_path.glob("shard-*/thoughts"))
    with AnswerStore(tmp_path / "store") as store:
        assert len(store) > 0


def test_a_few_rows_without_an_answer_are_named_rejects(tmp_path, made, fault_server):
    fault_server("--explain", "--fault-share", 0.02, "--kinds", "500", "--seed", 2)
    settings = SETTINGS.model_copy(update={"http_tries": 1})
    asked, counts = ask(made, tmp_path, settings)
    assert counts["rejected"] == {"server error 500 after 1 tries": asked["failed"]} and asked["failed"] > 0
    assert counts["kept"] == NUM_THOUGHTS - asked["failed"]


def test_a_judge_that_says_no_is_heard(tmp_path, made, fault_server):
    fault_server("--explain", "--doubt-share", 0.3, "--models", "teacher", "judge")
    asked, counts = ask(made, tmp_path, SETTINGS.model_copy(update={"judge_model": "judge"}))
    assert set(asked["refused"]) == {"judged_wrong"} == set(counts["rejected"])
    assert 0.15 < 1 - asked["accepted_at_once"] / NUM_THOUGHTS < 0.45
    assert asked["replies"] == 2 * (NUM_THOUGHTS + NUM_THOUGHTS - asked["accepted_at_once"])


@pytest.mark.parametrize(
    ("said", "reason"), [("I will not.", "no_markers"), ("BEFORE: a\nCUE:\nAFTER: b", "empty_part")]
)
def test_replies_without_the_asked_form_are_rejected_with_what_was_said(tmp_path, made, fault_server, said, reason):
    fault_server("--answer", said)
    asked, counts = ask(made, tmp_path)
    assert counts["rejected"] == {reason: NUM_THOUGHTS} and asked["refused"] == {reason: 2 * NUM_THOUGHTS}
    assert {row.thought_before for row in rows_of(tmp_path, "rejected")} == {said}
    lines = (tmp_path / "thoughts/thoughts/part-00000.jsonl").read_text().splitlines()
    assert Counter(len(json.loads(line)[4]["refused"]) for line in lines) == {2: 120}
