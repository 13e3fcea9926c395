"""Step 3 of SAT: the oracle explains every puzzle. The texts are verified when the rows are joined."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from mirage_core.row import num_row_shards, shard_name
from mirage_core.synthesis.puzzles import WORDING_STREAM
from mirage_core.synthesis.shards import add_up, build_shards, lines_name
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

    def explain_shard(number: int, folder: Path) -> dict[str, Any]:
        (folder / "thoughts").mkdir()
        num_thoughts = num_characters = 0
        rows = pq.read_table(pictures / "rows" / shard_name(number), columns=["split", "meta"]).to_pylist()
        with (folder / "thoughts" / lines_name(number)).open("w", encoding="utf-8") as file:
            for row in rows:
                meta = json.loads(row["meta"])
                for thought in range(thoughts_per_puzzle if row["split"] == "train" else 1):
                    told = sat_by_oracle(meta, thought)
                    file.write(json.dumps([meta["number"], thought, *told]) + "\n")
                    num_thoughts += 1
                    num_characters += len(told.before) + len(told.after)
        return {"thoughts": num_thoughts, "characters": num_characters}

    num_shards = num_row_shards(pictures / "rows")
    counts = add_up(build_shards(explain_shard, num_shards, scratch, out, "reasoning", workers))
    mean_characters = round(counts["characters"] / max(counts["thoughts"], 1), 1)
    return {"thoughts": counts["thoughts"], "mean_characters": mean_characters}


def sat_by_oracle(meta: dict[str, Any], thought: int) -> Explanation:
    """The oracle's words about a row; its place in its split decides them, and the number of the thought."""
    rng = np.random.default_rng([meta["seed"], meta["index"], WORDING_STREAM, thought])
    return explain_sat(sat_scene(meta), rng)
