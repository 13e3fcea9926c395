import hashlib
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mirage_core.errors import InputError
from mirage_core.export import MAP_NUMBERS, export_rows
from mirage_core.published import LEAKS_FILE, OFFICIAL, Output, fingerprint, import_published, read_output
from mirage_core.puzzles import vsp, vsp_reasoning
from mirage_core.puzzles.vsp_board import official_sets
from mirage_core.puzzles.vsp_pictures import encode_palette_png, picture, route_picture
from mirage_core.row import Row, decode_image, read_rows, write_rows
from mirage_core.teacher import Explanation
from tasks import published as stages

pytestmark = pytest.mark.thorough

GOLDEN = {"published": (1, "f59ac69e987941c19b7adede1d7db9b0ba6e77e6061d934f468506c007f0fe22")}
"""Stage -> (version, digest of what its output means)."""

SAMPLES = "data/mirage/examples/sample.jsonl"
TRAIN = "data/mirage/train_direct.jsonl"
BOARD = vsp.Board(("SFF", "FHF", "FFG"))
OFFICIAL_BOARD = vsp.Board(("GFF", "FHF", "FSF"))
OTHER_BOARD = vsp.Board(("SHFF", "FHFF", "FFFH", "HFFG"))


def map_desc(board):
    return [[MAP_NUMBERS[letter] for letter in row] for row in board.rows]


def planning_line(board, plan=None, map_id=7, **changes):
    words = ", ".join(vsp_reasoning.MOVE_NAMES[move] for move in plan or vsp.solve(board))
    folder = f"./data/vsp_spatial_planning/img/level_{board.size}/{map_id}"
    return {
        "text_input": vsp.QUESTION,
        "image_input": f"{folder}/map_{board.size}x{board.size}_step_0.png",
        "image_output": f"{folder}/map_reasoning_path.png",
        "text_output": rf"\boxed{{{words}}}",
        "map_id": map_id,
        "map_desc": map_desc(board),
    } | changes


def reasoning_line(root, board, plan, step, **changes):
    """A line without `map_desc`, and its two pictures below `root`."""
    folder = root / f"images/level_{board.size}/12"
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"map_{board.size}x{board.size}_step_{number}.png" for number in (0, step)]
    for name, number in zip(names, (0, step), strict=True):
        vsp_reasoning.step_picture(board, plan, number).convert("RGB").save(folder / name)
    return {
        "text_input": vsp_reasoning.question(plan),
        "image_input": f"./data/examples/images/level_{board.size}/12/{names[0]}",
        "image_output": f"./data/examples/images/level_{board.size}/12/{names[1]}",
        "text_output": rf"\boxed{{{vsp_reasoning.outcome(board, plan)}}}",
    } | changes


@pytest.fixture
def file(tmp_path):
    """A function that writes lines as a JSONL file."""

    def write(*lines):
        path = tmp_path / "published.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return path

    return write


def imported(source, out, **settings):
    counts = import_published(source, out, **settings)
    rows, rejected = (list(read_rows(str(out / name))) for name in ("rows", "rejected"))
    return counts, rows, rejected


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def example(number, task=vsp.TASK, split="train", thoughts=("", "")):
    """A row as the generator makes one, with any words for thoughts."""
    rng = np.random.default_rng([17, number])
    board, plan = vsp.sample(rng, 3 + number % 4, 0.2), None
    while plan is None:
        plan = vsp.solve(board) if task == vsp.TASK else vsp_reasoning.sample_plan(rng, board, "ABC"[number % 3])
        board = board if plan else vsp.sample(rng, 3 + number % 4, 0.2)
    meta = {"board": list(board.rows), "plan": plan, "number": number}
    helper = route_picture(board, plan)
    if task == vsp_reasoning.TASK:
        meta["step"] = 1 + number % len(plan)
        helper = vsp_reasoning.step_picture(board, plan, meta["step"])
    return Row(
        id=f"{task}-{number}", task=task, split=split, level=board.size,
        question=vsp.QUESTION if task == vsp.TASK else vsp_reasoning.question(plan),
        images=[encode_palette_png(picture(board))], helper_images=[encode_palette_png(helper)],
        thought_before=thoughts[0], thought_after=thoughts[1],
        answer=vsp.answer_text(plan) if task == vsp.TASK else vsp_reasoning.outcome(board, plan), meta=meta,
    )  # fmt: skip


