"""The stage contract, on real tiny stages: first as plain calls, then as Prefect tasks in flows."""

import json
import platform
import shutil
import time
from collections import Counter
from pathlib import Path

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.settings import PREFECT_RESULTS_LOCAL_STORAGE_PATH, PREFECT_TASKS_REFRESH_CACHE, temporary_settings
from pydantic import BaseModel, Field

from mirage_core import manifest
from mirage_core.errors import InputError
from tasks.artifact import Artifact, ByContent, folder, plain
from tasks.cards import render_card, with_card
from tasks.stage import stage

DEAD_PID = 999_999_999  # beyond any that a kernel gives out
executed: Counter[str] = Counter()
"""How often each stage's function ran, in this test."""
broken: dict[str, Exception] = {}
"""Stage -> what it raises half-way."""


class Spec(BaseModel):
    seed: int = 3
    shares: dict[int, int] = {3: 1, 4: 2}
    levels: tuple[int, ...] = (3, 4)


def work(name: str, out: Path) -> None:
    executed[name] += 1
    (out / "half").write_text("half of the work")
    if name in broken:
        raise broken[name]


@stage("pictures")
def pictures(spec: Spec, *, out: Path):
    work("pictures", out)
    (out / "0.png").write_bytes(b"picture")
    return {"drawn": 1}


@stage("rows")
def rows(drawn: Artifact, *, out: Path):
    assert (folder(drawn) / "0.png").read_bytes() == b"picture"
    work("rows", out)
    return {"kept": 9, "rejected": {"hits_hole": 1}}


@stage("train", retries=2)
def train(data: list[Artifact], lr: float = 0.1, *, out: Path, scratch: Path):
    steps = scratch / "steps"
    steps.write_text(steps.read_text() + "." if steps.exists() else ".")
    work("train", out)
    (out / "weights").write_text(f"after {len(steps.read_text())} attempts")
    return {"updates": 1}


@flow
def road():
    for artifact in (drawn := pictures(Spec()), data := rows(drawn), trained := train([data])):
        with_card(artifact)
    return trained


@flow
def submitted():
    return rows.submit(pictures.submit(Spec())).result()


@pytest.fixture(autouse=True)
def fresh(artifact_root):
    executed.clear()
    broken.clear()


def states_become(expected: dict[str, str], run: flow) -> bool:
    """Whether the tasks of one run of a flow end in these states; the server records them with some delay."""
    flow_run_id = run(return_state=True).state_details.flow_run_id
    deadline_s = time.monotonic() + 20
    states = {}
    while states != expected and time.monotonic() < deadline_s:
        with get_client(sync_client=True) as client:
            task_runs = client.read_task_runs(flow_run_filter=FlowRunFilter(id={"any_": [flow_run_id]}))
        states = {task_run.name.rsplit("-", 1)[0]: task_run.state.name for task_run in task_runs}
    return states == expected


# ---- what a digest holds --------------------------------------------------------------------------------------------


def test_digest_knows_stage_version_and_inputs_only():
    inputs = {"spec": Spec(), "data": Artifact(stage="rows", digest="d1")}
    digest = ByContent(stage="train", version=1).digest(inputs)
    assert ByContent(stage="train", version=1).digest(dict(reversed(inputs.items()))) == digest
    others = [
        ByContent(stage="eval", version=1).digest(inputs),
        ByContent(stage="train", version=2).digest(inputs),
        ByContent(stage="train", version=1).digest(inputs | {"spec": Spec(seed=4)}),
        ByContent(stage="train", version=1).digest(inputs | {"data": Artifact(stage="rows", digest="d2")}),
    ]
    assert len({digest, *others}) == 5


def test_a_digest_never_moves():
    """A literal: the same in every process and version, or every artifact of every user is orphaned."""
    inputs = {"spec": Spec(), "data": [Artifact(stage="rows", digest="d1")]}
    assert ByContent(stage="train", version=1).digest(inputs) == "6c237cf23e9fef44"


def test_digest_ignores_the_root(tmp_path):
    artifact = Artifact(stage="rows", digest="d1")
    before = artifact.uri, ByContent(stage="train").digest({"data": artifact})
    with temporary_settings(updates={PREFECT_RESULTS_LOCAL_STORAGE_PATH: tmp_path / "elsewhere"}):
        after = artifact.uri, ByContent(stage="train").digest({"data": artifact})
    assert before[0] != after[0] == str(tmp_path / "elsewhere" / "rows" / "d1")
    assert before[1] == after[1]


