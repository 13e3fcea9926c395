"""What single settings are worth, and the helper image itself: `python -m flows.ablate_vsp --seed 0`."""

from pathlib import Path

import typer
from prefect import flow

from flows.benchmark import test_sets
from flows.synth_vsp import make_dataset
from mirage_core.model.base import BaseModelRef, resolve_base
from mirage_core.puzzles.vsp_helpers import HelperKind
from mirage_core.recipe import LatentSize, PositiveFloat
from mirage_core.spec import DatasetSpec, load_spec_of
from mirage_core.training.arms import BOTH, DIRECT, JOINT, Variant, ablations, load_study
from tasks import evaluation, training
from tasks.artifact import Artifact
from tasks.cards import with_card
from tasks.evaluation import StudyRun
from tasks.local import run_flow


def train_variant(base: BaseModelRef, data: Artifact, features: Artifact, variant: Variant) -> dict[str, Artifact]:
    """The arms of a variant, by their names in tables."""
    recipe, names, made = variant.recipe, variant.names, {}
    if DIRECT in names:
        made[names[DIRECT]] = training.direct(base, data, features, recipe.supervised("direct"))
    if BOTH in names:
        stage1 = with_card(training.stage1(base, data, features, recipe.supervised("stage1")))
        made[names[BOTH]] = training.stage2(stage1, data, features, recipe.supervised("stage2"))
    if JOINT in names:
        made[names[JOINT]] = training.joint(base, data, features, recipe.supervised("joint"))
    return {arm: with_card(model) for arm, model in made.items()}


@flow(name="ablate-vsp")
def ablate_vsp(
    spec: Path,
    recipe: Path,
    seed: int = 0,
    latent_sizes: tuple[LatentSize, ...] = (1, 2, 8, 16),
    gammas: tuple[PositiveFloat, ...] = (0.5, 1.0),
    helper_images: tuple[HelperKind, ...] = ("half-route", "wrong-route", "blurred-route", "field"),
    tests: tuple[Path, ...] = (),
) -> Artifact:
    """Change one setting of the latent arms at a time; and show the text-only arm the helper image as input."""
    settings = load_study(recipe).model_copy(update={"seed": seed})
    drawn, base = load_spec_of(spec, DatasetSpec), resolve_base(settings.base_model)
    examined, runs = test_sets(spec, tests), []
    for drawn_anew, variants in ablations(settings, drawn, latent_sizes, gammas, helper_images):
        data = make_dataset(drawn_anew)
        features = with_card(training.features(base, data))
        own = examined[-1].model_copy(update={"rows": data})  # the held-out boards are the same
        chosen = [own] if drawn_anew.helper_as_input else [*examined[:-1], own]
        for variant in variants:
            for arm, model in train_variant(base, data, features, variant).items():
                scores = with_card(evaluation.benchmark(model, arm, chosen, settings.benchmark))
                runs.append(StudyRun(arm=arm, seed=seed, trained=model, scores=scores))
    baselines = with_card(evaluation.baselines(examined, settings.benchmark))
    unchanged = f"k = {settings.latent_size}, gamma = {settings.gamma}, {drawn.helper_image}"
    title = f"{spec.stem}, recipe {recipe.stem}, one setting changed at a time; unchanged: {unchanged}"
    references = (DIRECT, BOTH, JOINT) if settings.joint else (DIRECT, BOTH)
    return with_card(evaluation.study_report(title, examined[-1].rows, runs, baselines, references))


def main(
    spec: Path = Path("datasets_spec/vsp-study.yaml"),
    recipe: Path = Path("recipes/study-tiny.yaml"),
    seed: int = 0,
    test: list[Path] | None = None,
) -> None:
    """Run the ablations and print where the report lies."""
    report = run_flow(ablate_vsp, spec=spec, recipe=recipe, seed=seed, tests=tuple(test or ()))
    print(f"report: {report.uri}/report.html")


if __name__ == "__main__":
    typer.run(main)
