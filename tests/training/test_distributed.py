"""Real runs on two processes end where one process does. Every run has a time limit."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import Qwen2_5_VLForConditionalGeneration

from mirage_core.errors import InputError
from mirage_core.model.load import load_model
from mirage_core.training.run import training_arguments
from mirage_core.training.supervised import train_supervised

pytestmark = pytest.mark.train

TIME_LIMIT_S = 300
RECIPES = Path(__file__).parents[2] / "recipes/accelerate"
NUM_PROCESSES = 2
SCRIPTS = {"ddp": ["-m", "mirage_core.jobs"], "fsdp2": [str(Path(__file__).with_name("sharded_on_cpu.py"))]}


def launch(strategy, house, settings, folder, scratch):
    """Run the job as a user would; all its processes are killed when the time is over."""
    folder.mkdir()
    (folder / "settings.json").write_text(settings.model_dump_json())
    options = {"start": house.base, "data": house.data, "features": house.features, "out": folder, "scratch": scratch}
    options["settings"] = folder / "settings.json"
    words = [word for option, value in options.items() for word in (f"--{option}", str(value))]
    launcher = ["--config_file", str(RECIPES / f"{strategy}.yaml"), "--num_processes", str(NUM_PROCESSES)]
    command = [sys.executable, "-m", "accelerate.commands.launch", *launcher, "--main_process_port", "0"]
    process = subprocess.Popen(
        [*command, *SCRIPTS[strategy], "supervised", *words],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=TIME_LIMIT_S)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, output


def weights_of(folder):
    return load_model(folder / "model").state_dict()


def moved(folder, house):
    """What training changed, in one vector."""
    after, before = weights_of(folder), load_model(house.base).state_dict()
    return torch.cat([(after[name] - weight).flatten() for name, weight in before.items()])


@pytest.fixture(scope="module")
def settings_of(stage):
    """A function from where latents come from to settings that two processes can share out."""
    return lambda latents: stage(latents, num_updates=4, batch_size=4, accumulation=2, save_every=2)


@pytest.fixture(scope="module")
def alone(house, settings_of, tmp_path_factory):
    """A function from where latents come from to the folder of one process's run and its counts."""
    done = {}

    def run(latents):
        if latents not in done:
            folder = tmp_path_factory.mktemp(f"alone-{latents}")
            settings = settings_of(latents)
            scratch = folder / "scratch"
            done[latents] = folder, train_supervised(house.base, house.data, house.features, settings, folder, scratch)
        return done[latents]

    return run


@pytest.mark.parametrize(("strategy", "latents"), [("ddp", "helper"), ("fsdp2", "own")])
def test_two_processes_train_the_model_of_one(strategy, latents, alone, house, settings_of, tmp_path):
    """And a resumed run of sharded weights too. Differences seen in float32: none under DDP, 2e-7 under FSDP2."""
    settings, scratch = settings_of(latents), tmp_path / "scratch"
    code, output = launch(strategy, house, settings, tmp_path / "out", scratch)
    assert code == 0, output
    folder, counts = alone(latents)
    expected = moved(folder, house)
    assert (moved(tmp_path / "out", house) - expected).norm() < 1e-5 * expected.norm()
    assert json.loads((tmp_path / "out/counts.json").read_text()) == pytest.approx(counts, abs=2e-4)
    assert output.count("step 4/4") == 1, "both processes tell"
    assert (scratch / "checkpoint-2/pytorch_model_fsdp_0").is_dir() == (strategy == "fsdp2"), "not sharded"
    if strategy == "ddp":
        return
    stock, info = Qwen2_5_VLForConditionalGeneration.from_pretrained(tmp_path / "out/model", output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]
    assert stock.config.architectures == ["MirageForConditionalGeneration"]
    code, output = launch(strategy, house, settings, tmp_path / "again", scratch)
    assert code == 0, output
    assert json.loads((tmp_path / "again/counts.json").read_text())["resumed_at"] == 2
    assert (moved(tmp_path / "again", house) - expected).norm() < 1e-5 * expected.norm()


def test_passes_that_cannot_be_shared_out_are_refused(house, stage, monkeypatch, tmp_path):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="^accumulation: 3 forward passes of 8 rows .* among 2 processes"):
        training_arguments(stage(accumulation=3).optimizer, tmp_path, 0, "fp32")


def test_a_strategy_that_would_not_be_followed_is_refused(house, stage, monkeypatch, tmp_path):
    """On CPUs accelerate would silently copy the model instead of sharding it."""
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="shards models on GPUs only"):
        train_supervised(house.base, house.data, house.features, stage(), tmp_path / "out", tmp_path / "scratch")
    assert not (tmp_path / "out/model").exists()
