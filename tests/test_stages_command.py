"""The list of a run's stages, and a stage run anew, on real flows of tiny stages."""

import time
from collections import Counter
from pathlib import Path

import pytest
from prefect import flow

from flows.stages import redo_stage, show
from mirage_core.errors import InputError
from tasks.artifact import Artifact, folder
from tasks.stage import stage
from tasks.stage_runs import find_run

pytestmark = pytest.mark.prefect

executed: Counter[str] = Counter()
broken: list[Exception] = []
"""What the last stage raises, if anything."""
drawn: list[str] = []
"""What the first stage draws: not among its inputs, as the code is not."""


@stage("boards")
def boards(seed: int, *, out: Path):
    executed["boards"] += 1
    (out / "boards").write_text(drawn[0])
    (out / "counts.json").write_text(str(time.time()))
    return {"kept": 1}


@stage("pictures")
def pictures(boards: Artifact, *, out: Path):
    executed["pictures"] += 1
    (out / "picture").write_text((folder(boards) / "boards").read_text())
    return {}


@stage("other")
def other(seed: int, *, out: Path):
    executed["other"] += 1
    return {}


@stage("page")
def page(pictures: Artifact, other: Artifact, *, out: Path):
    executed["page"] += 1
    if broken:
        raise broken[0]
    (out / "page").write_text((folder(pictures) / "picture").read_text())
    return {}


@flow
def road():
    return page(pictures(boards(1)), other(2))


@pytest.fixture(autouse=True)
def fresh(prefect_server, artifact_root):
    executed.clear()
    broken.clear()
    drawn[:] = ["S"]


def ran() -> dict[str, int]:
    """Stages that the next run of the flow executes."""
    executed.clear()
    road()
    return dict(executed)


def lines_of(run: str | None, capsys, count: int) -> list[list[str]]:
    """The list as words, when the server has recorded so many final states: that takes it a moment."""
    deadline_s = time.monotonic() + 20
    while True:
        show(run)
        head, _, *rows = capsys.readouterr().out.splitlines()
        words = [row.split(maxsplit=4) for row in rows]
        if len(words) == count and not {"Running", "Pending"} & {row[1] for row in words}:
            return [head.split(), *words]
        assert time.monotonic() < deadline_s, rows
        time.sleep(0.3)


def test_the_list_tells_state_artifact_and_cause(capsys):
    broken.append(ZeroDivisionError("page 7 has no width"))
    state = road(return_state=True)
    head, *rows = lines_of(None, capsys, 4)
    run = find_run(str(state.state_details.flow_run_id))
    assert head[:4] == [f"{run.name}:", "Failed,", "attempt", "1"]
    assert [row[:2] for row in rows] == [
        ["boards", "Completed"], ["pictures", "Completed"], ["other", "Completed"], ["page", "Failed"],
    ]  # fmt: skip
    for row in rows[:3]:
        name, digest = row[3].split("/")
        assert name == row[0] and folder(Artifact(stage=name, digest=digest)).is_dir()
    assert rows[3][3] == "-" and "ZeroDivisionError: page 7 has no width" in rows[3][4]

    broken.clear()
    road()
    again = lines_of(None, capsys, 4)[1:]
    assert [row[1] for row in again] == ["Cached", "Cached", "Cached", "Completed"]
    assert [row[3] for row in again[:3]] == [row[3] for row in rows[:3]]
    assert [row[1] for row in lines_of(run.name, capsys, 4)[1:]] == ["Completed"] * 3 + ["Failed"], (
        "the earlier, by name"
    )


def test_a_stage_runs_anew_alone_if_it_comes_out_the_same(capsys):
    road()
    lines_of(None, capsys, 4)
    redo_stage("boards")
    assert ran() == {"boards": 1}, "seconds that it took don't count"
    assert ran() == {}


def test_what_depends_on_it_runs_anew_too_if_it_comes_out_otherwise(capsys):
    road()
    lines_of(None, capsys, 4)
    drawn[:] = ["F"]
    redo_stage("boards")
    made = road()
    assert dict(executed) == {"boards": 2, "pictures": 2, "other": 1, "page": 2}
    assert (folder(made) / "page").read_text() == "F"
    assert ran() == {}


def test_a_stage_by_its_artifact():
    made = road()
    redo_stage(f"page/{made.digest}")
    assert ran() == {"page": 1}


def test_what_is_not_there_is_told(capsys):
    state = road(return_state=True)
    lines_of(None, capsys, 4)
    with pytest.raises(InputError, match=r"^stage grpo: run .* of these it has one: boards, pictures, other, page$"):
        redo_stage("grpo", str(state.state_details.flow_run_id))
    with pytest.raises(InputError, match="the next run builds it anyway"):
        redo_stage("page/0000000000000000")
    with pytest.raises(InputError, match="flow run no-such: the server knows none"):
        show("no-such")
