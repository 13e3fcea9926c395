"""Nights of retraining as flows: one after another, retried, pruned."""

from pathlib import Path

import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

from flows.nightly_retrain import nightly_retrain
from mirage_core import manifest
from mirage_core.nights import Night, read_nights, write_night
from mirage_core.puzzles import vsp
from mirage_core.synthesis.puzzles import read_puzzles
from tasks.artifact import Artifact
from tasks.local import run_flow
from tasks.nights import history_uri

pytestmark = [pytest.mark.prefect, pytest.mark.train]

SPEC = {
    "task": "vsp_spatial_planning", "seed": 5, "level_shares": {3: 1},  # small boards: by chance some would come again
    "num_puzzles": {"train": 60, "rl": 4, "validation": 40},
}  # fmt: skip
ONE_UPDATE = {"num_updates": 1, "batch_size": 8, "lr": 1e-3, "warmup_updates": 0}
RECIPE = {
    "stage1": ONE_UPDATE, "stage2": ONE_UPDATE, "direct": {**ONE_UPDATE, "num_updates": 2},
    "grpo": {**ONE_UPDATE, "num_generations": 4}, "benchmark": {"max_new_tokens": 16, "batch_size": 8},
}  # fmt: skip


@pytest.fixture
def files(tmp_path) -> dict[str, Path]:
    for name, content in (("spec", SPEC), ("recipe", RECIPE)):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(content))
    return {name: tmp_path / f"{name}.yaml" for name in ("spec", "recipe")}


def stages_there(root: Path) -> set[str]:
    return {f"{path.parent.parent.name}/{path.parent.name}" for path in root.glob("[!.]*/[!.]*/manifest.json")}


def boards_by_split(root: Path) -> dict[str, set[vsp.Board]]:
    """Boards that nights are judged on and those of all nights' training rows."""
    (held_out,) = root.glob("puzzles/[!.]*")
    nights = [puzzle for folder in root.glob("puzzles-apart/[!.]*") for puzzle in read_puzzles(folder)]
    trained_on = {puzzle.board for puzzle in nights if puzzle.split in ("train", "rl")}
    return {"held out": {puzzle.board for puzzle in read_puzzles(held_out)}, "trained on": trained_on}


def promote(night: Night) -> Night:
    """The same night with a candidate that was better."""
    gain = night.judgement.difference.model_copy(update={"difference": 0.5, "low": 0.25, "high": 0.75})
    told = night.judgement.model_copy(update={"difference": gain, "promoted": True, "accuracy": 0.5})
    return night.model_copy(update={"judgement": told})


def test_nights_follow_one_another_from_the_best_and_the_rest_is_pruned(prefect_server, artifact_root, files):
    run_flow(nightly_retrain, **files, nights_kept=1)
    uri = history_uri("spec-recipe")
    (first,) = read_nights(uri)
    assert (first.number, first.seed, first.before, first.judgement.promoted) == (1, 6, None, False)
    after_first = stages_there(artifact_root)
    boards_of_first = boards_by_split(artifact_root)
    write_night(uri, promote(first))  # one update makes no better model, so the history is told that it did

    run_flow(nightly_retrain, **files, nights_kept=1)
    _, second = read_nights(uri)
    assert (second.number, second.seed, second.before) == (2, 7, first.candidate)
    record = manifest.read(Artifact(stage="stage1", digest=_digest(second, "stage1")).uri)
    assert record.inputs["start"] == first.candidate._asdict(), "training goes on from the best"
    boards = boards_by_split(artifact_root)
    assert boards["held out"] == boards_of_first["held out"], "every night is judged on the same"
    assert boards["trained on"] > boards_of_first["trained on"] and not boards["held out"] & boards["trained on"]
    kept = stages_there(artifact_root)
    assert f"grpo/{first.candidate.digest}" in kept
    gone = {name.split("/")[0] for name in after_first - kept}
    assert gone == {"report", "promotion", "benchmark"}, "all that the best stands on is kept"
    assert (artifact_root / "nights/spec-recipe/nights.html").is_file()
    with get_client(sync_client=True) as client:
        key = ArtifactFilterKey(any_=["nights-spec-recipe"])
        cards = client.read_artifacts(artifact_filter=ArtifactFilter(key=key))
    assert len(cards) == 2 and "| 2 |" in max(cards, key=lambda card: card.created).data


def _digest(night: Night, stage: str) -> str:
    """Of the stage that a night's candidate stands on."""
    waiting = [night.candidate]
    while waiting:
        part = waiting.pop()
        if part.stage == stage:
            return part.digest
        waiting.extend(manifest.parents(manifest.read(Artifact(stage=part.stage, digest=part.digest).uri)))
    raise AssertionError(stage)
