import json
import shutil
from collections import Counter

import numpy as np
import pytest

from mirage_core.benchmark.official import fingerprint, import_test, title_of_test
from mirage_core.errors import InputError
from mirage_core.grading import asked_form, grade
from mirage_core.puzzles import vsp, vsp_reasoning
from mirage_core.row import decode_image, encode_png, read_rows

BOARDS = [
    vsp.Board(("SFF", "FHF", "FFG")),
    vsp.Board(("GFF", "FFF", "HFS")),
    vsp.Board(("SFFF", "FHFH", "FFFH", "HFFG")),
]
WALLED_OFF = vsp.Board(("SFF", "FFH", "FHG"))


def imported(source, out):
    counts = import_test(source, out)
    return counts, list(read_rows(str(out / "rows")))


def edit_line(path, number, **changes):
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[number] = {key: value for key, value in (lines[number] | changes).items() if value is not None}
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_vsp_layout_becomes_rows(vsp_folder, tmp_path):
    counts, rows = imported(vsp_folder(*BOARDS), tmp_path / "out")
    assert counts == {"rows": 3, "level 3": 2, "level 4": 1, "pictures of a row": 1}
    assert [row.id for row in rows] == [f"{vsp.TASK}-official-level{n}" for n in ("3-0", "3-1", "4-2")]
    for row, board in zip(rows, BOARDS, strict=True):
        assert tuple(row.meta["board"]) == board.rows and row.level == board.size and row.split == "test"
        assert row.question == vsp.QUESTION and vsp.check(board, rf"\boxed{{{row.answer}}}").ok
        assert np.array_equal(decode_image(row.images[0], row.id), vsp.render(board))


def test_items_are_in_the_order_of_their_numbers(vsp_folder, tmp_path):
    _, rows = imported(vsp_folder(*BOARDS[:2] * 6), tmp_path / "out")
    assert [int(row.id.rsplit("-", 1)[1]) for row in rows] == list(range(12))


@pytest.mark.parametrize("inner", ["task-main", "task-main/maps"])
def test_the_folder_may_be_given_at_any_depth(vsp_folder, tmp_path, inner):
    source = vsp_folder(*BOARDS)
    assert imported(source / inner, tmp_path / "a") == imported(source, tmp_path / "b")


def test_published_layout_becomes_rows(published_file, tmp_path):
    counts, rows = imported(published_file(*BOARDS), tmp_path / "out")
    assert counts == {"rows": 3, "level 3": 2, "level 4": 1, "pictures of a row": 1}
    assert len({row.id for row in rows}) == 3
    for row, board in zip(rows, BOARDS, strict=True):
        assert tuple(row.meta["board"]) == board.rows and row.question == vsp.QUESTION
        assert np.array_equal(decode_image(row.images[0], row.id), vsp.render(board))


def test_official_items_are_read(shared, tmp_path):
    counts, rows = imported(shared / "data/vsp", tmp_path / "out")
    assert counts == {"rows": 120, **{f"level {level}": 20 for level in range(3, 9)}, "pictures of a row": 1}
    assert Counter(row.level for row in rows) == {level: 20 for level in range(3, 9)}
    for row in rows:
        board = vsp.Board(tuple(row.meta["board"]))
        assert board.content_hash in vsp.official_hashes()
        assert np.array_equal(decode_image(row.images[0], row.id), vsp.render(board))


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_official_items_of_the_smaller_tasks_are_read(shared, tmp_path, number):
    counts, rows = imported(shared / f"data/vsp/task{number}", tmp_path / "out")
    levels, per_level = ((1, 3, 5, 7, 9), 20) if number == 4 else (range(3, 9), 3)
    by_level = {f"level {level}": per_level for level in levels}
    assert counts == {"rows": per_level * len(levels), **by_level, "pictures of a row": 1}
    assert len({row.id for row in rows}) == len(rows)
    for row in rows:
        board = vsp.Board(tuple(row.meta["board"]))
        assert (row.task, row.split) == (f"vsp_task{number}", "test")
        assert row.level == (len(row.meta["plan"]) if number == 4 else board.size)
        assert np.array_equal(decode_image(row.images[0], row.id), vsp.render(board))
        assert row.question.count("<image>") == 1 and not any(slot in row.question for slot in SLOTS)
        assert grade(row.task, row.meta, asked_form(row.task, row.answer)).ok


