"""The stages that examine models and tell the story: scores, trivial baselines, report."""

from pathlib import Path

from mirage_core.benchmark.items import Exam, TestRows
from mirage_core.benchmark.policies import benchmark_policies
from mirage_core.manifest import Counts
from mirage_core.recipe import Benchmark
from mirage_core.report.page import build_report
from mirage_core.report.study import ArmRun, build_study_report
from mirage_core.settings import Settings
from tasks.artifact import Artifact, folder
from tasks.jobs import run_training_job
from tasks.place import root
from tasks.stage import stage
from tasks.training import Model, model_ref


class TestSet(Settings):
    """Rows that models are examined on."""

    __test__ = False

    name: str
    """As it stands in tables."""
    rows: Artifact
    """A data set or an imported official test."""
    split: str
    """Which of its rows."""


@stage("benchmark", version=2)
def benchmark(model: Model, name: str, tests: list[TestSet], settings: Benchmark, *, out: Path) -> Counts:
    exam = Exam(model=name, tests=_on_this_machine(tests), settings=settings)
    return run_training_job("benchmark", out, exam, model=model_ref(model))


@stage("baselines", version=2)
def baselines(tests: list[TestSet], settings: Benchmark, *, out: Path) -> Counts:
    return benchmark_policies(_on_this_machine(tests), settings, out)


@stage("report", version=3)
def report(
    title: str, data: Artifact, training: list[Artifact], scores: list[Artifact], baselines: list[Artifact],
    *, out: Path,
) -> Counts:  # fmt: skip
    stages, examined = ([folder(made) for made in group] for group in (training, scores))
    return build_report(title, folder(data), stages, examined, folder(baselines), out, root())


class StudyRun(Settings):
    """One arm of a study with one training seed."""

    arm: str
    """As it stands in tables."""
    seed: int | None
    """Training seed; None for a model that was not trained here."""
    trained: Artifact | None
    """Its last training stage."""
    scores: Artifact
    """Its examination."""


@stage("study-report", version=2)
def study_report(
    title: str, data: Artifact, runs: list[StudyRun], baselines: Artifact, references: tuple[str, ...], *, out: Path
) -> Counts:
    here = [ArmRun(run.arm, run.seed, folder(run.trained) if run.trained else None, folder(run.scores)) for run in runs]
    return build_study_report(title, folder(data), here, folder(baselines), references, out, root())


def _on_this_machine(tests: list[TestSet]) -> tuple[TestRows, ...]:
    return tuple(TestRows(name=test.name, folder=folder(test.rows), split=test.split) for test in tests)
