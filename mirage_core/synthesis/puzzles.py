"""Step 1: draw the puzzles. Small JSON lines; pictures come later, so that they can be made shard by shard."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mirage_core.errors import InputError
from mirage_core.puzzles import vsp
from mirage_core.spec import DatasetSpec, apportion

MAX_DRAWS_PER_PUZZLE = 200
"""Fresh boards run out on small levels (a 3x3 level has a few thousand likely ones); then the spec asks too much."""


@dataclass(frozen=True)
class Puzzle:
    """A board to be solved, where it belongs, and the number its random generator is drawn from."""

    index: int
    split: str
    level: int
    board: vsp.Board
    plan: str


def sample_puzzles(spec: DatasetSpec, out: Path) -> dict[str, Any]:
    """Write `puzzles.jsonl`.

    Boards never repeat, within a split or across splits, and never equal an official board.

    Returns:
        Counts: asked, kept, and draws rejected by reason.

    Raises:
        InputError: The spec asks for more different boards of a level than can be found.
    """
    rejected: Counter[str] = Counter()
    num_kept = 0
    with (out / "puzzles.jsonl").open("w", encoding="utf-8") as file:
        for puzzle in _draw(spec, rejected):
            record = {**asdict(puzzle), "board": list(puzzle.board.rows)}
            file.write(json.dumps(record) + "\n")
            num_kept += 1
    return {"asked": sum(spec.num_rows.values()), "kept": num_kept, "rejected": dict(rejected)}


def read_puzzles(folder: Path) -> Iterator[Puzzle]:
    """Stream what `sample_puzzles` wrote."""
    with (folder / "puzzles.jsonl").open(encoding="utf-8") as file:
        for line in file:
            values = json.loads(line)
            yield Puzzle(**{**values, "board": vsp.Board(tuple(values["board"]))})


def _draw(spec: DatasetSpec, rejected: Counter[str]) -> Iterator[Puzzle]:
    seen: set[str] = set()
    index = 0
    for split, num_rows in spec.num_rows.items():
        for level, num_level in apportion(num_rows, spec.level_shares).items():
            for _ in range(num_level):
                for _ in range(MAX_DRAWS_PER_PUZZLE):
                    rng = np.random.default_rng([spec.seed, index])
                    index += 1
                    board = vsp.sample(rng, level, rng.uniform(*spec.hole_probability))
                    reason = _reject(board, seen)
                    if reason is None:
                        break
                    rejected[reason] += 1
                else:
                    raise InputError(
                        f"num_rows.{split}: no further {level}x{level} board found in {MAX_DRAWS_PER_PUZZLE} draws; "
                        f"ask for fewer rows, a smaller share of level {level} or a wider hole_probability"
                    )
                seen.add(board.content_hash)
                yield Puzzle(index - 1, split, level, board, vsp.solve(board) or "")


def _reject(board: vsp.Board, seen: set[str]) -> str | None:
    if board.content_hash in vsp.official_hashes():
        return "official_test_board"
    return "repeated_board" if board.content_hash in seen else None