# planning


@pytest.fixture(scope="module")
def thousand(shared, tmp_path_factory):
    """The published planning rows: folder, counts, and all rows in the order of their lines."""
    out = tmp_path_factory.mktemp("published") / "out"
    counts, rows, rejected = imported(shared / TRAIN, out)
    return out, counts, sorted(rows + rejected, key=lambda row: int(row.id.rsplit("line", 1)[1]))


def test_all_published_planning_rows_are_imported(shared, thousand):
    _, counts, everything = thousand
    assert counts["asked"] == 1000 and counts["kept"] == 993 and counts["rejected"] == {OFFICIAL: 7}
    lines = lines_of(shared / TRAIN)
    for row, line in zip(everything, lines, strict=True):
        board = vsp.Board(tuple(row.meta["board"]))
        assert map_desc(board) == line["map_desc"] and row.meta["map_id"] == line["map_id"]
        assert row.question == line["text_input"] and row.level == board.size
        assert row.answer == vsp.answer_text(row.meta["plan"]) and vsp.check(board, rf"\boxed{{{row.answer}}}").ok
        assert (row.split, row.teacher, row.thought_before + row.thought_after) == ("train", "published", "")
    for row in everything[::50]:
        board = vsp.Board(tuple(row.meta["board"]))
        assert np.array_equal(decode_image(row.images[0], row.id), vsp.render(board))
        helper = vsp.helper_image(board, row.meta["plan"])
        assert np.array_equal(decode_image(row.helper_images[0], row.id), helper)


def test_official_boards_among_the_published_rows_are_told(thousand):
    out, counts, _ = thousand
    leaks = json.loads((out / LEAKS_FILE).read_text())
    assert [leak["map_id"] for leak in leaks] == [304, 358, 310, 703, 278, 824, 731]
    assert [leak["line"] for leak in leaks] == [85, 377, 479, 693, 811, 883, 884]
    assert [row.meta["map_id"] for row in read_rows(str(out / "rejected"))] == [leak["map_id"] for leak in leaks]
    in_sets = {"task-main/level3": 6, "task-main/level4": 1, "task2/level3": 6, "task2/level4": 1}
    assert counts["official boards"] == {"rows": 7, "boards": 7, **in_sets}


def test_official_boards_may_be_kept(file, tmp_path):
    source = file(planning_line(BOARD), planning_line(OFFICIAL_BOARD, map_id=8))
    _, rows, rejected = imported(source, tmp_path / "a")
    assert [row.verdict for row in rows + rejected] == ["ok", OFFICIAL]
    counts, rows, rejected = imported(source, tmp_path / "b", keep_leaks=True)
    assert [row.verdict for row in rows] == ["ok", "ok"] and rejected == [] and counts["official boards"]["rows"] == 1
    leaks = json.loads((tmp_path / "b" / LEAKS_FILE).read_text())
    assert [(leak["line"], leak["map_id"]) for leak in leaks] == [(2, 8)]
    assert tuple(leaks[0]["board"]) == OFFICIAL_BOARD.rows and "task-main/level3" in leaks[0]["sets"]


def test_the_sets_of_every_official_board_are_those_measured(shared):
    from mirage_core.puzzles.vsp_board import _official_boards

    lines = (shared / "data/vsp/official_board_hashes.tsv").read_text().splitlines()
    measured = {content_hash: sets for content_hash, sets in (line.split("\t") for line in lines if line[0] != "#")}
    assert {content_hash: ",".join(sets) for content_hash, sets in _official_boards().items()} == measured
    assert official_sets(BOARD) == ()


def test_a_wrong_plan_is_kept_apart_with_its_reason(file, tmp_path):
    source = file(planning_line(BOARD, "RD"), planning_line(BOARD, "R"), planning_line(BOARD))
    counts, rows, rejected = imported(source, tmp_path / "out")
    assert [row.verdict for row in rejected] == ["answer_hole", "answer_not_at_goal"] and len(rows) == 1
    assert counts["rejected"] == {"answer_hole": 1, "answer_not_at_goal": 1}


