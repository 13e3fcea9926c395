import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mirage_core.puzzles import vsp, vsp_pictures
from mirage_core.puzzles.vsp import Board, check

Boards = Callable[..., Iterator[Board]]

MAZE = Board(("SFFF", "FHFH", "FFFH", "HFFG"))
CORRIDOR = Board(("SGF", "HHH", "FFF"))
RENDER_SHA256 = "6c94ae16b488b1f5a084bb4ede74f3f3a2e383b3cd92cb78724d7957ce285dfa"
HELPER_SHA256 = "1e87648fc95400128a3bd7c10272ea37d6bd077e30a3d62e0ff4a77407dad8f2"


class Published(NamedTuple):
    board: Board
    row: dict[str, Any]
    plan: str


def boxed(plan: str) -> str:
    return rf"So the answer is \boxed{{{','.join(plan)}}}."


def read_picture(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def shortest_length(board: Board) -> int:
    """Without the solver: powers of the adjacency matrix of the safe cells."""
    cells = [(r, c) for r in range(board.size) for c in range(board.size) if board.rows[r][c] != "H"]
    near = np.array([[abs(a[0] - b[0]) + abs(a[1] - b[1]) == 1 for b in cells] for a in cells])
    reached = np.array([cell == board.start for cell in cells])
    length = 0
    while not reached[cells.index(board.goal)]:
        reached, length = reached | (near @ reached), length + 1
    return length


# official data


@pytest.fixture(scope="module")
def official(shared: Path) -> list[tuple[Board, Path]]:
    """Boards and pictures of the planning test (levels 3-8) and of task 4."""
    letters, items = str.maketrans("@_#*", "SFHG"), []
    for table in sorted((shared / "data/vsp/task-main/maps").glob("level*/table/*.txt")):
        rows = re.findall(r"\| Row \d+ \|(.*)\|", table.read_text())
        board = Board(tuple(re.sub("[ |]", "", row).translate(letters) for row in rows))
        items.append((board, table.parents[1] / f"img/{table.stem}.png"))
    for text in sorted((shared / "data/vsp/task4/maps").glob("level*/text/*.txt")):
        items.append((Board(tuple(text.read_text().split())), text.parents[1] / f"img/{text.stem}.png"))
    return items


@pytest.fixture(scope="module")
def published(shared: Path) -> list[Published]:
    """Mirage's 1,000 planning rows."""
    rows = [json.loads(line) for line in (shared / "data/mirage/train_direct.jsonl").read_text().splitlines()]
    letters = {0: "F", -1: "H", 1: "S", 2: "G"}
    items = []
    for row in rows:
        board = Board(tuple("".join(letters[value] for value in line) for line in row["map_desc"]))
        items.append(Published(board, row, "".join(re.findall("(?:^|, |{)([UDLR])", row["text_output"]))))
    return items


def test_official_pictures_are_drawn_to_the_pixel(official):
    assert len(official) == 220
    different = [path for board, path in official if not np.array_equal(vsp.render(board), read_picture(path))]
    assert not different


def test_pictures_after_each_move_are_the_published_ones(shared):
    folder = shared / "data/mirage/examples"
    corner = vsp.render(Board(("SFH", "GFF", "FFF")))
    places = {"S": (0, 0), "F": (0, 1), "H": (0, 2), "G": (1, 0)}
    tiles = {corner[r * 64 : r * 64 + 64, c * 64 : c * 64 + 64].tobytes(): name for name, (r, c) in places.items()}
    num_pictures = num_fallen = 0
    for row in map(json.loads, (folder / "sample.jsonl").read_text().splitlines()):
        first = folder / row["image_input"].split("examples/")[1]
        picture = read_picture(first)
        size = len(picture) // 64
        cells = picture.reshape(size, 64, size, 64, 3).swapaxes(1, 2)
        board = Board(tuple("".join(tiles[cell.tobytes()] for cell in line) for line in cells))
        cell, facing, plan = board.start, "down", re.search("Full Action Plan: (.*)", row["text_input"])[1].split(", ")
        for step in range(len(list(first.parent.glob("*.png")))):
            if step:
                cell, facing = board.step(cell, plan[step - 1][0]), plan[step - 1].lower()
            fallen = board.tile(cell) == "H"
            drawn = vsp.render(board, cell, facing, fallen)
            assert np.array_equal(drawn, read_picture(first.with_name(f"map_{size}x{size}_step_{step}.png")))
            num_pictures, num_fallen = num_pictures + 1, num_fallen + fallen
    assert num_pictures == 50 and num_fallen >= 1


def test_solver_passes_both_rules_on_official_boards(official):
    for board, _ in official:
        plan = vsp.solve(board)
        if plan is None:
            continue  # task 4 asks about plans, its goals need not be within reach
        assert check(board, boxed(plan), "mirage").ok and check(board, boxed(plan), "vsp").ok
        assert check(board, f"Action plan: {','.join(plan)}", "vsp").ok
    assert all(vsp.solve(board) is not None for board, path in official if "task-main" in path.parts)


def test_official_boards_are_known(official, shared):
    hashes = (shared / "data/vsp/official_board_hashes.tsv").read_text().splitlines()[1:]
    assert vsp.official_hashes() == {line.split("\t")[0] for line in hashes}
    assert len(vsp.official_hashes()) == 1387
    assert {board.content_hash for board, _ in official} <= vsp.official_hashes()


def test_task_4_labels_follow_from_the_walk(shared):
    """Its labels do not stop at the goal: a hole after it makes the plan unsafe."""
    labels = []
    for text in sorted((shared / "data/vsp/task4/maps").glob("level*/text/*.txt")):
        board, folder = Board(tuple(text.read_text().split())), text.parents[1]
        plan = re.sub("[^UDLR]", "", (folder / f"question/{text.name}").read_text())
        safe = board.tile(vsp.walk(board, plan, stop_at_goal=False)[-1]) != "H"
        labels.append("NY"[safe] == (folder / f"answer/{text.name}").read_text().strip())
    assert labels == [True] * 100


def test_published_rows_ask_our_question_and_their_plans_pass(published):
    assert {item.row["text_input"] for item in published} == {vsp.question(published[0].board)}
    assert all(check(item.board, item.row["text_output"]).ok for item in published)


def test_solver_agrees_with_the_published_plans(published):
    plans = [vsp.solve(item.board) for item in published]
    assert all(len(plan) == len(item.plan) for plan, item in zip(plans, published, strict=True))
    assert sum(plan == item.plan for plan, item in zip(plans, published, strict=True)) == 976


def test_published_rows_leak_seven_boards_of_the_official_test(published):
    leaks = [item for item in published if item.board.content_hash in vsp.official_hashes()]
    assert [item.row["map_id"] for item in leaks] == [304, 358, 310, 703, 278, 824, 731]
    assert [item.board.size for item in leaks] == [4, 3, 3, 3, 3, 3, 3]


# boards and plans


def test_sampled_boards_are_solved_by_a_shortest_plan(boards: Boards):
    for board in boards(300):
        plan = vsp.solve(board)
        assert board.start != board.goal
        assert len(plan) == shortest_length(board)
        assert check(board, boxed(plan), "mirage") == check(board, boxed(plan), "vsp") == (True, "ok")


def test_same_seed_gives_the_same_board():
    def draw() -> list[Board]:
        return [vsp.sample(np.random.default_rng([3, index]), 6, 0.2) for index in range(20)]

    assert draw() == draw() and len(set(draw())) == 20


def test_sampled_starts_goals_and_holes_lie_anywhere():
    boards = [vsp.sample(np.random.default_rng([4, index]), 4, 0.2) for index in range(600)]
    cells = {(row, column) for row in range(4) for column in range(4)}
    assert {board.start for board in boards} == {board.goal for board in boards} == cells
    holes = np.mean([[letter == "H" for letter in "".join(board.rows)] for board in boards])
    assert 0.12 < holes < 0.2  # a little below 0.2, as two cells are taken and unsolvable boards are not kept


def test_a_walled_off_goal_has_no_plan():
    assert vsp.solve(Board(("SFF", "FFH", "FHG"))) is None


def test_plans_that_stop_short_are_not_at_the_goal(boards: Boards):
    for board in boards(100):
        plan = vsp.solve(board)
        for length in range(len(plan)):
            reason = "not_at_goal" if length else "no_moves"
            assert check(board, boxed(plan[:length])) == check(board, boxed(plan[:length]), "vsp") == (False, reason)


def test_plans_into_a_hole_are_lost_whatever_follows(boards: Boards):
    num_holes = 0
    for board in boards(100):
        plan = vsp.solve(board)
        for length, cell in enumerate(vsp.walk(board, plan, stop_at_goal=True)[:-1]):
            for move in vsp.MOVES:
                if board.tile(board.step(cell, move)) == "H":
                    lost = boxed(plan[:length] + move + vsp.solve(board))
                    assert check(board, lost) == check(board, lost, "vsp") == (False, "hole")
                    num_holes += 1
    assert num_holes > 100


def test_moves_off_the_edge_change_nothing():
    assert vsp.walk(MAZE, "ULUL", stop_at_goal=False) == [(0, 0)] * 5
    assert check(MAZE, boxed("UUL" + vsp.solve(MAZE) + "DR")).ok


def test_moves_after_the_goal_count_by_one_rule_only():
    assert check(CORRIDOR, boxed("RR")) == (False, "not_at_goal")
    assert check(CORRIDOR, boxed("RD")) == (False, "hole")
    assert check(CORRIDOR, boxed("RRL")).ok
    assert all(check(CORRIDOR, boxed(plan), "vsp").ok for plan in ("RR", "RD", "RRL"))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "no_answer"),
        ("R,R,D,D,D,R", "no_answer"),
        (r"\boxed{}", "no_moves"),
        (r"\boxed{stay}", "no_moves"),
        (r"\boxed{D,D,R,D,R,R}", "ok"),
        (r"\boxed{ddrdrr}", "ok"),
        (r"\boxed{DOWN, DOWN, RIGHT, DOWN, RIGHT, RIGHT}", "ok"),
        (r"\boxed{D D R D R R}", "ok"),
        (r"first \boxed{R,R,R,D}, no: \boxed{D,D,R,D,R,R}<|im_end|>", "ok"),
        (r"\boxed{D,D,R,D,R,R}, no: \boxed{R,R,R,D}", "hole"),
        (r"\boxed{D,D,R,D,R,R", "no_answer"),
        ("Action plan: D,D,R,D,R,R", "no_answer"),
    ],
)
def test_answers_are_read_as_mirage_does(answer, reason):
    assert check(MAZE, answer) == (reason == "ok", reason)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("D,D,R,D,R,R", "no_answer"),
        ("Action plan: ", "no_moves"),
        ("I look.\nAction plan: D,D,R,D,R,R", "ok"),
        ('Action Plan: "D", "D", "R", "D", "R", "R".\n', "ok"),
        ("Action plan: D,D,X,D,R,R", "bad_move"),
        ("Action plan: D,D,,R,D,R,R", "bad_move"),
        ("Action plan: DOWN,DOWN", "bad_move"),
        ("Action plan: d,d,r,d,r,r", "bad_move"),
        ("Action plan: D,D,R,D,R,R,X", "ok"),  # never read: the goal ends the episode
        ("Action plan: R,D,X", "hole"),
        (r"Action plan: R,D. \boxed{D,D,R,D,R,R}", "bad_move"),
        (r"\boxed{D,D,R,D,R,R}", "ok"),
    ],
)
def test_answers_are_read_as_vsp_does(answer, reason):
    assert check(MAZE, answer, "vsp") == (reason == "ok", reason)


