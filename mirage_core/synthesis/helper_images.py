"""Step 2: draw each puzzle and its helper image into rows that wait for their reasoning."""

from pathlib import Path
from typing import Any

from PIL import Image

from mirage_core.puzzles import vsp
from mirage_core.row import Row, encode_png, write_rows
from mirage_core.synthesis.puzzles import Puzzle, read_puzzles


def draw_rows(puzzles: Path, out: Path, rows_per_shard: int) -> dict[str, Any]:
    """Write rows with pictures, question and answer but no thoughts, and a helper image per level under `samples/`.

    Returns:
        Counts: rows and pictures.
    """
    num_rows = write_rows((_row(puzzle) for puzzle in read_puzzles(puzzles)), str(out / "rows"), rows_per_shard)
    (out / "samples").mkdir()
    one_per_level = {puzzle.level: puzzle for puzzle in read_puzzles(puzzles)}
    for level, puzzle in one_per_level.items():
        Image.fromarray(vsp.helper_image(puzzle.board, puzzle.plan)).save(out / "samples" / f"level-{level}.png")
    return {"rows": num_rows, "pictures": 2 * num_rows}


def _row(puzzle: Puzzle) -> Row:
    board = puzzle.board
    return Row(
        id=f"{vsp.TASK}-{board.content_hash[:16]}",
        task=vsp.TASK,
        split=puzzle.split,
        level=puzzle.level,
        question=vsp.question(board),
        images=[encode_png(vsp.render(board))],
        helper_images=[encode_png(vsp.helper_image(board, puzzle.plan))],
        thought_before="",
        thought_after="",
        answer=vsp.answer_text(puzzle.plan),
        meta={"board": list(board.rows), "plan": puzzle.plan, "index": puzzle.index},
    )
