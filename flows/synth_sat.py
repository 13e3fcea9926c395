"""Rooms to a verified data set of SAT: `python -m flows.synth_sat --spec datasets_spec/sat-demo.yaml`."""

from pathlib import Path

import typer
from prefect import flow

from flows.options import MaxRequests, MaxTokens, Teacher
from mirage_core.sat_spec import SatSpec
from mirage_core.spec import load_spec_of
from mirage_core.teacher.settings import Budget, TeacherKind
from tasks import sat
from tasks.artifact import Artifact
from tasks.cards import with_card
from tasks.local import run_flow
from tasks.stage import is_built
from tasks.teacher import ask_model, check_teacher, report_teacher
from tasks.video import check_video, find_weights, imagined_helpers


@flow(name="synth-sat")
def synth_sat(spec: Path, teacher: TeacherKind | None = None, budget: Budget | None = None) -> Artifact:
    """Draw the rooms of a spec, their questions and helper images; explain, verify and write the rows.

    Args:
        spec: YAML of the data set.
        teacher: Who writes the reasoning, instead of whom the spec names.
        budget: Where asking a model stops, over all runs that share the answer store; None sets no limit.
    """
    settings = load_spec_of(spec, SatSpec)
    return make_dataset(settings.told_by(teacher) if teacher else settings, budget)


def make_dataset(settings: SatSpec, budget: Budget | None = None) -> Artifact:
    """The stages of a data set, for any flow."""
    if not is_built(sat.puzzles, spec=settings.puzzles):  # a wrong model or key shows before a room is drawn
        if settings.video:
            check_video(settings.video)
        if settings.asks_model:
            check_teacher(settings)
    puzzles = with_card(sat.puzzles(settings.puzzles))
    pictures = with_card(sat.pictures(puzzles, settings.helper_image, settings.side_px))
    if settings.video:
        weights = find_weights(settings.video)
        pictures = with_card(imagined_helpers(pictures, settings.video, weights, settings.seed))
    if settings.asks_model:
        thoughts = with_card(ask_model(settings, pictures, budget or Budget()))
    else:
        thoughts = with_card(sat.reasoning(pictures, settings.thoughts_per_puzzle))
    data = with_card(sat.dataset(settings, puzzles, pictures, thoughts))
    if settings.asks_model:
        with_card(report_teacher(settings, data, thoughts))
    return data


def main(
    spec: Path = Path("datasets_spec/sat-demo.yaml"),
    teacher: Teacher = None,
    max_requests: MaxRequests = None,
    max_tokens: MaxTokens = None,
) -> None:
    """Build a data set."""
    budget = Budget(max_requests=max_requests, max_tokens=max_tokens)
    print(f"data set: {run_flow(synth_sat, spec=spec, teacher=teacher, budget=budget).files}/rows")


if __name__ == "__main__":
    typer.run(main)
