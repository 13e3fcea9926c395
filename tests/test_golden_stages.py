"""What the stages of training and evaluation made when their versions were last raised, in `golden/stages.json`.

A golden test fails when the output moved and the stage's version did not: artifacts made by older code would then
pass for new ones. Those of synthesis stand in `synthesis/test_synthesis.py`.

Tolerances are above what another CPU changes. Measured with the kernels of AVX-512, of AVX2 and of SSE, and with MKL's
products for any CPU (MKL_CBWR=COMPATIBLE): 1.2e-4 of a norm of gradients and 7e-6 of a loss at most, 1e-6 of a feature,
no text and no rollout.
"""

import html
import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from prefect import Task

from mirage_core import storage
from mirage_core.benchmark.items import Exam, TestRows
from mirage_core.benchmark.policies import benchmark_policies
from mirage_core.benchmark.results import Answer, summarize
from mirage_core.benchmark.scores import examine
from mirage_core.manifest import Device, Manifest
from mirage_core.model import latent_targets
from mirage_core.model.latent import labels_to_predict
from mirage_core.model.load import load_model, load_processor, save
from mirage_core.puzzles import vsp
from mirage_core.recipe import Alignment, Benchmark, Grpo, Optimizer, Pretrain, Reinforced, Supervised
from mirage_core.report.page import build_report
from mirage_core.report.study import ArmRun, build_study_report
from mirage_core.row import Row, decode_image, read_rows, write_rows
from mirage_core.training import METRICS_FILE, MODEL_FOLDER
from mirage_core.training.collate import IGNORED, Collator, completion_text, encode
from mirage_core.training.features import FeatureStore, compute_features, picture_key
from mirage_core.training.grpo import train_grpo
from mirage_core.training.pretrain import pretrain
from mirage_core.training.supervised import train_supervised
from tasks import evaluation, training

GOLDEN = Path(__file__).parent / "golden/stages.json"
"""Stage -> version and output."""
RECORD = "pytest tests/test_golden_stages.py -m '' --record"
BASE = str(files("mirage_core.model") / "tiny_base")
SHORT = {"num_updates": 4, "batch_size": 4, "accumulation": 2, "lr": 2e-3, "warmup_updates": 1}
EXAM = Benchmark(levels=(3, 4), batch_size=5, max_new_tokens=24)
LOGGED = (
    "step", "loss", "text_loss", "alignment", "grad_norm", "learning_rate", "reward", "reward_std", "entropy",
    "rewards/right_answer/mean", "rewards/has_asked_form/mean", "completions/mean_length",
)  # fmt: skip
"""What is compared of a line of metrics."""

