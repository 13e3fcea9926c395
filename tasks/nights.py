"""Nightly retraining's own steps: the judgement, the history and what is deleted of it."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from prefect import get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.runtime import flow_run

from mirage_core import manifest, nights, storage
from mirage_core.benchmark.results import Scores
from mirage_core.manifest import Counts, Parent
from mirage_core.nights import Judgement, Night
from mirage_core.report.curves import nights_png
from mirage_core.report.nights import nights_page
from tasks.artifact import Artifact, folder
from tasks.place import remove, root
from tasks.stage import stage

NIGHTS_FOLDER = "nights"
JUDGEMENT_FILE = "judgement.json"
PAGE_FILE = "nights.html"


def history_uri(name: str) -> str:
    """Where the nights of a name are recorded, below the artifact root."""
    return storage.join(root(), NIGHTS_FOLDER, name)


def number_of_this_night(history: Sequence[Night]) -> int:
    """The next one, or again that of this flow run if it was retried after its record was written."""
    if history and history[-1].run == str(flow_run.id):
        return history[-1].number
    return history[-1].number + 1 if history else 1


@stage("promotion")
def promotion(candidate: Artifact, before: Artifact, margin: float, *, out: Path) -> Counts:
    """Judge by the first test set of both examinations, the held-out rows."""
    told = nights.judge(_scores(candidate), _scores(before), margin)
    (out / JUDGEMENT_FILE).write_text(told.model_dump_json(indent=1), encoding="utf-8")
    gain = told.difference
    return {
        "accuracy": told.accuracy, "accuracy_before": told.accuracy_before, "difference": gain.difference,
        "low": gain.low, "high": gain.high, "items": gain.n, "promoted": int(told.promoted),
    }  # fmt: skip


@task(name="record-night")
def record_night(
    name: str,
    number: int,
    seed: int,
    candidate: Artifact,
    before: Artifact | None,
    judged: Artifact,
    made: list[Artifact],
) -> None:
    """Add the night to the history, and show that in the UI and as a page."""
    night = Night(
        number=number,
        seed=seed,
        run=str(flow_run.id),
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
        candidate=_named(candidate),
        before=_named(before) if before else None,
        judgement=Judgement.model_validate_json((folder(judged) / JUDGEMENT_FILE).read_text(encoding="utf-8")),
        made=tuple(map(_named, made)),
    )
    uri = history_uri(name)
    nights.write_night(uri, night)
    history = nights.read_nights(uri)
    storage.write_whole(storage.join(uri, PAGE_FILE), nights_page(name, history).encode())
    create_markdown_artifact(_card(name, history), key=f"nights-{name}", description=f"{uri}/{PAGE_FILE}")


@task(name="prune")
def prune(name: str, num_kept: int) -> int:
    """Delete what earlier nights made and nothing needs that is kept; returns the number of artifacts."""
    history = nights.read_nights(history_uri(name))
    old = nights.removable(history, num_kept, _parents)
    gone = [part for part in old if storage.exists(storage.join(_artifact(part).uri, storage.MANIFEST_NAME))]
    for part in gone:
        remove(_artifact(part).uri)
    if gone:
        get_run_logger().info("deleted %d artifacts of nights before the last %d", len(gone), num_kept)
    return len(gone)


def _card(name: str, history: Sequence[Night]) -> str:
    """The history as markdown, its plot a picture."""
    head, *rows = nights.table(history)
    lines = [" | ".join(cells) for cells in (head, ["---"] * len(head), *rows)]
    picture = base64.b64encode(nights_png(history)).decode()
    return f"# Nights of {name}\n\n![held-out accuracy](data:image/png;base64,{picture})\n\n" + "\n".join(
        f"| {line} |" for line in lines
    )


def _scores(examined: Artifact) -> Scores:
    return Scores.model_validate_json((folder(examined) / "scores-0.json").read_text(encoding="utf-8"))


def _named(artifact: Artifact) -> Parent:
    return Parent(artifact.stage, artifact.digest)


def _artifact(part: Parent) -> Artifact:
    return Artifact(stage=part.stage, digest=part.digest)


def _parents(part: Parent) -> list[Parent]:
    uri = _artifact(part).uri
    return manifest.parents(manifest.read(uri)) if storage.exists(storage.join(uri, storage.MANIFEST_NAME)) else []
