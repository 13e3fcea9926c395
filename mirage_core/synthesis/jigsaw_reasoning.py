"""Step 3 of jigsaws: the oracle tells what it measures in the pictures of every row."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from mirage_core.row import Row, num_row_shards, shard_name, table_to_rows
from mirage_core.synthesis.reasoning import Thought, write_thoughts
from mirage_core.teacher import Explanation
from mirage_core.teacher.jigsaw_oracle import explain_jigsaw

WORDING_STREAM = 2
"""Third part of the seed, as of mazes."""


def explain_rows(puzzles: Path, seed: int, out: Path, scratch: Path, workers: int | None = None) -> dict[str, Any]:
    """Write `thoughts/part-00000.jsonl`, ... in the rows' order.

    Returns:
        Counts: thoughts and the mean number of characters.
    """

    def explain(shard: int) -> Iterator[Thought]:
        for batch in pq.ParquetFile(puzzles / "rows" / shard_name(shard)).iter_batches(batch_size=100):
            for row in table_to_rows(batch):
                yield Thought(row.meta["number"], 0, jigsaw_by_oracle(row, seed))

    return write_thoughts(explain, num_row_shards(puzzles / "rows"), out, scratch, workers)


def jigsaw_by_oracle(row: Row, seed: int) -> Explanation:
    """The oracle's words about a row; the seed is that of the spec."""
    rng = np.random.default_rng([seed, row.meta["number"], WORDING_STREAM, 0])
    return explain_jigsaw(row.images, row.meta["answer"], row.meta["helper_shows"], rng)
