"""Lies put into true thoughts on purpose, each one proved to be false on its board without the checker's help."""

import re
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mirage_core.puzzles import vsp, vsp_reasoning
from mirage_core.teacher import Explanation, oracle

LETTERS = {"Start": "S", "Ice": "F", "Hole": "H", "Target": "G"}
WAYS = {"up": "U", "down": "D", "left": "L", "right": "R"}
SQUARE = re.compile(r"\[\((\d+),(\d+)\),(\w+)\]")
TASKS = (vsp.TASK, vsp_reasoning.TASK)


class Told(NamedTuple):
    """A thought and its row."""

    task: str
    board: vsp.Board
    meta: dict[str, Any]
    answer: str
    thought: Explanation

    @property
    def cells(self) -> list[vsp.Cell]:
        return vsp.walk(self.board, self.meta["plan"], stop_at_goal=True)

    @property
    def last_tile(self) -> str:
        return self.board.tile(self.cells[-1])


def oracle_thought(index: int, seed: int) -> Told:
    """Levels 3 to 8 and both tasks in turn, all outcomes."""
    rng = np.random.default_rng([seed, index])
    while True:
        board = vsp.sample(rng, 3 + index % 6, 0.2)
        if index // 6 % 2:
            plan = vsp_reasoning.sample_plan(rng, board, rng.choice(list("ABC")))
            if plan is None:
                continue
            step = int(rng.integers(1, len(vsp.walk(board, plan, stop_at_goal=True))))
            meta = {"board": board.rows, "plan": plan, "step": step}
            thought = oracle.explain_outcome(board, plan, step, rng)
            return Told(vsp_reasoning.TASK, board, meta, vsp_reasoning.outcome(board, plan), thought)
        plan = vsp.solve(board)
        thought = oracle.explain(board, plan, rng)
        return Told(vsp.TASK, board, {"board": board.rows, "plan": plan}, vsp.answer_text(plan), thought)


def wrong_tile(rng: np.random.Generator, told: Told) -> Told | None:
    """Some square is called another tile than it is."""

    def change(match):
        row, column = int(match[1]), int(match[2])
        name = str(rng.choice([name for name, letter in LETTERS.items() if letter != told.board.tile((row, column))]))
        return f"[({row},{column}),{name}]"

    return _change(rng, told, SQUARE, change)


def wrong_square(rng: np.random.Generator, told: Told) -> Told | None:
    """Some move leads to another square, with that one's true tile, than it does."""
    place = _some_move(rng, told)
    if place is None:
        return None
    part, match, cell = place
    size = told.board.size
    cells = [(row, column) for row in range(size) for column in range(size) if (row, column) != cell]
    row, column = cells[rng.integers(len(cells))]
    name = next(name for name, letter in LETTERS.items() if letter == told.board.tile((row, column)))
    return _replace(told, part, match, f"[({row},{column}),{name}]")


def wrong_direction(rng: np.random.Generator, told: Told) -> Told | None:
    """Some move is told in a direction that does not lead where it leads."""
    part = "after" if told.thought.after and rng.integers(4) else "before"
    moves = [
        match
        for match in re.finditer(
            r"\b(?:[Mm]ov|[Gg]o|[Ss]tep|[Hh]ead|[Ww]alk|[Ss]lid)\w* (up|down|left|right) (?:on)?to \[\((\d+),(\d+)\)",
            getattr(told.thought, part),
        )
    ]
    if not moves:
        return None
    match = moves[rng.integers(len(moves))]
    cell = (int(match[2]), int(match[3]))
    froms = [here for here, there in zip(told.cells, told.cells[1:], strict=False) if there == cell]
    wrong = [way for way, letter in WAYS.items() if all(told.board.step(here, letter) != cell for here in froms)]
    new = match[0].replace(match[1], str(rng.choice(wrong)), 1)
    return _replace(told, part, match, new)


def dropped_move(rng: np.random.Generator, told: Told) -> Told | None:
    """The sentence of a move is left out, so that the moves told are not the plan."""
    place = _some_move(rng, told)
    if place is None:
        return None
    part, match, _ = place
    text = getattr(told.thought, part)
    start = text.rfind(". ", 0, match.start()) + 2 if ". " in text[: match.start()] else 0
    end = text.find(". ", match.end())
    new = text[:start] + (text[end + 2 :] if end >= 0 else "")
    return told._replace(thought=told.thought._replace(**{part: new.strip()})) if new.strip() else None


def wrong_distance(rng: np.random.Generator, told: Told) -> Told | None:
    """A distance to the target that is neither one along rows and columns nor around holes, from any square walked."""
    distances = _distances(told.board)
    true = {abs(r - told.board.goal[0]) + abs(c - told.board.goal[1]) for r, c in told.cells}
    true |= {distances.get(cell, -1) for cell in told.cells} | set(range(len(told.meta["plan"]) + 1))
    wrong = [number for number in range(1, 40) if number not in true]
    pattern = re.compile(r"\b(\d+) squares?(?= (?:from|away|to) )")
    return _change(rng, told, pattern, lambda _: f"{rng.choice(wrong)} squares")


