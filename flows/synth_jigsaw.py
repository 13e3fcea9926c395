"""Photographs to verified jigsaws: `python -m flows.synth_jigsaw --spec datasets_spec/jigsaw-demo.yaml`."""

from pathlib import Path

import typer
from prefect import flow

from mirage_core.jigsaw_spec import JigsawSpec
from mirage_core.spec import load_spec_of
from tasks import jigsaw
from tasks.artifact import Artifact
from tasks.cards import with_card
from tasks.local import run_flow


@flow(name="synth-jigsaw")
def synth_jigsaw(spec: Path) -> Artifact:
    """Collect the photographs of a spec, cut the puzzles with their helper images, explain and verify them."""
    return make_dataset(load_spec_of(spec, JigsawSpec))


def make_dataset(settings: JigsawSpec) -> Artifact:
    """The stages of a data set, for any flow."""
    photographs = select_photographs(settings)
    puzzles = with_card(jigsaw.puzzles(settings.puzzles, photographs))
    thoughts = with_card(jigsaw.reasoning(puzzles, settings.seed))
    return with_card(jigsaw.dataset(settings, photographs, puzzles, thoughts))


def select_photographs(settings: JigsawSpec) -> Artifact:
    """The photographs of a data set, dealt out to its splits."""
    source, official = jigsaw.find_photos(settings), jigsaw.find_official(settings)
    return with_card(jigsaw.photographs(source, settings.selection, official))


def main(spec: Path = Path("datasets_spec/jigsaw-demo.yaml")) -> None:
    """Build a data set."""
    print(f"data set: {run_flow(synth_jigsaw, spec=spec).uri}/rows")


if __name__ == "__main__":
    typer.run(main)
