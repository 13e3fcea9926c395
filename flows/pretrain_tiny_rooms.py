"""Nothing to the tiny base model that sees rooms: `python -m flows.pretrain_tiny_rooms`."""

from pathlib import Path

import typer
from prefect import flow

from mirage_core.recipe import load_pretrain_rooms
from tasks import sat
from tasks.artifact import Artifact
from tasks.cards import with_card
from tasks.local import run_flow


@flow(name="pretrain-tiny-rooms")
def pretrain_tiny_rooms(recipe: Path) -> Artifact:
    """Teach a tiny model to see marks in rooms, and to tell where they are."""
    settings = load_pretrain_rooms(recipe)
    views = with_card(sat.room_views(settings.rooms))
    seeing = with_card(sat.see_rooms(settings.seeing, views))
    return with_card(sat.read_rooms(settings.reading, seeing, views))


def main(recipe: Path = Path("recipes/pretrain-tiny-rooms.yaml")) -> None:
    """Train a tiny base model."""
    print(f"model: {run_flow(pretrain_tiny_rooms, recipe=recipe).files}/model")


if __name__ == "__main__":
    typer.run(main)
