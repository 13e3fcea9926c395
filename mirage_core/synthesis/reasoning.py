"""Step 3: a teacher explains every puzzle. Its words are kept as said; step 4 judges them."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mirage_core.puzzles import vsp
from mirage_core.synthesis.puzzles import WORDING_STREAM, num_shards, read_puzzles
from mirage_core.synthesis.shards import add_up, build_shards, lines_name, read_lines
from mirage_core.teacher import Explanation, oracle


class Thought(NamedTuple):
    """What the teacher said about a puzzle, one of several times perhaps."""

    number: int
    """Of the puzzle."""
    thought: int
    """Which one of the puzzle's thoughts."""
    explanation: Explanation
    how: dict[str, Any] = {}
    """Of a model: its name as `teacher`, `reason` ("ok" or why its last reply was refused), `fallback_for` where the
    oracle wrote instead, and `refused` replies, each with its reason. Empty if the oracle was asked."""


def explain_puzzles(
    puzzles: Path, seed: int, thoughts_per_puzzle: int, out: Path, scratch: Path, workers: int | None = None
) -> dict[str, Any]:
    """Write `thoughts/part-00000.jsonl`, ... in the puzzles' order; several thoughts for training puzzles.

    Returns:
        Counts: thoughts and the mean number of characters.
    """

    def explain(shard: int) -> Iterator[Thought]:
        for puzzle in read_puzzles(puzzles, shard):
            for thought in range(thoughts_per_puzzle if puzzle.split == "train" else 1):
                seeds = (seed, puzzle.number, thought)
                yield Thought(puzzle.number, thought, by_oracle(puzzle.board, puzzle.plan, puzzle.step, seeds))

    return write_thoughts(explain, num_shards(puzzles), out, scratch, workers)


def write_thoughts(
    explain: Callable[[int], Iterable[Thought]], num_shards: int, out: Path, scratch: Path, workers: int | None = None
) -> dict[str, Any]:
    """Write `thoughts/part-00000.jsonl`, ... of the oracle, of any family.

    Args:
        explain: The thoughts of a shard; called in worker processes.
        num_shards: Shards there are.
        out: Artifact folder.
        scratch: Folder where finished shards wait.
        workers: Processes; None is one per core.

    Returns:
        Counts: thoughts and the mean number of characters.
    """

    def explain_shard(number: int, folder: Path) -> dict[str, Any]:
        num_thoughts = num_characters = 0
        (folder / "thoughts").mkdir()
        with (folder / "thoughts" / lines_name(number)).open("w", encoding="utf-8") as file:
            for told in explain(number):
                file.write(json.dumps([told.number, told.thought, *told.explanation]) + "\n")
                num_thoughts += 1
                num_characters += len(told.explanation.before) + len(told.explanation.after)
        return {"thoughts": num_thoughts, "characters": num_characters}

    counts = add_up(build_shards(explain_shard, num_shards, scratch, out, "reasoning", workers))
    mean_characters = round(counts["characters"] / max(counts["thoughts"], 1), 1)
    return {"thoughts": counts["thoughts"], "mean_characters": mean_characters}


def read_thoughts(folder: Path, shard: int | None = None) -> Iterator[Thought]:
    """Stream the thoughts of a folder, all of them or one shard."""
    for number, thought, before, after, *how in read_lines(folder / "thoughts", shard):
        yield Thought(number, thought, Explanation(before, after), *how)


def by_oracle(board: vsp.Board, plan: str, step: int | None, seed: tuple[int, int, int]) -> Explanation:
    """The oracle's words; `seed` is that of the spec, the puzzle's number and the thought's number."""
    rng = np.random.default_rng([seed[0], seed[1], WORDING_STREAM, seed[2]])
    return oracle.explain(board, plan, rng) if step is None else oracle.explain_outcome(board, plan, step, rng)
