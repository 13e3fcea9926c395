"""What a claim says, and when the board contradicts it.

Words leave room, so the benefit of the doubt is the text's: a distance may be meant along rows and columns or along
the way around the holes, and a neighbour may touch by an edge or by a corner. Only what no reading saves is a
contradiction. Odds ("slightly increasing the likelihood of success"), danger and detours are opinions, not claims.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, Protocol

from mirage_core.puzzles.vsp import MOVES, Cell
from mirage_core.teacher.scene import TILE_NAMES, Scene, manhattan

About = Literal["here", "way", "start", "target", "following"]
Named = Literal["before", "after"]
"""On which side of a claim's words the square stands that they are about."""


class Spot(NamedTuple):
    """Where in the story the words of a claim stand."""

    scene: Scene
    at: int
    """Moves told so far; `scene.cells[at]` is where the player is."""
    alone: bool
    """Whether their sentence tells no move, so that they may speak of the whole plan."""
    before: Cell | None
    """The square that the text names right before the words."""
    after: Cell | None
    """The square that the text names right after the words."""

    @property
    def here(self) -> Cell:
        return self.scene.cells[self.at]

    def named(self, side: Named) -> Cell | None:
        """The square that the text names on that side of the words."""
        return self.before if side == "before" else self.after


class Claim(Protocol):
    """Something a text says that the board can contradict."""

    reason: ClassVar[str]

    @property
    def words(self) -> str:
        """The words that say it."""

    def objection(self, spot: Spot) -> str | None:
        """What is true instead; None if the claim holds."""


@dataclass(frozen=True, slots=True)
class Nearing:
    """The last move changed the distance to something: "closer to the target"."""

    reason: ClassVar[str] = "wrong_distance"
    words: str
    landmark: Literal["target", "start", "following", "left", "right", "top", "bottom"]
    allowed: tuple[int, ...]
    """Signs of the change that fit the words."""

    def objection(self, spot: Spot) -> str | None:
        scene, at = spot.scene, spot.at
        if not at:
            return None
        if self.landmark == "target":
            was, left = scene.left[at - 1], scene.left[at]
            return None if self._fits(was, left) else self._walking_objection(spot, scene.goal)
        if self.landmark in ("start", "following"):
            return self._walking_objection(spot, scene.start if self.landmark == "start" else spot.after)
        was, left = self._to_edge(scene, scene.cells[at - 1]), self._to_edge(scene, spot.here)
        return None if self._fits(was, left) else f"{was} squares to that edge before the move, {left} after it"

    def _walking_objection(self, spot: Spot, end: Cell | None) -> str | None:
        if end is None:
            return None
        here, there = spot.scene.cells[spot.at - 1 : spot.at + 1]
        was, left = manhattan(here, end), manhattan(there, end)
        if self._fits(was, left):
            return None
        walking = spot.scene.walking_distances(end)
        if here in walking and there in walking and self._fits(walking[here], walking[there]):
            return None
        return f"{was} squares before the move, {left} after it"

    def _fits(self, was: int, left: int) -> bool:
        return (left > was) - (left < was) in self.allowed

    def _to_edge(self, scene: Scene, cell: Cell) -> int:
        last = scene.size - 1
        return {"left": cell[1], "right": last - cell[1], "top": cell[0], "bottom": last - cell[0]}[self.landmark]


@dataclass(frozen=True, slots=True)
class Distance:
    """The distance to the target in squares or moves: "3 squares from the target"."""

    reason: ClassVar[str] = "wrong_distance"
    words: str
    number: int
    previous: int | None = None
    """Distance before the move, if told."""
    of_plan: bool = False
    """Whether moves of the plan may be meant, as in "2 moves left"."""

    def objection(self, spot: Spot) -> str | None:
        scene, at = spot.scene, spot.at
        if self.number == scene.left[at] and self.previous in (None, scene.left[at - 1]):
            return None
        if self.of_plan and self.number in (len(scene.cells) - 1 - at, len(scene.plan) - at):
            return None
        walking = scene.walking_distances(scene.goal)
        here = scene.cells[at]
        if self.number == walking.get(here) and self.previous in (None, walking.get(scene.cells[at - 1])):
            return None
        return f"{scene.left[at]} squares to the target, {walking.get(here, 'no')} moves"


