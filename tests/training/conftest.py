"""A random tiny model and its features of the small data set, once per session."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from mirage_core.model import MirageForConditionalGeneration, MirageProcessor
from mirage_core.model.load import save
from mirage_core.model.tiny import build_config, build_processor
from mirage_core.recipe import Alignment, Optimizer, Pretrain, Supervised
from mirage_core.row import Row, read_rows, write_rows
from mirage_core.training.features import compute_features

SIZE = Pretrain(hidden=64, layers=2, optimizer=Optimizer(num_updates=1))


class House(NamedTuple):
    """Folders that a stage is given."""

    data: Path
    base: str
    features: Path


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def processor() -> MirageProcessor:
    return build_processor()


@pytest.fixture(scope="session")
def base(processor: MirageProcessor, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a tiny model that has learned nothing."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("base")
    save(MirageForConditionalGeneration(build_config(SIZE, processor.tokenizer)), processor, folder)
    return str(folder)


@pytest.fixture(scope="session")
def house(data: Path, base: str, tmp_path_factory: pytest.TempPathFactory) -> House:
    """All that a supervised stage is given."""
    features = tmp_path_factory.mktemp("features")
    compute_features(base, data, features)
    return House(data, base, features)


@pytest.fixture
def changed_data(data: Path, tmp_path: Path) -> Callable[..., Path]:
    """A function that writes the data set with the fields of its first row changed, and returns the folder."""

    def write(split: str | None = None, **changes: object) -> Path:
        rows: list[Row] = list(read_rows(str(data / "rows"), split=split))
        rows[0] = replace(rows[0], **changes)
        write_rows(rows, str(tmp_path / "changed/rows"))
        return tmp_path / "changed"

    return write


@pytest.fixture(scope="session")
def stage() -> Callable[..., Supervised]:
    """A function to the settings of a supervised stage, short unless said otherwise."""

    def settings(latents: str = "own", thoughts: bool = False, gamma: float = 0.1, **optimizer: object) -> Supervised:
        return Supervised(
            latents=latents,
            seed=0,
            latent_size=4,
            text_weight=gamma if latents == "helper" else 1.0,
            alignment=Alignment() if latents == "helper" else None,
            thoughts=thoughts,
            precision="fp32",
            optimizer=Optimizer(**{"num_updates": 3, "lr": 2e-3, "warmup_updates": 1, **optimizer}),
        )

    return settings
