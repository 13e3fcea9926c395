"""Planar geometry from a spec to verified rows: distinct problems first, then their figures and thoughts.

A problem is known by the seed and its number in the stream of draws, so neither shards nor processes can change it.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count, groupby
from pathlib import Path
from typing import Any

import numpy as np

from mirage_core.errors import InputError
from mirage_core.geometry_spec import GeometryPuzzleSpec, GeometrySpec
from mirage_core.puzzles import geometry
from mirage_core.row import Row, encode_png, rows_to_table
from mirage_core.synthesis.dataset import write_judged
from mirage_core.synthesis.shards import add_up, build_shards, lines_name, read_lines
from mirage_core.teacher.geometry_oracle import explain_geometry
from mirage_core.teacher.geometry_verify import verify_geometry

WORDING_STREAM, SPLIT_STREAM = 1, 2
"""Set the draws of words and of splits apart from those of problems."""
MAX_REPEATS = 400
"""Draws in a row that only repeat problems; then the templates have no more of them."""
ID_LENGTH = 16
PUZZLES_FOLDER = "puzzles"


@dataclass(frozen=True)
class Place:
    """One problem of a data set."""

    number: int
    """Place in the data set; part of the seed of its words."""
    split: str
    index: int
    """Of `geometry.sample`."""


def sample_geometry(spec: GeometryPuzzleSpec, out: Path) -> dict[str, Any]:
    """Write which draws are used as `puzzles/part-00000.jsonl`, ...; every shard belongs to one split.

    Returns:
        Counts: problems, by split too, and rejected draws by reason.

    Raises:
        InputError: The templates have too few problems for the spec.
    """
    places, rejected = _distinct_places(spec)
    (out / PUZZLES_FOLDER).mkdir()
    number = 0
    for _, group in groupby(places, key=lambda place: place.split):
        chosen = list(group)
        for first in range(0, len(chosen), spec.puzzles_per_shard):
            shard = chosen[first : first + spec.puzzles_per_shard]
            lines = "".join(json.dumps(vars(place)) + "\n" for place in shard)
            (out / PUZZLES_FOLDER / lines_name(number)).write_text(lines, encoding="utf-8")
            number += 1
    return {
        "puzzles": len(places),
        **dict(spec.num_puzzles.items()),
        "rejected": dict(rejected),
    }


def build_geometry(
    spec: GeometrySpec, puzzles: Path, out: Path, scratch: Path, workers: int | None = None
) -> dict[str, Any]:
    """Write verified rows under `rows/`, the others, reason in `verdict`, under `rejected/`, and a figure per theorem.

    Returns:
        Counts: asked, kept, kept by split, rejected by reason.
    """

    def build_shard(number: int, folder: Path) -> dict[str, Any]:
        places = [Place(**values) for values in read_lines(puzzles / PUZZLES_FOLDER, number)]
        rows = [row for place in places for row in geometry_rows(spec, place)]
        kept = [row for row in rows if row.verdict == "ok"]
        rejected = [row for row in rows if row.verdict != "ok"]
        write_judged(folder, number, rows_to_table(kept), rows_to_table(rejected))
        reasons = Counter(row.verdict for row in rejected)
        splits = Counter(row.split for row in kept)
        return {"asked": len(rows), "kept": len(kept), **splits, "rejected": dict(reasons)}

    num_shards = len(list((puzzles / PUZZLES_FOLDER).glob("part-*.jsonl")))
    counts = add_up(build_shards(build_shard, num_shards, scratch, out, "geometry", workers))
    (out / "samples").mkdir()
    for index, template in enumerate(geometry.TEMPLATES):
        shown = geometry.helper_image(geometry.sample(spec.seed, index), spec.figure_px)
        shown.save(out / "samples" / f"{template.__name__}.png")
    return counts


def geometry_rows(spec: GeometrySpec, place: Place) -> Iterator[Row]:
    """The rows of a problem: one, or several with a thought each where it is for training."""
    puzzle = geometry.sample(spec.seed, place.index)
    row = _row(spec, place, puzzle)
    true = geometry.is_true(puzzle.problem)
    number = spec.thoughts_per_puzzle if place.split == "train" else 1
    for thought in range(number):
        rng = np.random.default_rng([spec.seed, place.number, WORDING_STREAM, thought])
        told = explain_geometry(row.meta, rng)
        verdict = verify_geometry(row.meta, told, row.answer).reason if true else "figure_disagrees"
        yield replace(
            row,
            id=f"{row.id}-{thought}" if number > 1 else row.id,
            thought_before=told.before,
            thought_after=told.after,
            meta={**row.meta, "thought": thought} if number > 1 else row.meta,
            verdict=verdict,
        )


def _row(spec: GeometrySpec, place: Place, puzzle: geometry.Puzzle) -> Row:
    question = geometry.question(puzzle)
    figure = encode_png(np.asarray(geometry.helper_image(puzzle, spec.figure_px)))
    return Row(
        id=f"{geometry.TASK}-{hashlib.sha256(question.encode()).hexdigest()[:ID_LENGTH]}",
        task=geometry.TASK,
        split=place.split,
        level=geometry.level(puzzle),
        question=question,
        images=[],
        helper_images=[figure],
        thought_before="",
        thought_after="",
        answer=puzzle.letter,
        choices=list(puzzle.options),
        meta={**geometry.to_meta(puzzle), "number": place.number},
        teacher=spec.teacher,
    )


def _distinct_places(spec: GeometryPuzzleSpec) -> tuple[list[Place], Counter[str]]:
    """The first draws whose texts differ, dealt out to the splits at random.

    Some theorems have fewer problems than others, so late draws lack them; dealt out in order, so would a late split.
    """
    total = sum(spec.num_puzzles.values())
    chosen, rejected = _distinct_draws(spec.seed, total)
    order = np.random.default_rng([spec.seed, SPLIT_STREAM]).permutation(total).tolist()
    places, first = list[Place](), 0
    for split, number in spec.num_puzzles.items():
        drawn = sorted(chosen[place] for place in order[first : first + number])
        places += [Place(first + offset, split, index) for offset, index in enumerate(drawn)]
        first += number
    return places, rejected


def _distinct_draws(seed: int, number: int) -> tuple[list[int], Counter[str]]:
    chosen, seen, rejected, repeats = list[int](), set[str](), Counter[str](), 0
    for index in count():
        if len(chosen) == number:
            break
        text = geometry.sample(seed, index).problem.text
        if text not in seen:
            seen.add(text)
            chosen.append(index)
            repeats = 0
            continue
        rejected["repeated_problem"] += 1
        repeats += 1
        if repeats == MAX_REPEATS:
            raise InputError(
                f"num_puzzles: only {len(chosen)} different problems were found for {number}; ask for fewer"
            )
    return chosen, rejected