def test_published_reasoning_items_are_read(shared, tmp_path):
    counts, rows = imported(shared / "data/mirage/examples/sample.jsonl", tmp_path / "out")
    assert counts == {"rows": 10, "level 3": 1, "level 4": 1, "level 5": 1, "level 6": 7, "pictures of a row": 1}
    for row in rows:
        board, plan = vsp.Board(tuple(row.meta["board"])), row.meta["plan"]
        assert row.task == vsp_reasoning.TASK and row.question == vsp_reasoning.question(plan)
        assert row.choices == list(vsp_reasoning.OUTCOMES.values())
        assert vsp_reasoning.check(board, plan, rf"\boxed{{{row.answer}}}").ok


# the smaller tasks, in a folder of our own

SLOTS = ("<IMAGE-1>", "<IMAGE-2>", "<TEST-IMAGE>", "<QUESTION>", "<CANDIDATES>", "<ACTION-SEQ>")
SIGNS = str.maketrans("SFHG", "@_#*")
TWO = [vsp.Board(("SFF", "FHF", "FFG")), vsp.Board(("GFF", "FFF", "HFS"))]
TEXTS = {
    1: [{"question": "Is there a hole in row 2, column 2?", "answer": "Y"},
        {"question": "Is there a hole in row 2, column 2?", "answer": "N"}],
    2: [{}, {}],
    3: [{"answer": "3-0\n4-1\n5-2\n6-3\n0"}, {"answer": "3-0\n4-1\n5-2\n6-3\n1"}],
    4: [{"question": "RRDD", "answer": "Y"}, {"question": "LLLL", "answer": "N"}],
}  # fmt: skip
GOLD = {1: ["Yes", "No"], 2: ["Above,Left", "Below,Right"], 3: ["A", "B"], 4: ["Yes", "No"]}


def table(board):
    return "\n".join(
        f"| Row {number} | {' | '.join(row.translate(SIGNS))} |" for number, row in enumerate(board.rows, 1)
    )


@pytest.fixture
def task_folder(tmp_path):
    """A function that lays two items of a task out as VSP does, and returns its folder."""

    def write(number):
        folder = tmp_path / f"VSP/maze/task{number}"
        level = folder / "maps" / ("level_step4" if number == 4 else "level3")
        choices = "".join(f"\n({letter})\n{table(board)}\n" for letter, board in zip("ABCD", TWO * 2, strict=True))
        for item, (board, texts) in enumerate(zip(TWO, TEXTS[number], strict=True)):
            parts = {"table": table(board), **texts} if number != 3 else {"question": choices, **texts}
            for part, text in parts.items():
                (level / part).mkdir(parents=True, exist_ok=True)
                (level / part / f"{item}.txt").write_text(text)
            (level / "img").mkdir(exist_ok=True)
            (level / f"img/{item}.png").write_bytes(encode_png(vsp.render(board)))
        slot = {1: "<QUESTION>", 3: "<CANDIDATES>", 4: "<ACTION-SEQ>"}.get(number, "")
        (folder / "prompt-text").mkdir()
        text = f"Look:\n\n<IMAGE-1>\n\nAn example:\n\n<IMAGE-2>\n\nNow:\n\n<TEST-IMAGE>\n\n{slot}\n"
        (folder / "prompt-text/prompt-text.txt").write_text(text)
        return folder

    return write


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_the_name_of_a_folder_decides_its_task(task_folder, tmp_path, number):
    source = task_folder(number)
    counts, rows = imported(source, tmp_path / "out")
    assert imported(source / "maps", tmp_path / "again") == (counts, rows)
    assert [row.answer for row in rows] == GOLD[number]
    assert {row.task for row in rows} == {f"vsp_task{number}"} and title_of_test(source) == f"official VSP task{number}"
    asked = rows[1].question.removeprefix("Look:\n\nAn example:\n\nNow:\n\n<image>")
    if number == 3:
        assert [choice.count("| Row") for choice in rows[1].choices] == [3] * 4 and asked.count("| Row") == 12
    else:
        expected = {1: "Is there a hole in row 2, column 2?", 2: "", 4: "Left, Left, Left, Left"}
        assert asked.strip() == expected[number]


