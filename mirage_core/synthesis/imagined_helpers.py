"""SAT's helper images by an image-to-video model, beside the true view that the model does not know.

Takes rows whose helper image is the true view, imagines the way there, puts a picked frame in its place and measures
how close it comes, next to what else could stand there. One process, as a model fills a GPU; a killed run goes on.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from mirage_core.errors import InputError
from mirage_core.puzzles import sat
from mirage_core.puzzles.sat_helpers import VIDEO_FRAMES_PER_S, HelperKind, given_views, helper_image, write_video
from mirage_core.puzzles.sat_render import Renderer
from mirage_core.row import (
    Row,
    decode_image,
    encode_png,
    num_row_shards,
    read_rows_of_shard,
    rows_to_table,
    shard_name,
    write_table,
)
from mirage_core.synthesis.shards import add_up, build_shards, lines_name, read_lines
from mirage_core.teacher.server import Teacher
from mirage_core.teacher.settings import ServerTeacher
from mirage_core.teacher.store import AnswerStore
from mirage_core.video.imagine import Imaginer, evenly_spaced, in_words
from mirage_core.video.pick import Picked, pick_by_measure, pick_by_teacher
from mirage_core.video.quality import Quality, quality, quality_table
from mirage_core.video.settings import ImaginedVideo

VIDEO_STREAM, NOISE_STREAM = 3, 4
"""Set these draws apart from those of puzzles, words and helper images."""
TRUE_VIEW = "target"
"""The kind of helper image that the rows must have."""
QUALITY_FILE = "quality.json"
IMAGINED, PATH_FRAME, FIRST, NOISE = "imagined frame", "frame of the true path", "first picture", "noise"
STRIP_GAP_PX = 4


class Imagined(NamedTuple):
    """A row and what was imagined for it."""

    row: Row
    puzzle: sat.Puzzle
    frames: list[np.ndarray]
    """All of them."""
    shown: list[np.ndarray]
    """Those from which one is picked."""
    given: list[np.ndarray]
    """The question's views without marks."""


def imagine_helpers(
    pictures: Path, settings: ImaginedVideo, seed: int, answers: Path, out: Path, scratch: Path
) -> dict[str, Any]:
    """Write rows with imagined helper images under `rows/`, how close they come in `quality.json`, and samples.

    Args:
        pictures: Folder of SAT rows whose helper images are the true views.
        settings: The model, and who picks.
        seed: Of the data set.
        answers: Folder of the teacher's answers; used by the picker "teacher" only.
        out: Artifact folder.
        scratch: Folder where finished shards wait.

    Returns:
        Counts: rows, who picked, replies not taken by reason, and mean likeness of the imagined frames.

    Raises:
        InputError: The rows have other helper images, or as of `Imaginer`.
    """
    load = cache(lambda: Imaginer(settings))

    def imagine_shard(number: int, folder: Path) -> dict[str, Any]:
        renderer = sat.process_renderer()
        made = [_imagine(row, load(), renderer, seed) for row in read_rows_of_shard(pictures / "rows", number)]
        picks = _pick(made, settings, answers)
        for name in ("rows", "quality"):
            (folder / name).mkdir()
        rows = []
        with (folder / "quality" / lines_name(number)).open("w", encoding="utf-8") as file:
            for one, picked in zip(made, picks, strict=True):
                measured = _measure(one, picked, renderer, seed)
                rows.append(_with_helper(one, picked, measured[IMAGINED]))
                file.write(json.dumps(measured) + "\n")
        write_table(rows_to_table(rows), folder / "rows" / shard_name(number))
        if number == 0:
            _write_samples(made, picks, folder / "samples")
        by = Counter(f"picked by {picked.by}" for picked in picks)
        refused = Counter(picked.reason for picked in picks if picked.reason != "ok")
        return {"rows": len(rows), **by, "not taken": dict(refused)}

    counts = add_up(build_shards(imagine_shard, num_row_shards(pictures / "rows"), scratch, out, "videos", workers=1))
    by_kind: dict[str, list[Quality]] = {}
    for line in read_lines(out / "quality"):
        for kind, values in line.items():
            by_kind.setdefault(kind, []).append(Quality(*values))
    lines = quality_table(by_kind)
    (out / QUALITY_FILE).write_text(json.dumps([line._asdict() for line in lines], indent=1), encoding="utf-8")
    means = {f"{name} of imagined": round(value, 4) for name, value in lines[0].mean._asdict().items()} if lines else {}
    return {**counts, **means}


