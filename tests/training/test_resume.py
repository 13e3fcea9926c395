"""A run that was killed and run again ends where an undisturbed one does."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from mirage_core.model.load import load_model
from mirage_core.training.run import newest_checkpoint
from mirage_core.training.supervised import train_supervised

pytestmark = pytest.mark.train


def equal(one, other):
    first, second = (load_model(folder / "model").state_dict() for folder in (one, other))
    assert first.keys() == second.keys()
    return all(torch.equal(weight, second[name]) for name, weight in first.items())


def logged(out):
    return [(entry["step"], entry["loss"]) for entry in map(json.loads, (out / "metrics.jsonl").open())]


@pytest.fixture
def run(house, tmp_path):
    """A function that runs settings in this process: names of the artifact's and of the scratch folder -> counts."""

    def train(settings, name, scratch):
        (tmp_path / name).mkdir()
        folders = (house.data, house.features, settings, tmp_path / name, tmp_path / scratch)
        return train_supervised(house.base, *folders)

    return train


@pytest.fixture
def start_child(house, tmp_path):
    """A function that starts a run as a stage does, in a process of its own."""

    def start(settings, name, scratch):
        (tmp_path / name).mkdir()
        (tmp_path / "settings.json").write_text(settings.model_dump_json())
        options = {"start": house.base, "data": house.data, "features": house.features, "out": tmp_path / name}
        options |= {"settings": tmp_path / "settings.json", "scratch": tmp_path / scratch}
        words = [word for option, value in options.items() for word in (f"--{option}", str(value))]
        return subprocess.Popen(
            [sys.executable, "-m", "mirage_core.jobs", "supervised", *words],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
        )

    return start


def test_a_killed_run_ends_where_an_undisturbed_one_does(stage, run, start_child, tmp_path):
    settings = stage("own", num_updates=40, save_every=5)  # checkpoints within epochs, which have 3 updates
    killed = start_child(settings, "killed", "scratch")
    try:
        deadline_s = time.monotonic() + 120
        while newest_checkpoint(tmp_path / "scratch", 40) is None and time.monotonic() < deadline_s:
            assert killed.poll() is None, "it ended before it saved"
            time.sleep(0.01)
    finally:
        killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert not (tmp_path / "killed/model").exists()

    assert start_child(settings, "again", "scratch").wait() == 0
    counts = json.loads((tmp_path / "again/counts.json").read_text())
    assert 0 < counts["resumed_at"] < 40 and counts["updates"] == 40
    undisturbed = run(settings, "undisturbed", "other")
    assert counts == {**undisturbed, "resumed_at": counts["resumed_at"]}
    assert equal(tmp_path / "again", tmp_path / "undisturbed")
    assert logged(tmp_path / "again") == logged(tmp_path / "undisturbed")


@pytest.mark.parametrize("latents", ["helper", "none"])
def test_a_torn_checkpoint_is_passed_over(stage, run, tmp_path, latents):
    settings = stage(latents, num_updates=7, save_every=2)
    assert run(settings, "undisturbed", "scratch")["resumed_at"] == 0
    last, before = sorted((tmp_path / "scratch").glob("checkpoint-*"), reverse=True)
    for torn in ("trainer_state.json", "model.safetensors", "optimizer.pt"):
        (last / torn).write_bytes((last / torn).read_bytes()[:100])
    counts = run(settings, "again", "scratch")
    assert counts["resumed_at"] == int(before.name.split("-")[1]) > 0
    assert equal(tmp_path / "again", tmp_path / "undisturbed")
    assert logged(tmp_path / "again") == logged(tmp_path / "undisturbed")


def test_a_run_that_ended_before_it_was_published_takes_no_update_more(stage, run, tmp_path):
    settings = stage("own", num_updates=4, save_every=2)
    first = run(settings, "first", "scratch")
    assert (tmp_path / "scratch/checkpoint-4").is_dir()
    assert run(settings, "second", "scratch") == {**first, "resumed_at": 2}
    assert equal(tmp_path / "first", tmp_path / "second")


@pytest.mark.parametrize(
    "harm", [lambda path: path.write_text(path.read_text()[:10]), Path.unlink, lambda path: os.truncate(path, 0)]
)
def test_the_newest_whole_checkpoint_is_found(tmp_path, harm):
    assert newest_checkpoint(tmp_path, 900) is None and newest_checkpoint(tmp_path / "nowhere", 900) is None
    for step in (5, 10, 200):  # by number, not by name
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        (folder / "trainer_state.json").write_text(json.dumps({"global_step": step}))
    assert newest_checkpoint(tmp_path, 900).name == "checkpoint-200"
    assert newest_checkpoint(tmp_path, 200).name == "checkpoint-10", "from the last update one more would be taken"
    harm(tmp_path / "checkpoint-200/trainer_state.json")
    assert newest_checkpoint(tmp_path, 900).name == "checkpoint-10"


def test_a_run_that_is_cancelled_saves_the_update_it_is_at_and_a_rerun_ends_where_an_undisturbed_one_does(
    stage, run, start_child, tmp_path
):
    settings = stage("own", num_updates=40, save_every=1000)
    cancelled = start_child(settings, "cancelled", "scratch")
    deadline_s = time.monotonic() + 120
    while not (tmp_path / "scratch/metrics.jsonl").is_file() and time.monotonic() < deadline_s:
        assert cancelled.poll() is None, "it ended before it trained"
        time.sleep(0.01)
    cancelled.send_signal(signal.SIGTERM)
    again = start_child(settings, "again", "scratch")  # at once: it waits for the other to have saved
    assert cancelled.wait(60) == 128 + signal.SIGTERM
    assert not (tmp_path / "cancelled/model").exists()

    assert again.wait(300) == 0
    counts = json.loads((tmp_path / "again/counts.json").read_text())
    assert 0 < counts["resumed_at"] < 40 and counts["updates"] == 40
    undisturbed = run(settings, "undisturbed", "other")
    assert counts == {**undisturbed, "resumed_at": counts["resumed_at"]}
    assert equal(tmp_path / "again", tmp_path / "undisturbed")