def test_figures_of_the_prompt_join_where_they_are_present(task_folder, tmp_path):
    source = task_folder(1)
    figures = [encode_png(np.full((64, 32 * number, 3), 7, np.uint8)) for number in (1, 2)]
    seen = {fingerprint(source)}
    (source / "prompt-visual-images").mkdir()
    for number, figure in enumerate(figures, 1):
        (source / f"prompt-visual-images/system-figure-{number}.png").write_bytes(figure)
        seen.add(fingerprint(source))
    assert len(seen) == 3
    counts, rows = imported(source, tmp_path / "out")
    assert counts["pictures of a row"] == 3 and rows[0].images[:2] == figures
    expected = "Look:\n\n<image>\n\nAn example:\n\n<image>\n\nNow:\n\n<image>"
    assert rows[0].question.startswith(expected) and rows[0].question.count("<image>") == 3


def test_every_file_of_a_task_is_part_of_its_identity(task_folder):
    source = task_folder(4)
    seen = {fingerprint(source)}
    for file in (path for path in sorted(source.rglob("*")) if path.is_file()):
        file.write_bytes(file.read_bytes() + b" ")
        seen.add(fingerprint(source))
    assert len(seen) == 1 + 2 * 4 + 1


@pytest.mark.parametrize(
    ("number", "file", "text", "complaint"),
    [
        (1, "maps/level3/answer/0.txt", "N", r"table/0\.txt: its answer is No, which is wrong on the board"),
        (4, "maps/level_step4/answer/1.txt", "Y", r"table/1\.txt: its answer is Yes, which is wrong on the board"),
        (1, "maps/level3/answer/0.txt", "yes", r"table/0\.txt: its answer is 'yes', which should be Y or N"),
        (1, "maps/level3/question/1.txt", "row 4, column 1", r"table/1\.txt: its question .* names no cell"),
        (1, "maps/level3/question/1.txt", "Is it?", r"table/1\.txt: its question .* names no cell"),
        (3, "maps/level3/answer/1.txt", "0", r"level3/img/1\.png: does not show the board of .*question/1\.txt"),
        (3, "maps/level3/answer/1.txt", "7", r"question/1\.txt: needs four tables"),
        (3, "maps/level3/question/1.txt", "(A)\n(B)", r"question/1\.txt: needs four tables"),
        (4, "maps/level_step4/question/0.txt", "LXR", r"table/0\.txt: its question 'LXR' is no plan"),
        (2, "maps/level3/table/0.txt", "nothing", r"table/0\.txt: board needs exactly one S"),
        (2, "prompt-text/prompt-text.txt", "Hello", r"prompt-text\.txt: must hold one slot <TEST-IMAGE>"),
        (4, "prompt-text/prompt-text.txt", "<TEST-IMAGE>", r"prompt-text\.txt: must hold one slot <ACTION-SEQ>"),
        (1, "maps/level3/answer/0.txt", None, r"answer/0\.txt: cannot be read"),
        (2, "prompt-text/prompt-text.txt", None, r"prompt-text\.txt: cannot be read"),
        (2, "maps/level3/img/0.png", None, r"table/0\.txt: its picture .* is missing"),
    ],
)
def test_a_file_of_a_task_that_cannot_be_used_is_named(task_folder, tmp_path, number, file, text, complaint):
    source = task_folder(number)
    (source / file).unlink() if text is None else (source / file).write_text(text)
    with pytest.raises(InputError, match=complaint):
        import_test(source, tmp_path / "out")


# published reasoning


@pytest.fixture
def reasoning_file(tmp_path):
    """A function from lists of board, plan and told letter to a published file."""

    def write(*items):
        lines = []
        for number, (board, plan, letter) in enumerate(items):
            picture = tmp_path / f"data/level_3/{number}/map_3x3_step_0.png"
            picture.parent.mkdir(parents=True)
            picture.write_bytes(encode_png(vsp.render(board)))
            output = f"<think> So. </think><output_image>The answer is \\boxed{{{letter}}}."
            item = {"text_input": vsp_reasoning.question(plan), "text_output": output}
            lines.append(json.dumps(item | {"image_input": str(picture.relative_to(tmp_path))}) + "\n")
        path = tmp_path / "data/reasoning.jsonl"
        path.write_text("".join(lines))
        return path

    return write


