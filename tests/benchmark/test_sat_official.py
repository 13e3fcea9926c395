"""The published SAT: files of its schema as rows, built by its description as the real ones were not at hand."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mirage_core.benchmark.official import fingerprint, import_test, title_of_test
from mirage_core.benchmark.policies import score_policies
from mirage_core.benchmark.results import Answer, summarize
from mirage_core.benchmark.sat_official import circular_verdicts, read_official_sat, read_sat, sat_files
from mirage_core.benchmark.sat_policies import guess_in_folds
from mirage_core.errors import InputError
from mirage_core.grading import grade
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
    first, second, third = (f"sat-sat_test-00000{number}" for number in range(3))
    graded = [(f"{first}-0", True), (f"{second}-0", False), (f"{first}-1", True), (f"{second}-1", True)]
    assert circular_verdicts([*graded, (f"{third}-0", True)]) == [True, False, True]
    assert circular_verdicts([]) == circular_verdicts([(f"{first}-0", True), ("sat-0a1b2c3d4e5f6071", True)]) == []


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


def item(number, right):
    choices = [f"left by {number} degrees", f"right by {number} degrees"]
    return {
        "image_bytes": [PICTURE], "question": f"I need to go to the cup {number}. Which way?", "answers": choices,
        "question_type": "goal_aim", "correct_answer": choices[right],
    }  # fmt: skip


def test_sat_real_is_imported_scored_in_all_orders_and_shown_in_the_report(tmp_path):
    pq.write_table(
        pa.Table.from_pylist([*(item(n, n % 3 == 0) for n in range(20)), ITEMS[2]]), tmp_path / "SAT_test.parquet"
    )
    counts = import_test(tmp_path / "SAT_test.parquet", tmp_path)
    assert counts == {"rows": 40, "level 3": 40, "pictures of a row": 1}  # the item without a right answer is left out
    assert title_of_test(tmp_path / "SAT_test.parquet") == "SAT-Real"
    rows = list(read_rows(str(tmp_path / "rows")))
    assert all(grade(row.task, row.meta, rf"\boxed{{{row.answer}}}").ok for row in rows)
    answers = [Answer(id=row.id, level=row.level, output="", num_latents=0, needs_planning=None, reason_vsp=None,
                      reason="ok" if row.choices[0] == row.answer else "wrong_choice") for row in rows]  # fmt: skip
    scores = summarize(answers, sat.TASK, "always first", "SAT-Real", 1.0)
    assert scores.overall.share == 0.5 and (scores.circular.n, scores.circular.correct) == (20, 0)
    right = [answer.model_copy(update={"reason": "ok"}) for answer in answers]
    assert summarize(right, sat.TASK, "all right", "SAT-Real", 1.0).circular.correct == 20
    policies = score_policies(rows, "SAT-Real")
    assert {policy.name: policy.overall for policy in policies.policies}["first choice"] == 0.5


def test_files_of_another_kind_are_not_taken_for_sat(tmp_path):
    pq.write_table(pa.table({"idx": [1]}), tmp_path / "val.parquet")
    assert sat_files(tmp_path) == []
    pq.write_table(pa.Table.from_pylist(ITEMS), tmp_path / "SAT_val.parquet")
    assert [path.name for path in sat_files(tmp_path)] == ["SAT_val.parquet"]
    assert {row.id[-1] for row in read_official_sat(tmp_path)} == {"0"}  # one order each
    assert title_of_test(tmp_path) == "published SAT"
    first = fingerprint(tmp_path)
    pq.write_table(pa.Table.from_pylist(ITEMS[:1]), tmp_path / "SAT_val.parquet")
    assert fingerprint(tmp_path) != first


def test_a_guesser_finds_a_leak_in_the_words_and_nothing_where_there_is_none(tmp_path):
    rng = np.random.default_rng(0)
    fair = [item(n, bool(rng.integers(2))) for n in range(100)]
    pq.write_table(pa.Table.from_pylist(fair), tmp_path / "SAT_val.parquet")
    rows = list(read_official_sat(tmp_path))
    right = np.mean([told == row.answer for told, row in zip(guess_in_folds(rows), rows, strict=True)])
    assert 0.3 <= right <= 0.66
    always = [item(n, True) for n in range(30)]
    pq.write_table(pa.Table.from_pylist(always), tmp_path / "SAT_val.parquet")
    rows = list(read_official_sat(tmp_path))
    assert guess_in_folds(rows) == [row.answer for row in rows]
