"""Mazes to a verified data set: `python -m flows.synth_vsp --spec datasets_spec/vsp-tiny.yaml`."""

from pathlib import Path

import typer
from prefect import flow

from mirage_core.spec import load_spec
from tasks import synthesis
from tasks.artifact import Artifact
from tasks.cards import with_card
from tasks.local import run_flow


@flow(name="synth-vsp")
def synth_vsp(spec: Path) -> Artifact:
    """Draw the puzzles of a spec, their helper images and their reasoning; verify and write the rows."""
    settings = load_spec(spec)
    puzzles = with_card(synthesis.puzzles(settings))
    pictures = with_card(synthesis.helper_images(puzzles, settings.helper_image, settings.seed))
    how = (settings.teacher, settings.seed, settings.thoughts_per_puzzle)
    thoughts = with_card(synthesis.reasoning(puzzles, *how))
    return with_card(synthesis.dataset(settings, puzzles, pictures, thoughts))


def main(spec: Path = Path("datasets_spec/vsp-tiny.yaml")) -> None:
    """Build a data set."""
    print(f"data set: {run_flow(synth_vsp, spec=spec).uri}/rows")


if __name__ == "__main__":
    typer.run(main)
