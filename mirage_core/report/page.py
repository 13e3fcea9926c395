"""The report: everything a run made, on one page that needs no other file.

Pictures are embedded, curves are inline SVG, every number stands beside the digest of the artifact it was read from.
"""

import base64
import json
from itertools import islice
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from mirage_core import manifest
from mirage_core.benchmark.policies import BaselineScores
from mirage_core.benchmark.results import Answer, Scores
from mirage_core.report.curves import curve_svg
from mirage_core.row import Row, read_rows
from mirage_core.training import METRICS_FILE

ROWS_SHOWN = 6
REJECTS_SHOWN = 6
ANSWERS_SHOWN = 8


def build_report(
    title: str, data: Path, training: list[Path], scores: list[Path], baselines: Path, out: Path
) -> dict[str, Any]:
    """Write `report.html` below `out`.

    Args:
        title: Heading of the page.
        data: Data set folder.
        training: Folders of trained stages, in the order of training.
        scores: Folders with the scores of a model each.
        baselines: Folder with the trivial policies' scores.
        out: Artifact folder.

    Returns:
        Counts: models, test sets and bytes of the page.
    """
    examined = [
        (folder.name, Scores.model_validate_json(path.read_text(encoding="utf-8")))
        for folder in scores
        for path in sorted(folder.glob("scores-*.json"))
    ]
    policies = [
        BaselineScores.model_validate_json(path.read_text(encoding="utf-8"))
        for path in sorted(baselines.glob("baselines-*.json"))
    ]
    tests = [_test_section(policy, examined) for policy in policies]
    environment = Environment(
        loader=PackageLoader("mirage_core.report", "."),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"png": _png_uri, "percent": _percent}
    html = environment.get_template("page.html").render(
        title=title,
        data=manifest.read(str(data)),
        rows=_spread(data),
        rejects=list(islice(read_rows(str(data / "rejected")), REJECTS_SHOWN)),
        stages=[_stage_section(folder) for folder in training],
        tests=tests,
        lineage=[manifest.read(str(folder)) for folder in (data, *training, *scores, baselines)],
    )
    (out / "report.html").write_text(html, encoding="utf-8")
    return {"models": len(scores), "test_sets": len(tests), "bytes": len(html.encode())}


def _spread(data: Path) -> list[Row]:
    """A few rows of different levels and splits, from the whole set without holding it."""
    chosen: dict[tuple[str, int], Row] = {}
    for row in read_rows(str(data / "rows")):
        chosen.setdefault((row.split, row.level), row)
    return sorted(chosen.values(), key=lambda row: (row.split != "train", row.level))[:ROWS_SHOWN]


def _stage_section(folder: Path) -> dict[str, Any]:
    lines = (folder / METRICS_FILE).read_text(encoding="utf-8").splitlines()
    logs = [json.loads(line) for line in lines]
    names = [name for name in ("loss", "text_loss", "alignment", "reward", "entropy") if name in logs[0]]
    steps = [entry["step"] for entry in logs]
    curves = [curve_svg(name, steps, [entry[name] for entry in logs]) for name in names]
    return {"manifest": manifest.read(str(folder)), "curves": curves}


def _test_section(policies: BaselineScores, examined: list[tuple[str, Scores]]) -> dict[str, Any]:
    chosen = [(digest, scores) for digest, scores in examined if scores.test_set == policies.test_set]
    with_latents = [scores for _, scores in chosen if scores.emission_rate > 0]
    shown = max(with_latents or [scores for _, scores in chosen], key=lambda scores: scores.overall.correct)
    return {
        "name": policies.test_set,
        "n": policies.n,
        "levels": sorted(policies.policies[0].by_level),
        "policies": policies.policies,
        "models": [{"scores": scores, "digest": digest} for digest, scores in chosen],
        "answers_of": shown.model,
        "answers": _examples(shown.answers),
    }


def _examples(answers: tuple[Answer, ...]) -> list[Answer]:
    """Right and wrong ones by turns, spread over the levels."""
    right = [answer for answer in answers if answer.reason == "ok"]
    wrong = [answer for answer in answers if answer.reason != "ok"]
    half = ANSWERS_SHOWN // 2
    return right[:: max(1, len(right) // half)][:half] + wrong[:: max(1, len(wrong) // half)][:half]


def _png_uri(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def _percent(share: float | None) -> str:
    return "–" if share is None or share != share else f"{100 * share:.1f} %"
