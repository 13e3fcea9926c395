"""What a helper image's quality is worth: `python -m flows.study_sat --spec datasets_spec/sat-tiny.yaml`.

The open question of Mirage's section on SAT: its helper images come from a video model, whose artefacts it names as a
limit. A simulator has the true view, so that the same rooms and questions can be trained on with better and worse ones.
"""

from pathlib import Path

import typer
from prefect import flow

from flows.benchmark import official_sets
from flows.synth_sat import make_dataset
from mirage_core.model.base import BaseModelRef, resolve_base
from mirage_core.puzzles.sat_helpers import HELPER_KINDS, HelperKind
from mirage_core.recipe import Recipe
from mirage_core.sat_spec import SatSpec
from mirage_core.spec import load_spec_of
from mirage_core.training.arms import BASE, BOTH, DIRECT, JOINT, load_study
from tasks import evaluation, training
from tasks.artifact import Artifact
from tasks.cards import with_card
from tasks.evaluation import StudyRun, TestSet
from tasks.local import run_flow

HELD_OUT = "held-out rooms"


def train_with(helper: str, base: BaseModelRef, data: Artifact, recipe: Recipe) -> dict[str, Artifact]:
    """The latent arms on the rows of one kind of helper image, by their names in tables."""
    features = with_card(training.features(base, data))
    stage1 = with_card(training.stage1(base, data, features, recipe.supervised("stage1")))
    made = {BOTH: training.stage2(stage1, data, features, recipe.supervised("stage2"))}
    if recipe.joint:
        made[JOINT] = training.joint(base, data, features, recipe.supervised("joint"))
    return {f"{arm}; {helper}": with_card(model) for arm, model in made.items()}


@flow(name="study-sat")
def study_sat(
    spec: Path,
    recipe: Path,
    seeds: tuple[int, ...] = (0,),
    helper_images: tuple[HelperKind, ...] = HELPER_KINDS,
    tests: tuple[Path, ...] = (),
) -> Artifact:
    """Train the latent arms with each kind of helper image, and the text-only arm, at the same data and updates."""
    settings, drawn = load_study(recipe), load_spec_of(spec, SatSpec)
    base, official = resolve_base(settings.base_model), official_sets(tests)
    rendered = drawn.model_copy(update={"video": None})
    data: dict[str, Artifact] = {
        kind: make_dataset(rendered.model_copy(update={"helper_image": kind})) for kind in helper_images
    }
    if drawn.video:
        data["imagined"] = make_dataset(drawn)
    first = next(iter(data.values()))
    features, runs = with_card(training.features(base, first)), list[StudyRun]()
    examined = [*official, TestSet(name=HELD_OUT, rows=first, split="validation")]
    scores = with_card(evaluation.benchmark(base, BASE, examined, settings.benchmark))
    runs.append(StudyRun(arm=BASE, seed=None, trained=None, scores=scores))
    for seed in seeds:
        seeded = settings.model_copy(update={"seed": seed})
        direct = with_card(training.direct(base, first, features, seeded.supervised("direct")))
        scores = with_card(evaluation.benchmark(direct, DIRECT, examined, settings.benchmark))
        runs.append(StudyRun(arm=DIRECT, seed=seed, trained=direct, scores=scores))
        for kind, rows in data.items():
            own = [*official, TestSet(name=HELD_OUT, rows=rows, split="validation")]
            for arm, model in train_with(kind, base, rows, seeded).items():
                scores = with_card(evaluation.benchmark(model, arm, own, settings.benchmark))
                runs.append(StudyRun(arm=arm, seed=seed, trained=model, scores=scores))
    baselines = with_card(evaluation.baselines(examined, settings.benchmark))
    title = f"{spec.stem}, recipe {recipe.stem}: helper images {', '.join(data)}"
    return with_card(evaluation.study_report(title, first, runs, baselines, (DIRECT, f"{BOTH}; {helper_images[0]}")))


def main(
    spec: Path = Path("datasets_spec/sat-tiny.yaml"),
    recipe: Path = Path("recipes/study-sat.yaml"),
    seed: list[int] | None = None,
    test: list[Path] | None = None,
) -> None:
    """Run the study and print where the report lies."""
    report = run_flow(study_sat, spec=spec, recipe=recipe, seeds=tuple(seed or (0,)), tests=tuple(test or ()))
    print(f"report: {report.files}/report.html")


if __name__ == "__main__":
    typer.run(main)
