"""Isolation from the user's Prefect, set before anything imports it; one test server, copies of the repository with
services of their own; boards, test sets, a data set.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from mirage_core.puzzles import vsp
from mirage_core.row import encode_png
from mirage_core.spec import DatasetSpec
from mirage_core.synthesis.dataset import build_dataset
from mirage_core.synthesis.helper_images import draw_rows
from mirage_core.synthesis.puzzles import sample_puzzles
from mirage_core.synthesis.reasoning import explain_puzzles

_home = tempfile.TemporaryDirectory(prefix="mirage-tests-", ignore_cleanup_errors=True)
os.environ.update(
    PREFECT_HOME=f"{_home.name}/prefect",
    PREFECT_RESULTS_LOCAL_STORAGE_PATH=f"{_home.name}/artifacts",
    PREFECT_SERVER_ANALYTICS_ENABLED="false",
    DO_NOT_TRACK="1",
)


REPO = Path(__file__).parents[1]
LINKED = ("flows", "tasks", "mirage_core", "datasets_spec", "recipes")
LONGEST = (
    *("test_night_faults.py", "test_readme.py", "test_s3_flows.py", "test_services.py", "test_end_to_end.py"),
    *("test_nightly.py", "test_study_flows.py", "test_grpo_options.py", "test_transformers_serve.py"),
)
"""Long files, roughly by what `--durations` tells."""
SMALL = DatasetSpec(
    task=vsp.TASK,
    seed=3,
    level_shares={3: 1, 4: 1},
    num_puzzles={"train": 24, "rl": 8, "validation": 8},
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--record", action="store_true", help="write what test_golden_stages.py finds to golden/stages.json"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, so that no process is left alone with one of them at the end."""
    items.sort(key=lambda item: LONGEST.index(name) if (name := item.path.name) in LONGEST else len(LONGEST))


@pytest.fixture(scope="session")
def prefect_server():
    """A Prefect server with an empty database; takes 10 to 20 s to start."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture
def artifact_root(tmp_path):
    """A fresh artifact root for one test."""
    from prefect.settings import PREFECT_RESULTS_LOCAL_STORAGE_PATH, temporary_settings

    with temporary_settings(updates={PREFECT_RESULTS_LOCAL_STORAGE_PATH: tmp_path / "artifacts"}):
        yield tmp_path / "artifacts"


class RepoCopy(NamedTuple):
    """The repository in a folder of its own, as a user has it who installed the package and whose home is empty."""

    folder: Path
    environment: dict[str, str]

    def run(self, *args: str) -> str:
        """What `python -m ...` says there; it must succeed."""
        command = [sys.executable, "-m", *args]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=400, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="session")
def copy_repo() -> Iterator[Callable[..., RepoCopy]]:
    """A function that copies the repository into a folder; its API is on a free port, its services end with the tests.

    Takes further deployments as YAML and further environment variables.
    """
    copies = []

    def copy(place: Path, deployments: str = "", **environment: str) -> RepoCopy:
        repo = place / "repo"
        repo.mkdir()
        for name in LINKED:
            (repo / name).symlink_to(REPO / name)
        shutil.copy(REPO / "pyproject.toml", repo)
        (repo / "prefect.yaml").write_text((REPO / "prefect.yaml").read_text() + deployments)
        installed = place / "mirage_plugin-1.dist-info"
        installed.mkdir()
        (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: mirage-plugin\nVersion: 1\n")
        (installed / "entry_points.txt").write_text("[prefect.plugins]\nmirage = tasks.bare_names\n")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        env = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
        env |= {
            "HOME": str(place / "home"),
            "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
            "PYTHONPATH": f"{place}{os.pathsep}{REPO}",
        }
        copies.append(RepoCopy(repo, env | environment))
        return copies[-1]

    yield copy
    for made in copies:
        made.run("tasks.services", "down")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Official data, beside the repository or in the folder that the environment variable MIRAGE_SHARED names."""
    folder = Path(os.environ.get("MIRAGE_SHARED", Path(__file__).parents[2] / "shared"))
    if not (folder / "data").is_dir():
        reason = f"NOT COMPARED with official data: no {folder}/data; set MIRAGE_SHARED"
        warnings.warn(reason, stacklevel=1)
        pytest.skip(reason)
    return folder


