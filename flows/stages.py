"""What became of a run's stages: `python -m flows.stages show [RUN]`; one of them anew: `... redo STAGE [RUN]`."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from mirage_core.errors import InputError
from tasks.artifact import Artifact
from tasks.local import server
from tasks.redo import redo
from tasks.stage_runs import StageRun, find_run, stages_of

commands = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)
Run = Annotated[str | None, typer.Argument(help="name or id of a flow run; the last one without it")]


@commands.command("show")
def show(run: Run = None) -> None:
    """List the stages of a run: state, seconds, artifact, and why one did not end well."""
    with server():
        found = find_run(run)
        state = found.state
        typer.echo(f"{found.name}: {state.name}, attempt {found.run_count}  {state.message or ''}".rstrip())
        typer.echo("\n".join(_table(stages_of(found))))


@commands.command("redo")
def redo_stage(
    stage: Annotated[str, typer.Argument(help="a stage of the run, or STAGE/DIGEST of any artifact")], run: Run = None
) -> None:
    """Let the next run execute a stage again, and what was made from it if it comes out otherwise."""
    name, _, digest = stage.partition("/")
    for artifact in [Artifact(stage=name, digest=digest)] if digest else _made(name, run):
        redo(artifact)
        typer.echo(f"{artifact.stage}/{artifact.digest}: the next run builds it again")


def _made(stage: str, run: str | None) -> list[Artifact]:
    with server():
        found = find_run(run)
        stages = stages_of(found)
    made = {one.artifact for one in stages if one.stage == stage and one.artifact}
    if not made:
        there = ", ".join(dict.fromkeys(one.stage for one in stages if one.artifact)) or "none"
        raise InputError(f"stage {stage}: run {found.name} has no artifact of it; of these it has one: {there}")
    return sorted(made, key=lambda artifact: artifact.digest)


def _table(stages: Sequence[StageRun]) -> list[str]:
    rows = [("stage", "state", "seconds", "artifact", "cause")]
    for one in stages:
        place = f"{one.artifact.stage}/{one.artifact.digest}" if one.artifact else "-"
        rows.append((one.stage, one.state, f"{one.run_s:.1f}", place, one.cause))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


if __name__ == "__main__":
    try:
        commands()
    except InputError as error:
        sys.exit(f"error: {error}")
