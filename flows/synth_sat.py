"""Rooms to a verified data set of SAT: `python -m flows.synth_sat --spec datasets_spec/sat-demo.yaml`."""

from pathlib import Path

import typer
from prefect import flow

from mirage_core.sat_spec import SatSpec
from mirage_core.spec import load_spec_of
from tasks import sat
from tasks.artifact import Artifact
from tasks.cards import with_card
from tasks.local import run_flow
from tasks.stage import is_built
from tasks.video import check_video, find_weights, imagined_helpers


@flow(name="synth-sat")
def synth_sat(spec: Path) -> Artifact:
    """Draw the rooms of a spec, their questions and helper images; explain, verify and write the rows."""
    return make_dataset(load_spec_of(spec, SatSpec))


def make_dataset(settings: SatSpec) -> Artifact:
    """The stages of a data set, for any flow."""
    if settings.video and not is_built(sat.puzzles, spec=settings.puzzles):
        check_video(settings.video)  # a new data set, and a wrong model shows before a room is drawn
    puzzles = with_card(sat.puzzles(settings.puzzles))
    pictures = with_card(sat.pictures(puzzles, settings.helper_image, settings.side_px))
    if settings.video:
        weights = find_weights(settings.video)
        pictures = with_card(imagined_helpers(pictures, settings.video, weights, settings.seed))
    thoughts = with_card(sat.reasoning(pictures, settings.thoughts_per_puzzle))
    return with_card(sat.dataset(settings, puzzles, pictures, thoughts))


def main(spec: Path = Path("datasets_spec/sat-demo.yaml")) -> None:
    """Build a data set."""
    print(f"data set: {run_flow(synth_sat, spec=spec).files}/rows")


if __name__ == "__main__":
    typer.run(main)
