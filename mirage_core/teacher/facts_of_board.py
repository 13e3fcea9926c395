"""What a sentence says of the board alone, wherever the player is, and when the board contradicts it."""

from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from mirage_core.puzzles.vsp import MOVES, Cell
from mirage_core.teacher.scene import TILE_NAMES, Scene, manhattan

Squares = tuple[Cell, ...]
"""The squares that a sentence names, in its order."""
Axis = Literal["rows", "columns"]


@dataclass(frozen=True, slots=True)
class Place:
    """A square by its number in the sentence, by its name, or as the neighbour of one."""

    of: int | Literal["start", "target"] | tuple[bool, bool]
    """Number of a square in the sentence, a name, or a corner by whether it is down and right."""
    move: str = ""
    """Letter of the move that leads from there to the place itself; empty if it is that square."""

    def cell(self, scene: Scene, squares: Squares) -> Cell | None:
        """The place on this board; None if it is outside."""
        last = scene.size - 1
        if isinstance(self.of, int):
            row, column = squares[self.of]
        elif isinstance(self.of, tuple):
            row, column = last * self.of[0], last * self.of[1]
        else:
            row, column = scene.start if self.of == "start" else scene.goal
        down, right = MOVES[self.move] if self.move else (0, 0)
        cell = (row + down, column + right)
        return cell if scene.inside(cell) and scene.inside((row, column)) else None


class Fact(Protocol):
    """Something said of the board."""

    reason: ClassVar[str]

    @property
    def words(self) -> str:
        """The words that say it."""

    def objection(self, scene: Scene, squares: Squares) -> str | None:
        """What is true instead; None if it holds."""


@dataclass(frozen=True, slots=True)
class Holds:
    """A place is of some kind: "the square above the target is a hole"."""

    reason: ClassVar[str] = "wrong_tile"
    words: str
    place: Place
    tiles: str
    """Letters of the tiles on which it would be true."""

    def objection(self, scene: Scene, squares: Squares) -> str | None:
        cell = self.place.cell(scene, squares)
        if cell is None:
            return None if self.tiles == "SFG" and not self.place.move else "there is no such square on the board"
        return None if scene.tile(cell) in self.tiles else f"{cell} is {TILE_NAMES[scene.tile(cell)]}"


@dataclass(frozen=True, slots=True)
class HolesBeside:
    """A number of holes touches a place: "no hole borders the start"."""

    reason: ClassVar[str] = "wrong_neighbours"
    words: str
    place: Place
    least: int
    most: int
    corners: bool
    """Whether a hole may also touch it by a corner."""

    def objection(self, scene: Scene, squares: Squares) -> str | None:
        cell = self.place.cell(scene, squares)
        if cell is None:
            return None
        touching = len(scene.holes_beside([cell]))
        near = len(scene.holes_beside([cell], diagonal=True))
        if self.least <= touching <= self.most or (self.corners and self.least and self.least <= near <= self.most):
            return None
        return f"{touching} holes touch {cell} by an edge, {near} by an edge or a corner"


@dataclass(frozen=True, slots=True)
class Lies:
    """A place lies on a side of another: "the hole at (2,3) is above the target"."""

    reason: ClassVar[str] = "wrong_position"
    words: str
    place: Place
    sides: str
    """Letters of the moves that lead that way; two for a diagonal."""
    of: Place
    adjacent: bool

    def objection(self, scene: Scene, squares: Squares) -> str | None:
        there, here = self.place.cell(scene, squares), self.of.cell(scene, squares)
        if there is None or here is None:
            return None
        down, right = there[0] - here[0], there[1] - here[1]
        fits = all(MOVES[side][0] * down + MOVES[side][1] * right > 0 for side in self.sides)
        if fits and not (self.adjacent and manhattan(here, there) > len(self.sides)):
            return None
        return f"{there} is {down} rows below and {right} columns to the right of {here}"


