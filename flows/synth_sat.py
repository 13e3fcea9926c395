"""Rooms to a verified data set: `python -m flows.synth_sat --spec datasets_spec/sat-demo.yaml`."""

from pathlib import Path
from typing import Annotated

import typer
from prefect import flow

from mirage_core.sat_spec import SatSpec, load_sat_spec
from mirage_core.spec import TeacherKind
from mirage_core.teacher.settings import Budget
from tasks import sat
from tasks.artifact import Artifact
from tasks.cards import with_card
from tasks.local import run_flow
from tasks.stage import is_built
from tasks.teacher import ask_model, check_teacher, report_teacher


@flow(name="synth-sat")
def synth_sat(spec: Path, teacher: TeacherKind | None = None, budget: Budget | None = None) -> Artifact:
    """Draw the rooms of a spec, their questions, helper images and reasoning; verify and write the rows.

    Args:
        spec: YAML of the data set.
        teacher: Who writes the reasoning, instead of whom the spec names.
        budget: Where asking a model stops, over all runs that share the answer store; None sets no limit.
    """
    settings = load_sat_spec(spec)
    return make_sat_dataset(settings.told_by(teacher) if teacher else settings, budget)


def make_sat_dataset(settings: SatSpec, budget: Budget | None = None) -> Artifact:
    """The stages of a SAT data set, for any flow."""
    asks_model = settings.teacher != "oracle"
    if asks_model and not is_built(sat.sat_puzzles, spec=settings.puzzles):
        check_teacher(settings)  # a new data set, and a wrong key shows before it is drawn
    puzzles = with_card(sat.sat_puzzles(settings.puzzles))
    pictures = with_card(sat.sat_pictures(puzzles, settings.helper_image, settings.side_px))
    if asks_model:
        thoughts = with_card(ask_model(settings, pictures, budget or Budget()))
    else:
        thoughts = with_card(sat.sat_reasoning(pictures, settings.thoughts_per_puzzle))
    data = with_card(sat.sat_dataset(settings, puzzles, pictures, thoughts))
    if asks_model:
        with_card(report_teacher(settings, data, thoughts))
    return data


def main(
    spec: Path = Path("datasets_spec/sat-demo.yaml"),
    teacher: Annotated[str | None, typer.Option(help="oracle, server or mixed, instead of whom the spec names")] = None,
    max_requests: Annotated[int | None, typer.Option(help="most HTTP requests to the server, of all runs")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="tokens after which no more is asked, of all runs")] = None,
) -> None:
    """Build a data set."""
    budget = Budget(max_requests=max_requests, max_tokens=max_tokens)
    print(f"data set: {run_flow(synth_sat, spec=spec, teacher=teacher, budget=budget).uri}/rows")


if __name__ == "__main__":
    typer.run(main)
