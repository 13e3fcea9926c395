"""`synth-vsp` with a model for a teacher, as a user runs it: cached, killed, out of budget, with wrong settings."""

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
import yaml
from fault_server import stats
from PIL import Image
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.settings import PREFECT_API_URL, PREFECT_HOME
from test_jigsaw_thoughts import scenery

from flows.synth_jigsaw import synth_jigsaw
from flows.synth_vsp import synth_vsp
from mirage_core import manifest
from mirage_core.row import read_rows
from mirage_core.teacher.settings import Budget
from mirage_core.teacher.store import AnswerStore
from tasks.local import run_flow

pytestmark = [pytest.mark.prefect, pytest.mark.server]

REPO = Path(__file__).parents[2]
KEY = "sk-recognisable-0123456789"
SERVER = {"model": "teacher", "concurrency": 8, "backoff_s": 0.01, "num_tries": 2, "timeout_s": 4.0}
SPEC = {
    "task": "vsp_spatial_planning", "seed": 5, "level_shares": {3: 1, 4: 1}, "puzzles_per_shard": 20,
    "num_puzzles": {"train": 60, "validation": 20}, "teacher": "server", "server": SERVER,
}  # fmt: skip
NUM_ROWS, NUM_SHARDS = 80, 4
CHECK = 2
"""Requests that one look at the server takes: with pictures and without."""


@pytest.fixture
def spec(tmp_path) -> Path:
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(SPEC))
    return path


def num_received(url: str) -> int:
    """Requests that the server saw, those of checks (one token) included."""
    return sum(stats(url)["received"].values())


def rows_kept(root: Path) -> int | float:
    """Of the one data set below the root."""
    (place,) = root.glob("dataset/[!.]*")
    kept = manifest.read(str(place)).counts["kept"]
    assert not isinstance(kept, dict)
    return kept


def refuse(spec: Path, capsys, **parameters) -> str:
    """The line that a run ends with which a user must mend."""
    with pytest.raises(SystemExit) as stop:
        run_flow(synth_vsp, spec=spec, **parameters)
    assert stop.value.code == 1
    return capsys.readouterr().err.strip().splitlines()[-1]


def command(spec: Path, root: Path, url: str) -> dict:
    """Arguments of a process of its own that runs the flow."""
    environment = os.environ | {
        "PREFECT_API_URL": PREFECT_API_URL.value() or "",
        "PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(root),
        "TEACHER_BASE_URL": url,
        "OPENAI_API_KEY": KEY,
    }
    arguments = [sys.executable, "-m", "flows.synth_vsp", "--spec", str(spec)]
    return {"args": arguments, "cwd": REPO, "env": environment, "text": True}


def test_rows_report_and_cards_and_nothing_is_asked_twice(prefect_server, artifact_root, spec, fault_server):
    url = fault_server("--explain", "--lie-share", 0.4, "--stubborn-share", 0.5)
    data = run_flow(synth_vsp, spec=spec)
    record = manifest.read(data.uri)
    assert record.counts["kept"] + sum(record.counts["rejected"].values()) == record.counts["asked"] == NUM_ROWS
    assert {row.teacher for row in read_rows(f"{data.uri}/rows")} == {"teacher"}
    (page,) = artifact_root.glob("teacher-report/*/teacher.html")
    assert "accepted at once" in page.read_text() and "red line" in page.read_text()
    assert len(list(artifact_root.glob("reasoning-shard/[!.]*"))) == NUM_SHARDS
    with get_client(sync_client=True) as client:
        key = ArtifactFilterKey(any_=["reasoning", "reasoning-progress", "teacher-report", "dataset"])
        shown = client.read_artifacts(artifact_filter=ArtifactFilter(key=key))
    assert {one.key for one in shown} == set(key.any_)
    asked = num_received(url)
    assert (
        asked
        == manifest.read(next(iter(artifact_root.glob("reasoning/[!.]*"))).as_posix()).counts["replies"] + 2 * CHECK
    )

    assert run_flow(synth_vsp, spec=spec) == data
    assert num_received(url) == asked, "cached, and the server need not even be there"

    for stage in ("dataset", "reasoning", "reasoning-shard"):
        for place in artifact_root.glob(f"{stage}/[!.]*"):
            subprocess.run(["rm", "-r", str(place)], check=True)
    hurried = {**SPEC, "server": {**SERVER, "concurrency": 2, "price_in": 1.0, "price_out": 2.0}}
    spec.write_text(yaml.safe_dump(hurried))
    assert run_flow(synth_vsp, spec=spec) == data, "how hard the server is pressed decides no digest"
    assert num_received(url) == asked + CHECK, "the answers are in store; only the server was looked at"


