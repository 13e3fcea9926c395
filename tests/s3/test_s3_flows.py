"""Flows and stages whose artifact root is a bucket, with faults: nothing half-published is ever seen."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import faulty_proxy
import pytest
import s3_server
from prefect.logging import disable_run_logger
from prefect.settings import PREFECT_RESULTS_LOCAL_STORAGE_PATH, temporary_settings

from flows.synth_vsp import synth_vsp
from mirage_core import bucket, manifest, nights, storage
from mirage_core.benchmark.paired import PairedDifference
from mirage_core.errors import InputError
from mirage_core.manifest import Parent
from mirage_core.row import read_rows
from tasks.artifact import Artifact, folder
from tasks.cards import render_card
from tasks.local import run_flow
from tasks.nights import prune
from tasks.redo import redo
from tasks.stage import is_built, stage

pytestmark = pytest.mark.server
REPO = Path(__file__).parents[2]
SPEC = REPO / "datasets_spec/vsp-smoke.yaml"
STAGES = {"puzzles", "helper-images", "reasoning", "dataset"}
executed: Counter[str] = Counter()


@pytest.fixture(autouse=True)
def fresh():
    executed.clear()


def published(root: str) -> dict[str, manifest.Manifest]:
    """Stage -> what lies in the bucket."""
    fs, path = storage.open_root(root)
    records = [manifest.read(f"s3://{name.rsplit('/', 1)[0]}") for name in fs.glob(f"{path}/*/*/manifest.json")]
    return {record.stage: record for record in records}


@contextmanager
def watched(s3: s3_server.Server, root: str) -> Iterator[list[str]]:
    """Look past the proxy, all the time, for a manifest whose files are not all there with their checksums."""
    fs, stop, wrong, whole = s3.client(), threading.Event(), [], set()

    def look() -> None:
        for path in fs.glob(f"{root.removeprefix('s3://')}/*/*/manifest.json"):
            found = bucket.Published(path.rsplit("/", 1)[0], fs.cat_file(path))
            if (path, found.raw) in whole:
                continue
            for name, sha in found.manifest.files.items():
                try:
                    seen = hashlib.sha256(fs.cat_file(f"{found.place}/{name}")).hexdigest()
                except FileNotFoundError:
                    seen = "missing"
                if seen != sha:
                    wrong.append(f"{found.place}/{name} {seen}")
            whole.add((path, found.raw))

    def watch() -> None:
        while not stop.wait(0.05):
            look()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield wrong
    finally:
        stop.set()
        thread.join()
        look()
        assert whole, "the watcher saw nothing at all"


# ---- a whole flow ---------------------------------------------------------------------------------------------------


@pytest.mark.prefect
def test_a_data_set_is_published_right_though_every_tenth_request_fails(
    prefect_server, s3, bucket_root, tmp_path, monkeypatch, caplog
):
    monkeypatch.delenv("MIRAGE_ROOT")
    local = run_flow(synth_vsp, spec=SPEC)
    local_uri = local.uri
    local_files = {
        path.parent.parent.name: manifest.read(str(path.parent)).files
        for path in Path(local_uri).parents[1].glob("[!.]*/*/manifest.json")
    }

    monkeypatch.setenv("MIRAGE_ROOT", bucket_root)
    with faulty_proxy.before(s3.url, share=0.1, seed=1) as proxy, watched(s3, bucket_root) as wrong:
        s3_server.reach(monkeypatch, proxy.url)
        made = run_flow(synth_vsp, spec=SPEC)
        assert sum(proxy.seen[fault] for fault in faulty_proxy.FAULTS) > 10, proxy.seen
    assert wrong == []
    assert made == local
    there = published(bucket_root)
    assert there.keys() == STAGES
    assert {name: record.files for name, record in there.items()} == local_files

    s3_server.reach(monkeypatch, s3.url)
    caplog.clear()
    with temporary_settings(updates={PREFECT_RESULTS_LOCAL_STORAGE_PATH: tmp_path / "another-machine"}):
        assert run_flow(synth_vsp, spec=SPEC) == made
        assert len(re.findall(r"Finished in state Cached", caplog.text)) == len(STAGES)
        rows = list(read_rows(str(folder(made) / "rows")))
    assert rows == list(read_rows(f"{local_uri}/rows")) == list(read_rows(f"{made.files}/rows"))


def test_a_wrong_key_stops_a_run_in_the_first_seconds(s3, bucket_root, monkeypatch, capsys):
    s3_server.reach(monkeypatch, s3.url, (s3_server.USER[0], "wrong-secret-of-the-test"))
    started_s = time.monotonic()
    with pytest.raises(SystemExit) as stop:
        run_flow(synth_vsp, spec=SPEC)
    assert stop.value.code == 1 and time.monotonic() - started_s < 10
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"error: {bucket_root}: refused by the server (SignatureDoesNotMatch); check AWS_ACCESS")
    assert "wrong-secret" not in line and s3_server.USER[0] not in line


# ---- single stages --------------------------------------------------------------------------------------------------


@stage("many")
def many(number: int, *, out: Path, scratch: Path):
    executed["many"] += 1
    for index in range(number):
        (out / f"{index}.bin").write_bytes(os.urandom(60_000))
    (out / "samples").mkdir()
    return {"files": number}


@stage("after")
def after(made: Artifact, *, out: Path):
    (out / "copy").write_bytes((folder(made) / "0.bin").read_bytes())
    executed["after"] += 1
    return {}


def test_a_bucket_that_gets_full_shows_nothing_half_published_and_the_work_is_kept(s3, bucket_root, monkeypatch):
    with faulty_proxy.before(s3.url) as proxy, watched(s3, bucket_root) as wrong:
        s3_server.reach(monkeypatch, proxy.url)
        proxy.quota_bytes = 400_000
        with pytest.raises(InputError, match=rf"{bucket_root}/many/\w+: the bucket is full \(QuotaExceeded\)"):
            many.fn(12)
        assert published(bucket_root) == {}
        with pytest.raises(InputError, match="the bucket is full"):
            many.fn(12)
        proxy.quota_bytes = None
        made = many.fn(12)
    assert wrong == [] and executed["many"] == 1, "only the upload was repeated"
    assert manifest.verify(folder(made)) == []
    assert not list(folder(made).parents[1].glob("many/.*")), "nothing is left on this machine"


def test_a_bucket_over_its_quota_is_told_by_a_real_server(s3, bucket_root, monkeypatch):
    """SeaweedFS answers 500 to every write then."""
    s3.client().mkdir("small")
    monkeypatch.setenv("MIRAGE_ROOT", "s3://small/prefix")
    s3.client().pipe_file("small/large", os.urandom(3 << 20))
    s3.shell("s3.bucket.quota -name=small -sizeMB=1 -op=set")
    deadline_s = time.monotonic() + 60
    while "read only" not in s3.shell("s3.bucket.quota.enforce -apply"):
        assert time.monotonic() < deadline_s
        time.sleep(1)  # it learns its own size with some delay
    with pytest.raises(InputError, match=r"s3://small/prefix: can be read but not written \(InternalError\); is the"):
        many.fn(3)
    assert executed["many"] == 0 and published("s3://small/prefix") == {}


RUN = f"""
import sys, time
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
import os
from tasks.stage import stage

