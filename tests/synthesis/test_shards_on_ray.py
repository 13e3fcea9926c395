"""Shards on a Ray cluster of two workers: the data of a local run, whatever dies meanwhile.

Skipped, loudly, where Ray is not installed: `pip install -e '.[dev,ray]'`.
"""

import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from mirage_core.errors import InputError
from mirage_core.puzzles import vsp
from mirage_core.spec import DatasetSpec
from mirage_core.storage import sha256_of
from mirage_core.synthesis.shards import build_shards

pytestmark = pytest.mark.server
SPEC = DatasetSpec(
    task=vsp.TASK, seed=3, level_shares={4: 1, 5: 1}, num_puzzles={"train": 60, "rl": 10}, puzzles_per_shard=12
)
START_TIMEOUT_S = 180


@pytest.fixture(scope="module")
def cluster():
    """The address of a cluster of two one-core nodes on this machine, reachable from this machine only."""
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # 0: loopback, for Ray
    try:
        from ray.cluster_utils import Cluster
    except ImportError:
        reason = "NOT TESTED: shards on Ray, which is not installed; pip install -e '.[dev,ray]'"
        warnings.warn(reason, stacklevel=1)
        pytest.skip(reason)
    node = {"num_cpus": 1, "node_ip_address": "127.0.0.1"}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    cluster.add_node(**node)
    yield cluster.address
    cluster.shutdown()


@pytest.fixture
def on_cluster(cluster, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", cluster)


def contents(folder):
    return {path.relative_to(folder): sha256_of(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_data_are_those_of_a_local_run(synthesize, on_cluster, tmp_path):
    """Byte for byte, of all four stages, although every shard was made by a worker of the cluster."""
    synthesize(SPEC, tmp_path / "cluster", workers=None)
    synthesize(SPEC, tmp_path / "local", workers=1)
    for stage in ("puzzles", "pictures", "thoughts", "data"):
        made = contents(tmp_path / "cluster" / stage)
        assert made and made == contents(tmp_path / "local" / stage), stage


def test_a_killed_worker_is_replaced_and_its_shard_made_again(on_cluster, tmp_path):
    def make(number: int, folder: Path) -> dict[str, int]:
        with (tmp_path / "pids").open("a") as file:
            file.write(f"{os.getpid()}\n")
        (folder / f"{number}.txt").write_text("half")
        first_time = tmp_path / f"killed-{number}"
        if number == 2 and not first_time.exists():
            first_time.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        (folder / f"{number}.txt").write_text("whole")
        return {"made": 1}

    counts = build_shards(make, 5, tmp_path / "scratch", tmp_path / "out", "files")
    assert counts == [{"made": 1}] * 5
    assert [path.read_text() for path in sorted((tmp_path / "out").iterdir())] == ["whole"] * 5
    pids = (tmp_path / "pids").read_text().split()
    assert len(pids) == 6 and str(os.getpid()) not in pids, "five shards and the one made again, all elsewhere"
    assert list((tmp_path / "scratch").iterdir()) == []


def test_the_error_of_a_shard_is_told_as_it_is_and_finished_shards_stay(on_cluster, tmp_path):
    def make(number: int, folder: Path) -> dict[str, int]:
        if number == 3:
            raise InputError("levels: shard 3 cannot be made")
        (folder / f"{number}.txt").write_text("whole")
        with (tmp_path / "made").open("a") as file:
            file.write(f"{number}\n")
        return {"made": 1}

    with pytest.raises(InputError, match="^levels: shard 3 cannot be made$"):
        build_shards(make, 4, tmp_path / "scratch", tmp_path / "out", "files")
    assert not (tmp_path / "out").exists()


def test_a_cluster_that_does_not_answer_is_named(tmp_path):
    code = (
        "import sys; from pathlib import Path; from mirage_core.synthesis.shards import build_shards\n"
        "build_shards(lambda number, folder: {}, 2, Path(sys.argv[1]), Path(sys.argv[2]), 'files')"
    )
    pytest.importorskip("ray")
    folders = [str(tmp_path / "scratch"), str(tmp_path / "out")]
    environment = {**os.environ, "RAY_ADDRESS": "127.0.0.1:1"}
    done = subprocess.run(
        [sys.executable, "-c", code, *folders], env=environment, capture_output=True, text=True, timeout=START_TIMEOUT_S
    )
    assert done.returncode and "InputError: RAY_ADDRESS: no Ray cluster answers at 127.0.0.1:1" in done.stderr
