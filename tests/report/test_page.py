import json
import re
from collections import Counter

import pytest

from mirage_core import manifest
from mirage_core.benchmark.policies import BaselineScores, PolicyScore
from mirage_core.benchmark.results import Answer, summarize
from mirage_core.puzzles import vsp
from mirage_core.report.page import build_report
from mirage_core.row import Row, encode_png, write_rows
from mirage_core.training import METRICS_FILE

BOARD = vsp.Board(("SFF", "FHF", "FFG"))
LIE = 'Moving right to [(0,1),Hole] <script>alert("thought")</script>'


def seal(folder, stage, **counts):
    """Make a folder an artifact whose digest is the folder's name."""
    manifest.write(folder, stage=stage, version=3, digest=folder.name, inputs={}, seed=11, counts=counts, wall_s=2.5)
    return folder


def make_row(number, verdict="ok", thought="So."):
    return Row(
        id=f"row-{number}",
        task=vsp.TASK,
        split="train",
        level=3 + number,
        question=vsp.QUESTION,
        images=[encode_png(vsp.render(BOARD))],
        helper_images=[encode_png(vsp.helper_image(BOARD, "RRDD"))],
        thought_before="I look & think.",
        thought_after=thought,
        answer="R,R,D,D",
        teacher="oracle",
        verdict=verdict,
    )


def make_data(root, rejects=()):
    folder = root / "data-digest"
    write_rows([make_row(number, thought=LIE) for number in range(2)], str(folder / "rows"))
    write_rows(rejects, str(folder / "rejected"))
    reasons = dict(Counter(row.verdict for row in rejects))
    return seal(folder, "dataset", asked=2 + len(rejects), kept=2, rejected=reasons)


def make_stage(root):
    folder = root / "stage-digest"
    folder.mkdir()
    logs = [{"step": step, "loss": 1 / step, "alignment": 0.5, "learning_rate": 1e-3} for step in (1, 5, 10)]
    (folder / METRICS_FILE).write_text("".join(json.dumps(line) + "\n" for line in logs))
    return seal(folder, "stage1", updates=10)


def make_scores(root, model, num_right, num_latents, test_sets=("official",)):
    folder = root / f"scores-{model}"
    folder.mkdir()
    answers = [
        Answer(
            id=f"item-{number}",
            level=3,
            output=rf"<|latent_start|>{model}\boxed{{R,R,D,D}}",
            reason="ok" if number < num_right else "hole",
            reason_vsp="ok",
            num_latents=num_latents,
            needs_planning=number == 0,
        )
        for number in range(8)
    ]
    for number, test_set in enumerate(test_sets):
        scores = summarize(answers, model, test_set, seconds=1.0)
        (folder / f"scores-{number}.json").write_text(scores.model_dump_json())
    return seal(folder, "benchmark")


def make_baselines(root, test_sets=("official",), where_walks_fail=0.25):
    folder = root / "baselines-digest"
    folder.mkdir()
    policy = PolicyScore(name="blind & brave", overall=0.7275, by_level={3: 0.7}, where_walks_fail=where_walks_fail)
    for number, test_set in enumerate(test_sets):
        scores = BaselineScores(test_set=test_set, n=8, policies=(policy,))
        (folder / f"baselines-{number}.json").write_text(scores.model_dump_json())
    return seal(folder, "baselines")


@pytest.fixture
def page(tmp_path):
    """A function that builds a report of two arms and returns (counts, html)."""

    def build(rejects=(), test_sets=("official",), where_walks_fail=0.25, num_latents=4):
        arms = [
            make_scores(tmp_path, "mirage", 6, num_latents, test_sets),
            make_scores(tmp_path, "direct", 2, 0, test_sets),
        ]
        baselines = make_baselines(tmp_path, test_sets, where_walks_fail)
        data, stage = make_data(tmp_path, rejects), make_stage(tmp_path)
        counts = build_report("a <run>", data, [stage], arms, baselines, tmp_path)
        return counts, (tmp_path / "report.html").read_text()

    return build


def test_the_page_needs_no_other_file(page):
    _, html = page()
    assert not re.search(r"(src|href)\s*=\s*[\"']?\s*(https?:|//|file:|[\w./-]+\.(js|css|png|svg))", html)
    assert not re.search(r"@import|url\(\s*[\"']?(?!#)|<link\b|<script\b|<iframe\b", html)
    assert html.count('src="data:image/png;base64,') == 4  # puzzle and helper image of two rows


def test_texts_of_models_and_teachers_are_escaped(page):
    _, html = page(rejects=[make_row(9, "wrong_tile", LIE)])
    assert "<script" not in html
    assert html.count("&lt;script&gt;alert(") == 3
    assert "&lt;|latent_start|&gt;mirage" in html and "a &lt;run&gt;" in html and "blind &amp; brave" in html


def test_every_model_and_policy_stands_in_the_table(page):
    counts, html = page()
    assert counts == {"models": 2, "test_sets": 1, "bytes": len(html.encode())}
    rows = {cells[0]: cells[1:] for line in re.findall(r"<tr.*?</tr>", html, re.DOTALL) if (cells := _cells(line))}
    assert rows["mirage"][0] == "75.0 %" and rows["direct"][0] == "25.0 %"
    assert rows["mirage"][1] == "40.9 % to 92.9 %"
    assert rows["mirage"][3] == "100.0 % (n = 1)" and rows["mirage"][5] == "100.0 %" and rows["direct"][5] == "0.0 %"
    assert rows["blind &amp; brave"][:4] == ["72.8 %", "", "70.0 %", "25.0 %"]


def _cells(line):
    return [re.sub("<[^>]*>", "", cell).strip() for cell in re.findall("<td.*?</td>", line, re.DOTALL)]


def test_rejects_are_shown_with_their_reasons(page):
    _, html = page(rejects=[make_row(7, "wrong_tile"), make_row(8, "wrong_move"), make_row(9, "wrong_tile")])
    assert "<td>wrong_tile</td><td>2</td>" in html and "<td>wrong_move</td><td>1</td>" in html
    assert all(f"row-{number}" in html for number in (7, 8, 9))


def test_no_rejects_are_said_to_be_none(page):
    assert "None: all 2 thoughts agree with their boards." in page()[1]


def test_curves_and_lineage_are_there(page):
    _, html = page()
    assert html.count("<svg") == 2  # loss and alignment; the learning rate is no result
    for digest in ("data-digest", "stage-digest", "scores-mirage", "scores-direct", "baselines-digest"):
        assert f"<code>{digest}</code>" in html


def test_answers_shown_are_those_of_the_best_model_with_latents(page):
    assert "mirage on official:" in page()[1]


def test_a_run_without_latents_can_be_reported(page):
    assert "mirage on official:" in page(num_latents=0)[1]


def test_every_test_set_has_its_table(page):
    counts, html = page(test_sets=("official", "validation"))
    assert counts["test_sets"] == 2
    assert "<h3>official, n = 8</h3>" in html and "<h3>validation, n = 8</h3>" in html


def test_policies_without_a_board_where_walks_fail_show_a_dash(page):
    _, html = page(where_walks_fail=None)
    rows = {cells[0]: cells[1:] for line in re.findall(r"<tr.*?</tr>", html, re.DOTALL) if (cells := _cells(line))}
    assert rows["blind &amp; brave"][3] == "–"
