import json
import re

import pytest

from mirage_core import manifest
from mirage_core.benchmark.policies import BaselineScores, PolicyScore
from mirage_core.benchmark.results import Answer, summarize
from mirage_core.errors import InputError
from mirage_core.puzzles import vsp
from mirage_core.report.study import ArmRun, build_study_report
from mirage_core.training import METRICS_FILE

pytestmark = pytest.mark.thorough

ITEMS = range(9)
"""Eight at level 3, of which the first two need planning, and one at level 7 that never counts."""


def seal(folder, stage, inputs=None, wall_s=2.5, **counts):
    manifest.write(
        folder, stage=stage, version=1, digest=folder.name, inputs=inputs or {}, seed=0, counts=counts, wall_s=wall_s
    )
    return folder


@pytest.fixture
def study(tmp_path):
    """Functions that lay out an artifact root by hand."""
    return Study(tmp_path)


class Study:
    def __init__(self, root):
        self.root, self.runs = root, []

    def folder(self, stage, name):
        folder = self.root / stage / name
        folder.mkdir(parents=True)
        return folder

    def train(self, stage, name, start=None, updates=8, metric="loss", steps=(1, 5)):
        folder = self.folder(stage, name)
        lines = [{"step": step, metric: 1 / step, "learning_rate": 1e-3} for step in steps]
        (folder / METRICS_FILE).write_text("".join(json.dumps(line) + "\n" for line in lines))
        inputs = {"start": {"stage": start.parent.name, "digest": start.name} if start else {"name": "tiny"}}
        return seal(folder, stage, inputs, wall_s=10, updates=updates)

    def add(self, arm, seed, num_right, trained=None, test_sets=("official",), num_latents=0, walks=True):
        """Answers of which the first `num_right` of the eight are right, and the ninth."""
        folder = self.folder("benchmark", f"{re.sub('[^a-z0-9]', '-', arm)}-{seed}")
        told = [
            Answer(
                id=f"item-{n}", level=3 if n < 8 else 7, output="", reason="ok" if n < num_right or n == 8 else "hole",
                reason_vsp="ok", num_latents=num_latents, needs_planning=n < 2 if walks else None,
            )
            for n in ITEMS
        ]  # fmt: skip
        for number, test_set in enumerate(test_sets):
            (folder / f"scores-{number}.json").write_text(
                summarize(told, vsp.TASK, arm, test_set, 1.0).model_dump_json()
            )
        self.runs.append(ArmRun(arm, seed, trained, seal(folder, "benchmark")))

    def build(self, references=("direct",), test_sets=("official",), walks=True):
        policies = self.folder("baselines", "policies")
        hard = 0.25 if walks else None
        best = PolicyScore(name="blind & brave", overall=0.7275, by_level={3: 0.7, 7: 0.5}, where_walks_fail=hard)
        for number, test_set in enumerate(test_sets):
            scores = BaselineScores(test_set=test_set, task=vsp.TASK, headline=(3,), n=9, policies=(best,))
            (policies / f"baselines-{number}.json").write_text(scores.model_dump_json())
        data, out = seal(self.folder("dataset", "data"), "dataset"), self.folder("study-report", "out")
        counts = build_study_report("a <study>", data, self.runs, seal(policies, "baselines"), references, out)
        return counts, (out / "report.html").read_text(), (out / "tables.md").read_text()


@pytest.fixture
def usual(study):
    """Two arms of three seeds beside the base model."""
    study.add("base", None, 0)
    for seed, (direct, both) in enumerate([(4, 6), (2, 6), (6, 6)]):
        study.add("direct", seed, direct, study.train("direct", f"direct-{seed}", updates=16))
        stage1 = study.train("stage1", f"first-{seed}")
        study.add("both", seed, both, study.train("stage2", f"second-{seed}", stage1), num_latents=4)
    return study


def tables_of(html):
    """Every table as rows of texts, by the heading or figure above it."""
    return [
        [[re.sub("<[^>]*>", "", cell).strip() for cell in re.findall(r"<t[dh].*?</t[dh]>", line, re.DOTALL)]
         for line in re.findall(r"<tr.*?</tr>", table, re.DOTALL)]
        for table in re.findall(r"<table>.*?</table>", html, re.DOTALL)
    ]  # fmt: skip


def test_the_main_table_holds_what_one_counts_by_hand(usual):
    counts, html, _ = usual.build()
    assert counts == {"arms": 3, "runs": 7, "test_sets": 1, "bytes": len(html.encode())}
    head, *rows = tables_of(html)[0]
    assert head == [
        "arm", "accuracy", "95 % interval", "each seed, %", "where walks fail (n = 2)", "95 % interval", "each seed, %",
        "level 3", "level 7", "emits latents",
    ]  # fmt: skip
    by_arm = {row[0]: row[1:] for row in rows}
    assert list(by_arm) == ["base", "direct", "both", "blind &amp; brave"]
    assert by_arm["base"][0] == "0.0 %" and by_arm["base"][2] == "0.0"
    assert by_arm["direct"][0] == "50.0 %" and by_arm["direct"][2] == "50.0, 25.0, 75.0"
    assert by_arm["direct"][3:4] + by_arm["direct"][5:] == [
        "100.0 %",
        "100.0, 100.0, 100.0",
        "50.0 %",
        "100.0 %",
        "0.0 %",
    ]
    assert by_arm["both"][0] == "75.0 %" and by_arm["both"][-1] == "100.0 %"
    assert by_arm["blind &amp; brave"] == ["72.8 %", "", "", "25.0 %", "", "", "70.0 %", "50.0 %", ""]


