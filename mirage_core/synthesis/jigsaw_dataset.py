"""Step 4 of jigsaws: join pictures and thoughts, measure every claim again, keep the rejects with their reasons."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from mirage_core.jigsaw_spec import JigsawSpec
from mirage_core.row import table_to_rows
from mirage_core.synthesis.dataset import join_shards
from mirage_core.synthesis.jigsaw_card import write_card
from mirage_core.synthesis.reasoning import Thought, read_thoughts
from mirage_core.teacher.jigsaw_verify import verify_jigsaw


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

    def judge(table: pa.Table, shard: int) -> Iterator[dict[str, Any]]:
        return _judge(table, read_thoughts(thoughts, shard), spec.teacher)

    counts = join_shards(puzzles, judge, lambda split, level: split, out, scratch, workers)
    write_card(out, spec, photographs, counts["rejected"])
    return counts


def _judge(table: pa.Table, told: Iterator[Thought], teacher: str) -> Iterator[dict[str, Any]]:
    """Per thought: the place of its row in the table, and the columns that it decides."""
    place = 0
    for batch in table.to_batches(max_chunksize=100):
        for row in table_to_rows(batch):
            thought = next(told)
            assert row.meta["number"] == thought.number, "pictures and thoughts are of different puzzles"
            yield {
                "place": place,
                "id": row.id,
                "thought_before": thought.explanation.before,
                "thought_after": thought.explanation.after,
                "meta": json.dumps(row.meta, sort_keys=True),
                "teacher": teacher,
                "verdict": verify_jigsaw(row.images, row.meta["answer"], thought.explanation, row.answer).reason,
            }
            place += 1