@stage("raced")
def raced(number: int, *, out: Path):
    with open(sys.argv[1], "a") as log:
        log.write("x")
    while len(open(sys.argv[1]).read()) < int(sys.argv[2]):
        time.sleep(0.05)
    for index in range(number):
        (out / str(index)).write_bytes(os.urandom(60_000))
    return {{}}

print(raced.fn(20).digest)
"""


def start(log: Path, num_runs: int, root: Path, url: str) -> subprocess.Popen:
    env = os.environ | s3_server.environment(url) | {"PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(root)}
    command = [sys.executable, "-c", RUN, str(log), str(num_runs)]
    return subprocess.Popen(
        command, cwd=REPO, env=env | {"PYTHONPATH": str(REPO)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def test_two_machines_that_build_the_same_at_once_end_with_one_whole_artifact(s3, bucket_root, tmp_path):
    with faulty_proxy.before(s3.url, share=0.1, seed=5) as proxy, watched(s3, bucket_root) as wrong:
        runs = [start(tmp_path / "log", 2, tmp_path / f"machine{n}", proxy.url) for n in range(2)]
        texts = [run.communicate()[0] for run in runs]
        assert [run.returncode for run in runs] == [0, 0], texts
    assert wrong == [] and (tmp_path / "log").read_text() == "xx"
    digests = {text.split()[-1] for text in texts}
    assert len(digests) == 1
    uri = f"{bucket_root}/raced/{digests.pop()}"
    attempts = {path.removeprefix(uri.removeprefix("s3://")).split("/")[1] for path in s3.client().find(uri)}
    assert attempts == {"manifest.json", bucket.find(uri).attempt}


def test_a_run_killed_while_uploading_shows_nothing_and_the_next_one_only_uploads_the_rest(s3, bucket_root, tmp_path):
    with faulty_proxy.before(s3.url) as proxy, watched(s3, bucket_root) as wrong:
        proxy.pause_s = 0.4
        run = start(tmp_path / "log", 1, tmp_path / "machine", proxy.url)
        deadline_s = time.monotonic() + 60
        while sum(not path.startswith("ready") and "/raced/" in path for path in proxy.uploads) < 5:
            assert run.poll() is None and time.monotonic() < deadline_s, run.communicate()[0]
            time.sleep(0.02)
        run.send_signal(signal.SIGKILL)
        run.wait()
        assert published(bucket_root) == {}
        time.sleep(1)  # what was on its way arrives
        proxy.pause_s, before = 0.0, len(proxy.uploads)
        again = start(tmp_path / "log", 1, tmp_path / "machine", proxy.url)
        text = again.communicate()[0]
        assert again.returncode == 0, text
    assert wrong == [] and (tmp_path / "log").read_text() == "x", "the work was not done again"
    assert before - 1 >= 5 and len(proxy.uploads) - before <= 20 + 2 - 5
    assert len(published(bucket_root)["raced"].files) == 20


def test_damage_found_while_reading_is_built_again_by_the_next_run(s3, bucket_root, artifact_root, tmp_path):
    made = many.fn(2)
    s3.client().pipe_file(f"{made.files}/0.bin", b"damage")
    with (
        temporary_settings(updates={PREFECT_RESULTS_LOCAL_STORAGE_PATH: tmp_path / "another"}),
        pytest.raises(InputError, match=rf"{made.uri}: damaged files \(0.bin"),
    ):
        after.fn(made)
    assert not is_built(many, number=2)
    after.fn(many.fn(2))
    assert executed == {"many": 2, "after": 1}


def test_what_was_made_from_an_artifact_that_is_redone_and_comes_out_otherwise_is_made_anew(bucket_root):
    made = many.fn(2)
    after.fn(made)
    redo(made)
    assert not is_built(many, number=2) and is_built(after, made=made)
    assert many.fn(2) == made
    assert not is_built(after, made=made)
    after.fn(made)
    assert executed == {"many": 2, "after": 2}


def test_old_nights_are_pruned_in_a_bucket_and_cards_read_only_what_they_show(bucket_root):
    made = [many.fn(number) for number in (1, 2, 3)]
    later = after.fn(made[2])
    assert f"many `{made[2].digest}`" in render_card(later)
    for number, artifact in enumerate(made, 1):
        gain = PairedDifference(test_set="t", a="a", b="b", n=4, difference=0, low=-1, high=1, only_a=0, only_b=0)
        how = {"accuracy": 0.5, "accuracy_before": 0.5, "margin": 0.0, "promoted": number == 1}
        told = nights.Judgement(difference=gain, **how)
        part = Parent(artifact.stage, artifact.digest)
        night = nights.Night(
            number=number, seed=number, run="run", finished_at="2026-01-01T00:00:00+00:00", candidate=part, before=None,
            judgement=told, made=(part,),
        )  # fmt: skip
        nights.write_night(f"{bucket_root}/nights/name", night)
    with disable_run_logger():
        assert prune.fn("name", 1) == 1
    assert [is_built(many, number=number) for number in (1, 2, 3)] == [True, False, True], "the best one stays"
    assert json.loads(bucket.find(made[0].uri).raw)["digest"] == made[0].digest