CheckGolden = Callable[..., None]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def check_golden(request: pytest.FixtureRequest) -> CheckGolden:
    """A function that compares the output of a stage with the recorded one, or records it."""

    def check(stage: Task, output: Any, rel: float = 1e-6, near_zero: float = 1e-9) -> None:
        def same(one: Any, other: Any) -> bool:
            if isinstance(one, int | float) and isinstance(other, int | float):
                return math.isclose(one, other, rel_tol=rel, abs_tol=near_zero)
            return one == other

        version = stage.cache_policy.version
        output = json.loads(json.dumps(output), parse_float=lambda text: float(f"{float(text):.7g}"))
        golden = json.loads(GOLDEN.read_text())
        if request.config.getoption("--record"):
            golden[stage.name] = {"version": version, "output": output}
            GOLDEN.write_text(json.dumps(golden, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
            return
        expected = golden.get(stage.name, {"version": None})
        assert version == expected["version"], (
            f"{GOLDEN.name} is of version {expected['version']} of {stage.name}: record anew with {RECORD}"
        )
        then, now = dict(leaves(expected["output"])), dict(leaves(output))
        moved = [
            f"{name}: {then.get(name)!r} -> {now.get(name)!r}"
            for name in then | now
            if not same(now.get(name), then.get(name))
        ]
        assert not moved, (
            f"the output of {stage.name} moved: raise the stage's version (or that of the stage it reads, if only that "
            f"one's output moved) and record anew with {RECORD}\n" + "\n".join(moved[:8])
        )

    return check


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """What lists and objects hold in the end, each with the way to it."""
    if not isinstance(value, list | dict):
        yield name, value
        return
    for key, part in value.items() if isinstance(value, dict) else enumerate(value):
        yield from leaves(part, f"{name}/{key}")


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def learned(counts: dict[str, Any], out: Path, start: str | None = None) -> dict[str, Any]:
    """What is compared of a trained model: counts, the log, and how far each part is from where it started."""
    before = load_model(start).state_dict() if start else {}
    squares: dict[str, float] = {}
    for name, weight in load_model(out / MODEL_FOLDER).state_dict().items():
        part = ".".join(name.removeprefix("model.").split(".")[:2])
        change = (weight - before[name] if start else weight).double()
        squares[part] = squares.get(part, 0.0) + float(change.square().sum())
    log = [{key: line[key] for key in LOGGED if key in line} for line in lines_of(out / METRICS_FILE)]
    names = sorted(path.name for path in out.iterdir())
    return {"files": names, "counts": counts, "log": log, "moved": {part: sum_**0.5 for part, sum_ in squares.items()}}


@pytest.fixture(scope="module")
def features(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("features")
    compute_features(BASE, data, folder)
    return folder


@pytest.fixture(scope="module")
def taught(data: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a model that answers in the asked form, now right, now wrong, so that there is something to grade.

    The base model never does. Plain descent in double precision, past latents that are zeros, gives the same one on
    every CPU but for 2e-6 of its weights; after as many steps of a training stage, or through latents of its own,
    models of two CPUs already say different things.
    """
    processor, model = load_processor(BASE), load_model(BASE, dtype=torch.float64)
    rows = list(read_rows(str(data / "rows"), split="rl"))
    pictures = processor.image_processor([decode_image(row.images[0], row.id) for row in rows], return_tensors="pt")
    encoded = [
        encode(processor, row.question, grid[None], completion_text(row, 4, thoughts=False))
        for row, grid in zip(rows, pictures["image_grid_thw"], strict=True)
    ]
    batch = Collator(processor.tokenizer.pad_token_id)(encoded)
    next_BT = labels_to_predict(batch.pop("labels"))
    asked_BT = next_BT != IGNORED
    with torch.no_grad():
        seen = model.model.get_image_features(pictures["pixel_values"].double(), pictures["image_grid_thw"])
    latents_ND = torch.zeros(4 * len(rows), model.config.text_config.hidden_size, dtype=torch.float64)
    given = {"latent_embeds": latents_ND, "mm_encoder_outputs": {"image": seen}}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    for _ in range(40):
        logits = model(**batch, **given, logits_to_keep=asked_BT).logits
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(logits, next_BT[asked_BT]).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    folder = tmp_path_factory.mktemp("taught")
    save(model.float(), processor, folder)
    return str(folder)


@pytest.mark.train
def test_golden_features(data, features, check_golden):
    """In the order of the rows: names are hashes of the files of pictures, which the encoder decides."""
    store = FeatureStore(features)
    rows = list(read_rows(str(data / "rows"), split="train"))
    pictures = [store.get([picture_key(png)]) for row in rows for png in (*row.images, *row.helper_images)]
    shown = [[one.grid_thw.tolist(), one.features[::12, ::32].tolist()] for one in pictures[:6]]
    targets = [latent_targets(one.features, 4).norm().item() for one in pictures]
    output = {"files": sorted(path.name for path in features.iterdir()), "shown": shown, "norms": targets}
    check_golden(training.features, output, rel=1e-4, near_zero=1e-4)


@pytest.mark.train
@pytest.mark.parametrize(
    ("stage", "how"),
    [
        (training.stage1, {"latents": "helper", "text_weight": 0.3, "alignment": Alignment()}),
        (training.stage2, {"latents": "own"}),
        (
            training.joint,
            {
                "latents": "own", "interchange": 0.4, "latent_norm": "text", "bottleneck": True,
                "alignment": Alignment(target="helper-minus-input", loss="contrastive", decay="linear"),
            },
        ),
        (training.direct, {"latents": "none"}),
        (training.cot, {"latents": "none"}),
    ],
)  # fmt: skip
def test_golden_supervised(data, features, tmp_path, check_golden, stage, how):
    output = {}
    for name, thoughts in (("answers", False), ("thoughts", True)):
        out = tmp_path / name
        out.mkdir()
        same = {"seed": 0, "latent_size": 4, "precision": "fp32", "text_weight": 1.0, "alignment": None}
        settings = Supervised(**{**same, **how}, thoughts=thoughts, optimizer=Optimizer(**SHORT))
        counts = train_supervised(BASE, data, features, settings, out, tmp_path / f"{name}-scratch")
        output[name] = learned(counts, out, BASE)
    check_golden(stage, output, rel=1e-3, near_zero=1e-6)


@pytest.mark.train
def test_golden_grpo(data, taught, tmp_path, check_golden):
    (tmp_path / "out").mkdir()
    grpo = Grpo(num_updates=3, batch_size=16, num_generations=8, lr=1e-4, warmup_updates=0)
    settings = Reinforced(seed=0, precision="fp32", max_new_tokens=24, grpo=grpo)
    counts = train_grpo(taught, data, settings, tmp_path / "out", tmp_path / "scratch")
    check_golden(training.grpo, learned(counts, tmp_path / "out", taught), rel=3e-4, near_zero=1e-5)


@pytest.mark.train
def test_golden_pretrain(tmp_path, check_golden):
    (tmp_path / "out").mkdir()
    settings = Pretrain(
        hidden=48, layers=1, vision_hidden=32, levels=(3, 4), num_held_out=16, optimizer=Optimizer(**SHORT)
    )
    counts = pretrain(settings, tmp_path / "out", tmp_path / "scratch")
    check_golden(training.pretrain, learned(counts, tmp_path / "out"), rel=1e-4, near_zero=1e-6)


@pytest.fixture
def tests_of(data: Path) -> tuple[TestRows, ...]:
    return tuple(TestRows(name=split, folder=data, split=split) for split in ("rl", "validation"))


def contents(out: Path) -> dict[str, Any]:
    return {path.name: json.loads(path.read_text()) for path in sorted(out.iterdir())}


@pytest.mark.train
def test_golden_benchmark(taught, tests_of, tmp_path, check_golden):
    counts = examine(taught, Exam(model="taught", tests=tests_of, settings=EXAM), tmp_path)
    output = contents(tmp_path)
    for scores in output.values():
        del scores["seconds"]
    check_golden(evaluation.benchmark, {"counts": counts, **output})


def test_golden_baselines(tests_of, tmp_path, check_golden):
    counts = benchmark_policies(tests_of, EXAM, tmp_path)
    check_golden(evaluation.baselines, {"counts": counts, **contents(tmp_path)})


def seal(folder: Path, **counts: Any) -> Path:
    """Make a folder an artifact of always the same machine, day and code."""
    sealed = Manifest(
        stage=folder.name, version=3, digest=f"{folder.name}-digest", inputs={}, git_commit="c0ffee", seed=11,
        counts=counts, files={}, libraries={"python": "3"}, device=Device(cpu="a CPU", cores=2, gpus=("a GPU",)),
        wall_s=2.5,
    )  # fmt: skip
    folder.mkdir(exist_ok=True)
    (folder / storage.MANIFEST_NAME).write_text(sealed.model_dump_json())
    return folder


def graded(row: Row, output: str) -> Answer:
    board = vsp.Board(tuple(row.meta["board"]))
    return Answer(
        id=row.id, level=row.level, output=output, reason=vsp.check(board, output).reason,
        reason_vsp=vsp.check(board, output, rule="vsp").reason, num_latents=4, needs_planning=vsp.needs_planning(board),
    )  # fmt: skip


def text_of(page: str) -> list[str]:
    """What one reads on the page, by paragraphs and rows of tables; a curve is a mark."""
    page = re.sub(r"<style.*?</style>", "", page, flags=re.DOTALL)
    page = re.sub(r"<svg.*?</svg>", "[curve]", page, flags=re.DOTALL)
    blocks = re.split(r"</(?:title|h\d|p|tr|div)>", page)
    texts = [" ".join(html.unescape(re.sub(r"<[^>]*>", " ", block)).split()) for block in blocks]
    return [text for text in texts if text]


def test_golden_report(data, tests_of, tmp_path, check_golden):
    rows = list(read_rows(str(data / "rows")))
    told, stage, scores, policies = (tmp_path / name for name in ("dataset", "stage1", "benchmark", "baselines"))
    write_rows(rows, str(told / "rows"))
    write_rows([replace(rows[0], verdict="wrong_tile")], str(told / "rejected"))
    for folder in (stage, scores, policies):
        folder.mkdir()
    logs = [{"step": step, "loss": 1 / step, "text_loss": 2.0, "alignment": 0.5, "lr": 1e-3} for step in (1, 5)]
    (stage / METRICS_FILE).write_text("".join(json.dumps(line) + "\n" for line in logs))
    examined = [row for row in rows if row.split == "rl"]
    answers = [graded(row, rf"\boxed{{{row.answer if n % 2 else 'D,D'}}}") for n, row in enumerate(examined)]
    (scores / "scores-0.json").write_text(summarize(answers, vsp.TASK, "mirage", "rl", seconds=1.0).model_dump_json())
    benchmark_policies(tests_of[:1], EXAM, policies)
    made = seal(told, asked=41, kept=40, rejected={"wrong_tile": 1}), [seal(stage, updates=5)], [seal(scores)]
    counts = build_report("a run", *made, seal(policies), tmp_path)
    del counts["bytes"]  # pictures depend on the compressor
    output = {"counts": counts, "text": text_of((tmp_path / "report.html").read_text())}
    check_golden(evaluation.report, output)


def test_golden_study_report(data, tests_of, tmp_path, check_golden):
    rows = [row for row in read_rows(str(data / "rows")) if row.split == "rl"]
    runs = []
    for arm, seed in (("direct", 0), ("direct", 1), ("both", 0), ("both", 1)):
        stage, scores = (seal(tmp_path / f"{kind}-{arm}-{seed}", updates=5) for kind in ("stage", "scores"))
        (stage / METRICS_FILE).write_text(json.dumps({"step": 1, "loss": 2.0}) + "\n")
        right = {n for n in range(len(rows)) if n % (2 + seed) == 0 or arm == "both"}
        answers = [graded(row, rf"\boxed{{{row.answer if n in right else 'D,D'}}}") for n, row in enumerate(rows)]
        (scores / "scores-0.json").write_text(summarize(answers, vsp.TASK, arm, "rl", seconds=1.0).model_dump_json())
        if arm == "both":
            told = [{"name": name, "answers": [answer.model_dump() for answer in answers]} for name in ("own", "zeros")]
            (scores / "latents-0.json").write_text(json.dumps({"test_set": "rl", "replaced": told}))
        runs.append(ArmRun(arm, seed, stage, scores))
    policies, told = seal(tmp_path / "baselines"), seal(tmp_path / "dataset")
    benchmark_policies(tests_of[:1], EXAM, policies)
    counts = build_study_report("a study", told, runs, policies, ("direct",), tmp_path)
    del counts["bytes"]  # figures depend on matplotlib
    markdown = (tmp_path / "tables.md").read_text().splitlines()
    output = {"counts": counts, "text": text_of((tmp_path / "report.html").read_text()), "tables": markdown}
    check_golden(evaluation.study_report, output)


def stages_of(module: ModuleType) -> set[str]:
    return {value.name for value in vars(module).values() if isinstance(value, Task)}


def test_every_stage_of_training_and_evaluation_is_recorded():
    assert set(json.loads(GOLDEN.read_text())) == stages_of(training) | stages_of(evaluation)
