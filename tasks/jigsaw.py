"""The stages of jigsaw data: photographs, puzzles with their pictures, reasoning, data set."""

from pathlib import Path

from pydantic import Field

from mirage_core.benchmark.official import fingerprint
from mirage_core.jigsaw_spec import JigsawPuzzles, JigsawSpec, Selection
from mirage_core.manifest import Counts
from mirage_core.photos.fingerprint import fingerprint_photos
from mirage_core.recipe import PretrainPhotos
from mirage_core.settings import Settings
from tasks.artifact import Artifact, LocalSource, folder
from tasks.jobs import run_job, run_training_job
from tasks.stage import stage


class PhotoSource(Settings):
    """Photographs known by their contents."""

    sha256: str
    """Of all files, or of the version of a remote store."""
    place: str = Field(exclude=True)
    """As in the spec; not part of their identity."""


def find_photos(spec: JigsawSpec) -> PhotoSource:
    """Recognise a spec's photographs; see `fingerprint_photos` for the errors."""
    sha256 = fingerprint_photos(spec.photos, spec.photos_split, spec.max_photos)
    return PhotoSource(sha256=sha256, place=spec.photos)


def find_official(spec: JigsawSpec) -> LocalSource | None:
    """Recognise the official items that a spec keeps out; see `fingerprint` for the errors."""
    if spec.official is None:
        return None
    return LocalSource(sha256=fingerprint(Path(spec.official)), path=spec.official)


@stage("jigsaw-photographs")
def photographs(source: PhotoSource, selection: Selection, official: LocalSource | None, *, out: Path) -> Counts:
    where = {"source": source.place, "official": official.path if official else ""}
    return run_job("jigsaw-photographs", out, selection, **where)


@stage("jigsaw-puzzles")
def puzzles(spec: JigsawPuzzles, photographs: Artifact, *, out: Path, scratch: Path) -> Counts:
    return run_job("jigsaw-puzzles", out, spec, photographs=folder(photographs), scratch=scratch)


@stage("jigsaw-reasoning")
def reasoning(puzzles: Artifact, seed: int, *, out: Path, scratch: Path) -> Counts:
    return run_job("jigsaw-reasoning", out, puzzles=folder(puzzles), seed=seed, scratch=scratch)


@stage("jigsaw-dataset")
def dataset(
    spec: JigsawSpec, photographs: Artifact, puzzles: Artifact, thoughts: Artifact, *, out: Path, scratch: Path
) -> Counts:
    parts = {"photographs": folder(photographs), "puzzles": folder(puzzles), "thoughts": folder(thoughts)}
    return run_job("jigsaw-dataset", out, spec, **parts, scratch=scratch)


@stage("pretrain-photos")
def pretrain_photos(settings: PretrainPhotos, photographs: Artifact, *, out: Path, scratch: Path) -> Counts:
    return run_training_job("pretrain-photos", out, settings, photographs=folder(photographs), scratch=scratch)
