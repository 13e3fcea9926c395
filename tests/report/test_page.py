import json
import re
import shutil
from collections import Counter
from dataclasses import replace

import pytest

from mirage_core import manifest
from mirage_core.benchmark.latent_results import (
    OWN,
    SWAPPED,
    ZEROS,
    Collapse,
    LatentScores,
    LatentStatistics,
    Neighbours,
    Retrieval,
    compare,
)
from mirage_core.benchmark.policies import BaselineScores, PolicyScore
from mirage_core.benchmark.results import Answer, Sample, summarize
from mirage_core.puzzles import vsp, vsp_reasoning
from mirage_core.report.page import build_report
from mirage_core.row import Row, encode_png, write_rows
from mirage_core.training import METRICS_FILE

pytestmark = pytest.mark.thorough

BOARD = vsp.Board(("SFF", "FHF", "FFG"))
LIE = 'Moving right to [(0,1),Hole] <script>alert("thought")</script>'


def seal(folder, stage, inputs=None, **counts):
    """Make a folder an artifact whose digest is the folder's name."""
    manifest.write(
        folder, stage=stage, version=3, digest=folder.name, inputs=inputs or {}, seed=11, counts=counts, wall_s=2.5
    )
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
    del logs[0]["alignment"], logs[2]["alignment"]  # not every line has every metric
    (folder / METRICS_FILE).write_text("".join(json.dumps(line) + "\n" for line in logs))
    return seal(folder, "stage1", updates=10)


def make_scores(root, model, num_right, num_latents, test_sets=("official",), task=vsp.TASK, num_samples=0):
    """Eight answers at level 3, of which the last is no answer, and one at level 7 that never counts."""
    folder = root / f"scores-{model}"
    folder.mkdir()
    planning = task == vsp.TASK
    answers = [
        Answer(
            id=f"item-{number}",
            level=3 if number < 8 else 7,
            output=rf"<|latent_start|>{model}\boxed{{R,R,D,D}}",
            reason="ok" if number < num_right else "no_answer" if number == 7 else "hole",
            reason_vsp="ok" if planning else None,
            num_latents=num_latents,
            needs_planning=number == 0 if planning else None,
            samples=(Sample(tail="R", reason="ok"), Sample(tail="D", reason="hole"))[:num_samples],
        )
        for number in range(9)
    ]
    for number, test_set in enumerate(test_sets):
        scores = summarize(answers, task, model, test_set, seconds=1.0)
        (folder / f"scores-{number}.json").write_text(scores.model_dump_json())
    return seal(folder, "benchmark")


def make_baselines(root, test_sets=("official",), where_walks_fail=0.25, task=vsp.TASK):
    folder = root / "baselines-digest"
    folder.mkdir()
    policy = PolicyScore(
        name="blind & brave", overall=0.7275, by_level={3: 0.7, 7: 0.5}, where_walks_fail=where_walks_fail
    )
    for number, test_set in enumerate(test_sets):
        scores = BaselineScores(test_set=test_set, task=task, headline=(3,), n=9, policies=(policy,))
        (folder / f"baselines-{number}.json").write_text(scores.model_dump_json())
    return seal(folder, "baselines")


@pytest.fixture
def page(tmp_path):
    """A function that builds a report of two arms and returns (counts, html)."""

    def build(rejects=(), test_sets=("official",), where_walks_fail=0.25, num_latents=4, task=vsp.TASK, num_samples=0):
        how = {"test_sets": test_sets, "task": task, "num_samples": num_samples}
        arms = [make_scores(tmp_path, "mirage", 6, num_latents, **how), make_scores(tmp_path, "direct", 2, 0, **how)]
        baselines = make_baselines(tmp_path, test_sets, where_walks_fail, task)
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
    columns, rows = table_of(html)
    assert columns == [
        "model", "right", "95 % interval", "wrong", "invalid", "level 3", "level 7", "where walks fail", "VSP's rule",
        "emits latents",
    ]  # fmt: skip
    assert rows["mirage"] == [
        "75.0 %", "37.5 % to 100.0 %", "12.5 %", "12.5 %", "75.0 %", "0.0 %", "100.0 % (n = 1)", "100.0 %", "100.0 %",
    ]  # fmt: skip
    assert rows["direct"][:4] == ["25.0 %", "0.0 % to 62.5 %", "62.5 %", "12.5 %"] and rows["direct"][-1] == "0.0 %"
    assert rows["blind &amp; brave"] == ["72.8 %", "", "", "", "70.0 %", "50.0 %", "25.0 %", "", ""]