@dataclass(frozen=True, slots=True)
class Touches:
    """A place is next to another, or is not."""

    reason: ClassVar[str] = "wrong_neighbours"
    words: str
    place: Place
    other: Place
    negated: bool
    corners: bool
    """Whether they may also touch by a corner."""

    def objection(self, scene: Scene, squares: Squares) -> str | None:
        here, there = self.place.cell(scene, squares), self.other.cell(scene, squares)
        if here is None or there is None:
            return None
        if self.negated:
            return f"{here} touches {there}" if manhattan(here, there) == 1 else None
        way = (abs(here[0] - there[0]), abs(here[1] - there[1]))
        near = here != there and (max(way) <= 1 if self.corners else sum(way) == 1)
        return None if near else f"{here} is not next to {there}"


@dataclass(frozen=True, slots=True)
class Leads:
    """A move from one place leads to another."""

    reason: ClassVar[str] = "wrong_move"
    words: str
    start: Place
    move: str
    end: Place
    """Where it leads."""

    def objection(self, scene: Scene, squares: Squares) -> str | None:
        here, there = self.start.cell(scene, squares), self.end.cell(scene, squares)
        if here is None or there == scene.step(here, self.move):
            return None
        return f"from {here} that move leads to {scene.step(here, self.move)}"


@dataclass(frozen=True, slots=True)
class HolesInLine:
    """A row or column has a number of holes."""

    reason: ClassVar[str] = "wrong_tile"
    words: str
    axis: Axis
    number: int
    """Counted from 0, from the end if negative."""
    least: int
    most: int

    def objection(self, scene: Scene, squares: Squares) -> str | None:
        number = self.number + scene.size * (self.number < 0)
        if number >= scene.size:
            return f"the board has {scene.size} {self.axis}"
        line = scene.rows[number] if self.axis == "rows" else "".join(row[number] for row in scene.rows)
        holes = line.count("H")
        return None if self.least <= holes <= self.most else f"{self.axis[:-1]} {number} has {holes} holes"


@dataclass(frozen=True, slots=True)
class InLine:
    """A place is in a row or column, or two are in the same."""

    reason: ClassVar[str] = "wrong_position"
    words: str
    place: Place
    axis: Axis
    line: int | Place
    """Counted from 0, from the end if negative; or another place of that line."""

    def objection(self, scene: Scene, squares: Squares) -> str | None:
        cell = self.place.cell(scene, squares)
        if cell is None:
            return None
        which = 0 if self.axis == "rows" else 1
        if isinstance(self.line, Place):
            other = self.line.cell(scene, squares)
            true = other is None or cell[which] == other[which]
        else:
            true = cell[which] == self.line + scene.size * (self.line < 0)
        return None if true else f"{cell} is in {self.axis[:-1]} {cell[which]}"


@dataclass(frozen=True, slots=True)
class Apart:
    """Two places are some squares or moves apart."""

    reason: ClassVar[str] = "wrong_distance"
    words: str
    place: Place
    other: Place
    number: int

    def objection(self, scene: Scene, squares: Squares) -> str | None:
        here, there = self.place.cell(scene, squares), self.other.cell(scene, squares)
        if here is None or there is None:
            return None
        walking = scene.walking_distances(there).get(here)
        if self.number in (manhattan(here, there), walking):
            return None
        return f"{manhattan(here, there)} squares, {walking or 'no'} moves"


@dataclass(frozen=True, slots=True)
class AllHoles:
    """The squares are the holes of the board, all of them."""

    reason: ClassVar[str] = "wrong_tile"
    words: str
    first: int
    """Number of the first in the sentence; the others follow it to the end."""

    def objection(self, scene: Scene, squares: Squares) -> str | None:
        listed = squares[self.first :]
        wrong = next((cell for cell in listed if not scene.inside(cell) or scene.tile(cell) != "H"), None)
        if wrong is not None:
            return f"{wrong} is no hole"
        return None if len(set(listed)) == scene.num_holes else f"the board has {scene.num_holes} holes"