@given(st.text(), st.sampled_from(["mirage", "vsp"]))
def test_any_output_gets_a_verdict(text, rule):
    for answer in (text, rf"\boxed{{{text}}}", f"Action plan: {text}"):
        verdict = check(MAZE, answer, rule)
        assert verdict.ok == (verdict.reason == "ok")


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (("SF", "FG", "FF"), "square"),
        (("SFF", "FG", "FFF"), "square"),
        ((), "exactly one"),
        (("SX", "FG"), "letters other than"),
        (("sF", "FG"), "letters other than"),
        (("FF", "FG"), "exactly one"),
        (("SF", "FF"), "exactly one"),
        (("SG", "FG"), "exactly one"),
        (("SS", "FG"), "exactly one"),
    ],
)
def test_boards_that_are_none_are_refused(rows, complaint):
    with pytest.raises(ValueError, match=complaint):
        Board(rows)


def test_content_hash_is_that_of_the_official_list():
    assert MAZE.content_hash == hashlib.sha256(b"SFFF\nFHFH\nFFFH\nHFFG").hexdigest()


# pictures


def test_render_and_helper_image_do_not_move():
    picture, helper = vsp.render(MAZE), vsp.helper_image(MAZE, vsp.solve(MAZE))
    assert picture.dtype == helper.dtype == np.uint8
    assert hashlib.sha256(picture.tobytes()).hexdigest() == RENDER_SHA256
    assert hashlib.sha256(helper.tobytes()).hexdigest() == HELPER_SHA256