def test_killed_in_the_middle_and_run_again_it_asks_only_what_was_unanswered(
    prefect_server, artifact_root, spec, fault_server
):
    url = fault_server("--explain", "--delay-s", 0.4)
    how = command(spec, artifact_root, url)
    with subprocess.Popen(**how, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        while sum(stats(url)["answered"].values()) < NUM_ROWS // 2:
            assert process.poll() is None, process.stdout.read()
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    before = num_received(url)
    with AnswerStore(artifact_root / "answers") as store:
        num_stored = len(store)
    assert NUM_ROWS // 2 - 2 * SERVER["concurrency"] <= num_stored < NUM_ROWS
    assert not list(artifact_root.glob("reasoning/[!.]*"))

    done = subprocess.run(**how, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert num_received(url) - before == NUM_ROWS - num_stored + CHECK
    assert rows_kept(artifact_root) == NUM_ROWS


def test_sigterm_ends_it_soon_with_its_temporary_server_and_the_answers_stay(tmp_path, spec, fault_server):
    url = fault_server("--explain", "--delay-s", 0.4)
    root = tmp_path / "artifacts"
    how = command(spec, root, url)
    del how["env"]["PREFECT_API_URL"]
    with subprocess.Popen(**how, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        while sum(stats(url)["answered"].values()) < NUM_ROWS // 4:
            assert process.poll() is None, process.stdout.read()
            time.sleep(0.02)
        children = psutil.Process(process.pid).children(recursive=True)
        assert any("uvicorn" in " ".join(child.cmdline()) for child in children)
        process.send_signal(signal.SIGTERM)
        text, _ = process.communicate(timeout=15)
    assert process.returncode == 128 + signal.SIGTERM and "termination signal" in text
    assert psutil.wait_procs(children, timeout=5)[1] == []
    with AnswerStore(root / "answers") as store:
        assert len(store) >= NUM_ROWS // 4 - 2 * SERVER["concurrency"]


def test_a_budget_stops_with_one_line_and_a_larger_one_goes_on(
    prefect_server, artifact_root, spec, fault_server, capsys
):
    url = fault_server("--explain")
    message = refuse(spec, capsys, budget=Budget(max_requests=30))
    assert message.startswith("error: budget.max_requests: 30 requests are used up") and "run again" in message
    assert num_received(url) == 30 + 2 * CHECK
    assert not list(artifact_root.glob("dataset/[!.]*"))
    data = run_flow(synth_vsp, spec=spec, budget=Budget(max_requests=NUM_ROWS))
    assert manifest.read(data.uri).counts["kept"] == NUM_ROWS
    assert num_received(url) == NUM_ROWS + 3 * CHECK


def test_the_teacher_is_chosen_by_parameter(prefect_server, artifact_root, spec, fault_server, capsys):
    prompts = str(REPO / "mirage_core/teacher/prompts")
    spec.write_text(yaml.safe_dump({**SPEC, "teacher": "oracle", "server": {**SERVER, "prompts": prompts}}))
    fault_server("--explain", "--lie-share", 1, "--stubborn-share", 1)
    rows = list(read_rows(f"{run_flow(synth_vsp, spec=spec, teacher='mixed').uri}/rows"))
    assert len(rows) == NUM_ROWS
    written = Counter((row.teacher, "fallback_for" in row.meta) for row in rows)
    assert set(written) == {("oracle", True), ("teacher", False)}, "a lie may be true by chance"
    assert written["oracle", True] > 0.8 * NUM_ROWS
    oracle = run_flow(synth_vsp, spec=spec)
    assert {row.teacher for row in read_rows(f"{oracle.uri}/rows")} == {"oracle"}
    assert len(list(artifact_root.glob("puzzles/[!.]*"))) == 1, "who tells does not change the puzzles"
    spec.write_text(yaml.safe_dump({**SPEC, "teacher": "oracle", "helper_image": "field"}))
    assert "teacher server: teacher: server is shown one helper image" in refuse(spec, capsys, teacher="server")


@pytest.mark.parametrize(
    ("options", "server", "message"),
    [
        (["--key", "another"], {}, "OPENAI_API_KEY: .* refuses the key"),
        (["--models", "other"], {}, "model: .* has no teacher; it has other"),
        (["--refuse", 400, "--said", "maximum context length is 10 tokens"], {}, "max_tokens, image_px: the request"),
        (["--refuse", 413], {}, "image_px: .* refuses pictures of this size"),
        ([], {"prompts": "nowhere"}, r"nowhere/vsp_spatial_planning\.md: there is no such prompt file"),
        ([], {"concurrency": 0}, r"`server\.concurrency`"),
    ],
)
def test_what_cannot_work_is_one_line_before_anything_is_made(
    prefect_server, artifact_root, spec, fault_server, capsys, monkeypatch, options, server, message
):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    spec.write_text(yaml.safe_dump({**SPEC, "server": {**SERVER, **server}}))
    fault_server("--explain", *options)
    told = refuse(spec, capsys)
    assert told.startswith("error: ") and re.search(message, told) and KEY not in told
    assert not list(artifact_root.glob("*/[!.]*"))


def test_a_server_that_is_not_there_is_one_line(prefect_server, artifact_root, spec, capsys, monkeypatch):
    monkeypatch.delenv("TEACHER_BASE_URL", raising=False)
    assert refuse(spec, capsys).startswith("error: TEACHER_BASE_URL is not set")
    monkeypatch.setenv("TEACHER_BASE_URL", "http://127.0.0.1:9/v1")
    assert "nothing answers at http://127.0.0.1:9/v1" in refuse(spec, capsys)


def test_the_key_is_in_no_artifact_log_parameter_or_database(prefect_server, artifact_root, spec, fault_server):
    url = fault_server("--explain", "--key", KEY, "--lie-share", 0.3, "--fault-share", 0.1, "--slow-s", 6)
    done = subprocess.run(**command(spec, artifact_root, url), capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert KEY not in done.stdout + done.stderr
    files = [path for path in artifact_root.rglob("*") if path.is_file()]
    assert len(files) > 20 and not [path for path in files if KEY.encode() in path.read_bytes()]
    with get_client(sync_client=True) as client:
        shown = [client.read_flow_runs(), client.read_task_runs(limit=200), client.read_artifacts(), client.read_logs()]
    assert len(shown[1]) > NUM_SHARDS and KEY not in repr([[one.model_dump() for one in part] for part in shown])
    databases = list(Path(PREFECT_HOME.value()).rglob("*.db*"))
    assert not [path for path in databases if KEY.encode() in path.read_bytes()]


def test_jigsaws_are_told_by_a_model_and_the_oracle_writes_what_it_gets_wrong(
    prefect_server, artifact_root, tmp_path, fault_server
):
    url = fault_server("--explain", "--lie-share", 0.7, "--stubborn-share", 1)
    (tmp_path / "photos").mkdir()
    for number in range(5):
        Image.fromarray(scenery(number)).save(tmp_path / f"photos/{number}.jpg", quality=95)
    spec = tmp_path / "jigsaws.yaml"
    jigsaws = {"task": "blink_jigsaw", "seed": 5, "photos": str(tmp_path / "photos"), "server": SERVER}
    spec.write_text(yaml.safe_dump({**jigsaws, "num_puzzles": {"train": 16, "validation": 4}}))
    data = run_flow(synth_jigsaw, spec=spec, teacher="mixed", budget=Budget(max_requests=60))
    rows = list(read_rows(f"{data.uri}/rows"))
    written = {(row.teacher, "fallback_for" in row.meta) for row in rows}
    assert len(rows) == 20 and written == {("oracle", True), ("teacher", False)}
    assert "by the teacher `oracle`, `teacher`" in (Path(data.uri) / "README.md").read_text()
    (page,) = artifact_root.glob("teacher-report/*/teacher.html")
    assert "blink_jigsaw by teacher" in page.read_text() and "the oracle wrote instead" in page.read_text()
    asked = num_received(url)
    assert run_flow(synth_jigsaw, spec=spec, teacher="mixed") == data and num_received(url) == asked
