"""Step 1: draw the puzzles. Small JSON lines; pictures come later.

Every draw has a random generator of its own, of the seed, the puzzle's number and the attempt, so neither the number
of shards nor that of processes can change the data. Shards are drawn side by side; what two of them both drew is
drawn anew afterwards, in order.
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from mirage_core.errors import InputError
from mirage_core.puzzles import vsp, vsp_reasoning
from mirage_core.spec import PuzzleSpec, apportion
from mirage_core.synthesis.shards import add_up, build_shards, lines_name, read_lines

MAX_DRAWS_PER_PUZZLE = 200
"""Fresh boards run out on small levels (a 3x3 level has a few thousand likely ones); then the spec asks too much."""
BOARD_STREAM, WORDING_STREAM, HELPER_STREAM = 0, 1, 2
"""Third part of the seed, so that board, wording and helper image never share a random stream."""
NUM_ORIENTATIONS = 8

TEST_HOLE_PROBABILITY = {3: 0.184, 4: 0.188, 5: 0.200, 6: 0.194, 7: 0.205, 8: 0.202}
"""Chance of a hole by level with which solvable boards have the official test's mean hole share: 13.6, 15.8, 17.8,
17.9 % at levels 3 to 6 and 19.4 % at 7 and 8. Found by drawing 4,000 boards a level. At level 3 the likely boards soon
run out, so that 300 different ones come to 17 %."""
PAPER_HOLE_PROBABILITY = 0.2
PAPER_MAX_HOLE_SHARE = 0.2
"""Mirage, section 4.1: at most 20 % of the cells are holes."""


@dataclass(frozen=True)
class Puzzle:
    """A board, what is to be done with it, and where it belongs."""

    number: int
    """Place in the data set; part of the seed of its draws."""
    attempt: int
    """Which of its draws it is; the earlier ones were rejected."""
    split: str
    level: int
    board: vsp.Board
    plan: str
    """Planning: a shortest plan. Reasoning: the plan whose outcome is asked."""
    step: int | None = None
    """Reasoning: how many moves are told before the helper image, which shows the board after them."""


@dataclass(frozen=True)
class Place:
    """Where a puzzle belongs, before it is drawn."""

    number: int
    split: str
    level: int
    offset: int
    """Number within its split and level."""


def sample_puzzles(
    spec: PuzzleSpec, out: Path, scratch: Path, workers: int | None = None, apart_from: Path | None = None
) -> dict[str, Any]:
    """Write `puzzles/part-00000.jsonl`, ... with up to `spec.puzzles_per_shard` puzzles of one split each.

    Boards never repeat, within a split or across splits, and never equal an official board.

    Args:
        spec: What to draw.
        out: Artifact folder.
        scratch: Folder where finished shards wait.
        workers: Processes; None is one per core.
        apart_from: Folder of puzzles whose boards are not drawn again, such as those that models are examined on.

    Returns:
        Counts: asked, kept, and draws rejected by reason.

    Raises:
        InputError: The spec asks for more different boards of a level than can be found.
    """
    places = _places(spec)
    shards = _shards(places, spec.puzzles_per_shard)

    def draft_shard(number: int, folder: Path) -> dict[str, Any]:
        rejected: Counter[str] = Counter()
        _write(folder / lines_name(number), (next(_draws(spec, place, rejected)) for place in shards[number]))
        return {"rejected": dict(rejected)}

    drafts = scratch / "drafts"
    counts = add_up(build_shards(draft_shard, len(shards), scratch / "shards", drafts, "puzzles", workers))
    rejected = Counter(counts["rejected"])
    taken = Taken(spec.symmetries)
    for puzzle in read_puzzles(apart_from) if apart_from else ():
        taken.add(puzzle)
    (out / "puzzles").mkdir()
    for number, shard in enumerate(shards):
        pairs = zip(_read(drafts, number), shard, strict=True)
        _write(
            out / "puzzles" / lines_name(number),
            (_settle(spec, place, draft, taken, rejected) for draft, place in pairs),
        )
    return {"asked": len(places), "kept": len(places), "rejected": dict(rejected)}


def read_puzzles(folder: Path, shard: int | None = None) -> Iterator[Puzzle]:
    """Stream what `sample_puzzles` wrote, all of it or one shard."""
    return _read(folder / "puzzles", shard)


def num_shards(folder: Path) -> int:
    """Shards that `sample_puzzles` wrote."""
    return len(list((folder / "puzzles").glob("part-*.jsonl")))


class Taken:
    """The boards that no further puzzle may repeat."""

    def __init__(self, symmetries: bool) -> None:
        self.symmetries = symmetries
        self._split_of: dict[bytes, str] = {}

    def conflict(self, puzzle: Puzzle) -> str | None:
        """Why the puzzle cannot join the others; None if it can."""
        if _key(puzzle.board) in self._split_of:
            return "repeated_board"
        if self.symmetries:
            found = {self._split_of.get(_key(board), puzzle.split) for board in vsp.orientations(puzzle.board)}
            if found != {puzzle.split}:
                return "other_split_turned"
        return None

    def add(self, puzzle: Puzzle) -> None:
        self._split_of[_key(puzzle.board)] = puzzle.split


def _places(spec: PuzzleSpec) -> list[Place]:
    places: list[Place] = []
    for split, number in spec.num_puzzles.items():
        for level, num_level in apportion(number, spec.level_shares).items():
            places += [Place(len(places) + offset, split, level, offset) for offset in range(num_level)]
    return places


def _shards(places: list[Place], puzzles_per_shard: int) -> list[list[Place]]:
    """Cut at every split, so that each file belongs to one of them."""
    by_split = [list(group) for _, group in groupby(places, key=lambda place: place.split)]
    return [
        group[first : first + puzzles_per_shard]
        for group in by_split
        for first in range(0, len(group), puzzles_per_shard)
    ]


def _settle(spec: PuzzleSpec, place: Place, draft: Puzzle, taken: Taken, rejected: Counter[str]) -> Puzzle:
    """The draft, or the next draw if another puzzle has its board."""
    puzzle, later = draft, _draws(spec, place, rejected, first_attempt=draft.attempt + 1)
    while reason := taken.conflict(puzzle):
        rejected[reason] += 1
        puzzle = next(later)
    taken.add(puzzle)
    return puzzle


def _draws(spec: PuzzleSpec, place: Place, rejected: Counter[str], first_attempt: int = 0) -> Iterator[Puzzle]:
    """Puzzles for a place, one after the other; those that no data set may hold are left out and counted.

    Raises:
        InputError: There have been too many.
    """
    for attempt in range(first_attempt, MAX_DRAWS_PER_PUZZLE):
        # orientations of one board: its draw is that of the first of them
        turned = _turned(spec, place)
        source = place.number - place.offset % NUM_ORIENTATIONS if turned and attempt == 0 else place.number
        rng = np.random.default_rng([spec.seed, source, BOARD_STREAM, attempt])
        board = vsp.sample(rng, place.level, _hole_probability(spec, place.level, rng))
        if turned:
            board = vsp.orientations(board)[place.offset % NUM_ORIENTATIONS]
        wanted = tuple(vsp_reasoning.OUTCOMES)[place.offset % len(vsp_reasoning.OUTCOMES)]
        plan = vsp.solve(board) if spec.task == vsp.TASK else vsp_reasoning.sample_plan(rng, board, wanted)
        reason = "outcome_impossible" if plan is None else _reject(spec, place, board)
        if plan is None or reason:
            rejected[str(reason)] += 1
            continue
        step = int(rng.integers(1, len(plan) + 1)) if spec.task == vsp_reasoning.TASK else None
        yield Puzzle(place.number, attempt, place.split, place.level, board, plan, step)
    raise InputError(
        f"num_puzzles.{place.split}: no further {place.level}x{place.level} board found in {MAX_DRAWS_PER_PUZZLE} "
        f"draws; ask for fewer puzzles, a smaller share of level {place.level} or a wider range of holes"
    )


def _hole_probability(spec: PuzzleSpec, level: int, rng: np.random.Generator) -> float:
    if spec.holes == "paper":
        return PAPER_HOLE_PROBABILITY
    return TEST_HOLE_PROBABILITY[level] if spec.holes == "test" else rng.uniform(*spec.holes)


def _reject(spec: PuzzleSpec, place: Place, board: vsp.Board) -> str | None:
    boards = vsp.orientations(board) if spec.symmetries else [board]
    if any(same.content_hash in vsp.official_hashes() for same in boards):
        return "official_test_board"
    if spec.holes == "paper" and "".join(board.rows).count("H") > PAPER_MAX_HOLE_SHARE * board.size**2:
        return "over_20_percent_holes"
    if spec.planning_share is not None and vsp.needs_planning(board) != _wants_planning(spec, place):
        return "not_of_planning_share"
    return None


def _turned(spec: PuzzleSpec, place: Place) -> bool:
    """Whether the place holds an orientation of a board that its seven neighbours hold too."""
    return spec.symmetries and place.split == "train"


def _wants_planning(spec: PuzzleSpec, place: Place) -> bool:
    """Whether both hole-blind walks must fail there: spread evenly; orientations of one board stand together."""
    assert spec.planning_share is not None
    number = place.offset // NUM_ORIENTATIONS if _turned(spec, place) else place.offset
    return math.floor((number + 1) * spec.planning_share) > math.floor(number * spec.planning_share)


def _key(board: vsp.Board) -> bytes:
    """Short content hash: a data set may hold millions of boards."""
    return hashlib.blake2b("\n".join(board.rows).encode(), digest_size=12).digest()


def _write(path: Path, puzzles: Iterable[Puzzle]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for puzzle in puzzles:
            file.write(json.dumps({**vars(puzzle), "board": puzzle.board.rows}) + "\n")


def _read(folder: Path, shard: int | None) -> Iterator[Puzzle]:
    for values in read_lines(folder, shard):
        yield Puzzle(**{**values, "board": vsp.Board(tuple(values["board"]))})
