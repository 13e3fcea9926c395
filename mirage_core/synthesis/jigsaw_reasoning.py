"""Step 3 of jigsaws: the oracle tells what it measures in the pictures of every row."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from mirage_core.row import num_row_shards, shard_name, table_to_rows
from mirage_core.synthesis.shards import add_up, build_shards, lines_name
from mirage_core.teacher.jigsaw_oracle import explain_jigsaw

WORDING_STREAM = 2
"""Third part of the seed, as of mazes."""


def explain_rows(puzzles: Path, seed: int, out: Path, scratch: Path, workers: int | None = None) -> dict[str, Any]:
    """Write `thoughts/part-00000.jsonl`, ... in the rows' order, as `reasoning.read_thoughts` reads them.

    Returns:
        Counts: thoughts and the mean number of characters.
    """

    def explain_shard(number: int, folder: Path) -> dict[str, Any]:
        num_thoughts = num_characters = 0
        (folder / "thoughts").mkdir()
        with (folder / "thoughts" / lines_name(number)).open("w", encoding="utf-8") as file:
            for batch in pq.ParquetFile(puzzles / "rows" / shard_name(number)).iter_batches(batch_size=100):
                for row in table_to_rows(batch):
                    rng = np.random.default_rng([seed, row.meta["number"], WORDING_STREAM, 0])
                    said = explain_jigsaw(row.images, row.meta["answer"], row.meta["helper_shows"], rng)
                    file.write(json.dumps([row.meta["number"], 0, *said]) + "\n")
                    num_thoughts += 1
                    num_characters += len(said.before) + len(said.after)
        return {"thoughts": num_thoughts, "characters": num_characters}

    num_shards = num_row_shards(puzzles / "rows")
    counts = add_up(build_shards(explain_shard, num_shards, scratch, out, "reasoning", workers))
    mean_characters = round(counts["characters"] / max(counts["thoughts"], 1), 1)
    return {"thoughts": counts["thoughts"], "mean_characters": mean_characters}
