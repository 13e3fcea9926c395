"""Step 2: draw every puzzle and its helper image, as rows that still lack their reasoning."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mirage_core.puzzles import vsp, vsp_pictures, vsp_reasoning
from mirage_core.puzzles.vsp_helpers import HelperKind, planning_helpers
from mirage_core.row import Row, encode_png, rows_to_table, shard_name, write_table
from mirage_core.synthesis.puzzles import HELPER_STREAM, Puzzle, num_shards, read_puzzles
from mirage_core.synthesis.shards import add_up, build_shards

ID_LENGTH = 16


def draw_rows(
    puzzles: Path,
    out: Path,
    scratch: Path,
    workers: int | None = None,
    kind: HelperKind = "route",
    seed: int = 0,
    as_input: bool = False,
) -> dict[str, Any]:
    """Write rows with pictures, question and answer but no thoughts, and a helper image per level under `samples/`.

    Args:
        puzzles: Folder of the puzzles.
        out: Artifact folder.
        scratch: Folder where finished shards wait.
        workers: Processes; None is one per core.
        kind: Of the helper images of planning puzzles.
        seed: Of the spec; for kinds that draw at random.
        as_input: Whether the question of planning puzzles shows the helper image too.

    Returns:
        Counts: rows and pictures.
    """

    def draw_shard(number: int, folder: Path) -> dict[str, Any]:
        rows = [_row(puzzle, helper_pictures(puzzle, kind, seed), as_input) for puzzle in read_puzzles(puzzles, number)]
        (folder / "rows").mkdir()
        write_table(rows_to_table(rows), folder / "rows" / shard_name(number))
        return {"rows": len(rows), "pictures": sum(1 + len(row.helper_images) for row in rows)}

    counts = build_shards(draw_shard, num_shards(puzzles), scratch, out, "helper images", workers)
    (out / "samples").mkdir()
    one_per_level = {puzzle.level: puzzle for puzzle in read_puzzles(puzzles)}
    for level, puzzle in one_per_level.items():
        helper_pictures(puzzle, kind, seed)[-1].save(out / "samples" / f"level-{level}.png")
    return add_up(counts)


def helper_pictures(puzzle: Puzzle, kind: HelperKind, seed: int) -> list[Image.Image]:
    """What a person would sketch: the way through the maze (planning), or the board after some moves (reasoning)."""
    if puzzle.step is not None:
        return [vsp_reasoning.step_picture(puzzle.board, puzzle.plan, puzzle.step)]
    return planning_helpers(puzzle.board, puzzle.plan, kind, (seed, puzzle.number, HELPER_STREAM))


def _row(puzzle: Puzzle, helpers: list[Image.Image], as_input: bool) -> Row:
    board, planning = puzzle.board, puzzle.step is None
    asked = [*board.rows] if planning else [*board.rows, puzzle.plan, str(puzzle.step)]
    digest = hashlib.sha256("\n".join(asked).encode()).hexdigest()[:ID_LENGTH]
    task = vsp.TASK if planning else vsp_reasoning.TASK
    meta = {"board": board.rows, "plan": puzzle.plan, "number": puzzle.number}
    map_png = vsp_pictures.encode_palette_png(vsp_pictures.colour_numbers(board))
    helper_pngs = [_png(helper) for helper in helpers]
    return Row(
        id=f"{task}-{digest}",
        task=task,
        split=puzzle.split,
        level=puzzle.level,
        question=vsp.question(board, as_input) if planning else vsp_reasoning.question(puzzle.plan),
        images=[map_png, helper_pngs[-1]] if as_input else [map_png],
        helper_images=helper_pngs,
        thought_before="",
        thought_after="",
        answer=vsp.answer_text(puzzle.plan) if planning else vsp_reasoning.outcome(board, puzzle.plan),
        choices=[] if planning else list(vsp_reasoning.OUTCOMES.values()),
        meta=meta if planning else {**meta, "step": puzzle.step},
    )


def _png(image: Image.Image) -> bytes:
    return vsp_pictures.encode_palette_png(image) if image.mode == "P" else encode_png(np.asarray(image))