def test_planning_thoughts_are_verified(file, tmp_path):
    board = vsp.Board(("SGFF", "FFHF", "FHFH", "FFFH"))
    before, after = "I look.", "Moving right to [(0,1),{}]."
    told = rf"<think> {before} </think><output_image><think> {after} </think>The answer is \boxed{{{{RIGHT}}}}."
    source = file(*(planning_line(board, text_output=told.format(tile)) for tile in ("Target", "Ice")))
    counts, rows, _ = imported(source, tmp_path / "out")
    assert counts["kept"] == 1 and counts["rejected"] == {"wrong_tile": 1}
    assert (rows[0].thought_before, rows[0].thought_after) == (before, after.format("Target"))


# reasoning


def test_the_published_reasoning_examples_are_imported(shared, tmp_path):
    counts, rows, rejected = imported(shared / SAMPLES, tmp_path / "out")
    assert counts["asked"] == 10 and len(rows) + len(rejected) == 10
    assert {316, 163, 371, 23, 231, 339, 343, 665, 96, 116} == {row.meta["map_id"] for row in rows + rejected}
    # four call ice a hole or a hole ice; every letter is right
    assert {row.meta["map_id"] for row in rejected if row.verdict == "wrong_tile"} == {343, 371, 231, 116}
    assert {316, 163, 23, 339} <= {row.meta["map_id"] for row in rows}
    assert all(row.verdict not in ("ok", "answer_wrong_choice") for row in rejected)
    lines = {int(re.search(r"/(\d+)/map", line["image_input"])[1]): line for line in lines_of(shared / SAMPLES)}
    for row in rows + rejected:
        line, board = lines[row.meta["map_id"]], vsp.Board(tuple(row.meta["board"]))
        assert f"_step_{row.meta['step']}.png" in line["image_output"] and row.task == vsp_reasoning.TASK
        assert row.thought_before in line["text_output"] and row.thought_after in line["text_output"]
        assert vsp_reasoning.outcome(board, row.meta["plan"]) == row.answer
        for png, step in ((row.images[0], 0), (row.helper_images[0], row.meta["step"])):
            there = shared / f"data/mirage/examples/images/level_{row.level}/{row.meta['map_id']}"
            file = there / f"map_{row.level}x{row.level}_step_{step}.png"
            assert np.array_equal(decode_image(png, row.id), np.asarray(Image.open(file).convert("RGB")))


def test_reasoning_examples_come_back_as_they_were(shared, tmp_path):
    _, rows, rejected = imported(shared / SAMPLES, tmp_path / "in")
    write_rows(rows + rejected, str(tmp_path / "all"))
    export_rows(tmp_path / "all", tmp_path / "out")
    texts = {(line["text_input"], line["text_output"]) for line in lines_of(shared / SAMPLES)}
    written = lines_of(tmp_path / f"out/data/{vsp_reasoning.TASK}/train.jsonl")
    assert {(line["text_input"], line["text_output"]) for line in written} == texts
    assert all(map_desc(vsp.read_board(_pixels(tmp_path / "out", line))) == line["map_desc"] for line in written)


def _pixels(root, line):
    return np.asarray(Image.open(root / line["image_input"]).convert("RGB"))


def test_the_board_of_a_reasoning_row_is_read_from_its_picture(file, tmp_path):
    _, rows, _ = imported(file(reasoning_line(tmp_path, BOARD, "RRD", 2)), tmp_path / "out")
    assert rows[0].meta == {
        "board": list(BOARD.rows), "plan": "RRD", "step": 2, "map_id": 12, "published": True,
    }  # fmt: skip
    assert rows[0].answer == "C" and rows[0].choices == list(vsp_reasoning.OUTCOMES.values())


# export


def test_published_planning_rows_come_back_as_they_were(shared, thousand, tmp_path):
    write_rows(thousand[2], str(tmp_path / "rows"))
    counts = export_rows(tmp_path / "rows", tmp_path / "out")
    assert counts == {"train": 1000, "pictures": 2000}
    assert lines_of(tmp_path / f"out/data/{vsp.TASK}/train.jsonl") == lines_of(shared / TRAIN)