def test_helper_image_marks_the_route_and_nothing_else(boards: Boards):
    for board in boards(60):
        plan = vsp.solve(board)
        picture, helper = vsp.render(board), vsp.helper_image(board, plan)
        assert picture.shape == helper.shape == (64 * board.size, 64 * board.size, 3)
        changed = (picture != helper).any(-1).reshape(board.size, 64, board.size, 64).any((1, 3))
        assert {tuple(cell) for cell in np.argwhere(changed)} == set(vsp.walk(board, plan, stop_at_goal=True))


def test_helper_image_tells_the_direction():
    def red(board: Board, plan: str) -> np.ndarray:
        return (vsp.helper_image(board, plan) == vsp_pictures.ROUTE_RGB).all(-1)

    there, back = red(Board(("SFG", "FFF", "FFF")), "RR"), red(Board(("GFS", "FFF", "FFF")), "LL")
    heads = [np.flatnonzero(mask[:, 64:128].sum(0) == mask[:, 64:128].sum(0).max()) for mask in (there, back)]
    assert heads[0].max() < 32 < heads[1].min()  # the head's base lies before the centre it points to


def test_every_facing_and_the_fall_look_different():
    looks = [vsp.render(MAZE, (1, 1), facing).tobytes() for facing in vsp.FACING.values()]
    looks += [vsp.render(MAZE, (1, 1), fallen=True).tobytes(), vsp.render(MAZE).tobytes()]
    assert len(set(looks)) == 6
    assert vsp.render(MAZE, (0, 0), "down").tobytes() == vsp.render(MAZE).tobytes()


def test_drawing_leaves_the_next_picture_alone():
    before = vsp.render(MAZE)
    vsp.helper_image(MAZE, vsp.solve(MAZE))
    vsp.render(MAZE, (3, 3), "up")[:] = 0
    assert np.array_equal(vsp.render(MAZE), before)
