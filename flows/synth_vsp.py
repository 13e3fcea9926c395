"""Mazes to a verified data set: `python -m flows.synth_vsp --spec datasets_spec/vsp-tiny.yaml`."""

from pathlib import Path

import typer
from prefect import flow

from flows.options import MaxRequests, MaxTokens, Teacher
from mirage_core.spec import DatasetSpec, load_spec_of
from mirage_core.teacher.settings import Budget, TeacherKind
from tasks import synthesis
from tasks.artifact import Artifact
from tasks.cards import with_card
from tasks.local import run_flow
from tasks.stage import is_built
from tasks.teacher import ask_model, check_teacher, report_teacher


@flow(name="synth-vsp")
def synth_vsp(spec: Path, teacher: TeacherKind | None = None, budget: Budget | None = None) -> Artifact:
    """Draw the puzzles of a spec, their helper images and their reasoning; verify and write the rows.

    Args:
        spec: YAML of the data set.
        teacher: Who writes the reasoning, instead of whom the spec names.
        budget: Where asking a model stops, over all runs that share the answer store; None sets no limit.
    """
    settings = load_spec_of(spec, DatasetSpec)
    return make_dataset(settings.told_by(teacher) if teacher else settings, budget)


def make_dataset(settings: DatasetSpec, budget: Budget | None = None, apart_from: Artifact | None = None) -> Artifact:
    """The stages of a data set, for any flow.

    Args:
        settings: The data set.
        budget: Where asking a model stops.
        apart_from: Puzzles whose boards it must not hold.
    """
    draw, inputs = synthesis.puzzles, {"spec": settings.puzzles}
    if apart_from:
        draw, inputs = synthesis.puzzles_apart, {**inputs, "apart_from": apart_from}
    if settings.asks_model and not is_built(draw, **inputs):
        check_teacher(settings)  # a new data set, and a wrong key shows before it is drawn
    puzzles = with_card(draw(**inputs))
    drawn = (settings.helper_image, settings.seed, settings.helper_as_input)
    pictures = with_card(synthesis.helper_images(puzzles, *drawn))
    if settings.asks_model:
        thoughts = with_card(ask_model(settings, pictures, budget or Budget()))
    else:
        thoughts = with_card(synthesis.reasoning(puzzles, settings.seed, settings.thoughts_per_puzzle))
    data = with_card(synthesis.dataset(settings, puzzles, pictures, thoughts))
    if settings.asks_model:
        with_card(report_teacher(settings, data, thoughts))
    return data


def main(
    spec: Path = Path("datasets_spec/vsp-tiny.yaml"),
    teacher: Teacher = None,
    max_requests: MaxRequests = None,
    max_tokens: MaxTokens = None,
) -> None:
    """Build a data set."""
    budget = Budget(max_requests=max_requests, max_tokens=max_tokens)
    print(f"data set: {run_flow(synth_vsp, spec=spec, teacher=teacher, budget=budget).files}/rows")


if __name__ == "__main__":
    typer.run(main)
