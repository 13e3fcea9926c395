"""What a thought tells: it is heard piece by piece, and every claim is held against the scene."""

import re
from functools import lru_cache
from typing import NamedTuple

from mirage_core.puzzles.vsp import Cell
from mirage_core.teacher.claims import Claim, Nearing, Spot
from mirage_core.teacher.read_facts import read_facts
from mirage_core.teacher.reading import Lead, read, read_walk
from mirage_core.teacher.scene import Scene, manhattan
from mirage_core.teacher.words import SQUARE

TILE_LETTERS = {"start": "S", "ice": "F", "hole": "H", "target": "G", "goal": "G"}
SQUARE_FORM = re.compile(r"\(\s*(-?\d+)\s*,\s*(-?\d+)\s*\)(?:\s*,\s*([A-Za-z]+)\s*\])?")
"""The opening bracket is left to the words before; without brackets the text names a place, but not its tile."""
ROW_COLUMN = re.compile(r"\(?\brow (\d+)(?:, | and |,| )(?:col|column) (\d+)\b(?! are\b)\)?", re.IGNORECASE)
"""Another way to name a place; counted from 0, as the prompts ask."""
OPENED = re.compile(rf"\[ ?{SQUARE}|{SQUARE}\)")
"""A square with what is left of its brackets."""
CUT = "\0"
CUT_SQUARE, CUT_SENTENCE = f" {SQUARE}{CUT}{SQUARE} ", f".{CUT}"
"""A text is cut into pieces at its squares, which leave a sign on both sides, and behind its sentences."""


class Finding(NamedTuple):
    """One contradiction between a text and its board."""

    reason: str
    words: str
    """Of the text."""
    truth: str


class Square(NamedTuple):
    """A square as the text names it."""

    cell: Cell
    letter: str
    """Of the tile; empty if no tile is named, "?" if there is no such tile."""
    words: str


Told = tuple[Cell, str | None]
"""A move as the text tells it: the square it leads to, and its direction, if told."""


