"""Nothing to a report: `python -m flows.end_to_end --recipe recipes/tiny.yaml`."""

from pathlib import Path

import typer
from prefect import flow

from flows.benchmark import test_sets
from flows.train_mirage import train_mirage
from mirage_core.model.base import resolve_base
from mirage_core.recipe import load_recipe
from tasks import evaluation
from tasks.artifact import Artifact
from tasks.cards import with_card
from tasks.local import run_flow

ARMS = {
    "stage1": "stage 1",
    "stage2": "stages 1 + 2",
    "grpo": "stages 1 + 2 + GRPO",
    "joint": "joint stage",
    "direct": "direct answer (text only)",
    "cot": "chain of thought (text only)",
}
"""Stage of `train_mirage` -> name of its model in tables."""


@flow(name="end-to-end")
def end_to_end(spec: Path, recipe: Path, tests: tuple[Path, ...] = ()) -> Artifact:
    """Synthesize, train all stages and arms, score them all, write the report."""
    settings = load_recipe(recipe)
    base = resolve_base(settings.base_model)
    examined = test_sets(spec, tests)
    made = train_mirage(spec, recipe)
    arms = {stage: title for stage, title in ARMS.items() if stage in made}
    models = {"untrained base": base, **{title: made[stage] for stage, title in arms.items()}}
    scores = [
        with_card(evaluation.benchmark(model, name, examined, settings.benchmark)) for name, model in models.items()
    ]
    baselines = with_card(evaluation.baselines(examined, settings.benchmark))
    title = f"{spec.stem}, recipe {recipe.stem}"
    return with_card(evaluation.report(title, made["dataset"], [made[stage] for stage in arms], scores, baselines))


def main(
    spec: Path = Path("datasets_spec/vsp-tiny.yaml"),
    recipe: Path = Path("recipes/tiny.yaml"),
    test: list[Path] | None = None,
) -> None:
    """Run the whole road and print where the report lies."""
    print(f"report: {run_flow(end_to_end, spec=spec, recipe=recipe, tests=tuple(test or ())).files}/report.html")


if __name__ == "__main__":
    typer.run(main)
