from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_core.benchmark.official import import_test
from mirage_core.grading import INVALID_REASONS, asked_form, grade
from mirage_core.puzzles import vsp, vsp_tasks
from mirage_core.puzzles.vsp_tasks import check_hole, check_match, check_position, check_safety
from mirage_core.row import read_rows

BOARD = vsp.Board(("SFH", "FFF", "HFG"))
REASONS = {"ok", "wrong", "no_answer"}


def test_holes_are_found_by_row_and_column_counted_from_one():
    assert [vsp_tasks.hole_answer(BOARD, cell) for cell in ((1, 3), (3, 1), (1, 1), (3, 3))] == [
        "Yes",
        "Yes",
        "No",
        "No",
    ]
    assert vsp_tasks.asked_cell("Is there a hole in row 4, column 12?") == (4, 12)
    assert vsp_tasks.asked_cell("Is there a hole?") is None


@pytest.mark.parametrize(
    ("rows", "answer"),
    [
        (("SF", "FG"), "Above,Left"), (("GF", "FS"), "Below,Right"), (("FS", "GF"), "Above,Right"),
        (("FG", "SF"), "Below,Left"), (("SG", "FF"), "Left"), (("GS", "FF"), "Right"), (("SF", "GF"), "Above"),
        (("GF", "SF"), "Below"),
    ],
)  # fmt: skip
def test_the_player_is_placed_with_respect_to_the_goal(rows, answer):
    assert vsp_tasks.position_answer(vsp.Board(rows)) == answer


def test_a_plan_is_judged_beyond_the_goal():
    board = vsp.Board(("SGH", "FFF", "FFF"))
    assert vsp_tasks.safety_answer(board, "R") == "Yes"
    assert vsp_tasks.safety_answer(board, "RR") == "No"
    assert vsp_tasks.safety_answer(board, "LLUU") == "Yes"  # off the edge nothing happens


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("<Output> Yes", "ok"),
        ('I see it.\n<Output>\n"YES".', "ok"),
        ("<Output> (yes)", "ok"),
        ("<Output> No", "wrong"),
        ("<Output> Yes, there is one", "no_answer"),
        ("<Output> No <Output> Yes", "no_answer"),
        ("<Output>", "no_answer"),
        ("Yes", "no_answer"),
        (r"\boxed{Yes}", "no_answer"),
    ],
)
def test_task_1_takes_all_that_follows_the_first_tag(output, reason):
    assert check_hole(BOARD, (1, 3), output).reason == reason


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("<Output> Above,Left", "ok"),
        ('... <Output>\n"Left", "Above".', "ok"),
        ("<Output> **Above, Left**", "ok"),
        ("<Output> Above,Below,Left,Right", "ok"),
        ("<Output> Above", "wrong"),
        ("<Output> above,left", "no_answer"),
        ("<Output> Above and Left", "no_answer"),
        ("<Output>Above,Left", "no_answer"),
        ("Above,Left", "no_answer"),
    ],
)
def test_task_2_wants_every_right_word_and_forgives_others(output, reason):
    assert check_position(BOARD, output).reason == reason


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("<Answer> C", "ok"),
        ("thus **Answer:** (C).", "ok"),
        ("The Answer: C", "ok"),
        ("Answer: D, no, <Answer> C", "ok"),
        ("<Answer> <C>", "ok"),
        ("<Answer> `B`", "wrong"),
        ("<Answer> c", "no_answer"),
        ("<Answer> C because of the hole", "no_answer"),
        ("<Answer> E", "no_answer"),
        ("C", "no_answer"),
    ],
)
def test_task_3_takes_one_letter(output, reason):
    assert check_match("C", output).reason == reason


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("<Output> Yes", "ok"),
        ("<Output> Yes, it is. No hole is met.", "ok"),
        ("**Output**: yes", "ok"),
        ("Output: Yes", "ok"),
        ("Output: No ... <Output> Yes", "ok"),
        ("<Output> No", "wrong"),
        ("<Output> Yes/No", "no_answer"),
        ("<Output> The plan is safe: Yes", "no_answer"),
        ("<Output> cannot", "wrong"),  # "no" within a word counts, as in the official script
        ("It is safe: Yes", "no_answer"),
    ],
)
def test_task_4_reads_ten_characters(output, reason):
    assert check_safety(BOARD, "RD", output).reason == reason


