"""The stages that examine models and tell the story: scores, trivial baselines, report."""

from pathlib import Path

from mirage_core.report.page import build_report

from mirage_core.benchmark.policies import benchmark_policies
from mirage_core.manifest import Counts
from mirage_core.recipe import Benchmark
from mirage_core.settings import Settings
from tasks.artifact import Artifact, folder
from tasks.stage import stage
from tasks.training import Model, model_ref, run_job


class TestSet(Settings):
    """Rows that models are examined on."""

    __test__ = False

    name: str
    """As it stands in tables."""
    rows: Artifact
    """A data set or an imported official test."""
    split: str
    """Which of its rows."""


@stage("benchmark")
def benchmark(model: Model, name: str, test: TestSet, settings: Benchmark, *, out: Path) -> Counts:
    inputs = {"model": model_ref(model), "name": name, "test": folder(test.rows)}
    return run_job("benchmark", out, settings, **inputs, split=test.split, test_set=test.name)


@stage("baselines")
def baselines(test: TestSet, settings: Benchmark, *, out: Path) -> Counts:
    return benchmark_policies(folder(test.rows), test.split, settings, test.name, out)


@stage("report")
def report(
    title: str, data: Artifact, training: list[Artifact], scores: list[Artifact], baselines: list[Artifact],
    *, out: Path,
) -> Counts:  # fmt: skip
    folders = ([folder(artifact) for artifact in group] for group in (training, scores, baselines))
    return build_report(title, folder(data), *folders, out)