def table_of(html):
    """Column names and rows, by their first cells, of the table of scores."""
    table = html[html.index("<h2>Scores") :].split("</table>")[0]
    columns = re.findall("<th>(.*?)</th>", table)
    rows = {cells[0]: cells[1:] for line in re.findall(r"<tr.*?</tr>", table, re.DOTALL) if (cells := _cells(line))}
    assert all(len(cells) == len(columns) - 1 for cells in rows.values())
    return columns, rows


def _cells(line):
    return [re.sub("<[^>]*>", "", cell).strip() for cell in re.findall("<td.*?</td>", line, re.DOTALL)]


def test_other_levels_than_those_of_the_paper_stand_apart(page):
    assert "levels 3; those of levels 7 (1 more) stand in their own columns only." in page()[1]


def test_sampled_answers_have_columns_of_their_own(page):
    columns, rows = table_of(page(num_samples=2)[1])
    assert columns[3] == "right when sampled" and rows["mirage"][2] == "50.0 %"
    assert rows["mirage"][3] == "21.5 % to 78.5 %"  # the items agree: Wilson's bound
    assert rows["blind &amp; brave"][:5] == ["72.8 %", "", "", "", ""]


def test_reasoning_has_neither_walks_nor_a_second_rule(page):
    columns, rows = table_of(page(task=vsp_reasoning.TASK, where_walks_fail=None)[1])
    assert columns == [
        "model", "right", "95 % interval", "wrong", "invalid", "level 3", "level 7", "emits latents",
    ]  # fmt: skip
    assert rows["mirage"][0] == "75.0 %"


def test_models_are_compared_on_the_same_items(page):
    _, html = page()
    table = html[html.index("Model against model") :].split("</table>")[0]
    (pair,) = [cells for line in re.findall(r"<tr.*?</tr>", table, re.DOTALL) if (cells := _cells(line))]
    assert pair[:3] == ["mirage", "direct", "+50.0"] and pair[4:] == ["4", "0", "8"]
    assert "<b>+50.0</b>" in table and pair[3].startswith("+12.5 to +")


def test_rejects_are_shown_with_their_reasons(page):
    _, html = page(rejects=[make_row(7, "wrong_tile"), make_row(8, "wrong_move"), make_row(9, "wrong_tile")])
    assert "<td>wrong_tile</td><td>2</td>" in html and "<td>wrong_move</td><td>1</td>" in html
    assert all(f"row-{number}" in html for number in (7, 8, 9))


def test_no_rejects_are_said_to_be_none(page):
    assert "None: all 2 thoughts agree with their puzzles." in page()[1]


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
    columns, rows = table_of(page(where_walks_fail=None)[1])
    assert rows["blind &amp; brave"][columns.index("where walks fail") - 1] == "–"


def build_of(data, root):
    arms = [make_scores(root, "mirage", 6, 4), make_scores(root, "direct", 2, 0)]
    build_report("a run", data, [make_stage(root)], arms, make_baselines(root), root)
    return (root / "report.html").read_text()


def test_reasoning_rows_show_the_plan_they_ask_about(tmp_path):
    step = encode_png(vsp.render(BOARD, (0, 1), "right"))
    told = [
        replace(
            make_row(0), id=f"row-0-{thought}", task=vsp_reasoning.TASK, helper_images=[step], answer="A",
            meta={"board": list(BOARD.rows), "plan": "RRDD", "step": 1, "thought": thought},
        )
        for thought in range(3)
    ]  # fmt: skip
    write_rows(told, str(tmp_path / "data/rows"))
    write_rows([], str(tmp_path / "data/rejected"))
    html = build_of(seal(tmp_path / "data", "dataset", asked=3, kept=3, rejected={}), tmp_path)
    assert "Plan: RIGHT, RIGHT, DOWN, DOWN" in html and r"\boxed{A}" in html
    assert "row-0-0" in html and "row-0-1" not in html  # one row of a puzzle is enough


def test_rows_without_a_helper_image_can_be_shown(tmp_path):
    write_rows([replace(make_row(0), helper_images=[])], str(tmp_path / "data/rows"))
    write_rows([], str(tmp_path / "data/rejected"))
    counts = {"asked": 1, "kept": 1, "official boards": {"rows": 0, "boards": 0}, "rejected": {}}
    html = build_of(seal(tmp_path / "data", "published", **counts), tmp_path)
    assert "no helper image" in html and "rows 0, boards 0" in html