@given(st.text(alphabet="<>OutpnswerYNABCD \n.,*LeftAbov", max_size=60), st.sampled_from(vsp_tasks.TASKS))
def test_any_output_gets_a_verdict(text, task):
    meta = {"board": BOARD.rows, "cell": [1, 3], "choice": "A", "plan": "RD"}
    for output in (text, asked_form(task, text)):
        verdict = grade(task, meta, output)
        assert verdict.reason in REASONS and verdict.ok == (verdict.reason == "ok")


def test_what_cannot_be_read_counts_as_invalid():
    assert "no_answer" in INVALID_REASONS and not INVALID_REASONS & {"ok", "wrong"}


@pytest.fixture(scope="module")
def official(shared, tmp_path_factory):
    """Rows of the official items by task."""
    rows = {}
    for number, task in enumerate(vsp_tasks.TASKS, 1):
        out = tmp_path_factory.mktemp(task)
        import_test(shared / f"data/vsp/task{number}", out)
        rows[task] = list(read_rows(str(out / "rows")))
    return rows


def answer_of_board(row):
    board, meta = vsp.Board(tuple(row.meta["board"])), row.meta
    if row.task == vsp_tasks.HOLE:
        return vsp_tasks.hole_answer(board, tuple(meta["cell"]))
    if row.task == vsp_tasks.POSITION:
        return vsp_tasks.position_answer(board)
    if row.task == vsp_tasks.SAFETY:
        return vsp_tasks.safety_answer(board, meta["plan"])
    return meta["choice"]


@pytest.mark.parametrize("task", vsp_tasks.TASKS)
def test_official_answers_follow_from_the_boards(official, task):
    assert len(official[task]) == {vsp_tasks.SAFETY: 100}.get(task, 18)
    for row in official[task]:
        assert row.answer == answer_of_board(row) and grade(task, row.meta, asked_form(task, row.answer)).ok


@pytest.mark.parametrize("number", [1, 3, 4])
def test_answers_are_those_of_the_official_files(official, shared, number):
    for row in official[f"vsp_task{number}"]:
        *_, level, item = row.id.split("-")
        level = level.replace("step", "level_step")
        written = (shared / f"data/vsp/task{number}/maps/{level}/answer/{item}.txt").read_text()
        assert row.answer == {"Y": "Yes", "N": "No"}.get(written) or row.answer == "ABCD"[int(written[-1])]


@pytest.mark.parametrize("task", vsp_tasks.TASKS)
def test_other_answers_than_the_official_one_are_wrong(official, task):
    directions = [",".join(words) for size in (1, 2) for words in combinations(vsp_tasks.DIRECTIONS, size)]
    others = {vsp_tasks.MATCH: vsp_tasks.CHOICES, vsp_tasks.POSITION: directions}.get(task, ("Yes", "No"))
    for row in official[task]:
        for answer in others:
            named = set(answer.split(","))
            right = named >= set(row.answer.split(",")) if task == vsp_tasks.POSITION else answer == row.answer
            assert grade(task, row.meta, asked_form(task, answer)).reason == ("ok" if right else "wrong")


def test_some_official_labels_need_the_walk_beyond_the_goal(official):
    """Measured over all 500: 489 are reproduced by a walk that ends at the goal, 500 by one that does not."""
    stopped = 0
    for row in official[vsp_tasks.SAFETY]:
        board = vsp.Board(tuple(row.meta["board"]))
        end = vsp.walk(board, row.meta["plan"], stop_at_goal=True)[-1]
        stopped += row.answer == ("No" if board.tile(end) == "H" else "Yes")
    assert 95 <= stopped < 100
