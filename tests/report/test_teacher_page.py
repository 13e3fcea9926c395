import re

import numpy as np

from mirage_core import manifest
from mirage_core.puzzles import vsp
from mirage_core.report.teacher import build_teacher_report
from mirage_core.row import Row, encode_png, write_rows
from mirage_core.teacher import oracle
from mirage_core.teacher.settings import ServerTeacher

NO_PRICE = ServerTeacher()
ASKED = {
    "thoughts": 20, "accepted": 12, "accepted_at_once": 9, "fallbacks": 0, "failed": 1, "replies": 40,
    "prompt_tokens": 80_000, "completion_tokens": 4_000, "seconds": 20.0, "refused": {"leak": 21, "wrong_tile": 6},
}  # fmt: skip
LIE = "Going there, I fall into a hole <script>alert(1)</script>."


def make_row(number, lie=""):
    rng = np.random.default_rng([5, number])
    board = vsp.sample(rng, 3 + number % 3, 0.2)
    plan = vsp.solve(board)
    thought = oracle.explain(board, plan, rng)
    return Row(
        id=f"row-{number}",
        task=vsp.TASK,
        split="train",
        level=board.size,
        question=vsp.QUESTION,
        images=[encode_png(vsp.render(board))],
        helper_images=[encode_png(vsp.helper_image(board, plan))],
        thought_before=thought.before,
        thought_after=f"{thought.after} {lie}",
        answer=vsp.answer_text(plan),
        meta={"board": board.rows, "plan": plan},
        teacher="a-model",
    )


def make_data(folder, num_kept, rejects):
    write_rows([make_row(number) for number in range(num_kept)], str(folder / "rows"))
    write_rows(rejects, str(folder / "rejected"))
    manifest.write(folder, stage="dataset", version=1, digest="d1", inputs={}, seed=1, counts={}, wall_s=1.0)
    return folder


def lies(number, sentence, verdict):
    return [Row(**{**vars(make_row(index, sentence)), "verdict": verdict}) for index in range(number)]


def test_the_page_shows_rates_reasons_cost_and_the_offending_sentence(tmp_path):
    leak = "I follow the red line."
    data = make_data(tmp_path / "data", 12, [*lies(3, LIE, "wrong_outcome"), *lies(5, leak, "leak")])
    counts = build_teacher_report("small", data, ASKED, ServerTeacher(price_in=3.0, price_out=15.0), tmp_path)
    html = (tmp_path / "teacher.html").read_text(encoding="utf-8")
    assert counts == {"thoughts": 20, "accepted": 12, "bytes": len(html.encode())}
    assert "<b>60.0 %</b> of 20 thoughts stand" in html
    assert html.count("<mark>I follow the red line.</mark>") == 2 and html.count("<mark>Going there, I fall") == 2
    assert "<script>" not in html and "&lt;script&gt;" in html
    assert html.index("<h3><code>leak</code>") < html.index("<h3><code>wrong_outcome</code>")
    assert "80,000" in html and ">0.30<" in html and ">0.02500<" in html and ">3.33<" in html
    assert "45.0 % of the thoughts were accepted at once, 60.0 % in the end" in html and "1 got no answer" in html
    assert html.index("<code>leak</code></td><td>21<") < html.index("<code>wrong_tile</code></td><td>6<")
    assert html.count("data:image/png;base64,") == 8
    assert not re.findall(r'(?:src|href)="(?!data:|#)', html)


def test_a_set_without_rejects_or_usage_has_a_page(tmp_path):
    data = make_data(tmp_path / "data", 3, [])
    assert build_teacher_report("all well", data, {}, NO_PRICE, tmp_path)["accepted"] == 3
    html = (tmp_path / "teacher.html").read_text(encoding="utf-8")
    assert "<b>100.0 %</b> of 3 thoughts" in html and "Cost" not in html and "None." in html


def test_a_set_of_rejects_alone_has_a_page(tmp_path):
    data = make_data(tmp_path / "data", 0, lies(2, LIE, "no_markers"))
    assert build_teacher_report("none", data, {**ASKED, "accepted": 0}, NO_PRICE, tmp_path)["accepted"] == 0
    assert "not given" in (tmp_path / "teacher.html").read_text(encoding="utf-8")
