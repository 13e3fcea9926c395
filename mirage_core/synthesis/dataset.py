"""Step 4: join pictures and thoughts, verify every row, keep the rejects with their reasons."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mirage_core.row import ARROW_SCHEMA, Row, num_row_shards, shard_name, table_to_rows, write_table
from mirage_core.synthesis.reasoning import Thought, read_thoughts
from mirage_core.synthesis.shards import add_up, build_shards
from mirage_core.teacher.proof import review_thought, verify_thought
from mirage_core.teacher.request import OK

ROWS_AT_ONCE = 100
"""Rows whose pictures are in memory at a time."""


def build_dataset(
    pictures: Path,
    thoughts: Path,
    teacher: str,
    out: Path,
    scratch: Path,
    workers: int | None = None,
    group: Callable[[str, int], str] = lambda split, level: f"{split} level {level}",
) -> dict[str, Any]:
    """Write the verified rows under `rows/` and the others, reason in `verdict`, under `rejected/`.

    Args:
        pictures: Folder of the rows that lack their reasoning.
        thoughts: Folder of the thoughts.
        teacher: Who wrote the thoughts that don't say it.
        out: Artifact folder.
        scratch: Folder where finished shards wait.
        workers: Processes; None is one per core.
        group: How the counts call the kept rows of a split and level.

    Returns:
        Counts: asked, kept, kept by group, rejected by reason.
    """

    def judge(puzzles: pa.Table, shard: int) -> Iterator[dict[str, Any]]:
        return _judge(puzzles, read_thoughts(thoughts, shard), teacher)

    return join_shards(pictures, judge, group, out, scratch, workers)


def join_shards(
    pictures: Path,
    judge: Callable[[pa.Table, int], Iterator[dict[str, Any]]],
    group: Callable[[str, int], str],
    out: Path,
    scratch: Path,
    workers: int | None = None,
) -> dict[str, Any]:
    """Join rows and thoughts of any family, shard by shard.

    Args:
        pictures: Folder of the rows that lack their reasoning.
        judge: Of a shard's table and number, per thought: `place` of its row in the table, and the columns that it
            decides.
        group: How the counts call the kept rows of a split and level.
        out: Artifact folder.
        scratch: Folder where finished shards wait.
        workers: Processes; None is one per core.

    Returns:
        Counts: asked, kept, kept by group, rejected by reason.
    """

    def join_shard(number: int, folder: Path) -> dict[str, Any]:
        puzzles = pq.read_table(pictures / "rows" / shard_name(number))
        told = list(judge(puzzles, number))
        kept = [row for row in told if row["verdict"] == "ok"]
        rejected = [row for row in told if row["verdict"] != "ok"]
        write_judged(folder, number, _join(puzzles, kept), _join(puzzles, rejected))
        pa.default_memory_pool().release_unused()  # or a worker grows by some megabytes a shard
        split, level = puzzles["split"].to_pylist(), puzzles["level"].to_pylist()
        groups = Counter(group(split[row["place"]], level[row["place"]]) for row in kept)
        reasons = Counter(row["verdict"] for row in rejected)
        return {"asked": len(told), "kept": len(kept), **groups, "rejected": dict(reasons)}

    num_shards = num_row_shards(pictures / "rows")
    return add_up(build_shards(join_shard, num_shards, scratch, out, "data set", workers))


def write_judged(folder: Path, number: int, kept: pa.Table, rejected: pa.Table) -> None:
    """Write a shard's rows under `rows/` and `rejected/`; of no rows only the first shard writes a file."""
    for name, table in (("rows", kept), ("rejected", rejected)):
        if table.num_rows or number == 0:  # a reader finds the schema even where there is no row
            (folder / name).mkdir()
            write_table(table, folder / name / shard_name(number))


def _judge(puzzles: pa.Table, thoughts: Iterator[Thought], teacher: str) -> Iterator[dict[str, Any]]:
    """Per thought: the place of its puzzle in the table, and the columns that it decides."""
    groups = groupby(thoughts, key=lambda thought: thought.number)
    for place, (row, (number, group)) in enumerate(zip(_rows(puzzles), groups, strict=True)):
        alternatives = list(group)
        assert row.meta["number"] == number, "pictures and thoughts are of different puzzles"
        for thought in alternatives:
            several = len(alternatives) > 1
            marks = {"thought": thought.thought} if several else {}
            if "fallback_for" in thought.how:
                marks["fallback_for"] = thought.how["fallback_for"]
            yield {
                "place": place,
                "id": f"{row.id}-{thought.thought}" if several else row.id,
                "thought_before": thought.explanation.before,
                "thought_after": thought.explanation.after,
                "meta": json.dumps({**row.meta, **marks}, sort_keys=True),
                "teacher": thought.how.get("teacher", teacher),
                "verdict": _verdict(row, thought),
            }


def _rows(puzzles: pa.Table) -> Iterator[Row]:
    for batch in puzzles.to_batches(max_chunksize=ROWS_AT_ONCE):
        yield from table_to_rows(batch)


def _verdict(row: Row, thought: Thought) -> str:
    """Why it is rejected, or "ok". What a model wrote is read once more, whatever was made of it when it was asked."""
    if not thought.how or "fallback_for" in thought.how:
        return verify_thought(row, thought.explanation).reason
    if thought.how["reason"] != OK:
        return str(thought.how["reason"])
    return review_thought(row, thought.explanation).reason


def _join(puzzles: pa.Table, told: list[dict[str, Any]]) -> pa.Table:
    """One row per thought: its own columns, and those of its puzzle, whose pictures never leave Arrow."""
    table = puzzles.take(pa.array([row["place"] for row in told], pa.int64()))
    for name in ("id", "thought_before", "thought_after", "meta", "teacher", "verdict"):
        column = pa.array([row[name] for row in told], pa.string())
        table = table.set_column(table.schema.get_field_index(name), ARROW_SCHEMA.field(name), column)
    return table