@pytest.mark.parametrize("value", [Path("rows"), {3, 4}, [object()], b"bytes"])
def test_an_input_without_a_stable_form_is_refused(value):
    with pytest.raises(TypeError, match="stage input `spec"):
        plain(value, "spec")


# ---- one stage, called without a server -----------------------------------------------------------------------------


def test_a_stage_publishes_its_folder_with_a_manifest(artifact_root):
    artifact = rows.fn(pictures.fn(Spec()))

    record = manifest.read(artifact.uri)
    assert folder(artifact) == artifact_root / "rows" / artifact.digest
    assert manifest.verify(folder(artifact)) == []
    assert (record.stage, record.digest, record.version) == ("rows", artifact.digest, 1)
    assert record.counts == {"kept": 9, "rejected": {"hits_hole": 1}}
    assert [parent.stage for parent in manifest.parents(record)] == ["pictures"]


def test_the_seed_is_recorded_where_there_is_one():
    drawn = pictures.fn(Spec(seed=8))
    assert manifest.read(drawn.uri).seed == 8
    assert manifest.read(rows.fn(drawn).uri).seed is None


def test_a_failed_stage_publishes_nothing(artifact_root):
    broken["pictures"] = OSError("disk full")
    with pytest.raises(OSError, match="disk full"):
        pictures.fn(Spec())
    assert list((artifact_root / "pictures").iterdir()) == []


def test_scratch_survives_failure_and_goes_after_success(artifact_root):
    data = rows.fn(pictures.fn(Spec()))
    broken["train"] = RuntimeError("out of memory")
    with pytest.raises(RuntimeError, match="out of memory"):
        train.fn([data])
    assert [path.name.split("-")[0] for path in (artifact_root / "train").iterdir()] == [".scratch"]

    broken.clear()
    artifact = train.fn([data])

    assert (folder(artifact) / "weights").read_text() == "after 2 attempts"
    assert list((artifact_root / "train").iterdir()) == [folder(artifact)]


def test_work_is_not_redone_when_only_the_record_is_missing():
    assert pictures.fn(Spec()) == pictures.fn(Spec())
    assert executed["pictures"] == 1


def test_an_altered_artifact_without_record_is_rebuilt():
    artifact = pictures.fn(Spec())
    (folder(artifact) / "0.png").write_bytes(b"scribble")
    pictures.fn(Spec())
    assert executed["pictures"] == 2
    assert manifest.verify(folder(artifact)) == []


def test_a_refresh_redoes_the_work():
    pictures.fn(Spec())
    with temporary_settings(updates={PREFECT_TASKS_REFRESH_CACHE: True}):
        pictures.fn(Spec())
    assert executed["pictures"] == 2


def test_a_new_version_is_a_new_artifact():
    def made(spec: Spec, *, out: Path):
        return {}

    first, second = (stage("made", version=version)(made).fn(Spec()) for version in (1, 2))
    assert folder(first).parent == folder(second).parent
    assert first.digest != second.digest


def test_a_root_that_cannot_be_written_is_found_before_the_work(tmp_path):
    (tmp_path / "file").touch()
    with (
        temporary_settings(updates={PREFECT_RESULTS_LOCAL_STORAGE_PATH: tmp_path / "file"}),
        pytest.raises(InputError, match=str(tmp_path / "file")),
    ):
        pictures.fn(Spec())
    assert executed["pictures"] == 0


def test_an_artifact_that_is_gone_is_named():
    gone = Artifact(stage="rows", digest="d1")
    with pytest.raises(InputError, match="rows/d1"):
        folder(gone)


def test_a_card_tells_counts_lineage_and_seed():
    drawn = pictures.fn(Spec(seed=8))
    trained = train.fn([data := rows.fn(drawn)])
    assert "| rejected: hits_hole | 1 |" in render_card(data)
    assert "| seed | 8 |" in render_card(drawn)
    assert f"- rows `{data.digest}`\n  - pictures `{drawn.digest}`\n" in render_card(trained)

    shutil.rmtree(folder(drawn))
    assert f"  - pictures `{drawn.digest}` (deleted since)\n" in render_card(trained)


