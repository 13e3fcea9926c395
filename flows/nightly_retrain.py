"""A night of retraining: `python -m flows.nightly_retrain --recipe recipes/tiny.yaml`."""

from pathlib import Path

import typer
from prefect import flow

from flows.benchmark import official_sets
from flows.synth_vsp import make_dataset
from mirage_core.errors import InputError
from mirage_core.model.base import resolve_base
from mirage_core.nights import best_of, read_nights
from mirage_core.recipe import load_recipe
from mirage_core.spec import DatasetSpec, load_spec_of
from tasks import evaluation, synthesis, training
from tasks.artifact import Artifact
from tasks.cards import with_card
from tasks.evaluation import TestSet
from tasks.local import run_flow
from tasks.nights import history_uri, number_of_this_night, promotion, prune, record_night

NIGHTS_KEPT = 7


@flow(name="nightly-retrain")
def nightly_retrain(spec: Path, recipe: Path, tests: tuple[Path, ...] = (), nights_kept: int = NIGHTS_KEPT) -> Artifact:
    """Train on fresh data from the best model so far; the result becomes the best if it is surely better.

    The held-out rows are the same every night, and no night trains on their boards: else a night would be examined on
    what the best model so far has learned from. What decides so often becomes a little too kind to the best; official
    tests decide nothing and stay honest.

    Args:
        spec: YAML of the data set, of mazes; each night has a random seed of its own. Its split `validation` says how
            many are held out.
        recipe: YAML of training, with the margin of promotion. The history belongs to spec and recipe by name.
        tests: Official tests that are reported beside the held-out rows, which decide.
        nights_kept: Last nights whose artifacts all stay.
    """
    settings, asked = load_recipe(recipe), load_spec_of(spec, DatasetSpec)
    name = f"{spec.stem}-{recipe.stem}"
    history = read_nights(history_uri(name))
    number = number_of_this_night(history)
    seed = (asked.seed + number) % 2**32
    best = best_of([night for night in history if night.number < number])
    base = resolve_base(settings.base_model)
    before = Artifact(stage=best.stage, digest=best.digest) if best else None

    official = official_sets(tests)
    held_out = held_out_spec(asked, spec)
    held_out_rows = make_dataset(held_out)
    tonight = asked.model_copy(update={"seed": seed})
    data = make_dataset(tonight, apart_from=synthesis.puzzles(held_out.puzzles))
    features = with_card(training.features(base, data))
    stage1 = with_card(training.stage1(before or base, data, features, settings.supervised("stage1")))
    stage2 = with_card(training.stage2(stage1, data, features, settings.supervised("stage2")))
    candidate = with_card(training.grpo(stage2, data, settings.reinforced()))

    examined = [TestSet(name="held-out rows", rows=held_out_rows, split="validation"), *official]
    old = with_card(evaluation.benchmark(before or base, "best so far", examined, settings.benchmark))
    new = with_card(evaluation.benchmark(candidate, f"night {number}", examined, settings.benchmark))
    baselines = with_card(evaluation.baselines(examined, settings.benchmark))
    stages = [stage1, stage2, candidate]
    page = with_card(evaluation.report(f"{name}, night {number}", data, stages, [old, new], baselines))
    judged = with_card(promotion(new, old, settings.promotion_margin))
    record_night(name, number, seed, candidate, before, judged, [judged, page])
    prune(name, nights_kept)
    return judged


def held_out_spec(asked: DatasetSpec, path: Path) -> DatasetSpec:
    """The rows that decide over every night of a spec. The oracle tells them: examined are answers alone.

    Raises:
        InputError: The spec has no validation puzzles.
    """
    if "validation" not in asked.num_puzzles:
        raise InputError(f"{path}: `num_puzzles.validation` is missing: a night is judged on so many held-out puzzles")
    number = {"validation": asked.num_puzzles["validation"]}
    return asked.model_copy(update={"num_puzzles": number, "teacher": "oracle", "server": None})


def main(
    spec: Path = Path("datasets_spec/vsp-tiny.yaml"),
    recipe: Path = Path("recipes/tiny.yaml"),
    test: list[Path] | None = None,
    nights_kept: int = NIGHTS_KEPT,
) -> None:
    """Run one night and print what came of it."""
    parameters = {"spec": spec, "recipe": recipe, "tests": tuple(test or ()), "nights_kept": nights_kept}
    run_flow(nightly_retrain, **parameters)
    name = f"{spec.stem}-{recipe.stem}"
    night = read_nights(history_uri(name))[-1]
    told = night.judgement
    verdict = "promoted" if told.promoted else "not promoted"
    print(f"night {night.number}: {told.accuracy:.1%}, best so far {told.accuracy_before:.1%}: {verdict}")
    print(f"nights: {history_uri(name)}/nights.html")


if __name__ == "__main__":
    typer.run(main)
