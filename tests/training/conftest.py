"""A random tiny model and its features of the small data set, once per session."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from mirage_core.model import MirageForConditionalGeneration, MirageProcessor
from mirage_core.model.load import save
from mirage_core.model.tiny import build_config, build_processor
from mirage_core.recipe import Grpo, Optimizer, Pretrain, Reinforced, Supervised
from mirage_core.row import Row, read_rows, write_rows
from mirage_core.training.features import compute_features
from mirage_core.training.grpo import train_grpo
from mirage_core.training.supervised import train_supervised

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
            gamma=gamma,
            thoughts=thoughts,
            precision="fp32",
            optimizer=Optimizer(**{"num_updates": 3, "lr": 2e-3, "warmup_updates": 1, **optimizer}),
        )

    return settings


# GRPO


@pytest.fixture(scope="session")
def start(house: House, stage: Callable[..., Supervised], tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A model that has nearly learned the form of an answer, and a data set whose questions differ."""
    folder = tmp_path_factory.mktemp("stage2")
    rows = [
        replace(row, question=row.question + "!" * (number % 3))
        for number, row in enumerate(read_rows(str(house.data / "rows")))
    ]
    write_rows(rows, str(folder / "data/rows"))
    settings = stage("own", num_updates=50, batch_size=12, lr=5e-3)
    train_supervised(house.base, folder / "data", house.features, settings, folder, folder / "scratch")
    return str(folder / "model"), folder / "data"


@pytest.fixture
def reinforce(start: tuple[str, Path], tmp_path: Path) -> Callable[..., tuple[Path, dict[str, Any]]]:
    """A function that reinforces the model; options are those of `Grpo`, a name that of the artifact's folder."""

    def train(
        name: str = "out",
        scratch: str = "scratch",
        data: Path | None = None,
        seed: int = 0,
        latents: bool = True,
        **options: Any,
    ) -> tuple[Path, dict[str, Any]]:
        (tmp_path / name).mkdir()
        grpo = Grpo(**options)
        settings = Reinforced(seed=seed, precision="fp32", max_new_tokens=24, latents=latents, grpo=grpo)
        counts = train_grpo(start[0], data or start[1], settings, tmp_path / name, tmp_path / scratch)
        return tmp_path / name / "model", counts

    return train


@pytest.fixture(scope="session")
def naive() -> Callable[..., tuple[Tensor, Tensor]]:
    """A function that reads one row without padding and cache, every latent by a pass over all before it.

    It returns (T - 1,) the log-probability of each token after those before it, and (N, D) the states before the pads.
    With `latents` the pads are filled with those instead.
    """

    def read(
        model: Any, ids_T: Tensor, pixel_values: Tensor, grid: Tensor, latents: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        config, backbone = model.config, model.model
        features = torch.cat(backbone.get_image_features(pixel_values, grid).pooler_output)
        is_image = ids_T == config.image_token_id
        inputs = list(model.get_input_embeddings()(ids_T).masked_scatter(is_image[:, None], features))
        positions, _ = backbone.get_rope_index(ids_T[None], is_image[None].long(), image_grid_thw=grid)

        def states(length: int) -> Tensor:
            embeds, where = torch.stack(inputs[:length])[None], positions[..., :length]
            return backbone.language_model(inputs_embeds=embeds, position_ids=where, use_cache=False).last_hidden_state[
                0
            ]

        columns = (ids_T == config.latent_pad_id).nonzero().flatten().tolist()
        for number, column in enumerate(columns):
            inputs[column] = states(column)[-1] if latents is None else latents[number]
        hidden_TD = states(len(inputs))
        logits_TV = model.lm_head(hidden_TD)[:-1]
        before = hidden_TD[[column - 1 for column in columns]]
        return logits_TV.log_softmax(-1).gather(1, ids_T[1:, None])[:, 0], before

    return read
