"""The report: everything a run made, on one page that needs no other file.

Pictures are embedded, curves are inline SVG, every number stands beside the digest of the artifact it was read from.
"""

import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from mirage_core import manifest, storage
from mirage_core.benchmark.paired import every_pair
from mirage_core.benchmark.policies import BaselineScores
from mirage_core.benchmark.results import Answer, Scores
from mirage_core.puzzles import sat, vsp_reasoning
from mirage_core.report.curves import curve_svg
from mirage_core.report.imagined import imagined_section
from mirage_core.report.jigsaw import jigsaw_section
from mirage_core.report.latents import latent_sections
from mirage_core.report.render import render
from mirage_core.report.sat import sat_section
from mirage_core.row import Row, read_rows
from mirage_core.training import METRICS_FILE

ROWS_SHOWN = 6
REJECTS_SHOWN = 6
ANSWERS_SHOWN = 8
CURVES = (
    "loss", "text_loss", "alignment", "reward", "validation_accuracy", "groups_all_right", "groups_all_wrong",
    "entropy", "kl", "latent_ratio", "clip_ratio/region_mean", "completions/mean_length",
)  # fmt: skip
"""Metrics that are drawn where a stage logged them."""
PUZZLES_STAGES = ("puzzles", "sat-puzzles")
"""Stages whose manifest says which boards a data set was kept from."""


def build_report(
    title: str,
    data: Path,
    training: list[Path],
    scores: list[Path],
    baselines: Path,
    out: Path,
    root: str | None = None,
) -> dict[str, Any]:
    """Write `report.html` below `out`.

    Args:
        title: Heading of the page.
        data: Data set folder.
        training: Folders of trained stages, in the order of training.
        scores: Folders with the scores of a model each.
        baselines: Folder with the trivial policies' scores.
        out: Artifact folder.
        root: Where the data's own parents are found; None is the folder that holds its stage.

    Returns:
        Counts: models, test sets and bytes of the page.
    """
    examined = [
        Scores.model_validate_json(path.read_text(encoding="utf-8"))
        for folder in scores
        for path in sorted(folder.glob("scores-*.json"))
    ]
    policies = [
        BaselineScores.model_validate_json(path.read_text(encoding="utf-8"))
        for path in sorted(baselines.glob("baselines-*.json"))
    ]
    tests = [_test_section(policy, examined) for policy in policies]
    html = render(
        "page.html",
        title=title,
        data=manifest.read(str(data)),
        collisions=_collisions(data, root or str(data.parent.parent)),
        rows=_spread(data),
        asked=_asked,
        rejects=list(islice(read_rows(str(data / "rejected")), REJECTS_SHOWN)),
        stages=[_stage_section(folder) for folder in training],
        tests=tests,
        jigsaws=jigsaw_section(data, policies),
        rooms=sat_section(data, policies),
        imagined=imagined_section(data),
        latent_tests=latent_sections(scores),
        lineage=[manifest.read(str(folder)) for folder in (data, *training, *scores, baselines)],
    )
    (out / "report.html").write_text(html, encoding="utf-8")
    return {"models": len(scores), "test_sets": len(tests), "bytes": len(html.encode())}


def _spread(data: Path) -> list[Row]:
    """A few rows of different levels and splits, from the whole set without holding it; one of a puzzle's several."""
    chosen: dict[tuple[str, int], Row] = {}
    for row in read_rows(str(data / "rows")):
        chosen.setdefault((row.split, row.level), row)
    return sorted(chosen.values(), key=lambda row: (row.split != "train", row.level))[:ROWS_SHOWN]


def _asked(row: Row) -> str:
    """What a row asks that its pictures do not show; empty for planning rows and jigsaws."""
    if row.task == vsp_reasoning.TASK:
        return "Plan: " + ", ".join(vsp_reasoning.MOVE_NAMES[move] for move in row.meta["plan"])
    if row.task == sat.TASK:
        return f"{sat.text_of(row.question)} ({' / '.join(row.choices)})"
    return ""


def _collisions(data: Path, root: str) -> dict[str, int | float]:
    """Draws that the data set's puzzles stage rejected, by reason; empty where its artifact lies elsewhere."""
    waiting = [str(data)]
    while waiting:
        made = manifest.read(waiting.pop())
        if made.stage in PUZZLES_STAGES and isinstance(rejected := made.counts.get("rejected"), dict):
            return rejected
        places = [storage.join(root, parent.stage, parent.digest) for parent in manifest.parents(made)]
        waiting += [place for place in places if storage.exists(storage.join(place, storage.MANIFEST_NAME))]
    return {}


def _stage_section(folder: Path) -> dict[str, Any]:
    lines = (folder / METRICS_FILE).read_text(encoding="utf-8").splitlines()
    logs = [json.loads(line) for line in lines]
    curves = []
    for name in CURVES:
        points = [(entry["step"], entry[name]) for entry in logs if name in entry]  # not every line has every metric
        if points:
            steps, values = zip(*points, strict=True)
            curves.append(curve_svg(name, steps, values))
    return {"manifest": manifest.read(str(folder)), "curves": curves}


def _test_section(policies: BaselineScores, examined: list[Scores]) -> dict[str, Any]:
    models = [scores for scores in examined if scores.test_set == policies.test_set]
    with_latents = [scores for scores in models if scores.emission_rate > 0]
    shown = max(with_latents or models, key=lambda scores: scores.overall.correct)
    levels = sorted(policies.policies[0].by_level)
    return {
        "name": policies.test_set,
        "task": policies.task,
        "n": policies.n,
        "num_counted": models[0].overall.n,
        "headline": _span(policies.headline),
        "others": _span([level for level in levels if level not in policies.headline]),
        "levels": levels,
        "level_names": _level_names(policies.task, levels),
        "has_rotations": any(scores.circular for scores in models),
        "policies": policies.policies,
        "models": models,
        "num_samples": max((scores.sampled.num_samples for scores in models if scores.sampled), default=0),
        "has_walks": any(scores.where_walks_fail for scores in models),
        "has_two_rules": any(scores.overall_vsp for scores in models),
        "pairs": every_pair(models),
        "answers_of": shown.model,
        "answers": _examples(shown.answers),
    }


def _level_names(task: str, levels: Sequence[int]) -> dict[int, str]:
    """What stands above the columns: for SAT the types of questions, which its levels number."""
    if task != sat.TASK:
        return {level: f"level {level}" for level in levels}
    types = {sat.level(name): name.replace("_", " ") for name in sat.QUESTION_TYPES}
    return {level: types.get(level, "other") for level in levels}


def _span(levels: Sequence[int]) -> str:
    """[3, 4, 5] -> "3 to 5"; [1, 3] -> "1, 3"; empty where there are none."""
    if len(levels) > 2 and list(levels) == list(range(levels[0], levels[-1] + 1)):
        return f"{levels[0]} to {levels[-1]}"
    return ", ".join(str(level) for level in levels)


def _examples(answers: tuple[Answer, ...]) -> list[Answer]:
    """Right and wrong ones by turns, spread over the levels."""
    right = [answer for answer in answers if answer.reason == "ok"]
    wrong = [answer for answer in answers if answer.reason != "ok"]
    half = ANSWERS_SHOWN // 2
    return right[:: max(1, len(right) // half)][:half] + wrong[:: max(1, len(wrong) // half)][:half]
