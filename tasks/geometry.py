"""The stages of planar geometry: problems, and their rows with figures and verified thoughts."""

from pathlib import Path

from mirage_core.geometry_spec import GeometryPuzzleSpec, GeometrySpec
from mirage_core.manifest import Counts
from tasks.artifact import Artifact, folder
from tasks.jobs import run_job
from tasks.stage import stage


@stage("geometry-puzzles")
def puzzles(spec: GeometryPuzzleSpec, *, out: Path) -> Counts:
    return run_job("geometry-puzzles", out, spec)


@stage("geometry-dataset")
def dataset(spec: GeometrySpec, puzzles: Artifact, *, out: Path, scratch: Path) -> Counts:
    return run_job("geometry-dataset", out, spec, puzzles=folder(puzzles), scratch=scratch)