def test_boards_that_were_kept_out_are_counted(tmp_path):
    """The puzzles stage lies two steps upstream; where it lies elsewhere, nothing is said."""
    puzzles, pictures, data = (tmp_path / name for name in ("puzzles/p1", "helper-images/h1", "dataset/d1"))
    write_rows([make_row(0)], str(data / "rows"))
    write_rows([], str(data / "rejected"))
    for folder in (puzzles, pictures):
        folder.mkdir(parents=True)
    seal(puzzles, "puzzles", asked=9, kept=9, rejected={"official_test_board": 2, "repeated_board": 5})
    seal(pictures, "helper-images", {"puzzles": {"stage": "puzzles", "digest": "p1"}})
    inputs = {
        "pictures": {"stage": "helper-images", "digest": "h1"},
        "thoughts": {"stage": "reasoning", "digest": "r1"},
    }
    seal(data, "dataset", inputs, asked=1, kept=1, rejected={})
    assert "official test board 2, repeated board 5" in build_of(data, tmp_path)
    shutil.rmtree(puzzles)
    shutil.rmtree(tmp_path / "stage-digest")
    for made in ("scores-mirage", "scores-direct", "baselines-digest"):
        shutil.rmtree(tmp_path / made)
    assert "Collisions avoided" not in build_of(data, tmp_path)


# latent tests


def scores_of_latents(test_set="official", num_swapped=0, **statistics):
    """Twelve items, all right with own latents."""
    told = [
        Answer(
            id=str(number), level=3, output="", reason="ok", reason_vsp="ok", num_latents=4, needs_planning=number < 3
        )
        for number in range(12)
    ]  # fmt: skip
    fallen = [answer.model_copy(update={"reason": "hole"}) for answer in told]
    swapped = [*told[:num_swapped], *fallen[num_swapped:]]
    replaced = [(OWN, told), (ZEROS, fallen), (SWAPPED, swapped)]
    alike = Collapse(per_place=(0.987, 0.654), overall=0.876, within_span=None)
    known = {
        "num_items": 12, "collapse": alike, "collapse_of_targets": None, "retrieval": None, "retrieval_centred": None,
        "neighbours": Neighbours(visual_share=0.25, num_each=99), "norms": {"latents": (12.5, 0.5)},
        "map": {"text tokens": ((0.0, 1.0), (2.0, 3.0)), "image features": ((1.0, 1.0),), "latents": ((5.0, -4.0),)},
    }  # fmt: skip
    return LatentScores(
        model="mirage <b>", test_set=test_set, n=12, num_with_latents=11,
        replaced=tuple(compare(name, answers, told, vsp.TASK, test_set) for name, answers in replaced),
        statistics=LatentStatistics(**(known | statistics)),
    )  # fmt: skip


def latent_section_of(root, *tested):
    arms = [make_scores(root, "mirage", 6, 4, ("official", "validation")), make_scores(root, "direct", 2, 0)]
    for number, one in enumerate(tested):
        (root / f"scores-mirage/latents-{number}.json").write_text(one.model_dump_json())
    baselines = make_baselines(root, ("official",))
    build_report("a run", make_data(root), [make_stage(root)], arms, baselines, root)
    html = (root / "report.html").read_text()
    return html.split("<h2>Do the latents do any work?</h2>")[1].split("<h2>")[0]


def test_latent_tests_stand_in_a_section_with_a_verdict_in_words(tmp_path):
    section = latent_section_of(tmp_path, scores_of_latents())
    assert "mirage &lt;b&gt;</b> (n = 12, 11 with latents): They do: accuracy falls by 100.0 points" in section
    rows = [cells for line in re.findall(r"<tr.*?</tr>", section, re.DOTALL) if (cells := _cells(line))]
    assert [row[1] for row in rows] == [OWN, ZEROS, "another row&#39;s"]
    assert rows[0][2] == "100.0 %" and rows[0][4:6] == ["", ""]
    assert rows[2][2] == "0.0 %" and rows[2][4] == "+100.0" and rows[2][6] == "0.0 % (n = 3)"
    assert {len(row) for row in rows} == {len(re.findall("<th[ >]", section))} == {10}
    assert "so the true ones cannot be put in" in section


def test_twelve_items_settle_nothing_where_nothing_falls(tmp_path):
    assert "Not settled: accuracy changes by 0.0 points" in latent_section_of(
        tmp_path, scores_of_latents(num_swapped=12)
    )


def test_statistics_and_a_map_stand_below(tmp_path):
    found = Retrieval(recall_at_1=0.5, mrr=0.625, chance_recall_at_1=1 / 12, chance_mrr=0.259)
    section = latent_section_of(
        tmp_path, scores_of_latents(), scores_of_latents("validation", retrieval=found, retrieval_centred=found)
    )
    assert "mean cosine of 0.876 (by place 0.987, 0.654)" in section and "for 25.0 % of latents (99 of each)" in section
    assert (
        "nearest of 12 for 50.0 % of items (mean reciprocal rank 0.625)" in section
        and "latents 12.50 ± 0.50" in section
    )
    assert section.count("<svg") == 2 and "image features</text>" in section
    assert "<h3>official</h3>" in section and "<h3>validation</h3>" in section


def test_without_latent_tests_there_is_no_section(page):
    assert "any work?" not in page()[1]
