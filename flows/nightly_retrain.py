"""A night of retraining: `python -m flows.nightly_retrain --recipe recipes/tiny.yaml`."""

from pathlib import Path

import typer
from prefect import flow

from flows.benchmark import official_sets
from flows.data import make_data
from mirage_core.model.base import resolve_base
from mirage_core.nights import best_of, read_nights
from mirage_core.recipe import load_recipe
from mirage_core.spec import load_spec
from tasks import evaluation, training
from tasks.artifact import Artifact
from tasks.cards import with_card
from tasks.evaluation import TestSet
from tasks.local import run_flow
from tasks.nights import history_uri, number_of_this_night, promotion, prune, record_night

NIGHTS_KEPT = 7


@flow(name="nightly-retrain")
def nightly_retrain(spec: Path, recipe: Path, tests: tuple[Path, ...] = (), nights_kept: int = NIGHTS_KEPT) -> Artifact:
    """Train on fresh data from the best model so far; the result becomes the best if it is surely better.

    Args:
        spec: YAML of the data set; each night has a random seed of its own.
        recipe: YAML of training, with the margin of promotion. The history belongs to spec and recipe by name.
        tests: Official tests that are reported beside the held-out rows, which decide.
        nights_kept: Last nights whose artifacts all stay.
    """
    settings, asked = load_recipe(recipe), load_spec(spec)
    name = f"{spec.stem}-{recipe.stem}"
    history = read_nights(history_uri(name))
    number = number_of_this_night(history)
    seed = (asked.seed + number) % 2**32
    best = best_of([night for night in history if night.number < number])
    base = resolve_base(settings.base_model)
    before = Artifact(stage=best.stage, digest=best.digest) if best else None

    official = official_sets(tests)
    data = make_data(asked.model_copy(update={"seed": seed}))
    features = with_card(training.features(base, data))
    stage1 = with_card(training.stage1(before or base, data, features, settings.supervised("stage1")))
    stage2 = with_card(training.stage2(stage1, data, features, settings.supervised("stage2")))
    candidate = with_card(training.grpo(stage2, data, settings.reinforced()))

    examined = [TestSet(name="held-out rows", rows=data, split="validation"), *official]
    old = with_card(evaluation.benchmark(before or base, "best so far", examined, settings.benchmark))
    new = with_card(evaluation.benchmark(candidate, f"night {number}", examined, settings.benchmark))
    baselines = with_card(evaluation.baselines(examined, settings.benchmark))
    stages = [stage1, stage2, candidate]
    page = with_card(evaluation.report(f"{name}, night {number}", data, stages, [old, new], baselines))
    judged = with_card(promotion(new, old, settings.promotion_margin))
    record_night(name, number, seed, candidate, before, judged, [judged, page])
    prune(name, nights_kept)
    return judged


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
