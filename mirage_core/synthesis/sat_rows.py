"""Step 2 of SAT: draw the pictures and the helper image of every puzzle, as rows that still lack their reasoning."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mirage_core.puzzles import sat
from mirage_core.puzzles.sat_helpers import HelperKind, helper_image, path_frames, write_video
from mirage_core.puzzles.sat_render import Renderer
from mirage_core.row import Row, encode_png, rows_to_table, shard_name, write_table
from mirage_core.synthesis.puzzles import HELPER_STREAM
from mirage_core.synthesis.sat_puzzles import SatDrawn, read_sat_puzzles
from mirage_core.synthesis.shards import add_up, build_shards

ID_LENGTH = 16
SHEET_GAP_PX = 4


def draw_sat_rows(
    puzzles: Path, helper: HelperKind, side_px: int, out: Path, scratch: Path, workers: int | None = None
) -> dict[str, Any]:
    """Write rows with pictures, helper image, question and answer but no thoughts.

    Below `samples/` stands, for each type of question, the first puzzle of the first shard that has it: a strip of its
    pictures and its helper image, and the path's nine frames as a short video.

    Args:
        puzzles: Folder of the puzzles.
        helper: What the helper image shows.
        side_px: Of the pictures; that of the puzzles.
        out: Artifact folder.
        scratch: Folder where finished shards wait.
        workers: Processes; None is one per core.

    Returns:
        Counts: rows and pictures.

    Raises:
        InputError: The machine cannot render.
    """

    def draw_shard(number: int, folder: Path) -> dict[str, Any]:
        renderer = sat.process_renderer()
        (folder / "rows").mkdir()
        rows, shown = [], set[str]()
        for drawn in read_sat_puzzles(puzzles, number):
            row, images = _row(drawn, helper, renderer, side_px)
            rows.append(row)
            if number == 0 and drawn.puzzle.question_type not in shown:
                shown.add(drawn.puzzle.question_type)
                _write_sample(drawn.puzzle, images, renderer, side_px, folder / "samples")
        write_table(rows_to_table(rows), folder / "rows" / shard_name(number))
        return {"rows": len(rows), "pictures": sum(len(row.images) + len(row.helper_images) for row in rows)}

    num_shards = len(list((puzzles / "puzzles").glob("part-*.jsonl")))
    return add_up(build_shards(draw_shard, num_shards, scratch, out, "pictures of rooms", workers))


def _row(drawn: SatDrawn, helper: HelperKind, renderer: Renderer, side_px: int) -> tuple[Row, list[Image.Image]]:
    """The row, and all its pictures, the helper image last."""
    place, puzzle = drawn.place, drawn.puzzle
    noise = (place.seed, place.offset, HELPER_STREAM)
    images = [*sat.pictures(puzzle, renderer, side_px), helper_image(puzzle, helper, renderer, side_px, noise)]
    meta = sat.to_meta(puzzle)
    digest = hashlib.sha256(json.dumps(meta, sort_keys=True).encode()).hexdigest()[:ID_LENGTH]
    *pngs, helper_png = (encode_png(np.asarray(image)) for image in images)
    row = Row(
        id=f"{sat.TASK}-{digest}",
        task=sat.TASK,
        split=place.split,
        level=sat.level(puzzle.question_type),
        question=sat.question(puzzle),
        images=pngs,
        helper_images=[helper_png],
        thought_before="",
        thought_after="",
        answer=puzzle.answer_text,
        choices=list(puzzle.choices),
        meta={
            **sat.choice_meta(puzzle.choices, puzzle.answer, puzzle.question_type),
            "number": place.number,
            "seed": place.seed,
            "index": place.offset,
            "helper": helper,
            "puzzle": meta,
            "seen": drawn.seen,
        },
    )
    return row, images


def _write_sample(
    puzzle: sat.Puzzle, images: list[Image.Image], renderer: Renderer, side_px: int, folder: Path
) -> None:
    folder.mkdir(exist_ok=True)
    strip = Image.new("RGB", (len(images) * (side_px + SHEET_GAP_PX) - SHEET_GAP_PX, side_px), "white")
    for number, image in enumerate(images):
        strip.paste(image, (number * (side_px + SHEET_GAP_PX), 0))
    strip.save(folder / f"{puzzle.question_type}.png")
    write_video(path_frames(puzzle, renderer, side_px), folder / f"{puzzle.question_type}.mp4")
