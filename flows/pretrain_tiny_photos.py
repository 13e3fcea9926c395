"""Nothing to the tiny base model that sees photographs: `python -m flows.pretrain_tiny_photos`."""

from pathlib import Path

import typer
from prefect import flow

from flows.synth_jigsaw import select_photographs
from mirage_core.jigsaw_spec import JigsawSpec
from mirage_core.recipe import load_pretrain_photos
from mirage_core.spec import load_spec_of
from tasks import jigsaw
from tasks.artifact import Artifact
from tasks.cards import with_card
from tasks.local import run_flow


@flow(name="pretrain-tiny-photos")
def pretrain_tiny_photos(recipe: Path, spec: Path) -> Artifact:
    """Teach a tiny model to see the photographs of a spec's split `train`; the package ships it as `tiny-photos`."""
    photographs = select_photographs(load_spec_of(spec, JigsawSpec))
    return with_card(jigsaw.pretrain_photos(load_pretrain_photos(recipe), photographs))


def main(
    recipe: Path = Path("recipes/pretrain-tiny-photos.yaml"), spec: Path = Path("datasets_spec/jigsaw-tiny.yaml")
) -> None:
    """Train a tiny base model."""
    print(f"model: {run_flow(pretrain_tiny_photos, recipe=recipe, spec=spec).files}/model")


if __name__ == "__main__":
    typer.run(main)
