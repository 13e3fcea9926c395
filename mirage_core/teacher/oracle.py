"""The oracle teacher: truthful, varied reasoning composed from the simulator's own trace.

Squares are named in the published form `[(row,col),Tile]`, 0-based (Mirage, appendix A.2). The oracle says nothing
that `mirage_core.teacher.verify` does not read and check.
"""

from typing import NamedTuple

import numpy as np

from mirage_core.puzzles.vsp import Board, Cell
from mirage_core.teacher import Explanation, wording
from mirage_core.teacher.scene import Scene, scene_of
from mirage_core.teacher.wording import MOVE_WORDS

MAX_HOLES_NAMED = 2
"""A longer list is told as a number, so that thoughts stay short."""
DRAWS_PER_MOVE = 4
DRAWS_PER_THOUGHT = 16


class Style(NamedTuple):
    """How one thought tells its moves."""

    leads: tuple[str, ...]
    bumps: tuple[str, ...]
    joins: tuple[str, ...]


class Draws:
    """Random choices, drawn in one batch: one numpy call for each would take longer than the whole text."""

    def __init__(self, rng: np.random.Generator, number: int) -> None:
        self._numbers: list[float] = rng.random(number).tolist()

    def pick(self, choices: tuple[str, ...]) -> str:
        return choices[int(self._numbers.pop() * len(choices))]

    def happens(self, percent: int) -> bool:
        return self._numbers.pop() * 100 < percent

    def style(self, percent_steered: int) -> Style:
        joins = wording.JOINS[int(self._numbers.pop() * len(wording.JOINS))]
        if self.happens(percent_steered):
            return Style(wording.STEERED_LEADS, wording.STEERED_BUMPS, joins)
        return Style(wording.PLAIN_LEADS, wording.PLAIN_BUMPS, joins)


def explain(board: Board, plan: str, rng: np.random.Generator) -> Explanation:
    """Describe the board and tell the plan move by move.

    Args:
        board: The maze.
        plan: Move letters of a plan that reaches the goal.
        rng: Chooses the wording; the facts come from the simulator.
    """
    scene = scene_of(board, plan, stop_at_goal=True)
    draws = Draws(rng, DRAWS_PER_THOUGHT + DRAWS_PER_MOVE * len(plan))
    before = [_opening(scene, wording.OPENINGS, draws)]
    if draws.happens(35):
        before.append(_way(scene, draws))
    before.append(draws.pick(wording.ROUTE_CUES))
    after = _moves(scene, 1, len(scene.cells), draws.style(percent_steered=75), draws)
    if draws.happens(20):
        after.append(draws.pick(wording.CLOSINGS).format(moves=_count(len(plan), "move")))
    return Explanation(" ".join(before), " ".join(after))


def explain_outcome(board: Board, plan: str, step: int, rng: np.random.Generator) -> Explanation:
    """Tell the first `step` moves of a plan, then the others and what comes of them.

    Args:
        board: The maze.
        plan: Move letters; the walk ends in a hole or at the goal.
        step: Moves told before the helper image, from 1 to all of the walk; then `after` is empty.
        rng: Chooses the wording; the facts come from the simulator.
    """
    scene = scene_of(board, plan, stop_at_goal=True)
    draws = Draws(rng, DRAWS_PER_THOUGHT + DRAWS_PER_MOVE * len(plan))
    style = draws.style(percent_steered=60)
    before = [_opening(scene, wording.OUTCOME_OPENINGS, draws)] if draws.happens(50) else []
    before += _moves(scene, 1, step + 1, style, draws)
    before.append(draws.pick(wording.CUES))
    after = _moves(scene, step + 1, len(scene.cells), style, draws)
    last = scene.cells[-1]
    if after and draws.happens(50):
        closings = next(texts for tiles, texts in wording.OUTCOME_CLOSINGS.items() if scene.tile(last) in tiles)
        after.append(draws.pick(closings).format(left=_count(scene.left[-1], "square")))
    return Explanation(" ".join(before), " ".join(after))


