"""Step 4: join pictures and thoughts, verify every row, keep the rejects with their reasons."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from mirage_core.puzzles import vsp
from mirage_core.row import Row, read_rows, write_rows
from mirage_core.synthesis.reasoning import read_thoughts
from mirage_core.teacher import Explanation
from mirage_core.teacher.verify import verify


def build_dataset(pictures: Path, thoughts: Path, teacher: str, rows_per_shard: int, out: Path) -> dict[str, Any]:
    """Write the verified rows under `rows/` and the others, reason in `verdict`, under `rejected/`.

    Returns:
        Counts: asked, kept, kept by split and level, rejected by reason.
    """
    rejects: list[Row] = []
    kept_by: Counter[str] = Counter()

    def kept() -> Iterator[Row]:
        pairs = zip(read_rows(str(pictures / "rows")), read_thoughts(thoughts), strict=True)
        for row, (index, explanation) in pairs:
            assert row.meta["index"] == index, "pictures and thoughts are of different puzzles"
            row = explain_row(row, explanation, teacher)
            if row.verdict != "ok":
                rejects.append(row)
                continue
            kept_by[f"{row.split} level {row.level}"] += 1
            yield row

    num_kept = write_rows(kept(), str(out / "rows"), rows_per_shard)
    write_rows(rejects, str(out / "rejected"), rows_per_shard)
    return {
        "asked": num_kept + len(rejects),
        "kept": num_kept,
        **dict(kept_by),
        "rejected": dict(Counter(row.verdict for row in rejects)),
    }


def explain_row(row: Row, explanation: Explanation, teacher: str) -> Row:
    """The row with its thoughts and the verdict on them."""
    board = vsp.Board(tuple(row.meta["board"]))
    verdict = verify(board, explanation, row.answer)
    return replace(
        row,
        thought_before=explanation.before,
        thought_after=explanation.after,
        teacher=teacher,
        verdict=verdict.reason,
    )
