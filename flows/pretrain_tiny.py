"""Nothing to the tiny base model: `python -m flows.pretrain_tiny --recipe recipes/pretrain-tiny.yaml`."""

from pathlib import Path

import typer
from prefect import flow

from mirage_core.recipe import load_pretrain
from tasks import training
from tasks.artifact import Artifact
from tasks.cards import with_card
from tasks.local import run_flow


@flow(name="pretrain-tiny")
def pretrain_tiny(recipe: Path) -> Artifact:
    """Teach a tiny model to read mazes; its weights are what the package ships as `tiny`."""
    return with_card(training.pretrain(load_pretrain(recipe)))


def main(recipe: Path = Path("recipes/pretrain-tiny.yaml")) -> None:
    """Train a tiny base model."""
    print(f"model: {run_flow(pretrain_tiny, recipe=recipe).files}/model")


if __name__ == "__main__":
    typer.run(main)
