"""The published SAT: files of its schema as rows, built by its description as the real ones were not at hand."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mirage_core.benchmark.sat_official import circular_accuracy, read_sat
from mirage_core.errors import InputError
from mirage_core.puzzles import sat
from mirage_core.row import encode_png, read_rows, write_rows

PICTURE = encode_png(np.full((8, 8, 3), 7, np.uint8))
MOVED = ["Chair was moved right and away from the camera in the first frame", "no objects moved"]
ITEMS = [
    {"image_bytes": [PICTURE, PICTURE], "question": "Were any moved?", "answers": MOVED,
     "question_type": "obj_movement", "correct_answer": MOVED[0]},
    {"image_bytes": [PICTURE], "question": "Which is nearest? ", "answers": ["cup", "sofa", "bed"],
     "question_type": "other", "correct_answer": "bed"},
    {"image_bytes": [PICTURE], "question": "Broken?", "answers": ["yes", "no"], "question_type": "goal_aim",
     "correct_answer": "maybe"},
    {"image_bytes": [], "question": "Blind?", "answers": ["yes", "no"], "question_type": "perspective",
     "correct_answer": "yes"},
]  # fmt: skip


@pytest.fixture(params=["bytes", "datasets"])
def source(request, tmp_path):
    """A file with pictures as bytes, and one as `datasets` stores them."""
    table = pa.Table.from_pylist(ITEMS)
    if request.param == "datasets":
        stored = [[{"bytes": image, "path": None} for image in item["image_bytes"]] for item in ITEMS]
        kind = pa.list_(pa.struct({"bytes": pa.binary(), "path": pa.string()}))
        table = table.set_column(table.schema.get_field_index("image_bytes"), "image_bytes", pa.array(stored, kind))
    pq.write_table(table, tmp_path / "SAT_test.parquet")
    return tmp_path / "SAT_test.parquet"


def test_every_good_item_passes_its_own_check(source, tmp_path):
    rows = list(read_sat(source, "test", circular=True))
    assert Counter(row.verdict for row in rows) == {"ok": 5, "no_right_answer": 2, "no_picture": 2}
    for row in rows[:5]:
        assert sat.check_choice(row.choices, row.choices.index(row.answer), rf"\boxed{{{row.answer}}}").ok
        assert row.question.count("<image>") == len(row.images) and row.images[0] == PICTURE
    write_rows(rows, str(tmp_path / "rows"))
    assert list(read_rows(str(tmp_path / "rows"))) == rows


def test_circular_rows_offer_every_answer_first_once(source):
    rows = [row for row in read_sat(source, "test", circular=True) if row.id.startswith("sat-sat_test-000001")]
    assert [row.choices for row in rows] == [["cup", "sofa", "bed"], ["sofa", "bed", "cup"], ["bed", "cup", "sofa"]]
    assert {row.answer for row in rows} == {"bed"} and {row.level for row in rows} == {0}


def test_an_item_counts_only_if_every_rotation_is_right():
    graded = [("sat-a-0", True), ("sat-b-0", False), ("sat-a-1", True), ("sat-b-1", True), ("sat-c-0", True)]
    assert circular_accuracy(graded) == (2, 3)
    assert circular_accuracy([]) == (0, 0)


def test_the_stray_phrase_is_stripped(source):
    row = next(read_sat(source, "test", circular=False))
    assert row.answer == "Chair was moved right and away from the camera" and row.answer in row.choices
    assert "in the first frame" not in row.question and row.level == 1


def test_shuffling_depends_on_the_seed_and_uses_both_orders(source, tmp_path):
    pq.write_table(pa.Table.from_pylist(ITEMS[:1] * 100), tmp_path / "many.parquet")
    first = Counter(row.choices[0] for row in read_sat(tmp_path / "many.parquet", "train", circular=False))
    assert min(first.values()) > 30
    again = [[row.choices for row in read_sat(tmp_path / "many.parquet", "train", False, seed)] for seed in (0, 0, 1)]
    assert again[0] == again[1] != again[2]


def test_files_that_cannot_be_used_are_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.parquet: no such file"):
        list(read_sat(tmp_path / "none.parquet", "test", circular=True))
    (tmp_path / "text.parquet").write_text("no Parquet")
    with pytest.raises(InputError, match=r"text\.parquet: not a readable"):
        list(read_sat(tmp_path / "text.parquet", "test", circular=True))
    pq.write_table(pa.table({"question": ["x"]}), tmp_path / "other.parquet")
    with pytest.raises(InputError, match="image_bytes, answers, question_type, correct_answer"):
        list(read_sat(tmp_path / "other.parquet", "test", circular=True))
