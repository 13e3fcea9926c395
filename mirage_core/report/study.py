"""The report of a study: arms with several training seeds each, compared on the same items, on one page.

The main tables stand in a second file too, as markdown.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mirage_core import manifest, storage
from mirage_core.benchmark.policies import BaselineScores
from mirage_core.benchmark.results import Answer, Scores
from mirage_core.benchmark.study import OWN, ArmAnswers, ArmDifference, ArmScores, Estimate, LatentTest, latent_tests
from mirage_core.errors import InputError
from mirage_core.manifest import Manifest
from mirage_core.report.curves import bars_svg, curves_svg
from mirage_core.report.render import percent, points, render
from mirage_core.training import METRICS_FILE

REPORT_FILE = "report.html"
TABLES_FILE = "tables.md"
REINFORCED_METRICS = ("reward",)
SUPERVISED_METRICS = ("loss", "text_loss", "alignment")


class ArmRun(NamedTuple):
    """One arm with one training seed."""

    arm: str
    """The arm's name in tables."""
    seed: int | None
    """Training seed; None for a model that was not trained here."""
    trained: Path | None
    """Folder of its last training stage."""
    scores: Path
    """Folder of its scores."""


def build_study_report(
    title: str,
    data: Path,
    runs: Sequence[ArmRun],
    baselines: Path,
    references: Sequence[str],
    out: Path,
    root: str | None = None,
) -> dict[str, Any]:
    """Write `report.html` and `tables.md` below `out`.

    Args:
        title: Heading of the page.
        data: Data set folder.
        runs: Every arm with every seed; arms stand in tables in the order in which they first come.
        baselines: Folder with the trivial policies' scores.
        references: Arms that the others are compared with.
        out: Artifact folder.
        root: Where earlier stages of the models are found; None is the folder that holds the last ones.

    Returns:
        Counts: arms, runs, test sets and bytes of the page.

    Raises:
        InputError: An arm has a seed twice; or its runs, or two arms on one test set, have not answered the same items.
    """
    _check_seeds(runs)
    runs = sorted(runs, key=lambda run: -1 if run.seed is None else run.seed)
    examined = {run: _read_all(run.scores, "scores-*.json", Scores) for run in runs}
    tests = [
        _test_section(policies, examined, references)
        for policies in _read_all(baselines, "baselines-*.json", BaselineScores)
    ]
    arms = list(dict.fromkeys(run.arm for run in runs))
    seeds = sorted({run.seed for run in runs if run.seed is not None})
    trained = [run.trained for run in runs if run.trained]
    html = render(
        "study.html",
        title=title,
        data=manifest.read(str(data)),
        seeds=seeds,
        tests=tests,
        references=references,
        arms=[_arm_section(arm, [run for run in runs if run.arm == arm], root) for arm in arms],
        lineage=[manifest.read(str(folder)) for folder in (data, *trained, *(run.scores for run in runs), baselines)],
    )
    (out / REPORT_FILE).write_text(html, encoding="utf-8")
    (out / TABLES_FILE).write_text("\n".join(_markdown(test, seeds) for test in tests), encoding="utf-8")
    return {"arms": len(arms), "runs": len(runs), "test_sets": len(tests), "bytes": len(html.encode())}


def _check_seeds(runs: Sequence[ArmRun]) -> None:
    """A seed that counted twice would narrow the intervals for nothing."""
    for (arm, seed), number in Counter((run.arm, run.seed) for run in runs).items():
        if number > 1:
            raise InputError(f"seeds: {seed} is given {number} times for {arm}; every training seed counts once")


def _read_all(folder: Path, pattern: str, kind: type[Any]) -> list[Any]:
    return [kind.model_validate_json(path.read_text(encoding="utf-8")) for path in sorted(folder.glob(pattern))]


def _test_section(
    policies: BaselineScores, examined: dict[ArmRun, list[Scores]], references: Sequence[str]
) -> dict[str, Any]:
    """What the page says of one test set; an arm that was not examined on it is left out."""
    of_arm: dict[str, list[Scores]] = {}
    for run, results in examined.items():
        of_arm.setdefault(run.arm, []).extend(scores for scores in results if scores.test_set == policies.test_set)
    answers = {arm: ArmAnswers(arm, found) for arm, found in of_arm.items() if found}
    rows = [arm.scores() for arm in answers.values()]
    best = max(policies.policies, key=lambda policy: policy.overall)
    figures = [bars_svg("accuracy", {row.arm: row.overall for row in rows}, (best.name, best.overall))]
    hard = {row.arm: row.where_walks_fail for row in rows if row.where_walks_fail}
    if hard:
        figures.append(bars_svg("accuracy where both hole-blind walks fail", hard))
    return {
        "name": policies.test_set,
        "task": policies.task,
        "headline": policies.headline,
        "rows": rows,
        "levels": sorted(rows[0].by_level) if len(rows[0].by_level) > 1 else [],
        "has_walks": bool(hard),
        "policies": policies.policies,
        "differences": _differences(answers, references),
        "figures": figures,
        "latent_tests": _latent_tests(examined, policies.test_set),
    }


def _differences(answers: dict[str, ArmAnswers], references: Sequence[str]) -> dict[str, list[ArmDifference]]:
    """Reference -> every other arm minus it."""
    return {
        reference: [arm.minus(answers[reference]) for arm in answers.values() if arm.arm != reference]
        for reference in references
        if reference in answers
    }


