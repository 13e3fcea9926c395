"""Step 3: a teacher explains every puzzle. Its words are kept as said; step 4 judges them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mirage_core.synthesis.puzzles import read_puzzles
from mirage_core.teacher import Explanation, oracle

WORDING_STREAM = 1
"""Third part of the seed, so that wording and board never share a random stream."""


def explain_puzzles(puzzles: Path, seed: int, out: Path) -> dict[str, Any]:
    """Write `thoughts.jsonl`, one line per puzzle in their order.

    Returns:
        Counts: thoughts and the mean number of characters.
    """
    num_thoughts, num_characters = 0, 0
    with (out / "thoughts.jsonl").open("w", encoding="utf-8") as file:
        for puzzle in read_puzzles(puzzles):
            rng = np.random.default_rng([seed, puzzle.index, WORDING_STREAM])
            thought = oracle.explain(puzzle.board, puzzle.plan, rng)
            file.write(json.dumps({"index": puzzle.index, **thought._asdict()}) + "\n")
            num_thoughts += 1
            num_characters += len(thought.before) + len(thought.after)
    return {"thoughts": num_thoughts, "mean_characters": round(num_characters / max(num_thoughts, 1), 1)}


def read_thoughts(folder: Path) -> Iterator[tuple[int, Explanation]]:
    """Stream (puzzle index, explanation)."""
    with (folder / "thoughts.jsonl").open(encoding="utf-8") as file:
        for line in file:
            values = json.loads(line)
            yield values["index"], Explanation(values["before"], values["after"])
