"""The evaluation loop: batched latent generation, grading by the puzzle's own `check`, every answer kept."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from mirage_core.benchmark.baselines import needs_planning
from mirage_core.benchmark.items import Exam, read_items
from mirage_core.benchmark.results import Answer, Scores, summarize
from mirage_core.model.latent import MirageForConditionalGeneration
from mirage_core.model.load import best_device, load_model, load_processor
from mirage_core.model.processor import MirageProcessor
from mirage_core.puzzles import vsp
from mirage_core.recipe import Benchmark
from mirage_core.row import Row, decode_image
from mirage_core.training.collate import Collator, encode


def score(
    model: MirageForConditionalGeneration,
    items: Sequence[Row],
    processor: MirageProcessor,
    settings: Benchmark,
    name: str = "model",
    test_set: str = "test",
    progress: Callable[[str], None] = print,
) -> Scores:
    """Generate greedily for all items and grade.

    Args:
        model: The model, on its device; it is set to evaluation mode.
        items: Rows with a picture each and the board in `meta`.
        processor: The model's processor.
        settings: Batch size and longest output.
        name: Stands in the result.
        test_set: Stands in the result.
        progress: Told a line after every batch.
    """
    model.eval()
    start_s = time.monotonic()
    answers: list[Answer] = []
    for first in range(0, len(items), settings.batch_size):
        batch = items[first : first + settings.batch_size]
        outputs = _generate(model, processor, batch, settings.max_new_tokens)
        answers += [
            _grade(row, ids, processor, model.config.latent_pad_id) for row, ids in zip(batch, outputs, strict=True)
        ]
        right = sum(answer.reason == "ok" for answer in answers)
        progress(f"benchmark {name}: {len(answers)}/{len(items)} items, {right} right")
    return summarize(answers, name, test_set, time.monotonic() - start_s)


def examine(model_ref: str, exam: Exam, out: Path) -> dict[str, Any]:
    """Score a saved model on every test set of an exam and write `scores-0.json`, ... below `out`.

    Returns:
        Counts per test set: items, right ones, accuracy and its interval, emission rate.
    """
    model, processor = load_model(model_ref).to(best_device()), load_processor(model_ref)
    counts = {}
    for number, test in enumerate(exam.tests):
        scores = score(model, read_items(test, exam.settings), processor, exam.settings, exam.model, test.name)
        (out / f"scores-{number}.json").write_text(scores.model_dump_json(indent=1), encoding="utf-8")
        counts[test.name] = {
            "items": scores.overall.n,
            "right": scores.overall.correct,
            "accuracy": round(scores.overall.share, 4),
            "interval_95_low": round(scores.overall.low, 4),
            "interval_95_high": round(scores.overall.high, 4),
            "latent_emission_rate": round(scores.emission_rate, 4),
        }
    return counts


@torch.no_grad()
def _generate(
    model: MirageForConditionalGeneration, processor: MirageProcessor, rows: Sequence[Row], max_new_tokens: int
) -> torch.Tensor:
    """New token ids, one row per item."""
    images = [decode_image(png, f"image of row {row.id}") for row in rows for png in row.images]
    pictures = processor.image_processor(images, return_tensors="pt")
    grids = pictures["image_grid_thw"].split([len(row.images) for row in rows])
    encoded = [encode(processor, row.question, grid, None) for row, grid in zip(rows, grids, strict=True)]
    batch = Collator(processor.tokenizer.pad_token_id, padding_side="left")(encoded)
    batch = {key: value.to(model.device) for key, value in {**batch, **pictures}.items()}
    ids = model.generate(**batch, max_new_tokens=max_new_tokens, do_sample=False)
    return ids[:, batch["input_ids"].shape[1] :].cpu()


def _grade(row: Row, ids: torch.Tensor, processor: MirageProcessor, latent_pad_id: int) -> Answer:
    text = processor.tokenizer.decode(ids, skip_special_tokens=False)
    text = text.split(processor.tokenizer.eos_token)[0]
    board = vsp.Board(tuple(row.meta["board"]))
    return Answer(
        id=row.id,
        level=row.level,
        output=text,
        reason=vsp.check(board, text).reason,
        reason_vsp=vsp.check(board, text, rule="vsp").reason,
        num_latents=int((ids == latent_pad_id).sum()),
        needs_planning=needs_planning(board),
    )