def _latent_tests(runs: Iterable[ArmRun], test_set: str) -> list[LatentTest]:
    """What is left of every arm that makes latents when they are replaced."""
    of_arm: dict[str, list[dict[str, list[Answer]]]] = {}
    for run in runs:
        for path in sorted(run.scores.glob("latents-*.json")):
            tested = json.loads(path.read_text(encoding="utf-8"))
            if tested["test_set"] == test_set:
                told = {one["name"]: [Answer(**answer) for answer in one["answers"]] for one in tested["replaced"]}
                of_arm.setdefault(run.arm, []).append(told)
    return [test for arm, found in of_arm.items() for test in latent_tests(arm, found)]


def _arm_section(arm: str, runs: Sequence[ArmRun], root: str | None) -> dict[str, Any]:
    """How an arm was trained: its stages from the base model on, their cost, and the curves of the last one."""
    stages = [_stages(run.trained, root or str(run.trained.parents[1])) for run in runs if run.trained]
    return {
        "name": arm,
        "num_runs": len(runs),
        "stages": " + ".join(stage.stage for stage in stages[0]) if stages else "",
        "updates": " + ".join(str(stage.counts["updates"]) for stage in stages[0]) if stages else "",
        "seconds": sum(stage.wall_s for chain in stages for stage in chain) / max(1, len(stages)),
        "curves": _curves(runs),
    }


def _stages(trained: Path, root: str) -> list[Manifest]:
    """Manifests of a model's training stages, the first one first; earlier ones may have been deleted."""
    chain = [manifest.read(str(trained))]
    while isinstance(start := chain[0].inputs.get("start"), dict) and "stage" in start:
        place = storage.join(root, str(start["stage"]), str(start["digest"]))
        if not storage.exists(storage.join(place, storage.MANIFEST_NAME)):
            break
        chain.insert(0, manifest.read(place))
    return chain


def _curves(runs: Sequence[ArmRun]) -> list[str]:
    logs = {f"seed {run.seed}": _read_log(run.trained) for run in runs if run.trained}
    reinforced = any("reward" in entry for log in logs.values() for entry in log)
    curves = []
    for metric in REINFORCED_METRICS if reinforced else SUPERVISED_METRICS:
        lines = {}
        for label, log in logs.items():
            told = [(entry["step"], entry[metric]) for entry in log if metric in entry]  # not every line has each
            if told:
                steps, values = zip(*told, strict=True)
                lines[label] = (steps, values)
        if lines:
            curves.append(curves_svg(metric, lines))
    return curves


def _read_log(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / METRICS_FILE).read_text(encoding="utf-8").splitlines()]


def _markdown(test: dict[str, Any], seeds: Sequence[int]) -> str:
    """The main table of a test set, and its differences."""
    rows: list[ArmScores] = test["rows"]
    levels, hard = test["levels"], rows[0].where_walks_fail
    walks = f"where walks fail (n = {hard.n if hard else 0})"
    head = ["arm", f"accuracy (n = {rows[0].overall.n})", "each seed, %", walks]
    lines = [head + [f"level {level}" for level in levels]]
    for row in rows:
        by_level = [percent(row.by_level[level].mean) for level in levels]
        shares = ", ".join(f"{100 * share:.1f}" for share in row.overall.by_seed)
        lines.append([row.arm, _with_interval(row.overall), shares, _with_interval(row.where_walks_fail), *by_level])
    for policy in test["policies"]:
        by_level = [percent(policy.by_level[level]) for level in levels]
        cells = [percent(policy.overall), "", percent(policy.where_walks_fail)]
        lines.append([f"*{policy.name}*", *cells, *by_level])
    gains = [["arm", "compared with", "points", "where walks fail"]]
    gains += [
        [one.arm, reference, _gain(one.overall), _gain(one.where_walks_fail)]
        for reference, found in test["differences"].items()
        for one in found
    ]
    told = f"Training seeds: {', '.join(map(str, seeds))}. 95 % intervals over seeds and items in brackets."
    tables = [lines, gains] + ([_latent_lines(test["latent_tests"])] if test["latent_tests"] else [])
    return "\n\n".join([f"## {test['name']}", told, *map(_table, tables)]) + "\n"


def _latent_lines(tests: Sequence[LatentTest]) -> list[list[str]]:
    """Cells of the table of replaced latents."""
    head = ["arm", "latents", "accuracy", "fall, points", "where walks fail", "fall, points"]
    lines = [head]
    for test in tests:
        falls = [_gain(fall) if test.replacement != OWN else "" for fall in (test.fall, test.fall_where_walks_fail)]
        shares = [_with_interval(share) for share in (test.overall, test.where_walks_fail)]
        lines.append([test.arm, test.replacement, shares[0], falls[0], shares[1], falls[1]])
    return lines


def _table(lines: Sequence[Sequence[str]]) -> str:
    """Without the columns that say nothing in any line."""
    told = [column for column in zip(*lines, strict=True) if len(column) == 1 or set(column[1:]) - {"", "–"}]
    lines = list(zip(*told, strict=True))
    return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], ["---"] * len(lines[0]), *lines[1:]))


def _gain(gain: Estimate | None) -> str:
    return f"{points(gain.mean)} ({points(gain.low)} to {points(gain.high)})" if gain else "–"


def _with_interval(share: Estimate | None) -> str:
    return f"{percent(share.mean)} ({100 * share.low:.1f} to {100 * share.high:.1f})" if share else "–"
