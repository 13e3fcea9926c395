"""Planar geometry to a verified data set: `python -m flows.synth_comt --spec datasets_spec/comt-demo.yaml`."""

from pathlib import Path

import typer
from prefect import flow

from mirage_core.geometry_spec import GeometrySpec
from mirage_core.spec import load_spec_of
from tasks import geometry
from tasks.artifact import Artifact
from tasks.cards import with_card
from tasks.local import run_flow


@flow(name="synth-comt")
def synth_comt(spec: Path) -> Artifact:
    """Draw the problems of a spec, their figures and their reasoning; verify and write the rows.

    Args:
        spec: YAML of the data set.
    """
    return make_dataset(load_spec_of(spec, GeometrySpec))


def make_dataset(settings: GeometrySpec) -> Artifact:
    """The stages of a data set of geometry, for any flow."""
    puzzles = with_card(geometry.puzzles(settings.puzzles))
    return with_card(geometry.dataset(settings, puzzles))


def main(spec: Path = Path("datasets_spec/comt-demo.yaml")) -> None:
    """Build a data set."""
    print(f"data set: {run_flow(synth_comt, spec=spec).files}/rows")


if __name__ == "__main__":
    typer.run(main)
