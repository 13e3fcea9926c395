"""The stages of SAT's synthesis: rooms and questions, pictures, reasoning, data set."""

from pathlib import Path

from mirage_core.manifest import Counts
from mirage_core.recipe import ReadRooms, Rooms, SeeRooms
from mirage_core.sat_spec import SatPuzzleSpec, SatSpec
from mirage_core.training import MODEL_FOLDER
from tasks.artifact import Artifact, folder
from tasks.jobs import run_job, run_training_job
from tasks.stage import stage


@stage("sat-puzzles")
def puzzles(spec: SatPuzzleSpec, *, out: Path, scratch: Path) -> Counts:
    return run_job("sat-puzzles", out, spec, scratch=scratch)


@stage("sat-pictures", version=2)
def pictures(puzzles: Artifact, helper: str, side_px: int, *, out: Path, scratch: Path) -> Counts:
    how = {"helper": helper, "side_px": side_px}
    return run_job("sat-pictures", out, puzzles=folder(puzzles), **how, scratch=scratch)


@stage("sat-reasoning")
def reasoning(pictures: Artifact, thoughts_per_puzzle: int, *, out: Path, scratch: Path) -> Counts:
    how = {"thoughts_per_puzzle": thoughts_per_puzzle}
    return run_job("sat-reasoning", out, pictures=folder(pictures), **how, scratch=scratch)


@stage("sat-dataset")
def dataset(
    spec: SatSpec, puzzles: Artifact, pictures: Artifact, thoughts: Artifact, *, out: Path, scratch: Path
) -> Counts:
    parts = {"puzzles": folder(puzzles), "pictures": folder(pictures), "thoughts": folder(thoughts)}
    return run_job("sat-dataset", out, spec, **parts, scratch=scratch)


@stage("room-views")
def room_views(settings: Rooms, *, out: Path, scratch: Path) -> Counts:
    return run_job("room-views", out, settings, scratch=scratch)


@stage("see-rooms")
def see_rooms(settings: SeeRooms, views: Artifact, *, out: Path, scratch: Path) -> Counts:
    return run_training_job("see-rooms", out, settings, views=folder(views), scratch=scratch)


@stage("read-rooms")
def read_rooms(settings: ReadRooms, seeing: Artifact, views: Artifact, *, out: Path, scratch: Path) -> Counts:
    inputs = {"seeing": folder(seeing) / MODEL_FOLDER, "views": folder(views)}
    return run_training_job("read-rooms", out, settings, **inputs, scratch=scratch)
