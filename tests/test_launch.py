"""Training stages on several processes, as MIRAGE_LAUNCH starts them from a task."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mirage_core.errors import InputError
from mirage_core.recipe import Optimizer, Pretrain, Supervised
from tasks import jobs

pytestmark = pytest.mark.train
REPO = Path(__file__).parents[1]
TWO = f"--config_file {REPO}/recipes/accelerate/ddp.yaml --num_processes 2 --main_process_port 0"
TIMEOUT_S = 240


@pytest.fixture(scope="module")
def inputs(data, tmp_path_factory):
    """A random tiny model and its features of the small data set."""
    import torch

    from mirage_core.model import MirageForConditionalGeneration
    from mirage_core.model.load import save
    from mirage_core.model.tiny import build_config, build_processor
    from mirage_core.training.features import compute_features

    torch.manual_seed(0)
    base, features, processor = tmp_path_factory.mktemp("base"), tmp_path_factory.mktemp("features"), build_processor()
    size = Pretrain(hidden=32, layers=1, optimizer=Optimizer(num_updates=1))
    save(MirageForConditionalGeneration(build_config(size, processor.tokenizer)), processor, base)
    compute_features(str(base), data, features)
    return {"start": base, "data": data, "features": features}


def settings(num_updates=2, accumulation=2, save_every=2):
    optimizer = Optimizer(num_updates=num_updates, batch_size=2, accumulation=accumulation, save_every=save_every)
    return Supervised(
        latents="own", seed=0, latent_size=4, text_weight=1.0, alignment=None, thoughts=False, precision="fp32",
        optimizer=optimizer,
    )  # fmt: skip


@pytest.fixture
def out(tmp_path, monkeypatch):
    monkeypatch.setenv("MIRAGE_LAUNCH", TWO)
    monkeypatch.setattr(jobs, "get_run_logger", lambda: logging.getLogger("test"))  # outside of a flow
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def test_a_stage_trains_on_two_processes(inputs, out, tmp_path, caplog):
    caplog.set_level("INFO")
    counts = jobs.run_job("supervised", out, settings(), **inputs, scratch=tmp_path / "scratch")
    assert counts["updates"] == 2 and (out / "model/config.json").is_file()
    lines = [record.message for record in caplog.records]
    assert sum(line.startswith("step 2/2") for line in lines) == 1, "one process tells"
    state = json.loads(next((tmp_path / "scratch").glob("checkpoint-*/trainer_state.json")).read_text())
    assert state["train_batch_size"] == 2


def test_a_mistake_is_told_although_the_launcher_speaks_last(inputs, out, tmp_path):
    with pytest.raises(InputError, match="^accumulation: 3 forward passes of 2 rows cannot be shared out equally"):
        jobs.run_job("supervised", out, settings(accumulation=3), **inputs, scratch=tmp_path / "scratch")


PARENT = """
import logging, sys
from pathlib import Path
from tasks import jobs
from mirage_core.recipe import Supervised
jobs.get_run_logger = lambda: logging.getLogger("test")
start, data, features, out, scratch, settings = sys.argv[1:]
stage = Supervised.model_validate_json(settings)
jobs.run_job("supervised", Path(out), stage, start=start, data=data, features=features, scratch=Path(scratch))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel to end orphans")
def test_no_process_outlives_a_killed_flow(inputs, out, tmp_path):
    import psutil

    endless = settings(num_updates=100_000, save_every=3).model_dump_json()
    words = [*map(str, inputs.values()), str(out), str(tmp_path / "scratch"), endless]
    parent = subprocess.Popen([sys.executable, "-c", PARENT, *words], env={**os.environ, "PYTHONPATH": str(REPO)})
    deadline_s = time.monotonic() + TIMEOUT_S
    while not any((tmp_path / "scratch").glob("checkpoint-*")):  # it trains
        assert time.monotonic() < deadline_s and parent.poll() is None
        time.sleep(0.5)
    family = psutil.Process(parent.pid).children(recursive=True)
    assert sum("RANK" in process.environ() for process in family) >= 2, family
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    _, alive = psutil.wait_procs(family, timeout=60)
    assert not alive, alive
