"""Step 4 of jigsaws: join pictures and thoughts, measure every claim again, keep the rejects with their reasons."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mirage_core.jigsaw_spec import JigsawSpec
from mirage_core.row import num_row_shards, shard_name, table_to_rows, write_table
from mirage_core.synthesis.dataset import join
from mirage_core.synthesis.jigsaw_card import write_card
from mirage_core.synthesis.reasoning import read_thoughts
from mirage_core.synthesis.shards import add_up, build_shards
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

    def join_shard(number: int, folder: Path) -> dict[str, Any]:
        table = pq.read_table(puzzles / "rows" / shard_name(number))
        told = list(_judge(table, thoughts, number, spec.teacher))
        kept = [row for row in told if row["verdict"] == "ok"]
        rejected = [row for row in told if row["verdict"] != "ok"]
        for name, part in (("rows", kept), ("rejected", rejected)):
            if part or number == 0:  # a reader finds the schema even where there is no row
                (folder / name).mkdir()
                write_table(join(table, part), folder / name / shard_name(number))
        pa.default_memory_pool().release_unused()  # or a worker grows by some megabytes a shard
        splits, reasons = Counter(row["split"] for row in kept), Counter(row["verdict"] for row in rejected)
        return {"asked": len(told), "kept": len(kept), **splits, "rejected": dict(reasons)}

    num_shards = num_row_shards(puzzles / "rows")
    counts = add_up(build_shards(join_shard, num_shards, scratch, out, "data set", workers))
    write_card(out, spec, photographs, counts["rejected"])
    return counts


def _judge(table: pa.Table, thoughts: Path, number: int, teacher: str) -> Iterator[dict[str, Any]]:
    """Per thought: the place of its row in the table, and the columns that it decides."""
    told = read_thoughts(thoughts, number)
    place = 0
    for batch in table.to_batches(max_chunksize=100):
        for row in table_to_rows(batch):
            thought = next(told)
            assert row.meta["number"] == thought.number, "pictures and thoughts are of different puzzles"
            yield {
                "place": place,
                "split": row.split,
                "id": row.id,
                "thought_before": thought.explanation.before,
                "thought_after": thought.explanation.after,
                "meta": json.dumps(row.meta, sort_keys=True),
                "teacher": teacher,
                "verdict": verify_jigsaw(row.images, row.meta["answer"], thought.explanation, row.answer).reason,
            }
            place += 1
