"""The published CoMT: files of its schema as rows, built by its description as the real ones were not at hand."""

import json

import numpy as np
import pytest

from mirage_core.benchmark.comt_official import read_comt
from mirage_core.benchmark.official import fingerprint, import_test, title_of_test
from mirage_core.errors import InputError
from mirage_core.grading import grade
from mirage_core.puzzles import geometry
from mirage_core.row import encode_png, read_rows

ITEM = {
    "id": "creation_7", "question": "In triangle ABC, AB = 3 and BC = 4. How long is AC?",
    "option": ["5", "6", "7", "25"], "image": ["[IMAGE0:c7_0]", "[IMAGE1:c7_1]"],
    "rationale": "Draw the triangle. [IMAGE0] Then mark the right angle. [IMAGE1] So AC = 5. ANSWER: (A)",
    "answer": "A", "type": "creation", "annotations": "",
}  # fmt: skip


@pytest.fixture
def comt(tmp_path):
    """A function that writes items and their pictures as CoMT lies, and returns its folder."""

    def write(*items):
        folder = tmp_path / "comt"
        for number, item in enumerate(items):
            (folder / "images" / item["type"]).mkdir(parents=True, exist_ok=True)
            for place, entry in enumerate(item["image"]):
                name = entry.strip("[]").split(":")[-1]
                picture = encode_png(np.full((8, 8, 3), 10 * number + place, np.uint8))
                (folder / "images" / item["type"] / f"{name}.png").write_bytes(picture)
        lines = "".join(json.dumps(item) + "\n" for item in items)
        (folder / "data.jsonl").write_text(lines, encoding="utf-8")
        return folder

    return write


def test_an_item_becomes_a_row(comt):
    folder = comt(ITEM, {**ITEM, "id": "x", "type": "deletion"})
    (row,) = read_comt(folder)
    assert row.verdict == "ok" and row.images == [] and len(row.helper_images) == 2
    assert row.question.startswith("In triangle ABC") and "(D) 25" in row.question and "<image>" not in row.question
    assert row.thought_before == "Draw the triangle."
    assert row.thought_after == "Then mark the right angle. So AC = 5. ANSWER: (A)"
    assert grade(row.task, row.meta, rf"\boxed{{{row.answer}}}").ok
    assert grade(row.task, row.meta, row.thought_after).ok and not grade(row.task, row.meta, "It is (B)").ok
    assert len(list(read_comt(folder, "deletion"))) == 1


def test_pictures_that_the_question_marks_are_inputs(comt):
    (row,) = read_comt(comt({**ITEM, "question": "[IMAGE0] How long is AC?"}))
    assert row.question.startswith("<image> How long") and len(row.images) == len(row.helper_images) == 1


def test_what_is_wrong_with_an_item_is_its_verdict(comt):
    folder = comt(ITEM, {**ITEM, "id": "b", "answer": "E"}, {**ITEM, "id": "c", "image": ["[IMAGE0:c_0]"]})
    (folder / "images/creation/c_0.png").unlink()
    assert [row.verdict for row in read_comt(folder)] == ["ok", "no_right_answer", "no_picture"]


def test_it_is_imported_like_other_official_tests(comt, tmp_path):
    folder = comt(ITEM, {**ITEM, "id": "b", "answer": "E"})
    assert title_of_test(folder) == title_of_test(folder / "data.jsonl") == "official CoMT creation"
    counts = import_test(folder, tmp_path / "out")
    assert counts["rows"] == 1 and counts["rejected"] == {"no_right_answer": 1}
    assert [row.id for row in read_rows(str(tmp_path / "out/rows"))] == ["comt_geometry-official-creation-7"]
    before = fingerprint(folder)
    (folder / "images/creation/c7_0.png").write_bytes(encode_png(np.zeros((8, 8, 3), np.uint8)))
    assert fingerprint(folder) != before


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"id": 1, "question": 2, "option": 3, "image": 4, "rationale": 5, "answer": 6, "type": 7}\n{', "line 2: not"),
        (json.dumps({**ITEM, "image": ["c7"]}), "field image: 'c7' is not of the form"),
        (json.dumps(ITEM) + '\n{"id": 1}', "line 2: lacks the fields question"),
    ],
)
def test_files_that_cannot_be_used_are_named(tmp_path, line, told):
    (tmp_path / "data.jsonl").write_text(line)
    with pytest.raises(InputError, match=rf"data\.jsonl, .*{told}"):
        list(read_comt(tmp_path))


def test_a_folder_without_it_and_a_type_that_it_lacks_are_named(tmp_path):
    with pytest.raises(InputError, match=r"no data\.jsonl of CoMT"):
        list(read_comt(tmp_path))
    with pytest.raises(InputError, match="type other: CoMT has creation"):
        list(read_comt(tmp_path, "other"))


def official_judge(text, choices):
    """CoMT's rule, told anew from the description of its script: for comparison."""
    if "[Answer]" in text:
        text = text.split("ANSWER:")[-1]
    brackets = [c for a, c, b in zip(text, text[1:], text[2:], strict=False) if a == "(" and b == ")"]
    brackets = [c for c in brackets if c.isascii() and c.isalpha()]
    if brackets:
        return brackets[-1].upper()
    if named := ["ABCD"[n] for n, choice in enumerate(choices) if choice.lower() in text.lower()]:
        return named[-1]
    for mark in "\n.,!?":
        text = text.replace(mark, " ")
    for letters in ("ABCD", "abcd"):
        if alone := [c for c in letters[: len(choices)] if c in text.split(" ")]:
            return alone[-1].upper()
    return None


def test_the_judging_rule_is_the_published_one():
    parts = ["(A)", "(b)", "[Answer] ", "ANSWER: ", "70 degrees", "D", "a", "c.", "x", "(F)", "\n", " ", "35"]
    rng = np.random.default_rng(0)
    for _ in range(3000):
        text = "".join(rng.choice(parts, size=rng.integers(0, 7)))
        options = ("35 degrees", "70 degrees", "110 degrees", "145 degrees")[: rng.integers(2, 5)]
        assert geometry.judge(text, options) == official_judge(text, options), text
