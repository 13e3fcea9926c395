"""Photographs to verified jigsaws: `python -m flows.synth_jigsaw --spec datasets_spec/jigsaw-demo.yaml`."""

from pathlib import Path

import typer
from prefect import flow

from flows.options import MaxRequests, MaxTokens, Teacher
from mirage_core.jigsaw_spec import JigsawSpec
from mirage_core.spec import load_spec_of
from mirage_core.teacher.settings import Budget, TeacherKind
from tasks import jigsaw
from tasks.artifact import Artifact
from tasks.cards import with_card
from tasks.local import run_flow
from tasks.stage import is_built
from tasks.teacher import ask_model, check_teacher, report_teacher


@flow(name="synth-jigsaw")
def synth_jigsaw(spec: Path, teacher: TeacherKind | None = None, budget: Budget | None = None) -> Artifact:
    """Collect the photographs of a spec, cut the puzzles with their helper images, explain and verify them.

    Args:
        spec: YAML of the data set.
        teacher: Who writes the reasoning, instead of whom the spec names.
        budget: Where asking a model stops, over all runs that share the answer store; None sets no limit.
    """
    settings = load_spec_of(spec, JigsawSpec)
    return make_dataset(settings.told_by(teacher) if teacher else settings, budget)


def make_dataset(settings: JigsawSpec, budget: Budget | None = None) -> Artifact:
    """The stages of a data set, for any flow."""
    photographs = select_photographs(settings)
    if settings.asks_model and not is_built(jigsaw.puzzles, spec=settings.puzzles, photographs=photographs):
        check_teacher(settings)  # a new data set, and a wrong key shows before it is cut
    puzzles = with_card(jigsaw.puzzles(settings.puzzles, photographs))
    if settings.asks_model:
        thoughts = with_card(ask_model(settings, puzzles, budget or Budget()))
    else:
        thoughts = with_card(jigsaw.reasoning(puzzles, settings.seed))
    data = with_card(jigsaw.dataset(settings, photographs, puzzles, thoughts))
    if settings.asks_model:
        with_card(report_teacher(settings, data, thoughts))
    return data


def select_photographs(settings: JigsawSpec) -> Artifact:
    """The photographs of a data set, dealt out to its splits."""
    source, official = jigsaw.find_photos(settings), jigsaw.find_official(settings)
    return with_card(jigsaw.photographs(source, settings.selection, official))


def main(
    spec: Path = Path("datasets_spec/jigsaw-demo.yaml"),
    teacher: Teacher = None,
    max_requests: MaxRequests = None,
    max_tokens: MaxTokens = None,
) -> None:
    """Build a data set."""
    budget = Budget(max_requests=max_requests, max_tokens=max_tokens)
    print(f"data set: {run_flow(synth_jigsaw, spec=spec, teacher=teacher, budget=budget).files}/rows")


if __name__ == "__main__":
    typer.run(main)
