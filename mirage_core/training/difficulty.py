"""Which puzzles can teach: those that the start model solves now and then.

A puzzle that all rollouts solve, or none, has no advantage and so no gradient. DAPO (arXiv 2503.14476, section 3.2,
dynamic sampling) draws until a batch holds no such group; Monet (arXiv 2511.21395) too keeps puzzles of some accuracy
only. Here that is decided once, before training: unlike theirs the choice does not follow the model, but the updates
stay those of the stock trainer, and the order of puzzles does not hang on what was sampled.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from mirage_core.benchmark.scores import score
from mirage_core.errors import InputError
from mirage_core.model.latent import MirageForConditionalGeneration
from mirage_core.model.processor import MirageProcessor
from mirage_core.recipe import Benchmark, Reinforced, Sampling
from mirage_core.row import Row

CHUNK = 100
"""Puzzles between two notes of a run that may be killed."""


def drop_unteachable(
    model: MirageForConditionalGeneration,
    processor: MirageProcessor,
    rows: Sequence[Row],
    settings: Reinforced,
    scratch: Path,
) -> tuple[list[Row], dict[str, int]]:
    """Rows that the model answers rightly in some of its samples and wrongly in others.

    Args:
        model: The model that training starts from, on its device.
        processor: Its processor.
        rows: Puzzles of split `rl`.
        settings: The stage, with `grpo.filter_samples`.
        scratch: Folder that keeps what was counted, so that a resumed run trains on the same puzzles.

    Returns:
        The rows and counts of those that were dropped.

    Raises:
        InputError: None is left.
    """
    num_samples = settings.grpo.filter_samples
    assert num_samples is not None
    num_right = count_right(model, processor, rows, settings, num_samples, scratch / "pass_counts")
    kept = [row for row, right in zip(rows, num_right, strict=True) if 0 < right < num_samples]
    counts = {"dropped_too_easy": num_right.count(num_samples), "dropped_too_hard": num_right.count(0)}
    if not kept:
        raise InputError(
            f"no puzzle of split rl is left: in {num_samples} samples the start model solves "
            f"{counts['dropped_too_easy']} always and {counts['dropped_too_hard']} never; "
            "raise grpo.filter_samples or grpo.temperature, or set filter_samples to null"
        )
    return kept, counts


def count_right(
    model: MirageForConditionalGeneration,
    processor: MirageProcessor,
    rows: Sequence[Row],
    settings: Reinforced,
    num_samples: int,
    folder: Path,
) -> list[int]:
    """How many of `num_samples` answers to each row are right, drawn as rollouts are: same temperature, no other cut.

    What stands in `folder` is believed, not drawn again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found: list[int] = []
    for first in range(0, len(rows), CHUNK):
        path, chunk = folder / f"{first:06}.json", rows[first : first + CHUNK]
        if not path.is_file():
            seed = (settings.seed + first) % 2**32
            sampling = Sampling(num_samples=num_samples, temperature=settings.grpo.temperature, top_p=1.0, seed=seed)
            counted = _count_chunk(model, processor, chunk, settings, sampling)
            torn = path.with_suffix(".torn")
            torn.write_text(json.dumps(counted), encoding="utf-8")
            os.replace(torn, path)
        found += json.loads(path.read_text(encoding="utf-8"))
    assert len(found) == len(rows), f"{folder} is of other rows"
    return found


def _count_chunk(
    model: MirageForConditionalGeneration,
    processor: MirageProcessor,
    rows: Sequence[Row],
    settings: Reinforced,
    sampling: Sampling,
) -> list[int]:
    exam = Benchmark(batch_size=settings.grpo.batch_size, max_new_tokens=settings.max_new_tokens, sampling=sampling)
    num_right: dict[int, int] = {}
    for task in sorted({row.task for row in rows}):  # `score` takes rows of one task
        numbers = [number for number, row in enumerate(rows) if row.task == task]
        scores = score(model, [rows[number] for number in numbers], processor, exam, "start model", "rl")
        for number, answer in zip(numbers, scores.answers, strict=True):
            num_right[number] = sum(sample.reason == "ok" for sample in answer.samples)
    return [num_right[number] for number in range(len(rows))]
