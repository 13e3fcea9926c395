"""Step 1 of SAT: draw rooms, cameras and questions, and note what each view shows. Pictures come later.

A puzzle depends on the spec's seed, its split and its place in it alone, so neither the number of shards nor that of
processes can change the data. Shards are drawn in forked processes, each with a GL context of its own: nothing may have
been rendered in the parent before.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mirage_core.puzzles import sat
from mirage_core.puzzles.sat_helpers import seen_shares
from mirage_core.sat_spec import SatPuzzleSpec
from mirage_core.synthesis.shards import add_up, build_shards, lines_name, read_lines

SPLIT_CODES = {"train": 0, "rl": 1, "validation": 2}
"""Part of a split's seed; never to be changed."""
SEEDS_PER_SPEC = 4


class SatPlace(NamedTuple):
    """Where a puzzle belongs, before it is drawn."""

    number: int
    """In the data set."""
    split: str
    seed: int
    """Of the split."""
    offset: int
    """Within the split; the `index` of `sat.sample`."""


class SatDrawn(NamedTuple):
    """A drawn puzzle."""

    place: SatPlace
    puzzle: sat.Puzzle
    seen: dict[str, dict[str, float]]
    """See `seen_shares`."""


def draw_sat_puzzles(spec: SatPuzzleSpec, out: Path, scratch: Path, workers: int | None = None) -> dict[str, Any]:
    """Write `puzzles/part-00000.jsonl`, ... with up to `spec.puzzles_per_shard` puzzles of one split each.

    Args:
        spec: What to draw.
        out: Artifact folder.
        scratch: Folder where finished shards wait.
        workers: Processes; None is one per core.

    Returns:
        Counts: asked, kept, and rooms and cameras rejected by reason.

    Raises:
        InputError: The machine cannot render.
    """
    shards = _shards(spec)

    def draw_shard(number: int, folder: Path) -> dict[str, Any]:
        renderer, rejected = sat.process_renderer(), Counter[str]()
        (folder / "puzzles").mkdir()
        with (folder / "puzzles" / lines_name(number)).open("w", encoding="utf-8") as file:
            for place in shards[number]:
                puzzle, reasons = sat.sample(renderer, place.seed, place.offset, spec.types, spec.side_px)
                rejected += reasons
                line = [*place, sat.to_meta(puzzle), seen_shares(puzzle, renderer, spec.side_px)]
                file.write(json.dumps(line) + "\n")
        return {"kept": len(shards[number]), "rejected": dict(rejected)}

    counts = add_up(build_shards(draw_shard, len(shards), scratch, out, "rooms", workers))
    return {"asked": sum(spec.num_puzzles.values()), **counts}


def read_sat_puzzles(folder: Path, shard: int | None = None) -> Iterator[SatDrawn]:
    """Stream what `draw_sat_puzzles` wrote, all of it or one shard."""
    for number, split, seed, index, puzzle, seen in read_lines(folder / "puzzles", shard):
        yield SatDrawn(SatPlace(number, split, seed, index), sat.from_meta(puzzle), seen)


def split_seed(seed: int, split: str) -> int:
    """The seed of a split; no two splits of any two data sets share one unless the data sets share theirs."""
    return seed * SEEDS_PER_SPEC + SPLIT_CODES[split]


def _shards(spec: SatPuzzleSpec) -> list[list[SatPlace]]:
    """Cut at every split, so that each file belongs to one of them."""
    shards: list[list[SatPlace]] = []
    number = 0
    for split, num_puzzles in spec.num_puzzles.items():
        seed = split_seed(spec.seed, split)
        places = [SatPlace(number + index, split, seed, index) for index in range(num_puzzles)]
        size = spec.puzzles_per_shard
        shards += [places[first : first + size] for first in range(0, num_puzzles, size)]
        number += num_puzzles
    return shards