@pytest.mark.parametrize("task", [vsp.TASK, vsp_reasoning.TASK])
def test_rows_survive_export_and_import(task, tmp_path):
    words = [("", ""), ("Ü before", "after"), ("only before", ""), ("", "only after"), (" spaced ", "\n<b>x</b> \\n")]
    rows = [example(number, task, thoughts=words[number % 5]) for number in range(60)]
    write_rows(rows, str(tmp_path / "rows"))
    export_rows(tmp_path / "rows", tmp_path / "out")
    _, kept, rejected = imported(tmp_path / f"out/data/{task}/train.jsonl", tmp_path / "in", keep_leaks=True)
    back = {row.meta["map_id"]: row for row in kept + rejected}
    assert len(back) == len(rows)
    for row in rows:
        again = back[row.meta["number"]]
        assert {**row.meta, "number": 0} == {
            key: value for key, value in (again.meta | {"number": 0}).items() if key not in ("map_id", "published")
        }
        for name in ("task", "level", "question", "images", "helper_images", "answer"):
            assert getattr(row, name) == getattr(again, name)
        assert (row.thought_before, row.thought_after) == (again.thought_before, again.thought_after)


def test_exported_pictures_lie_as_published(tmp_path):
    plan, reason = example(0), example(1, vsp_reasoning.TASK)
    write_rows([plan, reason, replace(plan, split="rl")], str(tmp_path / "rows"))
    assert export_rows(tmp_path / "rows", tmp_path / "out") == {"train": 2, "rl": 1, "pictures": 4}
    files = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    img, other = f"data/{vsp.TASK}/img/level_3/0", f"data/{vsp_reasoning.TASK}/img/level_4/1"
    assert files == {
        f"data/{vsp.TASK}/train.jsonl", f"data/{vsp.TASK}/rl.jsonl", f"data/{vsp_reasoning.TASK}/train.jsonl",
        f"{img}/map_3x3_step_0.png", f"{img}/map_reasoning_path.png",
        f"{other}/map_4x4_step_0.png", f"{other}/map_4x4_step_{reason.meta['step']}.png",
    }  # fmt: skip


def test_thoughts_of_one_puzzle_share_its_pictures(tmp_path):
    rows = [replace(example(number), id=f"{number}-{n}", thought_before=f"{n}") for number in (0, 1) for n in range(3)]
    write_rows(rows, str(tmp_path / "rows"))
    assert export_rows(tmp_path / "rows", tmp_path / "out") == {"train": 6, "pictures": 4}
    lines = lines_of(tmp_path / f"out/data/{vsp.TASK}/train.jsonl")
    assert len({line["image_output"] for line in lines}) == 2 and len({line["text_output"] for line in lines}) == 6


def test_rows_that_have_no_published_form_are_named(tmp_path):
    mistakes = {
        "tags of the published form": replace(
            example(0), thought_before="x </think><output_image><think> y", thought_after="z"
        ),
        "with a helper image": replace(example(0), helper_images=[]),
        "another puzzle has the picture": replace(example(4), meta=example(4).meta | {"number": 0}, level=3),
        "only generated or imported": replace(example(0), meta={"board": [], "plan": ""}),
    }
    for number, (message, row) in enumerate(mistakes.items()):
        write_rows([example(0), row], str(tmp_path / f"rows{number}"))
        with pytest.raises(InputError, match=rf"row {row.id}: .*{message}"):
            export_rows(tmp_path / f"rows{number}", tmp_path / f"out{number}")


def test_nothing_is_written_over(tmp_path):
    write_rows([example(0)], str(tmp_path / "rows"))
    with pytest.raises(InputError, match="is not empty"):
        export_rows(tmp_path / "rows", tmp_path)


def test_export_is_a_command(tmp_path):
    write_rows([example(0)], str(tmp_path / "rows"))
    command = [sys.executable, "-m", "mirage_core.export", str(tmp_path / "rows"), str(tmp_path / "out")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "pictures: 2\ntrain: 1\n"
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 1 and again.stderr.startswith("error: ") and "not empty" in again.stderr


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=40).filter(lambda text: "<" not in text)


