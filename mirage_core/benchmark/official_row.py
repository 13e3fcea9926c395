"""What official test items have in common: a board, a picture that shows it, a gold answer that passes its check."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mirage_core.errors import InputError
from mirage_core.grading import asked_form, grade
from mirage_core.puzzles import vsp
from mirage_core.row import Row, decode_image

SPLIT = "test"


def official_board(rows: Sequence[str], name: Path | str) -> vsp.Board:
    """The board of an item; `name` says whose it is.

    Raises:
        InputError: The rows are no board.
    """
    try:
        return vsp.Board(tuple(rows))
    except ValueError as error:
        raise InputError(f"{name}: {error}") from error


def official_picture(picture: Path, board: vsp.Board, name: Path | str) -> bytes:
    """An item's picture, compared with the board. One of another size may be of another style and is taken as it is.

    Raises:
        InputError: It is missing, cannot be read, or shows something else.
    """
    if not picture.is_file():
        raise InputError(f"{name}: its picture {picture} is missing")
    png = picture.read_bytes()
    shown, drawn = decode_image(png, str(picture)), vsp.render(board)
    if shown.shape == drawn.shape and not np.array_equal(shown, drawn):
        raise InputError(f"{picture}: does not show the board of {name}")
    return png


def official_row(
    task: str,
    item_id: str,
    name: Path | str,
    level: int,
    question: str,
    images: Sequence[bytes],
    answer: str,
    meta: dict[str, Any],
    choices: Sequence[str] = (),
) -> Row:
    """One item as a row.

    Raises:
        InputError: The gold answer is not what the task's own check says.
    """
    if not grade(task, meta, asked_form(task, answer)).ok:
        raise InputError(f"{name}: its answer is {answer}, which is wrong on the board {meta['board']}")
    return Row(
        id=f"{task}-official-{re.sub('[^a-z0-9-]', '-', item_id.lower())}",
        task=task,
        split=SPLIT,
        level=level,
        question=question,
        images=list(images),
        helper_images=[],
        thought_before="",
        thought_after="",
        answer=answer,
        choices=list(choices),
        meta=meta,
        teacher="official",
    )


def planning_row(item_id: str, name: Path | str, board: vsp.Board, question: str, picture: Path) -> Row:
    """An item of the planning task; its answer is a shortest plan.

    Raises:
        InputError: The picture cannot be used, or the goal cannot be reached.
    """
    png, plan = official_picture(picture, board, name), vsp.solve(board)
    if plan is None:
        raise InputError(f"{name}: the goal cannot be reached")
    meta = {"board": list(board.rows), "plan": plan}
    return official_row(vsp.TASK, item_id, name, board.size, question, [png], vsp.answer_text(plan), meta)