def test_pictures_on_a_card_are_few_and_small():
    import numpy as np
    from PIL import Image

    @stage("noise")
    def noise(spec: Spec, *, out: Path):
        (out / "samples").mkdir()
        for number in range(6):
            pixels = np.random.default_rng(number).integers(0, 256, (512, 512, 3), np.uint8)
            Image.fromarray(pixels).save(out / "samples" / f"{number}.png")
        return {}

    card = render_card(noise.fn(Spec()))
    assert card.count("](data:image/png;base64,") == 4
    assert len(card) < 50_000


# ---- stages in flows, with a server ---------------------------------------------------------------------------------


@pytest.mark.prefect
def test_only_what_failed_or_is_missing_runs_again(prefect_server):
    broken["train"] = InputError("recipes/x.yaml: wrong")
    assert states_become({"pictures": "Completed", "rows": "Completed", "train": "Failed"}, road)
    assert executed["train"] == 1  # in spite of retries=2

    broken.clear()
    assert states_become({"pictures": "Cached", "rows": "Cached", "train": "Completed"}, road)
    assert states_become({"pictures": "Cached", "rows": "Cached", "train": "Cached"}, road)

    shutil.rmtree(folder(pictures(Spec())))
    assert states_become({"pictures": "Completed", "rows": "Cached", "train": "Cached"}, road)
    assert executed == {"pictures": 2, "rows": 1, "train": 2}


@pytest.mark.prefect
def test_a_key_of_prefect_is_the_folder_of_the_stage(prefect_server):
    artifact = road()
    record = json.loads((folder(artifact) / "_prefect.json").read_text())
    assert record["metadata"]["storage_key"] == str(folder(artifact) / "_prefect.json")
    assert manifest.verify(folder(artifact)) == []


@pytest.mark.prefect
def test_a_failure_that_may_pass_is_retried(prefect_server):
    broken["train"] = ConnectionError("network")
    assert states_become({"pictures": "Completed", "rows": "Completed", "train": "Failed"}, road)
    assert executed["train"] == 3


@pytest.mark.prefect
def test_a_moved_root_still_counts(prefect_server, artifact_root):
    before = road()
    moved = artifact_root.rename(artifact_root.with_name("moved"))
    with temporary_settings(updates={PREFECT_RESULTS_LOCAL_STORAGE_PATH: moved}):
        after = road(return_state=True).result()
        assert after == before
        assert folder(after).is_relative_to(moved)
    assert executed == {"pictures": 1, "rows": 1, "train": 1}


@pytest.mark.prefect
def test_a_missing_record_is_written_again_without_the_work(prefect_server):
    record = folder(road()) / "_prefect.json"
    record.unlink()
    assert states_become({"pictures": "Cached", "rows": "Cached", "train": "Completed"}, road)
    assert states_become({"pictures": "Cached", "rows": "Cached", "train": "Cached"}, road)
    assert executed["train"] == 1


@pytest.mark.prefect
def test_stages_may_be_submitted(prefect_server):
    artifact = submitted()
    assert submitted() == artifact == rows.fn(pictures.fn(Spec()))
    assert executed == {"pictures": 1, "rows": 1}


@pytest.mark.prefect
def test_a_stage_whose_digest_cannot_be_computed_fails(prefect_server):
    """Prefect only logs an error in a cache key and would run uncached."""

    @flow
    def wrong():
        rows({"a", "set"})

    assert states_become({"rows": "Failed"}, wrong)
    assert executed["rows"] == 0


@pytest.mark.prefect
def test_cards_are_written_on_cached_runs_too(prefect_server):
    from prefect.artifacts import Artifact as Card

    road()
    first = Card.get("train")
    road()
    second = Card.get("train")
    assert first.id != second.id
    assert first.data == second.data and "| updates | 1 |" in second.data


def test_what_a_killed_run_left_behind_is_removed(artifact_root):
    digest = pictures.cache_policy.digest({"spec": Spec()})
    left = artifact_root / "pictures" / f".{digest}.{platform.node()}.{DEAD_PID}"
    left.mkdir(parents=True)
    (left / "half.png").write_bytes(b"1")
    pictures.fn(Spec())
    assert [path.name for path in (artifact_root / "pictures").iterdir()] == [digest]


def test_a_field_marked_exclude_is_no_part_of_the_digest():
    class Source(BaseModel):
        sha256: str
        path: str = Field(exclude=True)

    here, there = (plain(Source(sha256="a", path=path), "source") for path in ("/here", "/there"))
    assert here == there == {"sha256": "a"}
