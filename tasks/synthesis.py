"""The stages of synthesis: puzzles, helper images, reasoning, data set; and the import of an official test set."""

from pathlib import Path

from mirage_core.benchmark.official import fingerprint, import_test
from mirage_core.manifest import Counts
from mirage_core.spec import DatasetSpec, PuzzleSpec
from tasks.artifact import Artifact, LocalSource, folder
from tasks.jobs import run_job
from tasks.stage import stage


def find_test(path: Path | str) -> LocalSource:
    """Recognise a test set; see `fingerprint` for the errors."""
    return LocalSource(sha256=fingerprint(Path(path)), path=str(path))


@stage("puzzles", version=2)
def puzzles(spec: PuzzleSpec, *, out: Path, scratch: Path) -> Counts:
    return run_job("puzzles", out, spec, scratch=scratch)


@stage("helper-images", version=2)
def helper_images(puzzles: Artifact, kind: str, seed: int, as_input: bool, *, out: Path, scratch: Path) -> Counts:
    how = {"kind": kind, "seed": seed, "as_input": int(as_input)}
    return run_job("helper-images", out, puzzles=folder(puzzles), **how, scratch=scratch)


@stage("reasoning", version=2)
def reasoning(puzzles: Artifact, seed: int, thoughts_per_puzzle: int, *, out: Path, scratch: Path) -> Counts:
    how = {"seed": seed, "thoughts_per_puzzle": thoughts_per_puzzle}
    return run_job("reasoning", out, puzzles=folder(puzzles), **how, scratch=scratch)


@stage("dataset", version=2)
def dataset(
    spec: DatasetSpec, puzzles: Artifact, pictures: Artifact, thoughts: Artifact, *, out: Path, scratch: Path
) -> Counts:
    parts = {"puzzles": folder(puzzles), "pictures": folder(pictures), "thoughts": folder(thoughts)}
    return run_job("dataset", out, spec, **parts, scratch=scratch)


@stage("official-test", version=2)
def official_test(source: LocalSource, *, out: Path) -> Counts:
    return import_test(Path(source.path), out)
