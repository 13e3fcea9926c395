"""Step 3 of SAT: the oracle explains every puzzle. The texts are verified when the rows are joined."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from mirage_core.row import num_row_shards, shard_name
from mirage_core.synthesis.puzzles import WORDING_STREAM
from mirage_core.synthesis.reasoning import Thought, write_thoughts
from mirage_core.teacher import Explanation
from mirage_core.teacher.sat_oracle import explain_sat
from mirage_core.teacher.sat_scene import sat_scene


def explain_sat_rows(
    pictures: Path, thoughts_per_puzzle: int, out: Path, scratch: Path, workers: int | None = None
) -> dict[str, Any]:
    """Write `thoughts/part-00000.jsonl`, ... in the rows' order; several thoughts for training puzzles.

    Args:
        pictures: Folder of the rows that lack their reasoning.
        thoughts_per_puzzle: Of a training puzzle.
        out: Artifact folder.
        scratch: Folder where finished shards wait.
        workers: Processes; None is one per core.

    Returns:
        Counts: thoughts and the mean number of characters.
    """

    def explain(shard: int) -> Iterator[Thought]:
        for row in pq.read_table(pictures / "rows" / shard_name(shard), columns=["split", "meta"]).to_pylist():
            meta = json.loads(row["meta"])
            for thought in range(thoughts_per_puzzle if row["split"] == "train" else 1):
                yield Thought(meta["number"], thought, sat_by_oracle(meta, thought))

    return write_thoughts(explain, num_row_shards(pictures / "rows"), out, scratch, workers)


def sat_by_oracle(meta: dict[str, Any], thought: int) -> Explanation:
    """The oracle's words about a row; its place in its split decides them, and the number of the thought."""
    rng = np.random.default_rng([meta["seed"], meta["index"], WORDING_STREAM, thought])
    return explain_sat(sat_scene(meta), rng)
