"""The report on SAT: rows with all their pictures and their question, types instead of levels, circular evaluation."""

import re

import numpy as np
import pytest
from test_page import seal

from mirage_core.benchmark.policies import score_policies
from mirage_core.benchmark.results import Answer, summarize
from mirage_core.puzzles import sat
from mirage_core.report.page import build_report
from mirage_core.row import Row, encode_png, write_rows

CHOICES = ["rotated left", "rotated right"]


def picture(shade):
    return encode_png(np.full((8, 8, 3), shade, np.uint8))


def make_row(number, turn, num_images=2):
    choices = CHOICES[turn:] + CHOICES[:turn]
    return Row(
        id=f"sat-sat_test-{number:06d}-{turn}", task=sat.TASK, split="train", level=1 + number % 2,
        question=sat.question_text("How did the camera rotate?", choices, num_images),
        images=[picture(10 + place) for place in range(num_images)], helper_images=[picture(30)],
        thought_before="Let me imagine it.", thought_after="So it rotated left.", answer=CHOICES[0], choices=choices,
        meta=sat.choice_meta(choices, choices.index(CHOICES[0]), sat.QUESTION_TYPES[number % 2]), teacher="oracle",
    )  # fmt: skip


@pytest.fixture(params=[2])
def html(tmp_path, request):
    rows = [make_row(number, turn, request.param) for number in range(4) for turn in (0, 1)]
    for folder, name in ((tmp_path / "data-digest", "rows"), (tmp_path / "data-digest", "rejected")):
        write_rows(rows if name == "rows" else [], str(folder / name))
    data = seal(tmp_path / "data-digest", "sat-dataset", kept=8, asked=8, rejected={})
    answers = [
        Answer(id=row.id, level=row.level, output="", reason="ok" if number < 5 else "wrong_choice", reason_vsp=None,
               num_latents=0, needs_planning=None)
        for number, row in enumerate(rows)
    ]  # fmt: skip
    for name in ("scores-model", "baselines-digest"):
        (tmp_path / name).mkdir()
    scores = summarize(answers, sat.TASK, "model", "SAT-Real", 1.0)
    (tmp_path / "scores-model/scores-0.json").write_text(scores.model_dump_json())
    policies = score_policies(rows, "SAT-Real")
    (tmp_path / "baselines-digest/baselines-0.json").write_text(policies.model_dump_json())
    scored, blind = seal(tmp_path / "scores-model", "benchmark"), seal(tmp_path / "baselines-digest", "baselines")
    build_report("rooms", data, [], [scored], blind, tmp_path)
    return (tmp_path / "report.html").read_text()


def test_rows_show_every_picture_and_what_is_asked(html):
    shown = html[html.index("Sample rows") :]
    assert shown.count('alt="puzzle"') == 2 * 2 and shown.count('alt="helper image"') == 2
    assert "How did the camera rotate? (rotated left / rotated right)" in shown
    assert "Choose between" not in shown and "Plan:" not in shown


@pytest.mark.parametrize(
    ("html", "pictures"), [(1, ["first picture"]), (2, ["first picture", "second picture"])], indirect=["html"]
)
def test_the_contact_sheet_has_a_column_for_every_picture(html, pictures):
    sheet = html[html.index("Contact sheet") : html.index("<h2>Data")]
    head, *lines = re.findall(r"<tr.*?</tr>", sheet, re.DOTALL)
    assert re.findall(r"<th.*?>(.*?)</th>", head) == ["type", *pictures, "helper image", "question, thoughts, answer"]
    assert [line.count("<td") for line in lines] == [len(pictures) + 3] * 4
    assert [line.count("<img") for line in lines] == [len(pictures) + 1] * 4


def test_types_stand_for_levels_and_orders_count_together(html):
    scores = html[html.index("<h2>Scores") :].split("</table>")[0]
    assert "<th>obj movement</th>" in scores and "<th>action sequence</th>" in scores and "level 1" not in scores
    assert "50.0 % (n = 4)" in scores  # five of eight rows are right, and two of four items in both orders
    assert "62.5 %" in scores and "first choice" in scores
    assert "circular evaluation" in html


def test_the_contact_sheet_stands_beside_what_needs_no_picture(html):
    section = html[html.index("<h2>Rooms</h2>") : html.index("<h2>Data</h2>")]
    assert "first choice" in section and "50.0 %" in section
    assert section.count("data:image/png") == 2 * 2 * 3  # two rows of two types, with three pictures each
    assert "action sequence" in section and "Let me imagine it." in section
