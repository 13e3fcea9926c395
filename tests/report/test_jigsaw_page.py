"""The report's section on jigsaws: policies on every set, differences to the official one, whole rows."""

import numpy as np
import pytest
from test_page import seal

from mirage_core.benchmark.interval import newcombe
from mirage_core.benchmark.jigsaw_policies import COLOUR, SEAM
from mirage_core.benchmark.official import OFFICIAL_JIGSAWS
from mirage_core.benchmark.policies import BaselineScores, PolicyScore
from mirage_core.benchmark.results import Answer, summarize
from mirage_core.puzzles import jigsaw
from mirage_core.report.jigsaw import ROWS_SHOWN
from mirage_core.report.page import build_report
from mirage_core.row import Row, encode_png, write_rows

NUM_ROWS = 3 * ROWS_SHOWN
ANSWER = Answer(id="one", level=1, output="B", reason="ok", reason_vsp=None, num_latents=0, needs_planning=None)


def make_row(number):
    pictures = [encode_png(np.full((8, 8, 3), 20 * place + number, np.uint8)) for place in range(4)]
    return Row(
        id=f"jigsaw-{number:04d}", task=jigsaw.TASK, split="train", level=1, question=jigsaw.QUESTION,
        images=pictures[:3], helper_images=pictures[3:], thought_before=f"Thought of {number}.", thought_after="So B.",
        answer="B", meta={}, teacher="oracle",
    )  # fmt: skip


def policies_of(test_set, n, colour, seam):
    shares = {"majority answer (A)": 0.5, COLOUR: colour, SEAM: seam}
    scores = [
        PolicyScore(name=name, overall=share, by_level={1: share}, where_walks_fail=None)
        for name, share in shares.items()
    ]
    return BaselineScores(test_set=test_set, task=jigsaw.TASK, headline=(1,), n=n, policies=tuple(scores))


@pytest.fixture
def page(tmp_path):
    """Builds the page of some test sets, and gives its section on jigsaws."""

    def build(*sets):
        for name, rows in (("rows", [make_row(number) for number in range(NUM_ROWS)]), ("rejected", [])):
            write_rows(rows, str(tmp_path / "data-digest" / name))
        data = seal(tmp_path / "data-digest", "jigsaw-dataset", kept=NUM_ROWS, asked=NUM_ROWS, rejected={})
        for name in ("scores-model", "baselines-digest"):
            (tmp_path / name).mkdir()
        for number, policies in enumerate(sets):
            scores = summarize([ANSWER], jigsaw.TASK, "model", policies.test_set, 1.0)
            (tmp_path / f"scores-model/scores-{number}.json").write_text(scores.model_dump_json())
            (tmp_path / f"baselines-digest/baselines-{number}.json").write_text(policies.model_dump_json())
        scored, blind = seal(tmp_path / "scores-model", "benchmark"), seal(tmp_path / "baselines-digest", "baselines")
        build_report("jigsaws", data, [], [scored], blind, tmp_path)
        html = (tmp_path / "report.html").read_text()
        return html[html.index("<h2>Jigsaws</h2>") :]

    return build


def test_generated_items_are_compared_with_official_ones(page):
    shown = page(policies_of("held-out puzzles", 500, 0.628, 0.998), policies_of(OFFICIAL_JIGSAWS, 20, 0.7, 1.0))
    assert "62.8 %" in shown and "99.8 %" in shown and "majority answer" in shown
    low, high = newcombe((500, 0.628), (20, 0.7))
    assert low < -0.072 < high
    told = f"held-out puzzles less official, -7.2 points, 95 % interval {100 * low:+.1f} to\n{100 * high:+.1f}"
    assert told in shown
    assert shown.count("less official") == 2, "one line for each of the policies that look"


def test_without_official_items_nothing_is_compared(page):
    assert "less official" not in page(policies_of("held-out puzzles", 500, 0.628, 0.998))


def test_rows_of_the_whole_set_are_shown(page):
    sheet = (
        page(policies_of("held-out puzzles", 500, 0.628, 0.998)).split("<h3>Contact sheet</h3>")[1].split("</table>")[0]
    )
    assert sheet.count("<tr>") == 1 + ROWS_SHOWN and sheet.count("<img") == 4 * ROWS_SHOWN
    assert [f"Thought of {number}." in sheet for number in range(NUM_ROWS)] == [
        number % 3 == 0 for number in range(NUM_ROWS)
    ]