def _opening(scene: Scene, openings: tuple[str, ...], draws: Draws) -> str:
    opening, sides = draws.pick(openings), wording.OFFSETS[draws.happens(50)]
    return opening.format(
        start=scene.square(scene.start),
        goal=scene.square(scene.goal),
        offset=_offset(scene, sides) if "{offset}" in opening else "",
        left=_count(scene.left[0], "square"),
        size=scene.size,
        holes=_count(scene.num_holes, "hole"),
        moves=_count(len(scene.plan), "move"),
    )


def _offset(scene: Scene, sides: tuple[str, ...]) -> str:
    """Where the target lies, as "2 rows up and 1 column right"."""
    down, right = scene.goal[0] - scene.start[0], scene.goal[1] - scene.start[1]
    rows = f"{_count(abs(down), 'row')} {sides[down > 0]}"
    columns = f"{_count(abs(right), 'column')} {sides[2 + (right > 0)]}"
    if down and right:
        return f"{rows} and {columns}"
    return f"in the same column, {rows}" if down else f"in the same row, {columns}"


def _way(scene: Scene, draws: Draws) -> str:
    """A sentence on the way as a whole: the holes beside it or its length."""
    if draws.happens(25):
        return draws.pick(wording.LENGTHS).format(moves=_count(len(scene.plan), "move"))
    holes = sorted(scene.holes_beside(scene.cells))
    if not holes:
        return draws.pick(wording.NONE_BESIDE_WAY)
    if len(holes) > MAX_HOLES_NAMED:
        return draws.pick(wording.MANY_BESIDE_WAY).format(number=_count(len(holes), "hole"))
    return draws.pick(wording.HOLES_BESIDE_WAY).format(holes=_list(scene, holes))


def _moves(scene: Scene, first: int, end: int, style: Style, draws: Draws) -> list[str]:
    """A sentence for each of the moves `first` to `end` - 1, counted from 1."""
    sentences: list[str] = []
    for place in range(first, end):
        join = draws.pick(style.joins) if sentences else ""
        sentence = _move(scene, place, style, draws)
        if join and not sentence.startswith(("I ", "Moving to ")):  # "Next, Moving to" is the published form
            sentence = sentence[0].lower() + sentence[1:]
        sentences.append(join + sentence)
    return sentences


def _move(scene: Scene, place: int, style: Style, draws: Draws) -> str:
    here, there = scene.cells[place - 1], scene.cells[place]
    way, square = MOVE_WORDS[scene.plan[place - 1]], scene.square(there)
    if here == there:
        return draws.pick(style.bumps).format(way=way, square=square)
    lead = draws.pick(style.leads).format(way=way, square=square)
    tile = scene.tiles[place]
    if tile in "GH":
        return f"{lead} {draws.pick(wording.REACHING if tile == 'G' else wording.FALLING)}."
    was, left = scene.left[place - 1], scene.left[place]
    effects: tuple[str, ...] = (wording.ASIDE, wording.FARTHER, wording.NEARER)[scene.trends()[place]]
    if there in scene.cells[:place] and draws.happens(60):
        effects = wording.RETURNING
    effect = draws.pick(effects)
    if "{" in effect:
        effect = effect.format(was=_count(was, "square"), left=_count(left, "square"))
    return f"{lead} {effect}{_tail(scene, there, draws)}."


def _tail(scene: Scene, cell: Cell, draws: Draws) -> str:
    """Now and then, the holes beside a square; nothing otherwise."""
    if not draws.happens(20):
        return ""
    holes = sorted(scene.holes_beside([cell]))
    if not holes:
        return draws.pick(wording.CLEAR_TAILS)
    if len(holes) == 1:
        return draws.pick(wording.HOLE_TAILS).format(holes=_list(scene, holes))
    return draws.pick(wording.MANY_HOLES_TAILS).format(number=len(holes))


def _list(scene: Scene, cells: list[Cell]) -> str:
    return " and ".join(map(scene.square, cells))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
