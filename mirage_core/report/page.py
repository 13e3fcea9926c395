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
    title: str, data: Path, training: list[Path], scores: list[Path], baselines: list[Path], out: Path
) -> dict[str, Any]:
    """Write `report.html` below `out`.

    Args:
        title: Heading of the page.
        data: Data set folder.
        training: Folders of trained stages, in the order of training.
        scores: Folders with a model's `scores.json` each.
        baselines: Folders with a test set's `baselines.json` each.
        out: Artifact folder.

    Returns:
        Counts: models, test sets and bytes of the page.
    """
    all_scores = [Scores.model_validate_json((folder / "scores.json").read_text()) for folder in scores]
    policies = [BaselineScores.model_validate_json((folder / "baselines.json").read_text()) for folder in baselines]
    tests = [_test_section(policy, all_scores, scores) for policy in policies]
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
        lineage=[manifest.read(str(folder)) for folder in (data, *training, *scores, *baselines)],
    )
    (out / "report.html").write_text(html, encoding="utf-8")
    return {"models": len({s.model for s in all_scores}), "test_sets": len(tests), "bytes": len(html.encode())}


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


def _test_section(policies: BaselineScores, scores: list[Scores], folders: list[Path]) -> dict[str, Any]:
    chosen = [(s, folder) for s, folder in zip(scores, folders, strict=True) if s.test_set == policies.test_set]
    models = [{"scores": s, "digest": folder.name} for s, folder in chosen]
    latent = next((s for s, _ in reversed(chosen) if s.emission_rate > 0), chosen[-1][0])
    return {
        "name": policies.test_set,
        "n": policies.n,
        "levels": sorted(policies.policies[0].by_level),
        "policies": policies.policies,
        "models": models,
        "answers_of": latent.model,
        "answers": _examples(latent.answers),
    }


def _examples(answers: tuple[Answer, ...]) -> list[Answer]:
    """Right and wrong ones by turns, spread over the levels."""
    right = [answer for answer in answers if answer.reason == "ok"]
    wrong = [answer for answer in answers if answer.reason != "ok"]
    half = ANSWERS_SHOWN // 2
    return right[:: max(1, len(right) // half)][:half] + wrong[:: max(1, len(wrong) // half)][:half]


def _png_uri(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def _percent(share: float) -> str:
    return "–" if share != share else f"{100 * share:.1f} %"
