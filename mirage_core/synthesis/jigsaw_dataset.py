"""Step 4 of jigsaws: join pictures and thoughts, measure every claim again, keep the rejects with their reasons."""

from pathlib import Path
from typing import Any

from mirage_core.jigsaw_spec import JigsawSpec
from mirage_core.synthesis import dataset
from mirage_core.synthesis.jigsaw_card import write_card


def build_dataset(
    spec: JigsawSpec,
    photographs: Path,
    puzzles: Path,
    thoughts: Path,
    out: Path,
    scratch: Path,
    workers: int | None = None,
) -> dict[str, Any]:
    """Write the verified rows under `rows/`, the others, reason in `verdict`, under `rejected/`, and the card.

    Args:
        spec: Stands on the card.
        photographs: Folder of the photographs.
        puzzles: Folder of the rows that lack their reasoning.
        thoughts: Folder of the thoughts.
        out: Artifact folder.
        scratch: Folder where finished shards wait.
        workers: Processes; None is one per core.

    Returns:
        Counts: asked, kept, kept by split, rejected by reason.
    """
    counts = dataset.build_dataset(
        puzzles, thoughts, spec.teacher, out, scratch, workers, group=lambda split, level: split
    )
    write_card(out, spec, photographs, counts["rejected"])
    return counts