@given(words, words, st.sampled_from(["A", "RIGHT, UP"]))
def test_outputs_are_read_whatever_the_thoughts_say(before, after, answer):
    parts = [f"<think> {text} </think>" if text else "" for text in (before, after)]
    text = rf"{parts[0]}<output_image>{parts[1]}The answer is \boxed{{{answer}}}."
    assert read_output(text) == Output(Explanation(before, after), answer)


# mistakes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text_output": r"\boxed{RIGHT, NORTH}"}, r"field text_output: 'NORTH' is none of UP, LEFT, RIGHT, DOWN"),
        ({"text_output": r"\boxed{}"}, r"field text_output: '' is none of"),
        ({"text_output": "RIGHT"}, "field text_output is not of the published form"),
        ({"text_output": None}, "`text_output`: Input should be a valid string"),
        ({"text_input": "no mark"}, "field text_input must hold one <image> mark"),
        ({"image_input": []}, "field image_input must name one picture, not 0"),
        ({"map_id": "x"}, "`map_id`: Input should be a valid integer"),
        ({"map_desc": [[1, 2], [0, 3]]}, r"`map_desc.1.1`: Input should be -1, 0, 1 or 2"),
        ({"map_desc": [[1, 2], [0]]}, "field map_desc: board is not square"),
        ({"map_desc": [[1, 1], [0, 2]]}, "field map_desc: board needs exactly one S"),
        ({"map_desc": [[1, -1], [-1, 2]]}, "field map_desc: the goal cannot be reached"),
        ({"map_desc": []}, "field map_desc: board needs exactly one S"),
        ({"map_desc": None}, "field image_input names .*step_0.png, which is nowhere beside or above the file"),
        ({"image_input": "a" * 5000 + ".png", "map_desc": None}, "field image_input names a+.png, which is nowhere"),
        (
            {"text_input": "<image>\nFull Action Plan: RIGHT, BACK"},
            "field text_input: 'BACK' is none of",
        ),
        (
            {"text_input": "<image>\nFull Action Plan: RIGHT", "image_output": "step_2.png"},
            "field image_output names step_2.png, which should end in step_N.png, N at most the 1 moves",
        ),
        (
            {"text_input": "<image>\nFull Action Plan: RIGHT"},
            "field image_output names .*path.png, which should end in",
        ),
    ],
)
def test_mistakes_in_a_line_are_named(file, tmp_path, changes, message):
    source = file(planning_line(BOARD), planning_line(BOARD, **changes))
    with pytest.raises(InputError, match=rf"published\.jsonl, line 2: .*{message}"):
        import_published(source, tmp_path / "out")


@pytest.mark.parametrize("field", ["text_input", "text_output", "image_input", "image_output"])
def test_missing_fields_are_named(file, tmp_path, field):
    line = planning_line(BOARD)
    del line[field]
    with pytest.raises(InputError, match=f"line 1: `{field}` is missing"):
        import_published(file(line), tmp_path / "out")


@pytest.mark.parametrize("line", [b"{", b"\xff\xfe", b"", b'{"text_input": "'])
def test_lines_that_are_no_json_are_named(file, tmp_path, line):
    source = file(planning_line(BOARD))
    source.write_bytes(source.read_bytes() + line + b"\n")
    with pytest.raises(InputError, match=r"line 2: not JSON"):
        import_published(source, tmp_path / "out")


def test_files_that_are_no_published_rows_are_named(file, tmp_path):
    with pytest.raises(InputError, match="holds no rows"):
        import_published(file(), tmp_path / "out")
    with pytest.raises(InputError, match="cannot be read"):
        import_published(tmp_path / "nowhere.jsonl", tmp_path / "out")
    with pytest.raises(InputError, match="cannot be read"):
        fingerprint(tmp_path)
    with pytest.raises(InputError, match="line 1: .*valid dictionary"):
        import_published(file([1]), tmp_path / "out")


