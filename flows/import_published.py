"""Mirage's published rows as a data set: `python -m flows.import_published --source train_direct.jsonl`."""

import json
from pathlib import Path
from typing import Annotated

import typer
from prefect import flow

from mirage_core.published import LEAKS_FILE
from tasks import published
from tasks.artifact import Artifact, folder
from tasks.cards import with_card
from tasks.local import run_flow


@flow(name="import-published")
def import_published(source: Path, keep_leaks: bool = False) -> Artifact:
    """Read the rows, draw their pictures, verify them, and set official test boards apart unless told to keep them."""
    return with_card(published.published(published.find_published(source), keep_leaks))


def main(source: Annotated[Path, typer.Option()], keep_leaks: bool = False) -> None:
    """Import a published file and say which of its boards stand in an official test."""
    artifact = run_flow(import_published, source=source, keep_leaks=keep_leaks)
    for leak in json.loads((folder(artifact) / LEAKS_FILE).read_text(encoding="utf-8")):
        print(f"official board: line {leak['line']}, map_id {leak['map_id']}, in {', '.join(leak['sets'])}")
    print(f"data set: {artifact.files}/rows")


if __name__ == "__main__":
    typer.run(main)