def test_arms_are_compared_with_each_reference_seed_by_seed(usual):
    _, html, _ = usual.build(references=("direct", "both"))
    to_direct, to_both = ({row[0]: row[1:] for row in table[1:]} for table in tables_of(html)[1:3])
    assert list(to_direct) == ["base", "both"] and list(to_both) == ["base", "direct"]
    assert (to_direct["both"][0], to_direct["both"][2]) == ("+25.0", "+25.0, +50.0, +0.0")
    assert (to_direct["base"][0], to_direct["base"][2]) == ("-50.0", "-50.0, -25.0, -75.0")
    assert to_both["direct"][3] == "+0.0"


def test_where_nobody_walks_no_column_tells_of_it(study):
    study.add("base", None, 0, walks=False)
    study.add("direct", 0, 4, study.train("direct", "direct-0"), walks=False)
    _, html, markdown = study.build(walks=False)
    main, differences = tables_of(html)[:2]
    assert main[0] == ["arm", "accuracy", "95 % interval", "each seed, %", "level 3", "level 7", "emits latents"]
    assert all(len(row) == 7 for row in main) and len(differences[0]) == len(differences[1]) == 4
    assert "walks" not in html and "walks" not in markdown


def test_the_page_needs_no_other_file_and_escapes_its_texts(usual):
    _, html, _ = usual.build()
    assert not re.search(r"(src|href)\s*=\s*[\"']?\s*(https?:|//|file:|[\w./-]+\.(js|css|png|svg))", html)
    assert "a &lt;study&gt;" in html and "a <study>" not in html


def test_the_markdown_says_the_same(usual):
    _, html, markdown = usual.build()
    lines = [line.strip("| ").split(" | ") for line in markdown.splitlines() if line.startswith("|")]
    assert lines[0] == ["arm", "accuracy (n = 8)", "each seed, %", "where walks fail (n = 2)", "level 3", "level 7"]
    row = next(line for line in lines if line[0] == "direct")
    interval = next(row for row in tables_of(html)[0] if row[0] == "direct")[2]
    assert row[1] == f"50.0 % ({interval.replace(' %', '')})" and row[2] == "50.0, 25.0, 75.0"
    assert "Training seeds: 0, 1, 2." in markdown and "| base | direct | -50.0 (" in markdown


def test_training_is_told_from_the_base_on(usual):
    _, html, _ = usual.build()
    rows = {row[0]: row[1:] for row in tables_of(html)[-2]}
    assert rows["both"] == ["stage1 + stage2", "8 + 8", "20", "3"] and rows["direct"] == ["direct", "16", "10", "3"]
    assert rows["base"] == ["none", "0", "0", "1"]


def test_curves_have_a_line_for_every_seed_and_grpo_shows_its_reward(study):
    for seed in (0, 1):
        study.add("direct", seed, 4, study.train("direct", f"direct-{seed}"))
        study.add("direct + GRPO", seed, 4, study.train("grpo", f"grpo-{seed}", metric="reward"))
    _, html, _ = study.build()
    curves = {name: re.findall(r"<svg.*?</svg>", part, re.DOTALL) for name, part in re.findall(
        r"<h4>([^<]*)</h4>\s*<div class=\"curves\">(.*?)</div>", html, re.DOTALL)}  # fmt: skip
    assert [re.search(">(loss|reward)<", svg)[1] for name in ("direct", "direct + GRPO") for svg in curves[name]] == [
        "loss", "reward",
    ]  # fmt: skip
    assert all("seed 0" in svg and "seed 1" in svg for name in ("direct", "direct + GRPO") for svg in curves[name])


def test_an_arm_that_was_not_examined_on_a_test_set_is_left_out_there(study):
    sets = ("official", "held-out")
    study.add("direct", 0, 4, test_sets=sets)
    study.add("ceiling", 0, 8, test_sets=("held-out",))
    study.runs[-1].scores.joinpath("scores-0.json").rename(study.runs[-1].scores / "scores-1.json")
    _, html, _ = study.build(test_sets=sets)
    official, _, held_out, *_ = tables_of(html)
    assert [row[0] for row in official[1:]] == ["direct", "blind &amp; brave"]
    assert [row[0] for row in held_out[1:]] == ["direct", "ceiling", "blind &amp; brave"]


def test_the_order_of_seeds_means_nothing_and_none_counts_twice(study):
    for seed, right in ((2, 6), (0, 4)):
        study.add("direct", seed, right)
        study.add("both", seed, 8)
    _, html, _ = study.build()
    assert tables_of(html)[0][1][3] == "50.0, 75.0"
    study.runs.append(study.runs[0])
    with pytest.raises(InputError, match="seeds: 2 is given 2 times for direct"):
        build_study_report("again", study.root, study.runs, study.root, (), study.root)


def test_replaced_latents_have_a_table_where_they_were_tested(study):
    study.add("direct", 0, 4)
    for seed, num_right in enumerate((2, 4)):
        study.add("joint", seed, 6, num_latents=4)
        folder = study.runs[-1].scores
        own = json.loads((folder / "scores-0.json").read_text())["answers"][:8]
        zeros = [{**answer, "reason": "ok" if n < num_right else "hole"} for n, answer in enumerate(own)]
        replaced = [{"name": name, "answers": told} for name, told in (("own", own), ("zeros", zeros))]
        (folder / "latents-0.json").write_text(json.dumps({"test_set": "official", "replaced": replaced}))
    _, html, markdown = study.build()
    head, *rows = tables_of(html)[2]
    assert head[:3] == ["arm", "latents", "accuracy"] and [row[:3] for row in rows] == [
        ["joint", "own", "75.0 %"], ["joint", "zeros", "37.5 %"],
    ]  # fmt: skip
    assert rows[0][5] == "" and rows[1][5] == "+37.5" and rows[1][4] == "25.0, 50.0"
    assert "| joint | zeros | 37.5 % (" in markdown and "+37.5 (" in markdown