class Story:
    """What a text tells: the squares it names, the moves it makes, and where its claims on them are wrong."""

    def __init__(self, scene: Scene, in_words: bool = False, free: bool = False, looking: bool = False) -> None:
        """Start a story.

        Args:
            scene: What is true.
            in_words: Whether moves are told by directions ("right twice, then down"), so that no square need be named;
                one that is named as reached must be where they lead.
            free: Whether the words are a model's, which says things of the board that the oracle has no words for.
            looking: Whether the board is looked at before anyone moves: steps "from (1,0)" are none of the player's.
        """
        self.scene = scene
        self._free = free
        self._looking = looking
        self._in_words = in_words
        self._walked = False
        """Whether moves were told in words since the last square reached."""
        self._arrived = False
        """Whether the last square was reached, not only named."""
        self.squares: list[Square] = []
        self.told: list[Told] = []
        self.wrong_claims: list[Finding] = []
        self._num_told_before = 0
        """Moves told before this sentence."""
        self._waiting: list[tuple[Claim, Cell | None, Cell | None]] = []
        """Claims of this sentence ahead of its first move."""
        self._listed: tuple[Claim, ...] = ()
        """Claims that hold for all squares of a list."""
        self._origin: Lead | None = None

    def hear(self, text: str) -> None:
        """Read a text that goes on where the last one ended."""
        parts = SQUARE_FORM.split(_plain(text))
        squares = [_square(*named) for named in zip(parts[1::4], parts[2::4], parts[3::4], strict=True)]
        self.squares += squares
        parts = parts[::4]
        if self._free:
            parts, squares = self._hear_facts(parts, squares)
        place = 0
        for piece in CUT_SQUARE.join(parts).replace(". ", CUT_SENTENCE).split(CUT):
            claims, lead, origin, links, lists, after_square, before_square, ends = read(piece)
            if self._in_words:
                self._walk(piece)
            if claims or lists:
                before = squares[place - 1].cell if after_square else None
                self._hear_claims(claims, before, squares[place].cell if before_square else None)
            if before_square:
                cell = squares[place].cell
                if lead is None and links and self._origin and manhattan(squares[place - 1].cell, cell) < 2:
                    lead = self._origin
                if lists and self._arrived and self._in_words:
                    lead = Lead(None)  # "down to (1,0), (2,0) and (3,0)"
                if lead is not None:
                    self._tell(cell, lead.direction)
                self._arrived = lead is not None
                self._origin = origin
                place += 1
            if ends:
                self._end_sentence()
        self._end_sentence()

    def _hear_facts(self, parts: list[str], squares: list[Square]) -> tuple[list[str], list[Square]]:
        """Check what is said of the board alone; gives the words around squares, and the squares, without it."""
        kept: list[str] = []
        kept_squares: list[Square] = []
        place = 0
        for sentence in SQUARE.join(parts).split(". "):
            words = OPENED.sub(SQUARE, sentence)
            number = words.count(SQUARE)
            named = squares[place : place + number]
            place += number
            facts, looked, steps = read_facts(words.rstrip(".!? "))
            for fact in facts:
                objection = fact.objection(self.scene, tuple(square.cell for square in named))
                if objection is not None:
                    self.wrong_claims.append(Finding(fact.reason, fact.words, objection))
            spans = looked + steps if self._looking else looked
            if spans:
                words, named = _without(words, named, spans)
            kept.append(words if spans else sentence)
            kept_squares += named
        return ". ".join(kept).split(SQUARE), kept_squares

    def _walk(self, piece: str) -> None:
        letters, restated = read_walk(piece)
        if restated:
            del self.told[self._num_told_before :]
        for letter in letters:
            here = self.told[-1][0] if self.told else self.scene.start
            self.told.append((self.scene.step(here, letter), letter))
        self._walked = self._walked or bool(letters)

    def _tell(self, cell: Cell, direction: str | None) -> None:
        told = self.told
        walked, self._walked = self._walked, False
        if walked:
            told[-1] = (cell, told[-1][1])
            return
        if direction is None and len(told) > self._num_told_before and told[-1][0] == cell:
            return  # "Moving to [...], I fall into [...]" tells one move
        told.append((cell, direction))

    def _hear_claims(self, claims: tuple[Claim, ...], before: Cell | None, after: Cell | None) -> None:
        at = len(self.told)
        self._listed = claims or self._listed
        if at == self._num_told_before or self._in_words:
            self._waiting += [(claim, before, after) for claim in self._listed]
        elif at < len(self.scene.cells):  # else the moves told are wrong already
            spot = Spot(self.scene, at, False, before, after)
            for claim in self._listed:
                objection = claim.objection(spot)
                if objection is not None:
                    self.wrong_claims.append(Finding(claim.reason, claim.words, objection))

    def _end_sentence(self) -> None:
        if self._waiting:
            self._check_waiting()
            self._waiting = []
        self._num_told_before = len(self.told)
        self._listed = ()
        self._origin = None

    def _check_waiting(self) -> None:
        """Claims ahead of the first move of their sentence are about the move before or about that move.

        Among moves told in words, they may be about any of them.
        """
        at = self._num_told_before
        alone = len(self.told) == at
        last = len(self.told) if self._in_words else at + (not alone)
        points = [point for point in range(at, last + 1) if point < len(self.scene.cells)]
        for claim, before, after in self._waiting:
            moved = points[1:] if self._in_words and isinstance(claim, Nearing) else points
            objections = [claim.objection(Spot(self.scene, point, alone, before, after)) for point in moved or points]
            if objections and None not in objections:
                self.wrong_claims.append(Finding(claim.reason, claim.words, str(objections[-1])))


def _without(words: str, squares: list[Square], spans: tuple[tuple[int, int], ...]) -> tuple[str, list[Square]]:
    """Words and squares outside of the spans."""
    kept, left, end = "", [], 0
    for first, last in sorted(spans):
        if first >= end:
            kept += words[end:first] + ";"
        end = max(end, last)
    kept += words[end:]
    places = [place for place, sign in enumerate(words) if sign == SQUARE]
    for place, square in zip(places, squares, strict=True):
        if not any(first <= place < last for first, last in spans):
            left.append(square)
    return kept, left


def _plain(text: str) -> str:
    """The text without our own signs, all its sentences ending in a full stop and a space, places as (row,col)."""
    if "\n" in text or "! " in text or "? " in text:
        text = text.replace("\n", ". ").replace("! ", ". ").replace("? ", ". ")
    if "row " in text.lower():
        text = ROW_COLUMN.sub(r"(\1,\2)", text)
    return text.replace(SQUARE, " ").replace(CUT, " ")


@lru_cache(maxsize=1 << 12)
def _square(row: str, column: str, name: str | None) -> Square:
    words = f"[({row},{column}),{name}]" if name else f"({row},{column})"
    return Square((_coordinate(row), _coordinate(column)), TILE_LETTERS.get(name.lower(), "?") if name else "", words)


def _coordinate(text: str) -> int:
    return int(text) if len(text) < 6 else -1
