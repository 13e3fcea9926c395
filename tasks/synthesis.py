"""The stages of synthesis: puzzles, helper images, reasoning, data set; and the import of an official test set."""

from pathlib import Path

from pydantic import Field

from mirage_core.benchmark.official import fingerprint, import_test
from mirage_core.manifest import Counts
from mirage_core.settings import Settings
from mirage_core.spec import DatasetSpec
from mirage_core.synthesis.dataset import build_dataset
from mirage_core.synthesis.helper_images import draw_rows
from mirage_core.synthesis.puzzles import sample_puzzles
from mirage_core.synthesis.reasoning import explain_puzzles
from tasks.artifact import Artifact, folder
from tasks.stage import stage


class TestSource(Settings):
    """An official test set on this machine, known by its content."""

    __test__ = False  # no test class, whatever pytest thinks of the name

    sha256: str
    """Of names and contents of its files."""
    path: str = Field(exclude=True)
    """Where it lies; not part of its identity."""


def find_test(path: Path | str) -> TestSource:
    """Recognise a test set; see `fingerprint` for the errors."""
    return TestSource(sha256=fingerprint(Path(path)), path=str(path))


@stage("puzzles")
def puzzles(spec: DatasetSpec, *, out: Path) -> Counts:
    return sample_puzzles(spec, out)


@stage("helper-images")
def helper_images(puzzles: Artifact, rows_per_shard: int, *, out: Path) -> Counts:
    return draw_rows(folder(puzzles), out, rows_per_shard)


@stage("reasoning")
def reasoning(puzzles: Artifact, teacher: str, seed: int, *, out: Path) -> Counts:
    return explain_puzzles(folder(puzzles), seed, out)


@stage("dataset")
def dataset(pictures: Artifact, thoughts: Artifact, teacher: str, rows_per_shard: int, *, out: Path) -> Counts:
    return build_dataset(folder(pictures), folder(thoughts), teacher, rows_per_shard, out)


@stage("official-test")
def official_test(source: TestSource, *, out: Path) -> Counts:
    return import_test(Path(source.path), out)
