"""Helper images of the planning task: what a person would sketch, and worse sketches to compare it with.

The paper draws the solution (`route`). Whether a latent recipe uses what the picture shows, or only that there is one,
is told by pictures that show less of it: blurred, cut short, or wrong. `field` shows the search instead of its result,
`search` how it comes about, picture by picture.
"""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from mirage_core.puzzles.vsp_board import MOVES, Board, Cell, walking_distances
from mirage_core.puzzles.vsp_pictures import CELL_PX, HEAD_LENGTH_PX, draw_head, picture, route_colour, route_picture

HelperKind = Literal["route", "half-route", "wrong-route", "blurred-route", "field", "search"]
HELPER_KINDS = get_args(HelperKind)
BLUR_RADIUS_PX = 24
"""Of a Gaussian; a route of 6 px becomes a pink haze that spans three cells."""


SEARCH_STEPS = (2, 4)
"""Moves from the goal that the pictures of a search have come to, before the last one shows the route."""


def planning_helpers(board: Board, plan: str, kind: HelperKind, seed: Sequence[int]) -> list[Image.Image]:
    """Draw the helper images of a puzzle, of which all kinds but "search" have one.

    Args:
        board: The maze.
        plan: A shortest plan.
        kind: "route": the plan, as published. "half-route": its first half, rounded up. "wrong-route": a random walk of
            as many moves. "blurred-route": the plan, out of focus. "field": on every square that has a way to the
            goal, an arrow to the next square of a shortest one. "search": the field as it grows from the goal, within
            2 moves, within 4, and then the route.
        seed: Of the random walk.

    Returns:
        Palette images, an RGB image where blurred.
    """
    if kind == "field":
        return [field_picture(board)]
    if kind == "search":
        return [*(field_picture(board, steps) for steps in SEARCH_STEPS), route_picture(board, plan)]
    if kind == "half-route":
        return [route_picture(board, plan[: (len(plan) + 1) // 2])]
    if kind == "wrong-route":
        return [route_picture(board, _random_walk(board, len(plan), seed), through_holes=True)]
    image = route_picture(board, plan)
    return [image.convert("RGB").filter(ImageFilter.GaussianBlur(BLUR_RADIUS_PX)) if kind == "blurred-route" else image]


def field_picture(board: Board, within: int | None = None) -> Image.Image:
    """The board with an arrow on every square from which the goal can be reached, along a shortest way.

    Of several shortest ways the solver's is shown: the first in the order up, left, right, down.

    Args:
        board: The maze.
        within: Moves; squares further from the goal have no arrow. None is all.
    """
    image = picture(board).copy()
    draw, left = ImageDraw.Draw(image), walking_distances(board.rows, board.goal)
    for cell, moves_left in left.items():
        if moves_left == 0 or (within is not None and moves_left > within):
            continue
        move = next(move for move in MOVES if left.get(board.step(cell, move)) == moves_left - 1)
        (down, right), (x, y) = MOVES[move], _centre(cell)
        tip = (x + right * HEAD_LENGTH_PX // 2, y + down * HEAD_LENGTH_PX // 2)
        draw_head(draw, tip, (right, down), route_colour())
    return image


def _centre(cell: Cell) -> tuple[int, int]:
    row, column = cell
    return column * CELL_PX + CELL_PX // 2, row * CELL_PX + CELL_PX // 2


def _random_walk(board: Board, num_moves: int, seed: Sequence[int]) -> str:
    """Moves inside the board, holes or not."""
    rng, plan, cell = np.random.default_rng(seed), "", board.start
    for _ in range(num_moves):
        move = str(rng.choice([move for move in MOVES if board.step(cell, move) != cell]))
        plan, cell = plan + move, board.step(cell, move)
    return plan
