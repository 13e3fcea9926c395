"""Which way of training wins, and how sure that is: `python -m flows.study_vsp --recipe recipes/study-tiny.yaml`."""

from pathlib import Path

import typer
from prefect import flow

from flows.benchmark import test_sets
from mirage_core.model.base import BaseModelRef, resolve_base
from mirage_core.recipe import Recipe
from mirage_core.training.arms import BASE, BOTH, COT, DIRECT, JOINT, alone, load_study
from tasks import evaluation, training
from tasks.artifact import Artifact
from tasks.cards import with_card
from tasks.evaluation import StudyRun
from tasks.local import run_flow


def train_arms(base: BaseModelRef, data: Artifact, recipe: Recipe) -> dict[str, Artifact]:
    """Every arm with the recipe's seed, by its name in tables."""
    seen = (data, with_card(training.features(base, data)))
    with_text, with_latents = recipe.reinforced(latents=False), recipe.reinforced()
    stage1 = with_card(training.stage1(base, *seen, recipe.supervised("stage1")))
    made = {DIRECT: training.direct(base, *seen, recipe.supervised("direct"))}
    if recipe.cot:
        made[COT] = training.cot(base, *seen, recipe.supervised("cot"))
    made["stage 1 only"] = training.stage1(base, *seen, alone(recipe, "stage1"))
    made["stage 2 only"] = training.stage2(base, *seen, alone(recipe, "stage2"))
    made[BOTH] = training.stage2(stage1, *seen, recipe.supervised("stage2"))
    if recipe.joint:
        made[JOINT] = training.joint(base, *seen, recipe.supervised("joint"))
    made["GRPO only"] = training.grpo(base, data, with_text)
    for arm, how in {DIRECT: with_text, COT: with_text, BOTH: with_latents, JOINT: with_latents}.items():
        if arm in made:
            made[f"{arm} + GRPO"] = training.grpo(made[arm], data, how)
    return {arm: with_card(model) for arm, model in made.items()}


@flow(name="study-vsp")
def study_vsp(spec: Path, recipe: Path, seeds: tuple[int, ...] = (0, 1, 2), tests: tuple[Path, ...] = ()) -> Artifact:
    """Train every arm with every seed at the same data and updates, examine them all and compare them in a report.

    What any run has trained is not trained again: runs of a seed each may go side by side, and one of all seeds then
    joins them.
    """
    settings = load_study(recipe)
    base = resolve_base(settings.base_model)
    examined = test_sets(spec, tests)
    data = examined[-1].rows  # the held-out rows are those of the data set
    scores = with_card(evaluation.benchmark(base, BASE, examined, settings.benchmark))
    runs = [StudyRun(arm=BASE, seed=None, trained=None, scores=scores)]
    for seed in seeds:
        for arm, model in train_arms(base, data, settings.model_copy(update={"seed": seed})).items():
            scores = with_card(evaluation.benchmark(model, arm, examined, settings.benchmark))
            runs.append(StudyRun(arm=arm, seed=seed, trained=model, scores=scores))
    baselines = with_card(evaluation.baselines(examined, settings.benchmark))
    title = f"{spec.stem}, recipe {recipe.stem}"
    return with_card(evaluation.study_report(title, data, runs, baselines, (DIRECT, BOTH)))


def main(
    spec: Path = Path("datasets_spec/vsp-study.yaml"),
    recipe: Path = Path("recipes/study-tiny.yaml"),
    seed: list[int] | None = None,
    test: list[Path] | None = None,
) -> None:
    """Run the study with the seeds given, or with 0, 1 and 2, and print where the report lies."""
    seeds = tuple(seed or (0, 1, 2))
    report = run_flow(study_vsp, spec=spec, recipe=recipe, seeds=seeds, tests=tuple(test or ()))
    print(f"report: {report.files}/report.html")


if __name__ == "__main__":
    typer.run(main)