def test_the_board_of_a_reasoning_item_is_read_from_its_picture(reasoning_file, tmp_path):
    source = reasoning_file((TWO[0], "RRDD", "A"), (TWO[1], "LLLL", "B"))
    _, rows = imported(source, tmp_path / "out")
    assert [tuple(row.meta["board"]) for row in rows] == [board.rows for board in TWO]
    assert [(row.meta["plan"], row.answer, row.level) for row in rows] == [("RRDD", "A", 3), ("LLLL", "B", 3)]
    assert [row.id for row in rows] == [f"{vsp_reasoning.TASK}-official-{n}-{n + 1}" for n in range(2)]
    assert title_of_test(source) == "published items"


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"text_output": "\\boxed{B}"}, "its answer is B, which is wrong on the board"),
        ({"text_output": "A, surely"}, "field text_output must hold A, B or C in a box"),
        ({"text_output": None}, "field text_output must hold A, B or C in a box"),
        ({"text_input": "<image> Full Action Plan: LEFT, JUMP"}, "none of UP, LEFT, RIGHT, DOWN"),
        ({"text_input": "<image> Full Action Plan:\n"}, "none of UP, LEFT, RIGHT, DOWN"),
    ],
)
def test_a_reasoning_item_that_cannot_be_used_is_named(reasoning_file, tmp_path, changes, complaint):
    source = reasoning_file((TWO[0], "RRDD", "A"))
    edit_line(source, 0, **changes)
    with pytest.raises(InputError, match=rf"reasoning\.jsonl, line 1: .*{complaint}"):
        import_test(source, tmp_path / "out")


def test_a_picture_that_is_no_maze_is_named(reasoning_file, tmp_path):
    source = reasoning_file((TWO[0], "RRDD", "A"))
    (picture,) = tmp_path.glob("data/level_3/0/*.png")
    picture.write_bytes(encode_png(vsp.helper_image(TWO[0], "RRDD")))
    with pytest.raises(InputError, match=r"step_0\.png: does not show the first state of a maze"):
        import_test(source, tmp_path / "out")


# mistakes


def test_a_picture_of_another_board_is_named(vsp_folder, published_file, tmp_path):
    folder, file = vsp_folder(*BOARDS), published_file(*BOARDS)
    shutil.copy(folder / "task-main/maps/level3/img/1.png", folder / "task-main/maps/level3/img/0.png")
    shutil.copy(file.parent / "imgs_test/1.png", file.parent / "imgs_test/0.png")
    with pytest.raises(InputError, match=r"level3/img/0\.png: does not show the board of .*table/0\.txt"):
        import_test(folder, tmp_path / "out")
    with pytest.raises(InputError, match=r"imgs_test/0\.png: does not show the board of .*jsonl, line 1"):
        import_test(file, tmp_path / "out")


def test_a_picture_of_another_size_is_taken_as_it_is(vsp_folder, tmp_path):
    folder = vsp_folder(BOARDS[0])
    small = encode_png(np.ascontiguousarray(vsp.render(BOARDS[0])[::2, ::2]))
    (folder / "task-main/maps/level3/img/0.png").write_bytes(small)
    assert imported(folder, tmp_path / "out")[1][0].images == [small]


def test_a_missing_picture_is_named(vsp_folder, published_file, tmp_path):
    folder, file = vsp_folder(*BOARDS), published_file(*BOARDS)
    (folder / "task-main/maps/level3/img/1.png").unlink()
    (file.parent / "imgs_test/1.png").unlink()
    with pytest.raises(InputError, match=r"table/1\.txt: its picture .*img/1\.png is missing"):
        import_test(folder, tmp_path / "out")
    with pytest.raises(InputError, match=r"test_direct\.jsonl, line 2: field image_input names .*imgs_test/1\.png"):
        import_test(file, tmp_path / "out")


def test_a_truncated_picture_is_named(vsp_folder, tmp_path):
    source = vsp_folder(*BOARDS)
    picture = source / "task-main/maps/level4/img/2.png"
    picture.write_bytes(picture.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"level4/img/2\.png: not a readable picture"):
        import_test(source, tmp_path / "out")


