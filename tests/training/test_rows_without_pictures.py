"""Questions in words alone, with a helper image: trained on, reinforced and examined like all others."""

from importlib.resources import files

import pytest

from mirage_core.benchmark.latent_tests import examine_latents
from mirage_core.benchmark.scores import score
from mirage_core.geometry_spec import GeometrySpec
from mirage_core.model.load import load_model, load_processor
from mirage_core.recipe import Alignment, Benchmark, Grpo, LatentTests, Optimizer, Reinforced, Supervised
from mirage_core.row import read_rows
from mirage_core.synthesis.geometry_rows import build_geometry, sample_geometry
from mirage_core.training import MODEL_FOLDER
from mirage_core.training.features import compute_features
from mirage_core.training.grpo import train_grpo
from mirage_core.training.supervised import train_supervised

pytestmark = pytest.mark.train
BASE = str(files("mirage_core.model") / "tiny_base")
SHORT = Optimizer(num_updates=2, batch_size=2, lr=1e-3, warmup_updates=0)


@pytest.fixture(scope="module")
def geometry(tmp_path_factory):
    root = tmp_path_factory.mktemp("geometry")
    for name in ("puzzles", "data", "scratch", "features"):
        (root / name).mkdir()
    spec = GeometrySpec(task="comt_geometry", seed=2, num_puzzles={"train": 6, "rl": 4, "validation": 4}, figure_px=112)
    sample_geometry(spec.puzzles, root / "puzzles")
    build_geometry(spec, root / "puzzles", root / "data", root / "scratch", workers=1)
    compute_features(BASE, root / "data", root / "features")
    return root


def trained(geometry, latents, out):
    (out / "out").mkdir(parents=True)
    alignment = Alignment() if latents == "helper" else None
    settings = Supervised(
        seed=0, latent_size=4, precision="fp32", latents=latents, text_weight=0.1 if alignment else 1.0, thoughts=False,
        alignment=alignment, optimizer=SHORT,
    )  # fmt: skip
    train_supervised(BASE, geometry / "data", geometry / "features", settings, out / "out", out / "scratch")
    return str(out / "out" / MODEL_FOLDER)


@pytest.mark.parametrize("latents", ["helper", "own", "none"])
def test_every_arm_learns_from_them_and_is_examined(geometry, tmp_path, latents):
    ref = trained(geometry, latents, tmp_path)
    model, processor = load_model(ref), load_processor(ref)
    items = list(read_rows(str(geometry / "data/rows"), split="validation"))
    settings = Benchmark(batch_size=3, max_new_tokens=12, latent_tests=LatentTests())
    scores = score(model, items, processor, settings)
    assert scores.overall.n == len(scores.answers) == 4
    examine_latents(model, items, processor, settings, "model", "held-out problems")


def test_they_are_reinforced(geometry, tmp_path):
    (tmp_path / "out").mkdir()
    grpo = Grpo(num_updates=1, batch_size=4, num_generations=2, lr=1e-4, warmup_updates=0)
    settings = Reinforced(seed=0, precision="fp32", max_new_tokens=12, grpo=grpo)
    counts = train_grpo(BASE, geometry / "data", settings, tmp_path / "out", tmp_path / "scratch")
    assert counts["updates"] == 1
