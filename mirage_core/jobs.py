"""Heavy work as commands of their own process: `python -m mirage_core.jobs supervised --help`.

A stage starts one of these as a child, so that memory is freed, a cancelled run stops its trainer, and the work can be
run by hand or on another machine without Prefect. Settings come as a file; counts go to `counts.json` below `--out`.
Commands import what they need themselves: four of them make a small data set, each in a new interpreter.
"""

import ctypes
import fcntl
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from mirage_core.errors import InputError
from mirage_core.settings import load_settings

app = typer.Typer(help=__doc__, add_completion=False, pretty_exceptions_enable=False)
COUNTS_FILE = "counts.json"

Folder = Annotated[Path, typer.Option()]
File = Annotated[Path, typer.Option()]
Text = Annotated[str, typer.Option()]
Number = Annotated[int, typer.Option()]


def _write_counts(out: Path, counts: dict[str, Any]) -> None:
    if os.environ.get("RANK", "0") != "0":  # of torchrun and accelerate launch
        return
    (out / COUNTS_FILE).write_text(json.dumps(counts, indent=1), encoding="utf-8")


@contextmanager
def _alone(scratch: Path) -> Iterator[None]:
    """Wait for an earlier attempt: one whose flow was killed may still be writing its last checkpoint.

    The lock is not inherited by forked processes, and nobody holds it who is dead.
    """
    if os.environ.get("RANK", "0") != "0":
        yield
        return
    scratch.mkdir(parents=True, exist_ok=True)
    with (scratch / ".lock").open("w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        yield


def _prepare_torch() -> None:
    """Set what must be set before torch is loaded, and turn off the libraries' bars: in a log every step is a line."""
    # torchrun's own default. Threads of a small model wait for one another: on two shared cores two of them were four
    # to ten times slower than one (docs/LOG.md). And one thread rounds alike on every run.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()


@app.command()
def puzzles(
    settings: File, out: Folder, scratch: Folder, apart_from: Annotated[Path | None, typer.Option()] = None
) -> None:
    """Puzzles of a spec; none has a board of those in the folder `apart_from`."""
    from mirage_core.spec import PuzzleSpec
    from mirage_core.synthesis.puzzles import sample_puzzles

    _write_counts(out, sample_puzzles(load_settings(settings, PuzzleSpec), out, scratch, apart_from=apart_from))


@app.command()
def helper_images(puzzles: Folder, kind: Text, seed: Number, as_input: Number, out: Folder, scratch: Folder) -> None:
    """Pictures and helper images of puzzles."""
    from mirage_core.puzzles.vsp_helpers import HelperKind
    from mirage_core.synthesis.helper_images import draw_rows

    _write_counts(out, draw_rows(puzzles, out, scratch, None, cast(HelperKind, kind), seed, bool(as_input)))


@app.command()
def reasoning(puzzles: Folder, seed: Number, thoughts_per_puzzle: Number, out: Folder, scratch: Folder) -> None:
    """Thoughts about puzzles, by the oracle."""
    from mirage_core.synthesis.reasoning import explain_puzzles

    _write_counts(out, explain_puzzles(puzzles, seed, thoughts_per_puzzle, out, scratch))


@app.command()
def dataset(settings: File, puzzles: Folder, pictures: Folder, thoughts: Folder, out: Folder, scratch: Folder) -> None:
    """Verified rows of a spec, and their card."""
    from mirage_core.spec import DatasetSpec
    from mirage_core.synthesis.card import write_card
    from mirage_core.synthesis.dataset import build_dataset

    spec = load_settings(settings, DatasetSpec)
    counts = build_dataset(pictures, thoughts, spec.teacher, out, scratch)
    drawn = json.loads((puzzles / COUNTS_FILE).read_text(encoding="utf-8"))
    server = spec.model_dump(mode="json", include={"server"})  # of which a path is no YAML
    write_card(out, {**spec.model_dump(), **server}, drawn["rejected"], counts["rejected"])
    _write_counts(out, counts)


@app.command()
def imagined_helpers(
    settings: File, pictures: Folder, seed: Number, answers: Folder, out: Folder, scratch: Folder
) -> None:
    """Helper images of SAT rows by an image-to-video model."""
    _prepare_torch()
    from mirage_core.synthesis.imagined_helpers import imagine_helpers
    from mirage_core.video.settings import ImaginedVideo

    _write_counts(out, imagine_helpers(pictures, load_settings(settings, ImaginedVideo), seed, answers, out, scratch))


@app.command()
def geometry_puzzles(settings: File, out: Folder) -> None:
    """Problems of planar geometry, no two alike."""
    from mirage_core.geometry_spec import GeometryPuzzleSpec
    from mirage_core.synthesis.geometry_rows import sample_geometry

    _write_counts(out, sample_geometry(load_settings(settings, GeometryPuzzleSpec), out))


@app.command()
def geometry_dataset(settings: File, puzzles: Folder, out: Folder, scratch: Folder) -> None:
    """Verified rows of planar geometry."""
    from mirage_core.geometry_spec import GeometrySpec
    from mirage_core.synthesis.geometry_rows import build_geometry

    _write_counts(out, build_geometry(load_settings(settings, GeometrySpec), puzzles, out, scratch))


@app.command()
def sat_puzzles(settings: File, out: Folder, scratch: Folder) -> None:
    """Rooms and questions of a SAT spec."""
    from mirage_core.sat_spec import SatPuzzleSpec
    from mirage_core.synthesis.sat_puzzles import draw_sat_puzzles

    _write_counts(out, draw_sat_puzzles(load_settings(settings, SatPuzzleSpec), out, scratch))


@app.command()
def sat_pictures(puzzles: Folder, helper: Text, side_px: Number, out: Folder, scratch: Folder) -> None:
    """Pictures and helper images of rooms."""
    from mirage_core.puzzles.sat_helpers import HelperKind as SatHelperKind
    from mirage_core.synthesis.sat_rows import draw_sat_rows

    _write_counts(out, draw_sat_rows(puzzles, cast(SatHelperKind, helper), side_px, out, scratch))


@app.command()
def sat_reasoning(pictures: Folder, thoughts_per_puzzle: Number, out: Folder, scratch: Folder) -> None:
    """Thoughts about rooms, by the oracle."""
    from mirage_core.synthesis.sat_reasoning import explain_sat_rows

    _write_counts(out, explain_sat_rows(pictures, thoughts_per_puzzle, out, scratch))


@app.command()
def sat_dataset(
    settings: File, puzzles: Folder, pictures: Folder, thoughts: Folder, out: Folder, scratch: Folder
) -> None:
    """Verified rows of a SAT spec, and their card."""
    from mirage_core.sat_spec import SatSpec
    from mirage_core.synthesis.dataset import build_dataset
    from mirage_core.synthesis.sat_card import write_sat_card

    spec = load_settings(settings, SatSpec)
    counts = build_dataset(pictures, thoughts, spec.teacher, out, scratch)
    drawn = json.loads((puzzles / COUNTS_FILE).read_text(encoding="utf-8"))
    write_sat_card(out, spec.model_dump(mode="json"), drawn["rejected"], counts["rejected"])
    _write_counts(out, counts)


@app.command()
def jigsaw_photographs(settings: File, source: Text, official: Text, out: Folder) -> None:
    """Photographs that jigsaws are cut from."""
    from mirage_core.jigsaw_spec import Selection
    from mirage_core.synthesis.jigsaw_photos import select_photos

    _write_counts(out, select_photos(load_settings(settings, Selection), source, official, out))


@app.command()
def jigsaw_puzzles(settings: File, photographs: Folder, out: Folder, scratch: Folder) -> None:
    """Jigsaws with their pictures and helper images."""
    from mirage_core.jigsaw_spec import JigsawPuzzles
    from mirage_core.synthesis.jigsaw_rows import draw_rows

    _write_counts(out, draw_rows(load_settings(settings, JigsawPuzzles), photographs, out, scratch))


@app.command()
def jigsaw_reasoning(puzzles: Folder, seed: Number, out: Folder, scratch: Folder) -> None:
    """Thoughts about jigsaws, by the oracle."""
    from mirage_core.synthesis.jigsaw_reasoning import explain_rows

    _write_counts(out, explain_rows(puzzles, seed, out, scratch))


@app.command()
def jigsaw_dataset(
    settings: File, photographs: Folder, puzzles: Folder, thoughts: Folder, out: Folder, scratch: Folder
) -> None:
    """Verified rows of jigsaws, and their card."""
    from mirage_core.jigsaw_spec import JigsawSpec
    from mirage_core.synthesis.jigsaw_dataset import build_dataset

    _write_counts(out, build_dataset(load_settings(settings, JigsawSpec), photographs, puzzles, thoughts, out, scratch))


@app.command()
def features(base: Text, data: Folder, out: Folder) -> None:
    """Vision features of all training rows."""
    _prepare_torch()
    from mirage_core.training.features import compute_features

    _write_counts(out, compute_features(base, data, out))


@app.command()
def supervised(start: Text, data: Folder, features: Folder, settings: File, out: Folder, scratch: Folder) -> None:
    """Stage 1, stage 2 or the text-only arm."""
    _prepare_torch()
    from mirage_core.recipe import Supervised
    from mirage_core.training.supervised import train_supervised

    stage = load_settings(settings, Supervised)
    with _alone(scratch):
        _write_counts(out, train_supervised(start, data, features, stage, out, scratch))


@app.command()
def grpo(start: Text, data: Folder, settings: File, out: Folder, scratch: Folder) -> None:
    """Stage 3, reinforcement on the rows of split `rl`."""
    _prepare_torch()
    from mirage_core.recipe import Reinforced
    from mirage_core.training.grpo import train_grpo

    with _alone(scratch):
        _write_counts(out, train_grpo(start, data, load_settings(settings, Reinforced), out, scratch))


@app.command()
def pretrain(settings: File, out: Folder, scratch: Folder) -> None:
    """A tiny base model from nothing."""
    _prepare_torch()
    from mirage_core.recipe import Pretrain
    from mirage_core.training.pretrain import pretrain as train

    with _alone(scratch):
        _write_counts(out, train(load_settings(settings, Pretrain), out, scratch))


@app.command()
def pretrain_photos(settings: File, photographs: Folder, out: Folder, scratch: Folder) -> None:
    """A tiny base model that sees photographs, from nothing."""
    _prepare_torch()
    from mirage_core.recipe import PretrainPhotos
    from mirage_core.training.pretrain_photos import pretrain_photos as train

    with _alone(scratch):
        _write_counts(out, train(load_settings(settings, PretrainPhotos), photographs, out, scratch))


@app.command()
def room_views(settings: File, out: Folder, scratch: Folder) -> None:
    """Views of rooms, without questions, that a tiny base model learns to see from."""
    from mirage_core.recipe import Rooms
    from mirage_core.synthesis.room_views import draw_room_views

    _write_counts(out, draw_room_views(load_settings(settings, Rooms), out, scratch))


@app.command()
def see_rooms(settings: File, views: Folder, out: Folder, scratch: Folder) -> None:
    """A tiny model whose vision tower sees marks in rooms."""
    _prepare_torch()
    from mirage_core.recipe import SeeRooms
    from mirage_core.training.pretrain_rooms import see_rooms as train

    with _alone(scratch):
        _write_counts(out, train(load_settings(settings, SeeRooms), views, out, scratch))


@app.command()
def read_rooms(settings: File, seeing: Folder, views: Folder, out: Folder, scratch: Folder) -> None:
    """A tiny base model that tells where marks are in rooms, from one whose tower sees them."""
    _prepare_torch()
    from mirage_core.recipe import ReadRooms
    from mirage_core.training.pretrain_rooms import read_rooms as train

    with _alone(scratch):
        _write_counts(out, train(load_settings(settings, ReadRooms), seeing, views, out, scratch))


@app.command()
def benchmark(model: Text, settings: File, out: Folder) -> None:
    """Score a model on test sets."""
    _prepare_torch()
    from mirage_core.benchmark.items import Exam
    from mirage_core.benchmark.scores import examine

    _write_counts(out, examine(model, load_settings(settings, Exam), out))


def _end_with_launcher() -> None:
    """Let the kernel end this process with torch's launcher, which gives it a session that no other signal reaches."""
    if "TORCHELASTIC_RUN_ID" in os.environ and sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


if __name__ == "__main__":
    _end_with_launcher()
    try:
        app()
    except InputError as error:
        sys.exit(f"error: {error}")
