"""The second task: outcomes, plans, pictures of the way, grading; and boards of every size, odd ones too."""

import io
import json
import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mirage_core.puzzles import vsp, vsp_pictures
from mirage_core.puzzles import vsp_reasoning as reasoning
from mirage_core.puzzles.vsp import Board

BOARD = Board(("SFH", "FFF", "HFG"))


@pytest.mark.parametrize(
    ("plan", "outcome"),
    [("RDRD", "A"), ("DRDR", "A"), ("RR", "B"), ("DD", "B"), ("R", "C"), ("UUL", "C"), ("RDLU", "C"), ("RRLDRD", "B")],
)
def test_the_outcome_of_a_plan(plan, outcome):
    assert reasoning.outcome(BOARD, plan) == outcome


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (r"\boxed{A}", "ok"),
        (r"The answer is \boxed{A}.", "ok"),
        (r"\boxed{ A. Action Success. }", "ok"),
        (r"\boxed{(A)}", "ok"),
        (r"\boxed{\text{A}}", "ok"),
        (r"\boxed{B} no, \boxed{A}", "ok"),
        (r"\boxed{B}", "wrong_choice"),
        (r"\boxed{A} no, \boxed{C}", "wrong_choice"),
        (r"\boxed{D}", "no_choice"),
        (r"\boxed{}", "no_choice"),
        (r"\boxed{Action Success}", "no_choice"),
        (r"\boxed{a}", "no_choice"),
        ("A", "no_answer"),
        ("", "no_answer"),
    ],
)
def test_grading_reads_the_letter_of_the_last_box(answer, reason):
    assert reasoning.check(BOARD, "RDRD", answer) == (reason == "ok", reason)


@given(st.text(), st.sampled_from(["", r"\boxed{", "}"]))
def test_grading_never_raises(text, more):
    assert isinstance(reasoning.check(BOARD, "R", text + more + text).ok, bool)


@pytest.mark.parametrize("wanted", reasoning.OUTCOMES)
def test_drawn_plans_have_the_wanted_outcome_and_end_with_it(boards, wanted):
    drawn = 0
    for index, board in enumerate(boards(400)):
        plan = reasoning.sample_plan(np.random.default_rng(index), board, wanted)
        if plan is None:
            assert wanted != "A" and (wanted == "C" or "H" not in _reachable_letters(board))
            continue
        drawn += 1
        assert plan and set(plan) <= set(vsp.MOVES) and reasoning.outcome(board, plan) == wanted
        assert len(vsp.walk(board, plan, stop_at_goal=True)) == len(plan) + 1, "it goes on behind its end"
    assert drawn > 200


def _reachable_letters(board: Board) -> set[str]:
    seen, todo = {board.start}, [board.start]
    while todo:
        cell = todo.pop()
        if board.tile(cell) in "SF":
            new = {board.step(cell, move) for move in vsp.MOVES} - seen
            seen |= new
            todo += new
    return {board.tile(cell) for cell in seen}


def test_the_plan_alone_says_little_about_the_outcome(boards):
    """The best guess by the plan's length is right in less than 45 % of three equally frequent outcomes."""
    found: dict[int, dict[str, int]] = {}
    total = 0
    for index, board in enumerate(boards(900, largest=6)):
        for number, wanted in enumerate(reasoning.OUTCOMES):
            plan = reasoning.sample_plan(np.random.default_rng([index, number]), board, wanted)
            if plan:
                counts = found.setdefault(len(plan), dict.fromkeys(reasoning.OUTCOMES, 0))
                counts[wanted] += 1
                total += 1
    assert sum(max(counts.values()) for counts in found.values()) / total < 0.45


def test_the_picture_of_a_step_shows_where_the_player_is_and_looks(boards):
    def drawn(plan: str, step: int) -> np.ndarray:
        return np.asarray(reasoning.step_picture(BOARD, plan, step).convert("RGB"))

    assert np.array_equal(drawn("RD", 1), vsp.render(BOARD, (0, 1), "right"))
    assert np.array_equal(drawn("RD", 2), vsp.render(BOARD, (1, 1), "down"))
    assert np.array_equal(drawn("U", 1), vsp.render(BOARD, (0, 0), "up")), "a bump turns the elf"
    assert np.array_equal(drawn("RR", 2), vsp.render(BOARD, (0, 2), "right", fallen=True))
    assert np.array_equal(drawn("RR", 0), vsp.render(BOARD))


def test_the_question_is_the_published_one(shared):
    for line in (shared / "data/mirage/examples/sample.jsonl").read_text().splitlines():
        item = json.loads(line)
        words = re.search(r"Full Action Plan: (.*)\n", item["text_input"])[1].split(", ")
        assert reasoning.question("".join(word[0] for word in words)) == item["text_input"]


def test_published_answers_and_pictures_of_every_step(shared):
    """All ten examples: the boxed letter, and the picture after each of the moves, pixel by pixel."""
    folder = shared / "data/mirage/examples"
    num_pictures = 0
    for line in (folder / "sample.jsonl").read_text().splitlines():
        item = json.loads(line)
        first = folder / item["image_input"].split("examples/")[1]
        board = vsp.read_board(np.asarray(Image.open(first).convert("RGB")))
        words = re.search(r"Full Action Plan: (.*)\n", item["text_input"])[1].split(", ")
        plan = "".join(word[0] for word in words)
        assert reasoning.check(board, plan, item["text_output"]).ok
        for path in first.parent.glob("*.png"):
            step = int(path.stem.rsplit("_", 1)[1])
            expected = np.asarray(Image.open(path).convert("RGB"))
            assert np.array_equal(np.asarray(reasoning.step_picture(board, plan, step).convert("RGB")), expected), path
            num_pictures += 1
    assert num_pictures == 50


