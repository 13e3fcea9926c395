"""What a prompt may say of a puzzle: the values of the fields in the prompt file of its task."""

from typing import Any

from mirage_core.puzzles import jigsaw, sat, vsp, vsp_reasoning
from mirage_core.row import Row
from mirage_core.teacher.jigsaw_facts import jigsaw_facts
from mirage_core.teacher.sat_facts import sat_facts
from mirage_core.teacher.scene import Scene, scene_of
from mirage_core.teacher.wording import MOVE_WORDS

NUMBERS = {"S": "1", "F": "0", "H": "-1", "G": "2"}
"""The numeric map of the paper's teacher (Mirage, appendix A.2)."""


def facts_of(row: Row) -> dict[str, str]:
    """Name of a prompt's field -> its text."""
    if row.task == sat.TASK:
        return sat_facts(row.meta)
    if row.task == jigsaw.TASK:
        return jigsaw_facts(row.images, row.meta["answer"], row.meta["helper_shows"])
    return facts(row.task, row.meta)


def facts(task: str, meta: dict[str, Any]) -> dict[str, str]:
    """The fields of a maze task, for a row's `task` and `meta`."""
    board = vsp.Board(tuple(meta["board"]))
    scene = scene_of(board, meta["plan"], stop_at_goal=True)
    if task == vsp_reasoning.TASK:
        num_moves = len(scene.cells) - 1
        step = min(meta["step"], num_moves)
        return {
            "map": "\n".join(" ".join(NUMBERS[letter] for letter in row) for row in board.rows),
            "start": _place(scene.start),
            "first": _moves(scene, 1, step),
            "then": _moves(scene, step + 1, num_moves),
        }
    squares = [
        f"{place}. {MOVE_WORDS[letter]} to {scene.square(cell)}"
        for place, (letter, cell) in enumerate(zip(scene.plan, scene.cells[1:], strict=True), 1)
    ]
    return {
        "size": str(board.size),
        "board": "\n".join(board.rows),
        "moves": ", ".join(MOVE_WORDS[letter] for letter in scene.plan),
        "num_moves": f"{len(scene.plan)} move{'s' * (len(scene.plan) > 1)}",
        "walk": "\n".join(squares),
    }


def _moves(scene: Scene, first: int, last: int) -> str:
    moves = [
        f"{place}. {vsp_reasoning.MOVE_NAMES[scene.plan[place - 1]]} to {_place(scene.cells[place])}"
        for place in range(first, last + 1)
    ]
    return " ".join(moves) or "none"


def _place(cell: vsp.Cell) -> str:
    return f"({cell[0]},{cell[1]})"