def _imagine(row: Row, imaginer: Imaginer, renderer: Renderer, seed: int) -> Imagined:
    if row.task != sat.TASK or row.meta.get("helper") != TRUE_VIEW:
        raise InputError(
            f"row {row.id}: its helper image must be the true view of a {sat.TASK} row to be compared with"
        )
    puzzle = sat.from_meta(row.meta["puzzle"])
    side_px = decode_image(row.images[0], row.id).shape[0]
    given = given_views(puzzle, renderer, side_px)
    frames = imaginer.imagine(given[0], puzzle.actions, (seed, row.meta["seed"], row.meta["index"], VIDEO_STREAM))
    return Imagined(row, puzzle, frames, evenly_spaced(frames, imaginer.settings.num_shown), given)


def _pick(made: Sequence[Imagined], settings: ImaginedVideo, answers: Path) -> list[Picked]:
    if settings.picker == "measure":
        return [pick_by_measure(one.shown, one.given) for one in made]

    async def ask_all() -> list[Picked]:
        with AnswerStore(answers) as store:
            async with Teacher(settings.server or ServerTeacher(), store) as teacher:
                asked = (
                    pick_by_teacher(
                        teacher, one.row.question, one.row.images, in_words(one.puzzle.actions), one.shown, one.given
                    )
                    for one in made
                )
                return await asyncio.gather(*asked)

    return asyncio.run(ask_all())


def _measure(one: Imagined, picked: Picked, renderer: Renderer, seed: int) -> dict[str, Quality]:
    """Likeness to the true view of the picked frame, and of what else could stand there."""
    true = decode_image(one.row.helper_images[0], one.row.id)
    noise_seed = (seed, one.row.meta["seed"], one.row.meta["index"], NOISE_STREAM)

    def other(kind: HelperKind) -> np.ndarray:
        return np.asarray(helper_image(one.puzzle, kind, renderer, true.shape[0], noise_seed))

    kinds = {IMAGINED: one.shown[picked.place], PATH_FRAME: other("path-frame"), FIRST: one.given[0]}
    return {kind: quality(image, true) for kind, image in {**kinds, NOISE: other("noise")}.items()}


def _with_helper(one: Imagined, picked: Picked, likeness: Quality) -> Row:
    told = {"helper": "imagined", "frame": picked.place, "picked_by": picked.by, "likeness": likeness._asdict()}
    meta = {**one.row.meta, **told} | ({} if picked.reason == "ok" else {"not_taken": picked.reason})
    return replace(one.row, helper_images=[encode_png(one.shown[picked.place])], meta=meta)


def _write_samples(made: Sequence[Imagined], picks: Sequence[Picked], folder: Path) -> None:
    """For the first row of each type: a strip of first view, frames and true view, and the frames as videos."""
    folder.mkdir()
    seen = set[str]()
    for one, picked in zip(made, picks, strict=True):
        name = one.puzzle.question_type
        if name in seen:
            continue
        seen.add(name)
        true = decode_image(one.row.helper_images[0], one.row.id)
        _strip([one.given[0], *one.shown, true], picked.place + 1).save(folder / f"{name}.png")
        write_video(one.frames, folder / f"{name}.mp4")
        first, *rest = (Image.fromarray(frame) for frame in one.shown)
        pace_ms = 1000 // VIDEO_FRAMES_PER_S
        # beside the MPEG-4 part 2, which browsers don't play
        first.save(folder / f"{name}.webp", save_all=True, append_images=rest, duration=pace_ms, loop=0)


def _strip(views: Sequence[np.ndarray], marked: int) -> Image.Image:
    """The views side by side, one of them with a red frame."""
    height, width = views[0].shape[:2]
    step = width + 2 * STRIP_GAP_PX
    strip = Image.new("RGB", (len(views) * step, height + 2 * STRIP_GAP_PX), "white")
    strip.paste((200, 30, 30), (marked * step, 0, (marked + 1) * step, strip.height))
    for number, view in enumerate(views):
        strip.paste(Image.fromarray(view), (number * step + STRIP_GAP_PX, STRIP_GAP_PX))
    return strip
