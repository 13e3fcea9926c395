"""The evaluation loop: batched latent generation, grading by the puzzle's own `check`, every answer kept."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mirage_core.benchmark.answering import Output, graded, model_inputs, read_outputs
from mirage_core.benchmark.items import Exam, read_items
from mirage_core.benchmark.latent_tests import examine_latents
from mirage_core.benchmark.results import Sample, Scores, summarize
from mirage_core.grading import grade
from mirage_core.model.latent import MirageForConditionalGeneration
from mirage_core.model.load import best_device, load_model, load_processor
from mirage_core.model.processor import MirageProcessor
from mirage_core.recipe import Benchmark
from mirage_core.row import Row

TAIL_CHARACTERS = 80
"""Kept of a sampled output."""


def score(
    model: MirageForConditionalGeneration,
    items: Sequence[Row],
    processor: MirageProcessor,
    settings: Benchmark,
    name: str = "model",
    test_set: str = "test",
    progress: Callable[[str], None] = print,
) -> Scores:
    """Generate for all items, greedily and, where asked for, by sampling, and grade.

    Args:
        model: The model, on its device; it is set to evaluation mode.
        items: Rows of one task with a picture each, or several, and what its check needs in `meta`.
        processor: The model's processor.
        settings: Batch size, longest output, samples.
        name: Stands in the result.
        test_set: Stands in the result.
        progress: Told a line after every batch.
    """
    model.eval()
    start_s = time.monotonic()
    greedy = _answer_all(model, items, processor, settings, None, partial(_report, progress, name))
    answers = [graded(row, told, model.config.latent_pad_id) for row, told in zip(items, greedy, strict=True)]
    if settings.sampling:
        drawn = [
            _answer_all(
                model, items, processor, settings, number, partial(_report, progress, f"{name}, sample {number}")
            )
            for number in range(settings.sampling.num_samples)
        ]
        answers = [
            answer.model_copy(update={"samples": tuple(_grade_sample(row, told.text) for told in samples)})
            for row, answer, *samples in zip(items, answers, *drawn, strict=True)
        ]
    return summarize(answers, items[0].task, name, test_set, time.monotonic() - start_s)


def examine(model_ref: str, exam: Exam, out: Path) -> dict[str, Any]:
    """Score a saved model on every test set of an exam and write `scores-0.json`, ... below `out`.

    Where the settings ask for latent tests, `latents-0.json`, ... stand beside them, for test sets on which the model
    makes latents.

    Returns:
        Counts per test set: items of the headline, right ones, accuracy and its interval, rates of outputs that could
        not be read and that hold latents, and the accuracy of sampled answers where there are any. Counts of latent
        tests: items, and the accuracy with each replacement.
    """
    model, processor = load_model(model_ref).to(best_device()), load_processor(model_ref)
    counts: dict[str, Any] = {}
    for number, test in enumerate(exam.tests):
        items = read_items(test, exam.settings)
        scores = score(model, items, processor, exam.settings, exam.model, test.name)
        (out / f"scores-{number}.json").write_text(scores.model_dump_json(indent=1), encoding="utf-8")
        counts[test.name] = {
            "items": scores.overall.n,
            "right": scores.overall.correct,
            "accuracy": round(scores.overall.share, 4),
            "interval_95_low": round(scores.overall.low, 4),
            "interval_95_high": round(scores.overall.high, 4),
            "invalid_rate": round(scores.invalid, 4),
            "latent_emission_rate": round(scores.emission_rate, 4),
            **({"sampled_accuracy": round(scores.sampled.share, 4)} if scores.sampled else {}),
        }
        if exam.settings.latent_tests and scores.emission_rate > 0:
            counted = [row for row in items if row.level in scores.headline]
            counts |= _examine_latents(model, counted, processor, exam, test.name, out / f"latents-{number}.json")
    return counts


def _examine_latents(
    model: MirageForConditionalGeneration,
    items: Sequence[Row],
    processor: MirageProcessor,
    exam: Exam,
    test_set: str,
    path: Path,
) -> dict[str, Any]:
    tested = examine_latents(model, items, processor, exam.settings, exam.model, test_set)
    if tested is None:
        return {}
    path.write_text(tested.model_dump_json(), encoding="utf-8")
    shares = {one.name: round(one.overall.share, 4) for one in tested.replaced}
    return {f"{test_set}, latents replaced": {"items": tested.n, **shares}}


def _answer_all(
    model: MirageForConditionalGeneration,
    items: Sequence[Row],
    processor: MirageProcessor,
    settings: Benchmark,
    sample: int | None,
    report: Callable[[int, int], None],
) -> list[Output]:
    """Outputs to all items; `sample` is the number of the random draw, None for greedy decoding.

    Every draw has random numbers of its own, and torch's own stream goes on as if there had been none.
    """
    how: dict[str, Any] = {"max_new_tokens": settings.max_new_tokens, "do_sample": sample is not None}
    outputs: list[Output] = []
    with torch.random.fork_rng():
        if sample is not None:
            assert settings.sampling is not None
            # top_k: transformers cuts at 50 unless told otherwise
            how |= {"temperature": settings.sampling.temperature, "top_p": settings.sampling.top_p, "top_k": 0}
            torch.manual_seed(int(np.random.default_rng([settings.sampling.seed, sample]).integers(2**63)))
        for first in range(0, len(items), settings.batch_size):
            batch = items[first : first + settings.batch_size]
            outputs += _generate(model, processor, batch, how)
            report(len(outputs), len(items))
    return outputs


def _report(progress: Callable[[str], None], name: str, done: int, asked: int) -> None:
    progress(f"benchmark {name}: {done}/{asked} items")


@torch.no_grad()
def _generate(
    model: MirageForConditionalGeneration, processor: MirageProcessor, rows: Sequence[Row], how: dict[str, Any]
) -> list[Output]:
    batch = model_inputs(processor, rows, model.device)
    return read_outputs(processor, model.generate(**batch, **how), batch["input_ids"].shape[1])


def _grade_sample(row: Row, text: str) -> Sample:
    return Sample(tail=text[-TAIL_CHARACTERS:], reason=grade(row.task, row.meta, text).reason)
