"""Mazes to a verified data set: `python -m flows.synth_vsp --spec datasets_spec/vsp-tiny.yaml`."""

from pathlib import Path

import typer
from prefect import flow

from mirage_core.spec import DatasetSpec, load_spec
from tasks import synthesis
from tasks.artifact import Artifact
from tasks.cards import with_card
from tasks.local import run_flow


@flow(name="synth-vsp")
def synth_vsp(spec: Path) -> Artifact:
    """Draw the puzzles of a spec, their helper images and their reasoning; verify and write the rows."""
    return make_dataset(load_spec(spec))


def make_dataset(settings: DatasetSpec) -> Artifact:
    """The stages of a data set, for any flow."""
    puzzles = with_card(synthesis.puzzles(settings))
    drawn = (settings.helper_image, settings.seed, settings.helper_as_input)
    pictures = with_card(synthesis.helper_images(puzzles, *drawn))
    how = (settings.teacher, settings.seed, settings.thoughts_per_puzzle)
    thoughts = with_card(synthesis.reasoning(puzzles, *how))
    return with_card(synthesis.dataset(settings, puzzles, pictures, thoughts))


def main(spec: Path = Path("datasets_spec/vsp-tiny.yaml")) -> None:
    """Build a data set."""
    print(f"data set: {run_flow(synth_vsp, spec=spec).uri}/rows")


if __name__ == "__main__":
    typer.run(main)
