"""Real faults: damaged files, a full disk, killed runs. A rerun ends where an undisturbed run does."""

import errno
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import yaml
from prefect.settings import PREFECT_API_URL, PREFECT_RESULTS_LOCAL_STORAGE_PATH, temporary_settings

from flows.synth_vsp import synth_vsp
from mirage_core import manifest
from mirage_core.errors import InputError
from tasks.artifact import Artifact, folder
from tasks.local import run_flow
from tasks.stage import stage

REPO = Path(__file__).parents[1]
SPEC = {
    "task": "vsp_spatial_planning",
    "seed": 5,
    "level_shares": {3: 1, 4: 1},
    "num_puzzles": {"train": 16, "rl": 4, "validation": 4},
}
STAGES = {"puzzles", "helper-images", "reasoning", "dataset"}
SMALL_DISK_BYTES = 2 << 20
PAGE_BYTES = 4096


@pytest.fixture(scope="module")
def spec(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("spec") / "spec.yaml"
    path.write_text(yaml.safe_dump(SPEC))
    return path


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """An artifact root on a disk of its own that is soon full."""
    place = tmp_path / "small-disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_BYTES}", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        reason = "NOT TESTED on a full disk: mounting one is not permitted here"
        warnings.warn(reason, stacklevel=1)
        pytest.skip(reason)
    try:
        with temporary_settings(updates={PREFECT_RESULTS_LOCAL_STORAGE_PATH: place / "artifacts"}):
            yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def result(root: Path) -> dict[str, dict[str, str]]:
    """Stage -> the checksums of its files."""
    records = [manifest.read(str(path.parent)) for path in root.glob("[!.]*/[!.]*/manifest.json")]
    return {record.stage: {record.digest: ""} | record.files for record in records}


def fill(disk: Path, spare_bytes: int) -> Path:
    """Leave only so much room on a disk."""
    status = os.statvfs(disk)
    path = disk / "filler"
    path.write_bytes(bytes(status.f_bavail * status.f_frsize - spare_bytes))
    return path


def finished(text: str, state: str) -> set[str]:
    """Stages that the log of a run tells ended in that state."""
    return {name.rsplit("-", 1)[0] for name in re.findall(rf"Task run '([\w-]+)' - Finished in state {state}", text)}


# ---- damaged artifacts ----------------------------------------------------------------------------------------------


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    """One bit, in the middle; the size stays."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def empty(path: Path) -> None:
    os.truncate(path, 0)


@pytest.mark.prefect
def test_only_what_was_damaged_is_built_again(prefect_server, artifact_root, spec, caplog):
    """Three stages, each with another damage; the one that reads them all stays as it is."""
    run_flow(synth_vsp, spec=spec)
    before = result(artifact_root)
    places = {name: next((artifact_root / name).iterdir()) for name in STAGES}
    inodes = {name: place.stat().st_ino for name, place in places.items()}
    next(places["puzzles"].glob("puzzles/*")).unlink()
    flip(next(places["helper-images"].glob("rows/*.parquet")))
    cut(places["reasoning"] / "manifest.json")

    run_flow(synth_vsp, spec=spec)

    assert result(artifact_root) == before
    assert {name for name in STAGES if places[name].stat().st_ino != inodes[name]} == STAGES - {"dataset"}
    for name, file in {"puzzles": "puzzles/", "helper-images": "rows/part-", "reasoning": "manifest.json"}.items():
        assert re.search(rf"{name} {places[name].name}: damaged files \({file}", caplog.text)
    assert not list(artifact_root.glob("*/.*")), "what was set aside goes when it has been built again"


@pytest.mark.prefect
@pytest.mark.parametrize("harm", [cut, flip, empty, lambda path: path.write_bytes(os.urandom(500))])
def test_a_damaged_record_of_prefect_is_written_again_without_the_work(prefect_server, artifact_root, harm):
    from prefect import flow

    runs = []

    @stage("counted")
    def counted(number: int, *, out: Path):
        runs.append(number)
        (out / "file").write_text("content")
        return {}

    again = flow(lambda: counted(1), name="again")
    artifact = again()
    record = folder(artifact) / "_prefect.json"
    whole = json.loads(record.read_text())["result"]
    harm(record)
    assert again() == artifact
    assert json.loads(record.read_text())["result"] == whole
    assert runs == [1]


def test_damage_within_a_run_is_told_by_the_stage_that_reads(artifact_root):
    artifact = written.fn("a" * 5000)
    flip(folder(artifact) / "file")
    with pytest.raises(InputError, match=rf"{artifact.uri}: damaged files \(file\); run the flow again"):
        folder(artifact)


def test_what_was_set_aside_stays_until_it_has_been_built_again(artifact_root):
    artifact = written.fn("content")
    (folder(artifact) / "file").write_text("changed by hand")
    refuse.append(RuntimeError("interrupted"))
    with pytest.raises(RuntimeError, match="interrupted"):
        written.fn("content")
    assert (artifact.damaged / "file").read_text() == "changed by hand"
    refuse.clear()
    assert (folder(written.fn("content")) / "file").read_text() == "content"
    assert list((artifact_root / "written").iterdir()) == [folder(artifact)]


def test_a_file_too_many_is_moved_out_and_nothing_built_again(artifact_root, caplog):
    artifact = written.fn("content")
    (folder(artifact) / "rows").mkdir()
    (folder(artifact) / "rows/stray.parquet").write_text("stray")
    (folder(artifact) / ".DS_Store").touch()
    refuse.append(AssertionError("built again"))
    try:
        assert written.fn("content") == artifact
    finally:
        refuse.clear()
    moved = artifact_root / f"written/.added-{artifact.digest}/rows/stray.parquet"
    assert moved.read_text() == "stray" and str(moved) in caplog.text
    assert not (folder(artifact) / "rows/stray.parquet").exists()


def test_a_folder_under_a_wrong_name_does_not_count(artifact_root):
    one, other = written.fn("one"), written.fn("other")
    shutil.copytree(folder(one), folder(other), dirs_exist_ok=True)
    assert written.fn("other") == other
    assert (folder(other) / "file").read_text() == "other"


# ---- no room left ---------------------------------------------------------------------------------------------------

refuse: list[Exception] = []
"""What the stage `written` raises, if anything."""


@stage("written")
def written(text: str, *, out: Path):
    (out / "file").write_text(text)
    if refuse:
        raise refuse[0]
    return {"letters": len(text)}


def test_a_file_that_may_not_grow_is_told(artifact_root):
    """Needs no disk of its own: the largest size of a file is a setting of a process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(InputError, match=rf"{artifact_root}: no room left for stage written .*File too large"):
            written.fn("a" * 20_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list((artifact_root / "written").iterdir()) == []
    assert (folder(written.fn("a" * 20_000)) / "file").stat().st_size == 20_000


def test_a_manifest_for_which_there_is_no_room(small_disk):
    room = fill(small_disk, spare_bytes=2 * PAGE_BYTES)
    with pytest.raises(InputError, match=rf"{small_disk}/artifacts: no room left for stage written"):
        written.fn("a" * 2 * PAGE_BYTES)
    assert not list((small_disk / "artifacts").rglob("*.*"))
    room.unlink()
    assert manifest.verify(folder(written.fn("a" * 2 * PAGE_BYTES))) == []


@pytest.mark.prefect
def test_a_record_for_which_there_is_no_room_is_written_later(prefect_server, small_disk):
    """Prefect only logs that it could not write; the artifact is whole, so the next run adds the record."""
    from prefect import flow

    again = flow(lambda: written("a" * PAGE_BYTES), name="again")
    for spare_pages in range(1, 10):
        room = fill(small_disk, spare_pages * PAGE_BYTES)
        state = again(return_state=True)
        room.unlink()
        if state.is_completed():  # with the least room that text and manifest need
            break
    artifact = state.result()
    record = folder(artifact) / "_prefect.json"
    assert not record.exists() or record.stat().st_size == 0
    refuse.append(AssertionError("built again"))
    try:
        assert again() == artifact
    finally:
        refuse.clear()
    assert artifact.digest in record.read_text()


@pytest.mark.prefect
def test_synthesis_on_a_full_disk_stops_cleanly_and_goes_on(prefect_server, small_disk, tmp_path, spec, capsys):
    with temporary_settings(updates={PREFECT_RESULTS_LOCAL_STORAGE_PATH: tmp_path / "undisturbed"}):
        run_flow(synth_vsp, spec=spec)
    pictures_bytes = sum(path.stat().st_size for path in (tmp_path / "undisturbed/helper-images").rglob("*.parquet"))
    root = small_disk / "artifacts"
    room = fill(small_disk, spare_bytes=pictures_bytes // 2 + 20 * PAGE_BYTES)
    with pytest.raises(SystemExit) as stop:
        run_flow(synth_vsp, spec=spec)
    assert stop.value.code == 1
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert message.startswith(f"error: {root}: no room left for stage helper-images")
    assert os.strerror(errno.ENOSPC) in message
    assert result(root).keys() == {"puzzles"}
    assert not [path for path in root.glob("*/.*") if not path.name.startswith(".scratch-")]

    room.unlink()
    run_flow(synth_vsp, spec=spec)
    assert result(root) == result(tmp_path / "undisturbed")


# ---- killed runs ----------------------------------------------------------------------------------------------------


def environment(**changes: str) -> dict[str, str]:
    """For a command of its own that is tracked by the server of the tests."""
    return os.environ | {"PREFECT_API_URL": PREFECT_API_URL.value(), "OMP_NUM_THREADS": "1"} | changes


@pytest.mark.server
@pytest.mark.prefect
def test_synthesis_that_was_killed_twice_ends_where_an_undisturbed_one_does(prefect_server, spec):
    """The drill itself, on few points; `python benchmarks/kill_drill.py` takes more, and training too."""
    command = [sys.executable, REPO / "benchmarks/kill_drill.py", "--stages", "synth", "--spec", spec]
    drill = subprocess.run(
        [*command, "--points", "2", "--kills", "2", "--seed", "4"],
        env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert drill.returncode == 0, drill.stdout + drill.stderr
    assert "2 of 2 equal" in drill.stdout


TRAIN = """
import sys
from pathlib import Path
from prefect import flow
from mirage_core.model.base import resolve_base
from mirage_core.recipe import load_recipe
from tasks import training
from tasks.artifact import Artifact
from tasks.local import run_flow

@flow
def distil(digest: str, recipe: Path):
    base, data, settings = resolve_base("tiny"), Artifact(stage="dataset", digest=digest), load_recipe(recipe)
    training.stage1(base, data, training.features(base, data), settings.supervised("stage1"))

run_flow(distil, digest=sys.argv[1], recipe=Path(sys.argv[2]))
"""
"""The first third of the flow of training; the whole takes a minute even when nothing is killed."""
ONE = {"num_updates": 1, "batch_size": 8}
RECIPE = {"stage1": {"num_updates": 40, "batch_size": 8, "lr": 1e-3, "save_every": 3}} | {
    name: ONE for name in ("stage2", "direct", "grpo")
}


@pytest.fixture(scope="module")
def train(prefect_server, spec, tmp_path_factory) -> Callable[[], subprocess.Popen[str]]:
    """A function that starts training in the artifact root of the test."""
    (recipe := tmp_path_factory.mktemp("recipe") / "recipe.yaml").write_text(yaml.safe_dump(RECIPE))

    def start() -> subprocess.Popen[str]:
        root = PREFECT_RESULTS_LOCAL_STORAGE_PATH.value()
        data: Artifact = run_flow(synth_vsp, spec=spec)
        return subprocess.Popen(
            [sys.executable, "-c", TRAIN, data.digest, str(recipe)], cwd=REPO, start_new_session=True, text=True,
            env=environment(PREFECT_RESULTS_LOCAL_STORAGE_PATH=str(root)),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    return start


@pytest.mark.train
@pytest.mark.prefect
def test_training_that_was_killed_ends_where_an_undisturbed_one_does(train, artifact_root):
    text = ""
    run = train()
    deadline_s = time.monotonic() + 120
    while not list(artifact_root.glob("stage1/.scratch-*/checkpoint-*/trainer_state.json")):
        assert run.poll() is None and time.monotonic() < deadline_s, run.communicate()[0]
        time.sleep(0.02)
    children = psutil.Process(run.pid).children(recursive=True)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    assert psutil.wait_procs(children, 40)[1] == [], "the trainer outlived its flow"
    assert result(artifact_root).keys() == STAGES | {"features"}

    (again := train()).wait()
    text = again.communicate()[0]
    assert again.returncode == 0, text
    assert finished(text, "Cached") == {"features"} and finished(text, "Completed") == {"stage1"}
    (place,) = (artifact_root / "stage1").glob("[!.]*")
    record = manifest.read(str(place))
    assert 0 < record.counts["resumed_at"] < RECIPE["stage1"]["num_updates"]

    place.rename(artifact_root / "resumed")
    (undisturbed := train()).wait()
    assert undisturbed.returncode == 0
    other = manifest.read(str(place))
    assert other.counts == {**record.counts, "resumed_at": 0}
    differing = {name for name in record.files if record.files[name] != other.files.get(name)}
    assert differing <= {"counts.json", "metrics.jsonl"}, "weights differ"
