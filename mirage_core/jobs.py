"""Heavy work as commands of their own process: `python -m mirage_core.jobs supervised --help`.

A stage starts one of these as a child, so that memory is freed, a cancelled run stops its trainer, and the work can be
run by hand or on another machine without Prefect. Settings come as a file; counts go to `counts.json` below `--out`.
Commands import what they need themselves: four of them make a small data set, each in a new interpreter.
"""

import ctypes
import json
import os
import signal
import sys
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


def _prepare_torch() -> None:
    """Set what must be set before torch is loaded, and turn off the libraries' bars: in a log every step is a line."""
    # torchrun's own default. Threads of a small model wait for one another: on two shared cores two of them were four
    # to ten times slower than one (docs/LOG.md). And one thread rounds alike on every run.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()


@app.command()
def puzzles(settings: File, out: Folder, scratch: Folder) -> None:
    """Puzzles of a spec."""
    from mirage_core.spec import PuzzleSpec
    from mirage_core.synthesis.puzzles import sample_puzzles

    _write_counts(out, sample_puzzles(load_settings(settings, PuzzleSpec), out, scratch))


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
    write_card(out, spec.model_dump(), drawn["rejected"], counts["rejected"])
    _write_counts(out, counts)


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
    _write_counts(out, train_supervised(start, data, features, stage, out, scratch))


@app.command()
def grpo(start: Text, data: Folder, settings: File, out: Folder, scratch: Folder) -> None:
    """Stage 3, reinforcement on the rows of split `rl`."""
    _prepare_torch()
    from mirage_core.recipe import Reinforced
    from mirage_core.training.grpo import train_grpo

    _write_counts(out, train_grpo(start, data, load_settings(settings, Reinforced), out, scratch))


@app.command()
def pretrain(settings: File, out: Folder, scratch: Folder) -> None:
    """A tiny base model from nothing."""
    _prepare_torch()
    from mirage_core.recipe import Pretrain
    from mirage_core.training.pretrain import pretrain as train

    _write_counts(out, train(load_settings(settings, Pretrain), out, scratch))


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
