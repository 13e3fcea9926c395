"""The stage that imagines helper images, and what is looked at before a run draws a single room for it."""

from pathlib import Path

from prefect import task

from mirage_core.manifest import Counts
from mirage_core.settings import Settings
from mirage_core.teacher.preflight import check_server
from mirage_core.teacher.settings import ServerTeacher
from mirage_core.video.pipeline import find_class, fingerprint
from mirage_core.video.settings import ImaginedVideo
from tasks.artifact import Artifact, folder, root
from tasks.jobs import run_training_job
from tasks.stage import stage
from tasks.teacher import ANSWERS_FOLDER


class VideoWeights(Settings):
    """An image-to-video model by what it holds; where it lies is no part of it."""

    sha256: str
    """Of a folder's files; the name of a model on the hub."""


@task(name="check-video")
def check_video(video: ImaginedVideo) -> None:
    """Make sure that the model can be told actions and that who picks answers, before anything else is done."""
    find_class(video)
    if video.picker == "teacher":
        check_server(video.server or ServerTeacher())


def find_weights(video: ImaginedVideo) -> VideoWeights:
    """Recognise the model; see `fingerprint`."""
    return VideoWeights(sha256=fingerprint(video.model))


@stage("imagined-helpers")
def imagined_helpers(
    pictures: Artifact, video: ImaginedVideo, weights: VideoWeights, seed: int, *, out: Path, scratch: Path
) -> Counts:
    where = {"pictures": folder(pictures), "answers": Path(root(), ANSWERS_FOLDER)}
    return run_training_job("imagined-helpers", out, video, **where, seed=seed, scratch=scratch)