def wrong_count(rng: np.random.Generator, told: Told) -> Told | None:
    """Another number of holes on the board."""
    num_holes = "".join(told.board.rows).count("H")
    wrong = [number for number in range(2, num_holes + 5) if number != num_holes]
    pattern = re.compile(r"(?<=[Tt]he board holds )\d+|(?<=[Tt]he map has )\d+(?= hole)|(?<=[Ww]ith )\d+(?= holes? on)")
    return _change(rng, told, pattern, lambda _: str(rng.choice(wrong)))


def wrong_outcome(rng: np.random.Generator, told: Told) -> Told | None:
    """A last sentence about another end than the walk's."""
    false = [sentence for tiles, sentence in OUTCOMES if told.last_tile not in tiles]
    return _append(told, str(rng.choice(false)))


def leak(rng: np.random.Generator, told: Told, sentences: list[tuple[str, str]]) -> Told | None:
    """A sentence that gives away what the teacher saw."""
    fitting = [sentence for kind, sentence in sentences if kind == "both" or told.task == vsp.TASK]
    return _insert(rng, told, str(rng.choice(fitting)))


def _read(name: str) -> list[tuple[str, str]]:
    lines = (Path(__file__).parent / name).read_text().splitlines()
    return [(kind, sentence) for kind, sentence in (line.split("\t") for line in lines if not line.startswith("#"))]


LEAKS = _read("leaks.txt")
INNOCENT = _read("innocent.txt")
LATER_LEAKS = _read("leaks_later.txt") + _read("leaks_last.txt")
OUTCOMES = _read("outcomes.txt") + _read("outcomes_later.txt") + _read("outcomes_last.txt")
KINDS = {
    "tile": wrong_tile,
    "square of a move": wrong_square,
    "direction": wrong_direction,
    "dropped move": dropped_move,
    "distance": wrong_distance,
    "count": wrong_count,
    "outcome": wrong_outcome,
    "leak, looked at": lambda rng, told: leak(rng, told, LEAKS[::2]),
    "leak, held out": lambda rng, told: leak(rng, told, LEAKS[1::2]),
    "leak, later lists": lambda rng, told: leak(rng, told, LATER_LEAKS),
}


def _change(rng, told, pattern, change):
    parts = [part for part in ("before", "after") if pattern.search(getattr(told.thought, part))]
    if not parts:
        return None
    part = parts[rng.integers(len(parts))]
    found = list(pattern.finditer(getattr(told.thought, part)))
    match = found[rng.integers(len(found))]
    return _replace(told, part, match, change(match))


def _replace(told, part, match, new):
    text = getattr(told.thought, part)
    return told._replace(thought=told.thought._replace(**{part: text[: match.start()] + new + text[match.end() :]}))


def _some_move(rng, told):
    """Part, place and cell of a move; the oracle tells each once and in order, holes beside the way apart."""
    part = "after" if told.thought.after and rng.integers(4) else "before"
    first = 1 + (told.meta["step"] if told.task == vsp_reasoning.TASK and part == "after" else 0)
    last = told.meta["step"] if told.task == vsp_reasoning.TASK and part == "before" else len(told.cells) - 1
    if told.task == vsp.TASK and part == "before":
        return None
    cells = told.cells[first : last + 1]
    found = list(SQUARE.finditer(getattr(told.thought, part)))
    moves, wanted = [], list(cells)
    for match in reversed(found):  # from the end, as openings name squares too
        cell = (int(match[1]), int(match[2]))
        if (
            wanted
            and cell == wanted[-1]
            and not re.search(r"(next|beside|adjacent) (to )?$|touches $|and $", _ahead(match))
        ):
            moves.append((part, match, wanted.pop()))
    return moves[rng.integers(len(moves))] if moves and not wanted else None


def _ahead(match):
    return match.string[max(0, match.start() - 20) : match.start()]


def _insert(rng, told, sentence):
    part = "after" if told.thought.after and rng.integers(2) else "before"
    sentences = re.split(r"(?<=\.) ", getattr(told.thought, part))
    sentences.insert(int(rng.integers(len(sentences))), sentence)  # never behind the last, which may be the cue
    return told._replace(thought=told.thought._replace(**{part: " ".join(sentences)}))


def _append(told, sentence):
    if told.thought.after:
        return told._replace(thought=told.thought._replace(after=f"{told.thought.after} {sentence}"))
    *moves, cue = re.split(r"(?<=\.) ", told.thought.before)
    return told._replace(thought=told.thought._replace(before=" ".join([*moves, sentence, cue])))


def _distances(board):
    distances, queue = {board.goal: 0}, deque([board.goal])
    while queue:
        cell = queue.popleft()
        for move in vsp.MOVES:
            there = board.step(cell, move)
            if there not in distances and board.tile(there) != "H":
                distances[there] = distances[cell] + 1
                queue.append(there)
    return distances
