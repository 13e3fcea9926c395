"""A data set to trained models: `python -m flows.train_mirage --recipe recipes/tiny.yaml`."""

from pathlib import Path

import typer
from prefect import flow

from flows.data import build_data
from mirage_core.model.base import resolve_base
from mirage_core.recipe import load_recipe
from tasks import training
from tasks.artifact import Artifact
from tasks.cards import with_card
from tasks.local import run_flow


@flow(name="train-mirage")
def train_mirage(spec: Path, recipe: Path) -> dict[str, Artifact]:
    """Train stage 1, stage 2, stage 3 and the text-only arms on the data set of a spec, which is built if need be.

    Returns:
        The data set and the trained stages, each by its name.
    """
    settings = load_recipe(recipe)
    base = resolve_base(settings.base_model)
    data = build_data(spec)
    features = with_card(training.features(base, data))
    stage1 = with_card(training.stage1(base, data, features, settings.supervised("stage1")))
    stage2 = with_card(training.stage2(stage1, data, features, settings.supervised("stage2")))
    grpo = with_card(training.grpo(stage2, data, settings.reinforced()))
    direct = with_card(training.direct(base, data, features, settings.supervised("direct")))
    made = {"dataset": data, "stage1": stage1, "stage2": stage2, "grpo": grpo, "direct": direct}
    if settings.joint:
        made["joint"] = with_card(training.joint(base, data, features, settings.supervised("joint")))
    if settings.cot:
        made["cot"] = with_card(training.cot(base, data, features, settings.supervised("cot")))
    return made


def main(spec: Path = Path("datasets_spec/vsp-tiny.yaml"), recipe: Path = Path("recipes/tiny.yaml")) -> None:
    """Train all stages."""
    for name, artifact in run_flow(train_mirage, spec=spec, recipe=recipe).items():
        print(f"{name}: {artifact.uri}")


if __name__ == "__main__":
    typer.run(main)
