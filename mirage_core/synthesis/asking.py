"""Step 3 by a model: the rows of a shard are explained side by side, and kept in their order."""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from mirage_core.puzzles import jigsaw, sat, vsp
from mirage_core.row import Row, shard_name, table_to_rows
from mirage_core.synthesis.jigsaw_reasoning import jigsaw_by_oracle
from mirage_core.synthesis.reasoning import Thought, by_oracle
from mirage_core.synthesis.sat_reasoning import sat_by_oracle
from mirage_core.synthesis.shards import add_up, lines_name
from mirage_core.teacher import Explanation
from mirage_core.teacher.explain import Prompts, Told, explain
from mirage_core.teacher.request import OK
from mirage_core.teacher.server import Teacher
from mirage_core.teacher.stream import in_parallel

MAX_FAILED_SHARE = 0.1
"""Of a shard's thoughts. Where the server fails more often it is down or refuses; then all that is answered waits in
the store for another run, instead of a data set that is full of holes."""
ROWS_AT_ONCE = 100


class ServerFails(RuntimeError):
    """The server left too many requests without an answer."""


async def ask_shard(
    teacher: Teacher,
    pictures: Path,
    shard: int,
    prompts: Prompts,
    thoughts_per_puzzle: int,
    fallback_seed: int | None,
    out: Path,
    heard: Callable[[Told], None],
) -> dict[str, Any]:
    """Let a model explain the rows of one shard, and write its `thoughts/part-....jsonl`.

    Args:
        teacher: Whom to ask.
        pictures: Folder of the rows that lack their reasoning.
        shard: Which of its shards.
        prompts: What to say.
        thoughts_per_puzzle: For training rows; others have one.
        fallback_seed: Of the oracle, which writes what the model did not get right; None keeps the reject.
        out: Artifact folder.
        heard: Called with every thought, as it comes.

    Returns:
        Counts: thoughts, accepted and fallbacks, refused replies by reason, requests, tokens and seconds.

    Raises:
        BudgetReached: The budget does not suffice.
        ServerFails: Too many requests had no answer.
    """
    path = pictures / "rows" / shard_name(shard)
    most_failures = MAX_FAILED_SHARE * count_thoughts(pictures, shard, thoughts_per_puzzle)
    lines: dict[tuple[int, int], str] = {}
    counts: Counter[str] = Counter()
    refused: Counter[str] = Counter()

    async def ask(item: tuple[Row, int]) -> Told:
        return await explain(teacher, item[0], prompts, item[1])

    items = _rows_and_thoughts(path, thoughts_per_puzzle)
    async with aclosing(in_parallel(ask, items, 2 * teacher.settings.concurrency)) as asked:
        async for (row, number), told in asked:
            heard(told)
            counts["failed"] += told.failed
            if counts["failed"] > most_failures:
                raise ServerFails(f"{counts['failed']} of {len(lines) + 1} thoughts got no answer: {told.reason}")
            thought = _thought(row, number, told, teacher.settings.model, fallback_seed)
            lines[thought.number, number] = json.dumps([thought.number, number, *thought.explanation, thought.how])
            counts.update(_counted(told, thought))
            refused.update(one.reason for one in told.refused)
    (out / "thoughts").mkdir()
    (out / "thoughts" / lines_name(shard)).write_text("".join(f"{lines[key]}\n" for key in sorted(lines)), "utf-8")
    return {**counts, "refused": dict(refused)}


def count_thoughts(pictures: Path, shard: int, thoughts_per_puzzle: int) -> int:
    """Thoughts that a shard of rows needs."""
    splits = pq.read_table(pictures / "rows" / shard_name(shard), columns=["split"])["split"].to_pylist()
    return len(splits) + (thoughts_per_puzzle - 1) * splits.count("train")


def join_shards(shards: Sequence[Path], counts: Sequence[dict[str, Any]], out: Path) -> dict[str, Any]:
    """One folder of thoughts of the folders that `ask_shard` filled, and the sums of their counts."""
    (out / "thoughts").mkdir()
    for folder in shards:
        for path in (folder / "thoughts").iterdir():
            shutil.copyfile(path, out / "thoughts" / path.name)
    return add_up(list(counts))


def _rows_and_thoughts(path: Path, thoughts_per_puzzle: int) -> Iterator[tuple[Row, int]]:
    for batch in pq.ParquetFile(path).iter_batches(ROWS_AT_ONCE):
        for row in table_to_rows(batch):
            for thought in range(thoughts_per_puzzle if row.split == "train" else 1):
                yield row, thought


def _thought(row: Row, number: int, told: Told, model: str, fallback_seed: int | None) -> Thought:
    """What is kept of an answer, with the oracle's words in its place where it was not accepted and that is wanted."""
    explanation, how = told.explanation, {"teacher": model, "reason": told.reason}
    if told.reason != OK and fallback_seed is not None:
        explanation = _by_oracle(row, fallback_seed, number)
        how = {"teacher": "oracle", "reason": OK, "fallback_for": told.reason}
    refused = [[one.reason, one.reply] for one in told.refused]
    return Thought(row.meta["number"], number, explanation, {**how, "refused": refused} if refused else how)


def _by_oracle(row: Row, seed: int, thought: int) -> Explanation:
    """The words that the oracle would have in a data set of its own."""
    if row.task == sat.TASK:
        return sat_by_oracle(row.meta, thought)
    if row.task == jigsaw.TASK:
        return jigsaw_by_oracle(row, seed)
    board, plan, step = vsp.Board(tuple(row.meta["board"])), row.meta["plan"], row.meta.get("step")
    return by_oracle(board, plan, step, (seed, row.meta["number"], thought))


def _counted(told: Told, thought: Thought) -> dict[str, float]:
    return {
        "thoughts": 1,
        "characters": sum(map(len, thought.explanation)),
        "accepted": told.reason == OK,
        "accepted_at_once": told.reason == OK and not told.refused,
        "fallbacks": "fallback_for" in thought.how,
        "replies": told.num_replies,
        "prompt_tokens": told.prompt_tokens,
        "completion_tokens": told.completion_tokens,
        "seconds": told.seconds,
    }
