"""The study and the ablations as flows, with a server of the tests; `test_end_to_end.py` starts real programs."""

import re
from collections import Counter
from pathlib import Path

import pytest
import torch
import yaml

from mirage_core.jobs import app
from tasks import jobs

pytestmark = [pytest.mark.prefect, pytest.mark.train]

SPEC = {
    "task": "vsp_spatial_planning", "seed": 5, "level_shares": {3: 1, 4: 1},
    "num_puzzles": {"train": 16, "rl": 4, "validation": 4},
}  # fmt: skip
ONE, TWO = ({"num_updates": number, "batch_size": 8, "lr": 1e-3, "warmup_updates": 0} for number in (1, 2))
RECIPE = {
    "stage1": ONE, "stage2": ONE, "direct": TWO, "joint": TWO, "grpo": {**ONE, "num_generations": 4},
    "benchmark": {"max_new_tokens": 12, "batch_size": 8},
}  # fmt: skip
LATENT = ["both: stage 1, stage 2", "joint stage"]
ARMS = [
    "untrained base", "direct SFT", "stage 1 only", "stage 2 only", *LATENT,
    "GRPO only", *(f"{arm} + GRPO" for arm in ("direct SFT", *LATENT)),
]  # fmt: skip
LOADS_TORCH = {"features", "supervised", "grpo", "benchmark"}


@pytest.fixture(scope="module")
def paths(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("study")
    for name, values in (("spec", SPEC), ("recipe", RECIPE)):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(values))
    return {name: folder / f"{name}.yaml" for name in ("spec", "recipe")}


@pytest.fixture(autouse=True)
def jobs_of_torch_in_this_process(monkeypatch):
    """The same commands with the same files; three dozen processes that load torch would take minutes."""
    start = jobs.run_child
    torch.set_num_threads(1)

    def run(module, args, log, log_file=None):
        app(args, standalone_mode=False) if args[0] in LOADS_TORCH else start(module, args, log, log_file)

    monkeypatch.setattr(jobs, "run_child", run)


@pytest.fixture
def run(caplog):
    """A function that runs a flow: its artifact, and how many tasks ended in each state."""

    def start(flow, **parameters):
        caplog.clear()
        artifact = flow(**parameters)
        told = [record.getMessage() for record in caplog.records if record.name == "prefect.task_runs"]
        return artifact, Counter(found[1] for line in told if (found := re.match(r"Finished in state (\w+)", line)))

    return start


def arms_of(report: Path) -> list[str]:
    table = re.search("<table>.*?</table>", report.read_text(), re.DOTALL)[0]
    return [arm for arm in re.findall(r"<tr><td>(.*?)</td>", table)]


def test_study_and_ablations_train_only_what_is_missing(prefect_server, artifact_root, paths, run):
    from flows.ablate_vsp import ablate_vsp
    from flows.study_vsp import study_vsp
    from tasks.artifact import folder

    study, first = run(study_vsp, **paths, seeds=(0,))
    assert arms_of(folder(study) / "report.html") == ARMS
    stages = ("stage1", "stage2", "grpo", "benchmark")
    made = {stage: len(list((artifact_root / stage).glob("*/manifest.json"))) for stage in stages}
    assert made == {"stage1": 2, "stage2": 2, "grpo": 4, "benchmark": 10}

    again, states = run(study_vsp, **paths, seeds=(0,))
    assert again == study and states == {"Cached": first.total()}
    of_a_seed = 2 * len(ARMS) - 1  # the base is not trained, both takes two stages
    assert first.total() + 2 * (of_a_seed + 4) <= 100, "with CoT SFT and three seeds"

    ablation, states = run(ablate_vsp, **paths, seed=0, latent_sizes=(2,), gammas=(), helper_images=())
    expected = ["direct SFT", *LATENT, *(f"{arm}; k = 2" for arm in LATENT), "direct SFT; helper image as input"]
    assert arms_of(folder(ablation) / "report.html") == expected
    of_k, of_ceiling = 3 + 2, 2 + 1 + 1 + 1  # trained and examined; pictures, rows, features, trained, examined
    assert states["Completed"] == of_k + of_ceiling + 1


SAT = {
    "task": "sat_dynamic", "seed": 5, "types": ["goal_aim", "action_sequence"], "side_px": 64,
    "num_puzzles": {"train": 16, "validation": 4},
}  # fmt: skip


def test_helper_images_of_rooms_are_compared_on_the_same_rooms(prefect_server, artifact_root, paths, run, tmp_path):
    from flows.study_sat import study_sat
    from tasks.artifact import folder

    spec = tmp_path / "rooms.yaml"
    spec.write_text(yaml.safe_dump(SAT))
    recipe = tmp_path / "recipe.yaml"  # rows have two pictures, so a helper image has no one picture to differ from
    recipe.write_text(yaml.safe_dump({**RECIPE, "joint": {**TWO, "alignment": {"target": "centred"}}}))
    report, _ = run(study_sat, spec=spec, recipe=recipe, helper_images=("target", "noise"))
    latent = [f"{arm}; {kind}" for kind in ("target", "noise") for arm in LATENT]
    assert arms_of(folder(report) / "report.html") == ["untrained base", "direct SFT", *latent]
    made = {
        stage: len(list((artifact_root / stage).glob("*/manifest.json"))) for stage in ("sat-puzzles", "sat-pictures")
    }
    assert made == {"sat-puzzles": 1, "sat-pictures": 2}