@dataclass(frozen=True, slots=True)
class Position:
    """Where the target lies, seen from the player or from the square named next: "2 rows above"."""

    reason: ClassVar[str] = "wrong_position"
    words: str
    axis: Literal["rows", "columns"]
    sign: int
    """Of the way from the player to the target; down and right are positive."""
    number: int | None
    """None if only the side is told."""
    from_following: bool
    of_before: bool
    """Whether it is told of the square named before, which may be another than the target."""

    def objection(self, spot: Spot) -> str | None:
        if self.of_before and spot.before != spot.scene.goal:
            return None
        origin = spot.after if self.from_following and spot.after else spot.here
        there = spot.scene.goal
        way = there[0] - origin[0] if self.axis == "rows" else there[1] - origin[1]
        if way == self.sign * self.number if self.number is not None else way * self.sign > 0:
            return None
        side = ("above", "below") if self.axis == "rows" else ("to the left", "to the right")
        return f"the target is {abs(way)} {self.axis} {side[way > 0]}" if way else f"no {self.axis} between them"


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Holes next to something: "no hole lies beside the way"."""

    reason: ClassVar[str] = "wrong_neighbours"
    words: str
    about: About
    number: int | None
    """None for any number but none."""

    def objection(self, spot: Spot) -> str | None:
        cells = list(_cells(spot, self.about))
        touching = len(spot.scene.holes_beside(cells))
        if self.number == touching or (self.number is None and touching):
            return None
        cornering = len(spot.scene.holes_beside(cells, diagonal=True))
        if self.number != 0 and (self.number == cornering or (self.number is None and cornering)):
            return None
        return f"{touching} holes touch it by an edge, {cornering} by an edge or a corner"


@dataclass(frozen=True, slots=True)
class Beside:
    """A named square is next to something: "next to [(0,1),Hole]"."""

    reason: ClassVar[str] = "wrong_neighbours"
    words: str
    about: About
    named: Named

    def objection(self, spot: Spot) -> str | None:
        square = spot.named(self.named)
        if square is None:
            return None
        for cell in _cells(spot, self.about):
            if cell != square and abs(cell[0] - square[0]) <= 1 and abs(cell[1] - square[1]) <= 1:
                return None
        return f"{square} is not next to it"


@dataclass(frozen=True, slots=True)
class Tile:
    """A word, not a bracket, says what a square is: "the hole at (1,2)"."""

    reason: ClassVar[str] = "wrong_tile"
    words: str
    letter: str
    negated: bool
    named: Named

    def objection(self, spot: Spot) -> str | None:
        square = spot.named(self.named)
        if square is None or not spot.scene.inside(square):
            return None
        if (spot.scene.tile(square) == self.letter) != self.negated:
            return None
        return f"{square} is {TILE_NAMES[spot.scene.tile(square)]}"


@dataclass(frozen=True, slots=True)
class HoleAside:
    """A hole lies in a direction: "the hole below", "a hole directly above the player"."""

    reason: ClassVar[str] = "wrong_neighbours"
    words: str
    move: str
    """Letter of the move that leads that way."""
    about: About
    adjacent: bool
    """Whether it is the very next square; otherwise it may lie anywhere on that side, in the same line."""
    negated: bool

    def objection(self, spot: Spot) -> str | None:
        cells = list(_cells(spot, self.about))
        if self.about == "here" and spot.at:
            cells.append(spot.scene.cells[spot.at - 1])  # "moving right avoids the hole below"
        for cell in cells:
            if any(spot.scene.tile(there) == "H" for there in self._line(spot.scene, cell)) != self.negated:
                return None
        return f"from {spot.here} there is {'a' if self.negated else 'no'} hole on that side"

    def _line(self, scene: Scene, cell: Cell) -> list[Cell]:
        line = [cell]
        while (there := scene.step(line[-1], self.move)) != line[-1] and (len(line) == 1 or not self.adjacent):
            line.append(there)
        return line[1:2] if self.negated else line[1:]


@dataclass(frozen=True, slots=True)
class SquareAside:
    """A named square lies on a side of something: "the hole at (2,3) is above the start"."""

    reason: ClassVar[str] = "wrong_position"
    words: str
    move: str
    """Letter of the move that leads that way, from `about` to the square."""
    about: About
    adjacent: bool
    named: Named

    def objection(self, spot: Spot) -> str | None:
        square = spot.named(self.named)
        if square is None:
            return None
        for cell in _cells(spot, self.about):
            down, right = MOVES[self.move]
            way = down * (square[0] - cell[0]) + right * (square[1] - cell[1])
            if way > 0 and (not self.adjacent or spot.scene.step(cell, self.move) == square):
                return None
        return f"{square} does not lie on that side of it"


@dataclass(frozen=True, slots=True)
class LineTile:
    """A row or column has a kind of tile, or none: "the top row is free of holes"."""

    reason: ClassVar[str] = "wrong_tile"
    words: str
    axis: Literal["rows", "columns"]
    number: int | None
    """Counted from 0, from the end if negative; None is the middle one."""
    letter: str
    free: bool

    def objection(self, spot: Spot) -> str | None:
        scene = spot.scene
        number = scene.size // 2 if self.number is None else self.number
        number += scene.size * (number < 0)
        if not 0 <= number < scene.size:
            return f"the board has {scene.size} {self.axis}"
        line = scene.rows[number] if self.axis == "rows" else "".join(row[number] for row in scene.rows)
        if (self.letter in line) != self.free:
            return None
        return f"{self.axis[:-1]} {number} has {'a' if self.free else 'no'} {TILE_NAMES[self.letter].lower()}"


@dataclass(frozen=True, slots=True)
class Corner:
    """Start or target lies in a corner of the board, or in that part of it."""

    reason: ClassVar[str] = "wrong_position"
    words: str
    about: Literal["start", "target", "before"]
    """"before" is the square that the text names right before."""
    down: bool
    right: bool
    exact: bool
    """Whether the very corner is meant."""

    def objection(self, spot: Spot) -> str | None:
        scene, last = spot.scene, spot.scene.size - 1
        cell = {"start": scene.start, "target": scene.goal, "before": spot.before}[self.about]
        if cell is None:
            return None
        meant = (last * self.down, last * self.right)
        if cell == meant or (not self.exact and all(2 * abs(a - b) <= last for a, b in zip(cell, meant, strict=True))):
            return None
        return f"{cell} is not there"


@dataclass(frozen=True, slots=True)
class Count:
    """A number of the puzzle: rows of the board, holes on it, moves of the plan."""

    reason: ClassVar[str] = "wrong_count"
    words: str
    what: Literal["rows", "holes", "moves"]
    number: int

    def objection(self, spot: Spot) -> str | None:
        scene = spot.scene
        true = {"rows": scene.size, "holes": scene.num_holes, "moves": len(scene.plan)}[self.what]
        if self.number == true or (self.what == "moves" and self.number == len(scene.cells) - 1):
            return None
        return f"{true} {self.what}"


@dataclass(frozen=True, slots=True)
class Ending:
    """The player falls into a hole, reaches the target, or is safe; or does not."""

    reason: ClassVar[str] = "wrong_outcome"
    words: str
    tiles: str
    """Letters of the tiles on which it would be true."""
    of_plan: bool
    """Whether the words speak of the plan as a whole."""
    foretold: bool
    """Whether it may happen later than where the words stand."""

    def objection(self, spot: Spot) -> str | None:
        tiles = spot.scene.tiles
        last = len(tiles) - 1
        if not spot.alone:
            points: tuple[int, ...] = (spot.at,)
        elif self.of_plan or (self.foretold and self.tiles in ("H", "G")):
            points = (last,)
        else:
            points = (spot.at, last)
        for point in points:
            if tiles[point] in self.tiles:
                return None
        return f"after {points[-1]} moves the player is on {spot.scene.square(spot.scene.cells[points[-1]])}"


@dataclass(frozen=True, slots=True)
class Letter:
    """The text names the answer of the reasoning task itself."""

    reason: ClassVar[str] = "wrong_outcome"
    words: str
    letter: str

    def objection(self, spot: Spot) -> str | None:
        true = {"G": "A", "H": "B"}.get(spot.scene.tile(spot.scene.cells[-1]), "C")
        return None if self.letter == true else f"the outcome is {true}"


@dataclass(frozen=True, slots=True)
class Visited:
    """The player has, or has not, been on the square before."""

    reason: ClassVar[str] = "wrong_visit"
    words: str
    negated: bool

    def objection(self, spot: Spot) -> str | None:
        if (spot.here in spot.scene.cells[: spot.at]) != self.negated:
            return None
        return f"{spot.here} was {'visited' if self.negated else 'never visited'} before"


@dataclass(frozen=True, slots=True)
class Stayed:
    """The edge of the board held the player back."""

    reason: ClassVar[str] = "wrong_move"
    words: str

    def objection(self, spot: Spot) -> str | None:
        if not spot.at or spot.scene.cells[spot.at - 1] == spot.here:
            return None
        return f"the move leads from {spot.scene.cells[spot.at - 1]} to {spot.here}"


def _cells(spot: Spot, about: About) -> Iterator[Cell]:
    if about == "way":
        yield from spot.scene.cells
    elif about == "following":
        yield from () if spot.after is None else (spot.after,)
    else:
        yield {"here": spot.here, "start": spot.scene.start, "target": spot.scene.goal}[about]