# boards of every size


def board_texts(size: int) -> st.SearchStrategy[str]:
    return st.text("SFHG", min_size=size * size, max_size=size * size)


def rows_of(text: str, size: int) -> tuple[str, ...]:
    return tuple(text[first : first + size] for first in range(0, size * size, size))


@settings(max_examples=300)
@given(st.integers(1, 12).flatmap(lambda size: st.tuples(st.just(size), board_texts(size))))
def test_any_letters_are_a_board_or_refused_by_name(case):
    size, text = case
    good = text.count("S") == text.count("G") == 1
    if good:
        assert Board(rows_of(text, size)).size == size
    else:
        with pytest.raises(ValueError, match="exactly one S and one G"):
            Board(rows_of(text, size))


@settings(max_examples=300, deadline=None)
@given(st.integers(2, 12), st.integers(0, 2**32 - 1), st.floats(0.0, 1.0))
def test_boards_of_sizes_2_to_12_solved_or_not(size, seed, hole_share):
    """Also boards without a way and boards that are all holes: a right answer or None, pictures that read back."""
    rng = np.random.default_rng(seed)
    letters = np.where(rng.random(size * size) < hole_share, "H", "F")
    start, goal = rng.choice(size * size, 2, replace=False)
    letters[start], letters[goal] = "S", "G"
    board = Board(rows_of("".join(letters), size))
    plan = vsp.solve(board)
    assert (plan is not None) == ("G" in _reachable_letters(board))
    if plan is not None:
        cells = vsp.walk(board, plan, stop_at_goal=True)
        assert cells[-1] == board.goal and len(cells) == len(plan) + 1
        assert all(abs(a - c) + abs(b - d) == 1 and board.tile((c, d)) != "H" for (a, b), (c, d) in pairwise(cells))
        assert all(vsp.check(board, rf"\boxed{{{','.join(plan)}}}", rule).ok for rule in ("mirage", "vsp"))
    for wanted in reasoning.OUTCOMES:
        drawn = reasoning.sample_plan(rng, board, wanted)
        if drawn is not None:
            assert reasoning.outcome(board, drawn) == wanted
            assert reasoning.step_picture(board, drawn, len(drawn)).size == (64 * size, 64 * size)
    assert vsp.read_board(vsp.render(board)) == board


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 12), st.integers(0, 2**32 - 1), st.floats(0.0, 1.0))
def test_sampling_ends_whatever_the_holes(size, seed, hole_probability):
    board = vsp.sample(np.random.default_rng(seed), size, hole_probability)
    assert board.size == size and vsp.solve(board) is not None


@pytest.mark.parametrize(("size", "hole_probability"), [(1, 0.2), (0, 0.2), (4, -0.1), (4, 1.1), (4, float("nan"))])
def test_sampling_refuses_what_it_cannot_draw(size, hole_probability):
    with pytest.raises(ValueError, match=f"size {size}"):
        vsp.sample(np.random.default_rng(0), size, hole_probability)


@given(st.integers(0, 2**32 - 1), st.integers(2, 8))
def test_orientations_are_the_eight_symmetries(seed, size):
    board = vsp.sample(np.random.default_rng(seed), size, 0.3)
    turned = vsp.orientations(board)
    assert len(turned) == 8 and turned[0] == board
    assert len({len(vsp.solve(same)) for same in turned}) == 1
    grid = np.array([list(row) for row in board.rows])
    expected = [np.rot90(one, -k) for one in (grid, grid[:, ::-1]) for k in range(4)]
    assert [same.rows for same in turned] == [tuple("".join(row) for row in one) for one in expected]
    assert {frozenset(vsp.orientations(same)) for same in turned} == {frozenset(turned)}


@pytest.mark.parametrize("shape", [(64, 64, 3), (100, 100, 3), (0, 0, 3), (192, 128, 3), (192, 192), (192, 192, 3)])
def test_a_picture_that_is_no_board_is_not_read(shape):
    assert vsp.read_board(np.full(shape, 7, np.uint8)) is None


def test_one_changed_pixel_is_not_read():
    picture = vsp.render(BOARD)
    picture[100, 100, 0] ^= 1
    assert vsp.read_board(picture) is None


def test_palette_pictures_are_the_same_pixels(boards):
    for board in boards(60):
        assert np.array_equal(np.asarray(vsp_pictures.picture(board).convert("RGB")), vsp.render(board))


def test_encoded_pictures_hold_the_same_pixels_and_pass_the_format_s_own_checks(boards):
    for board in boards(60):
        route = vsp_pictures.route_picture(board, vsp.solve(board))
        for image in (vsp_pictures.picture(board), route):
            png = vsp_pictures.encode_palette_png(image)
            Image.open(io.BytesIO(png)).verify()  # checksums of all chunks
            found = Image.open(io.BytesIO(png))
            assert found.mode == "P"
            assert np.array_equal(np.asarray(found.convert("RGB")), np.asarray(image.convert("RGB")))
