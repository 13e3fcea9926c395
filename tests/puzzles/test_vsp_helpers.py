"""Helper images of planning: what each kind shows, and that it shows no more."""

import numpy as np
import pytest

from mirage_core.puzzles import vsp
from mirage_core.puzzles.vsp_board import walking_distances
from mirage_core.puzzles.vsp_helpers import HELPER_KINDS, planning_helpers
from mirage_core.puzzles.vsp_pictures import CELL_PX, ROUTE_RGB

BOARD = vsp.Board(("SFFF", "HHHF", "FFFF", "GFFH"))


def drawn(board, kind, seed=0):
    image = planning_helpers(board, vsp.solve(board), kind, (seed,))[-1]
    return np.asarray(image.convert("RGB"))


def red_cells(board, picture):
    cells = picture.reshape(board.size, CELL_PX, board.size, CELL_PX, 3).swapaxes(1, 2)
    red = (cells == ROUTE_RGB).all(-1).any((2, 3))
    return {(int(row), int(column)) for row, column in np.argwhere(red)}


def test_the_route_is_the_published_helper_image(boards):
    for board in boards(20):
        assert np.array_equal(drawn(board, "route"), vsp.helper_image(board, vsp.solve(board)))


def test_half_a_route_stops_half_way(boards):
    for board in boards(40):
        plan = vsp.solve(board)
        cells = vsp.walk(board, plan, stop_at_goal=True)
        assert red_cells(board, drawn(board, "half-route")) == set(cells[: (len(plan) + 1) // 2 + 1])


def test_a_wrong_route_has_as_many_moves_and_leads_elsewhere_most_of_the_time(boards):
    same = 0
    for number, board in enumerate(boards(60)):
        shown = red_cells(board, drawn(board, "wrong-route", number))
        assert board.start in shown and len(shown) <= len(vsp.solve(board)) + 1
        same += shown == set(vsp.walk(board, vsp.solve(board), stop_at_goal=True))
    assert same < 20


def test_a_blurred_route_has_no_edge_left():
    steps = np.abs(np.diff(drawn(BOARD, "blurred-route").astype(int), axis=1))
    assert steps.max() < 16 < np.abs(np.diff(drawn(BOARD, "route").astype(int), axis=1)).max()


def test_a_field_shows_a_way_from_every_square_that_has_one(boards):
    for board in boards(40):
        left = walking_distances(board.rows, board.goal)
        assert left[board.start] == len(vsp.solve(board))
        assert red_cells(board, drawn(board, "field")) == set(left) - {board.goal}


def test_distances_are_those_of_the_solver(boards):
    for board in boards(20):
        text = "".join(board.rows).replace("S", "F")
        for cell, moves in walking_distances(board.rows, board.goal).items():
            number = cell[0] * board.size + cell[1]
            if moves == 0:
                continue
            moved = text[:number] + "S" + text[number + 1 :]
            rows = tuple(moved[first : first + board.size] for first in range(0, len(moved), board.size))
            assert len(vsp.solve(vsp.Board(rows))) == moves


@pytest.mark.parametrize("kind", HELPER_KINDS)
def test_helper_images_have_the_size_of_the_board_and_leave_the_shared_tiles_alone(kind):
    before = vsp.render(BOARD)
    assert drawn(BOARD, kind).shape == before.shape
    assert np.array_equal(vsp.render(BOARD), before)


def test_a_search_grows_from_the_goal_and_ends_with_the_route(boards):
    for board in boards(40):
        *fields, route = planning_helpers(board, vsp.solve(board), "search", (0,))
        left = walking_distances(board.rows, board.goal)
        for steps, field in zip((2, 4), fields, strict=True):
            shown = red_cells(board, np.asarray(field.convert("RGB")))
            assert shown == {cell for cell, moves in left.items() if 0 < moves <= steps}
        assert np.array_equal(np.asarray(route.convert("RGB")), drawn(board, "route"))