def test_a_goal_out_of_reach_is_named(vsp_folder, published_file, tmp_path):
    for source, place in ((vsp_folder(WALLED_OFF), r"table/0\.txt"), (published_file(WALLED_OFF), r"jsonl, line 1")):
        with pytest.raises(InputError, match=f"{place}: the goal cannot be reached"):
            import_test(source, tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "exactly one S"),
        ("This is a 3x3 map.", "exactly one S"),
        ("| Row 1 | @ | x |\n| Row 2 | _ | * |\n", "letters other than"),
        ("| Row 1 | @ | _ |\n| Row 2 | * |\n", "square"),
        ("| Row 1 | @ | _ |\n| Row 2 | _ | @ |\n", "exactly one S and one G"),
    ],
)
def test_a_broken_table_is_named(vsp_folder, tmp_path, text, complaint):
    source = vsp_folder(*BOARDS)
    (source / "task-main/maps/level3/table/1.txt").write_text(text)
    with pytest.raises(InputError, match=rf"level3/table/1\.txt: .*{complaint}"):
        import_test(source, tmp_path / "out")


def test_other_layouts_are_refused(tmp_path):
    (tmp_path / "level3").mkdir()
    (tmp_path / "level3/0.txt").write_text("SG")
    for source in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match=rf"{source}: .*task-main"):
            import_test(source, tmp_path / "out")
    with pytest.raises(InputError, match=r"nowhere\.jsonl: not a readable"):
        import_test(tmp_path / "nowhere.jsonl", tmp_path / "out")


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "test.jsonl").write_text("")
    with pytest.raises(InputError, match=r"test\.jsonl: holds no test items"):
        import_test(tmp_path / "test.jsonl", tmp_path / "out")


@pytest.mark.parametrize("line", ["{", "", "[1, 2]", "3", '{"text_input": "<image>"}'])
def test_a_line_that_is_no_item_is_named(published_file, tmp_path, line):
    source = published_file(*BOARDS)
    source.write_text(source.read_text() + line + "\n")
    with pytest.raises(InputError, match=r"test_direct\.jsonl, line 4: not a published item"):
        import_test(source, tmp_path / "out")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"map_desc": [[1, 5], [0, 2]]}, "letters other than"),
        ({"map_desc": [[1, 0], [0, 0]]}, "exactly one S"),
        ({"map_desc": [[1, 0], [2]]}, "square"),
        ({"map_desc": 7}, "not a published item"),
        ({"map_id": None}, "not a published item"),
        ({"text_input": "Solve it."}, "text_input must hold one <image>"),
        ({"image_input": "./elsewhere/0.png"}, "image_input"),
    ],
)
def test_an_item_that_cannot_be_used_is_named(published_file, tmp_path, changes, complaint):
    source = published_file(*BOARDS)
    edit_line(source, 1, **changes)
    with pytest.raises(InputError, match=rf"test_direct\.jsonl, line 2: .*{complaint}"):
        import_test(source, tmp_path / "out")


# identity


def test_a_moved_test_set_stays_the_same(vsp_folder, published_file, tmp_path):
    for source in (vsp_folder(*BOARDS), published_file(*BOARDS).parent):
        moved = tmp_path / "moved" / source.name
        shutil.copytree(source, moved)
        name = "test_direct.jsonl" if source.name == "data" else ""
        assert fingerprint(source / name) == fingerprint(moved / name)


def test_any_change_of_a_table_or_a_picture_is_noticed(vsp_folder, published_file):
    folder, file = vsp_folder(*BOARDS), published_file(*BOARDS)
    seen = {fingerprint(folder), fingerprint(file)}
    table = folder / "task-main/maps/level3/table/0.txt"
    table.write_text(table.read_text() + " ")
    seen.add(fingerprint(folder))
    shutil.copy(folder / "task-main/maps/level3/img/1.png", folder / "task-main/maps/level3/img/0.png")
    seen.add(fingerprint(folder))
    shutil.copy(file.parent / "imgs_test/1.png", file.parent / "imgs_test/0.png")
    seen.add(fingerprint(file))
    assert len(seen) == 5


def test_what_is_nowhere_has_no_fingerprint(tmp_path):
    with pytest.raises(InputError, match=r"nowhere: no such test set"):
        fingerprint(tmp_path / "nowhere")
