import json
import shutil
from collections import Counter

import numpy as np
import pytest

from mirage_core.benchmark.official import fingerprint, import_test
from mirage_core.errors import InputError
from mirage_core.puzzles import vsp
from mirage_core.row import decode_image, read_rows

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
    assert counts == {"rows": 3, "level 3": 2, "level 4": 1}
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
    assert counts == {"rows": 3, "level 3": 2, "level 4": 1}
    assert len({row.id for row in rows}) == 3
    for row, board in zip(rows, BOARDS, strict=True):
        assert tuple(row.meta["board"]) == board.rows and row.question == vsp.QUESTION
        assert np.array_equal(decode_image(row.images[0], row.id), vsp.render(board))


def test_official_items_are_read(shared, tmp_path):
    counts, rows = imported(shared / "data/vsp", tmp_path / "out")
    assert counts == {"rows": 120, **{f"level {level}": 20 for level in range(3, 9)}}
    assert Counter(row.level for row in rows) == {level: 20 for level in range(3, 9)}
    for row in rows:
        board = vsp.Board(tuple(row.meta["board"]))
        assert board.content_hash in vsp.official_hashes()
        assert np.array_equal(decode_image(row.images[0], row.id), vsp.render(board))


# mistakes


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