@pytest.fixture(scope="session")
def boards() -> Callable[..., Iterator[vsp.Board]]:
    """A function from a number to as many random boards of all sizes, from open to full of holes."""

    def draw(number: int, largest: int = 8) -> Iterator[vsp.Board]:
        for index in range(number):
            rng = np.random.default_rng([5, index])
            yield vsp.sample(rng, int(rng.integers(3, largest + 1)), rng.uniform(0.0, 0.5))

    return draw


@pytest.fixture(scope="session")
def vsp_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A function that lays boards out as VSP does, in a new folder that it returns."""
    letters = str.maketrans("SFHG", "@_#*")

    def write(*boards: vsp.Board) -> Path:
        folder = tmp_path_factory.mktemp("official") / "vsp"
        for number, board in enumerate(boards):
            level = folder / f"task-main/maps/level{board.size}"
            for part in ("table", "img"):
                (level / part).mkdir(parents=True, exist_ok=True)
            rows = [f"| Row {r} | {' | '.join(row.translate(letters))} |" for r, row in enumerate(board.rows, 1)]
            header = f"| | {' | '.join(f'Col {c}' for c in range(1, board.size + 1))} |"
            (level / f"table/{number}.txt").write_text("\n".join([header, *rows]) + "\n")
            (level / f"img/{number}.png").write_bytes(encode_png(vsp.render(board)))
        return folder

    return write


@pytest.fixture
def published_file(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes boards as Mirage's JSONL with its pictures, and returns the file."""
    numbers = {"S": 1, "F": 0, "H": -1, "G": 2}

    def write(*boards: vsp.Board) -> Path:
        (tmp_path / "data/imgs_test").mkdir(parents=True)
        lines = []
        for number, board in enumerate(boards):
            (tmp_path / f"data/imgs_test/{number}.png").write_bytes(encode_png(vsp.render(board)))
            item = {
                "text_input": vsp.QUESTION,
                "image_input": f"./data/imgs_test/{number}.png",
                "map_id": number,
                "map_desc": [[numbers[letter] for letter in row] for row in board.rows],
            }
            lines.append(json.dumps(item) + "\n")
        path = tmp_path / "data/test_direct.jsonl"
        path.write_text("".join(lines))
        return path

    return write


class Built(NamedTuple):
    """Folders and counts of the four steps from a spec to rows."""

    puzzles: Path
    pictures: Path
    thoughts: Path
    data: Path
    counts: dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def synthesize() -> Callable[..., Built]:
    """A function that makes a data set below a folder, as the flows make one."""

    def build(spec: DatasetSpec, root: Path, workers: int | None = 1) -> Built:
        folders = [root / name for name in ("puzzles", "pictures", "thoughts", "data")]
        scratch = [root / f"scratch-{folder.name}" for folder in folders]
        for folder in folders + scratch:
            folder.mkdir(parents=True)
        puzzles, pictures, thoughts, data = folders
        told = spec.thoughts_per_puzzle
        counts = {
            "puzzles": sample_puzzles(spec, puzzles, scratch[0], workers),
            "pictures": draw_rows(puzzles, pictures, scratch[1], workers),
            "thoughts": explain_puzzles(puzzles, spec.seed, told, thoughts, scratch[2], workers),
            "data": build_dataset(pictures, thoughts, spec.teacher, data, scratch[3], workers),
        }
        return Built(*folders, counts)

    return build


@pytest.fixture(scope="session")
def data(synthesize: Callable[..., Built], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set folder of 24 training, 8 reinforcement and 8 validation rows."""
    built = synthesize(SMALL, tmp_path_factory.mktemp("data"))
    assert built.counts["data"]["kept"] == 40, built.counts
    return built.data
