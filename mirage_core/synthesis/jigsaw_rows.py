"""Jigsaw rows of a folder of photographs, still without their reasoning.

A puzzle depends on the seed, on its photograph's content and on its number among that photograph's puzzles, so neither
shards nor other photographs can change it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from mirage_core.errors import InputError
from mirage_core.jigsaw_spec import JigsawPuzzles
from mirage_core.photos.collect import read_pixels
from mirage_core.photos.splits import Listed
from mirage_core.puzzles import jigsaw
from mirage_core.row import Row, decode_image, encode_png, rows_to_table, shard_name, write_table
from mirage_core.synthesis.jigsaw_photos import photos_of_splits
from mirage_core.synthesis.shards import add_up, build_shards

ANSWER_STREAM = 1
"""Sets the draw of answers apart from that of cuts."""
ID_LENGTH = 16
OFFICIAL_LEVEL, HARDER_LEVEL = 1, 2
"""Levels by the wrong candidate: of the official kind, and any other."""
MAX_REPEATS = 20
NUM_SAMPLES = 4
NO_PUZZLE = "no_puzzle"
"""Reason of puzzles that a photograph, such as one of a plain wall, has no place for."""


class Place(NamedTuple):
    """One puzzle, before it is drawn."""

    split: str
    photo: Listed
    repeat: int
    """Number among the puzzles of its photograph."""
    answer: jigsaw.Letter


def draw_rows(
    spec: JigsawPuzzles, photographs: Path, out: Path, scratch: Path, workers: int | None = None
) -> dict[str, Any]:
    """Write rows with pictures, question and answer but no thoughts, and some helper images under `samples/`.

    Args:
        spec: What to draw.
        photographs: Folder of the photographs, dealt out to splits.
        out: Artifact folder.
        scratch: Folder where finished shards wait.
        workers: Processes; None is one per core.

    Returns:
        Counts: asked, kept, kept by split, and rejected by reason.
    """
    shards = _shards(photos_of_splits(photographs), spec)
    read = partial(read_pixels, photographs)

    def draw_shard(number: int, folder: Path) -> dict[str, Any]:
        chosen = shards[number]
        made = draw_jigsaws([place for _, place in chosen], read, spec.cut, spec.helper_image, spec.seed)
        rows = [
            replace(row, meta={**row.meta, "number": place_number})
            for (place_number, _), row in zip(chosen, made, strict=True)
            if isinstance(row, Row)
        ]
        (folder / "rows").mkdir()
        write_table(rows_to_table(rows), folder / "rows" / shard_name(number))
        if number == 0:
            (folder / "samples").mkdir()
            for row in rows[:NUM_SAMPLES]:
                png = encode_png(decode_image(row.helper_images[0], row.id))
                (folder / "samples" / f"{row.id}.png").write_bytes(png)
        pa.default_memory_pool().release_unused()  # or a worker grows by some megabytes a shard
        missing = len(chosen) - len(rows)
        return {
            "asked": len(chosen),
            "kept": len(rows),
            f"kept of {chosen[0][1].split}": len(rows),
            "rejected": {NO_PUZZLE: missing} if missing else {},
        }

    return add_up(build_shards(draw_shard, len(shards), scratch, out, "jigsaws", workers))


def _shards(photos: dict[Any, list[Listed]], spec: JigsawPuzzles) -> list[list[tuple[int, "Place"]]]:
    """Numbered places of one split each, those of one photograph together, so that no two of them are the same."""
    shards: list[list[tuple[int, Place]]] = []
    number = 0
    for split, num_puzzles in spec.num_puzzles.items():
        shards.append([])
        dealt = places(photos[split], split, num_puzzles, spec.seed)
        for _, group in groupby(dealt, key=lambda place: place.photo.content):
            if len(shards[-1]) >= spec.puzzles_per_shard:
                shards.append([])
            for place in group:
                shards[-1].append((number, place))
                number += 1
    return shards


def places(photos: Sequence[Listed], split: str, number: int, seed: int) -> list[Place]:
    """Deal `number` puzzles out to the photographs of a split, photograph by photograph; A and B equally often."""
    if not photos:
        raise InputError(f"split {split}: no photographs to cut {number} puzzles from")
    dealt: list[Place] = []
    for order, photo in enumerate(photos):
        share = number * (order + 1) // len(photos) - number * order // len(photos)
        dealt += [Place(split, photo, repeat, _answer(len(dealt) + repeat, seed)) for repeat in range(share)]
    return dealt


def draw_jigsaws(
    chosen: Sequence[Place],
    read_pixels: Callable[[Listed], np.ndarray],
    settings: jigsaw.JigsawCut,
    helper: jigsaw.HelperKind,
    seed: int,
) -> Iterator[Row | Place]:
    """Draw puzzles one after the other, with each photograph read once.

    Args:
        chosen: Which; those of one photograph stand together.
        read_pixels: Of a photograph.
        settings: How to cut.
        helper: Kind of helper image.
        seed: Of the data set.

    Yields:
        The row; or the place itself where its photograph has no (further) puzzle, such as a plain wall.
    """
    photo, pixels, taken = None, None, set[str]()
    for place in chosen:
        if place.photo != photo:
            photo, pixels, taken = place.photo, read_pixels(place.photo), set()
        assert pixels is not None
        for attempt in range(MAX_REPEATS):
            seeds = (seed, int(place.photo.content[:15], 16), place.repeat, attempt)
            drawn = jigsaw.draw(pixels, place.answer, settings, helper, seeds)
            row = drawn and _row(place, helper, *drawn)
            if not row or row.id not in taken:
                break
        if not row or row.id in taken:
            yield place
            continue
        taken.add(row.id)
        yield row


def _answer(number: int, seed: int) -> jigsaw.Letter:
    """Of every two puzzles in a row, one has A and one has B, in random order."""
    first = np.random.default_rng([seed, number // 2, ANSWER_STREAM]).random() < 0.5
    return "A" if first == (number % 2 == 0) else "B"


def _row(place: Place, helper: jigsaw.HelperKind, cut: jigsaw.Cut, pictures: jigsaw.Pictures) -> Row:
    images = [pictures.reference, pictures.candidate_a, pictures.candidate_b]
    meta = {
        "answer": cut.answer,
        "photo": place.photo.content,
        "cut": cut._asdict(),
        "helper": helper,
        "helper_shows": pictures.helper_shows,
    }
    return Row(
        id=f"{jigsaw.TASK}-{jigsaw.content_hash(tuple(images))[:ID_LENGTH]}",
        task=jigsaw.TASK,
        split=place.split,
        level=OFFICIAL_LEVEL if cut.wrong == "tile" else HARDER_LEVEL,
        question=jigsaw.QUESTION,
        images=images,
        helper_images=[pictures.helper],
        thought_before="",
        thought_after="",
        answer=cut.answer,
        choices=list(jigsaw.CHOICES.values()),
        meta=meta,
    )