def test_pictures_must_show_what_the_line_says(file, tmp_path):
    line = planning_line(BOARD)
    path = tmp_path / line["image_input"]
    path.parent.mkdir(parents=True)
    Image.fromarray(vsp.render(BOARD)).save(path)
    assert import_published(file(line), tmp_path / "a")["kept"] == 1
    Image.fromarray(vsp.render(OFFICIAL_BOARD)).save(path)
    with pytest.raises(InputError, match=r"line 1: field image_input: .*step_0\.png does not show what the line says"):
        import_published(file(line), tmp_path / "b")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"line 1: field image_input: .*step_0\.png: not a readable picture"):
        import_published(file(line), tmp_path / "c")


def test_pictures_of_the_reasoning_must_show_what_the_line_says(file, tmp_path):
    line = reasoning_line(tmp_path, BOARD, "RRD", 2)
    pictures = tmp_path / "images/level_3/12"
    shutil.copy(pictures / "map_3x3_step_0.png", pictures / "map_3x3_step_2.png")
    with pytest.raises(InputError, match=r"line 1: field image_output: .*step_2\.png does not show"):
        import_published(file(line), tmp_path / "a")
    Image.new("RGB", (192, 192)).save(pictures / "map_3x3_step_0.png")
    with pytest.raises(InputError, match=r"line 1: field image_input: .* does not show the first state of a maze"):
        import_published(file(line), tmp_path / "b")
    (pictures / "map_3x3_step_0.png").unlink()
    with pytest.raises(InputError, match=r"line 1: field image_input names .*nothing else tells the board"):
        import_published(file(line), tmp_path / "c")


# the stage


def test_a_file_is_known_by_its_content(file, tmp_path):
    source = file(reasoning_line(tmp_path, BOARD, "RRD", 2))
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    shutil.copy(source, moved / "other.jsonl")
    shutil.copytree(tmp_path / "images", moved / "images")
    first = fingerprint(source)
    assert fingerprint(moved / "other.jsonl") == first
    (moved / "images/level_3/12/map_3x3_step_2.png").write_bytes(b"other")
    assert fingerprint(moved / "other.jsonl") != first
    assert fingerprint(file(reasoning_line(tmp_path, BOARD, "RRL", 2))) != first


def test_golden_published(file, tmp_path):
    source = file(
        planning_line(OTHER_BOARD), planning_line(BOARD, "RD"), planning_line(OFFICIAL_BOARD),
        reasoning_line(tmp_path, BOARD, "RRD", 2),
    )  # fmt: skip
    _, rows, rejected = imported(source, tmp_path / "out")
    digest = hashlib.sha256()
    for row in rows + rejected:
        values = vars(row) | {
            name: [decode_image(png, row.id).tolist() for png in getattr(row, name)]
            for name in ("images", "helper_images")
        }
        digest.update(json.dumps(values, sort_keys=True).encode())
    digest.update((tmp_path / "out" / LEAKS_FILE).read_bytes())
    assert (stages.published.cache_policy.version, digest.hexdigest()) == GOLDEN["published"]


@pytest.mark.prefect
def test_the_flow_imports_once_per_content_and_setting(prefect_server, artifact_root, file, tmp_path, capsys):
    from flows.import_published import import_published as flow
    from flows.import_published import main
    from tasks.artifact import folder

    source = file(planning_line(BOARD), planning_line(OFFICIAL_BOARD, map_id=8))
    main(source)
    told = capsys.readouterr().out
    assert "official board: line 2, map_id 8, in task-main/level3, task2/level3" in told and "data set: " in told
    apart = flow(source)
    assert len(list(read_rows(str(folder(apart) / "rows")))) == 1
    moved = source.rename(tmp_path / "moved.jsonl")
    assert flow(moved) == apart
    kept = flow(moved, keep_leaks=True)
    assert kept != apart and len(list(read_rows(str(folder(kept) / "rows")))) == 2


@pytest.mark.prefect
def test_the_flow_ends_with_one_line_on_a_mistake(prefect_server, artifact_root, file, capsys):
    from flows.import_published import import_published as flow
    from tasks.local import run_flow

    with pytest.raises(SystemExit):
        run_flow(flow, source=file(planning_line(BOARD, map_desc=[[1, -1], [-1, 2]])))
    assert "line 1: field map_desc: the goal cannot be reached" in capsys.readouterr().err.strip().splitlines()[-1]
    assert not list(artifact_root.glob("*/*/manifest.json"))
