"""Two processes compute the gradient of one, however differently their rows think. Everything has a time limit."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor
from two_processes import gradient, opened

from mirage_core.model import MirageForConditionalGeneration, MirageProcessor
from mirage_core.model.load import save

pytestmark = pytest.mark.train

TIME_LIMIT_S = 180
SPAN = "<|latent_start|>" + "<|latent_pad|>" * 4 + "<|latent_end|>"
CASES = {
    "equally many latents": (["Solve it", f"a{SPAN}U"], [f"Why{SPAN}D", "no latents"]),
    "fewer latents": ([f"a much longer thought {SPAN} then x {SPAN} L", f"{SPAN}U"], [f"think {SPAN}R", "short"]),
    "latents at other columns": ([f"go{SPAN}{SPAN}L", f"one{SPAN} two {SPAN}L"], [f"x{SPAN}D", f"y {SPAN} z{SPAN}"]),
    "no latents": ([f"a{SPAN}U", f"a longer text {SPAN}R"], ["nothing here at all", "and nothing here"]),
    "no latents on the other": (["nothing here at all"], [f"a{SPAN}U{SPAN}D"]),
    "fewer columns than passes": ([f"a{SPAN}{SPAN}{SPAN}U"], ["no!", "yes"]),
    "nobody has latents": (["nothing here at all"], ["nor here"]),
}
KINDS = ["ddp", "ddp-checkpointing", "fsdp2", "fsdp2-checkpointing"]


class Together(NamedTuple):
    """What the two processes found, and what one process finds."""

    gradients: dict[str, Tensor]
    passes: list[dict[str, int]]
    expected: dict[str, Tensor]


def batch(processor: MirageProcessor, texts: list[str], side: str) -> dict[str, Tensor]:
    tokens = processor.tokenizer(texts, padding=True, padding_side=side, return_tensors="pt")
    ids = tokens["input_ids"]
    is_ignored = (tokens["attention_mask"] == 0) | (ids == processor.tokenizer.convert_tokens_to_ids("<|latent_pad|>"))
    labels = ids.masked_fill(is_ignored, -100).scatter(1, tokens["attention_mask"].argmax(1, keepdim=True), -100)
    return {"input_ids": ids, "attention_mask": tokens["attention_mask"], "labels": labels}


def run_two(folder: Path) -> None:
    """Start both processes; kill both when one fails or the time is over."""
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    script = Path(__file__).with_name("two_processes.py")
    both = [
        subprocess.Popen([sys.executable, str(script), str(folder)], env={**env, "RANK": str(rank)}) for rank in (0, 1)
    ]
    try:
        assert [process.wait(TIME_LIMIT_S) for process in both] == [0, 0]
    finally:
        for process in both:
            process.kill()


@pytest.fixture(scope="module", params=["right", "left"])
def together(
    request: pytest.FixtureRequest,
    processor: MirageProcessor,
    new_model: Callable[[], MirageForConditionalGeneration],
    tmp_path_factory: pytest.TempPathFactory,
) -> Together:
    folder = tmp_path_factory.mktemp("two")
    save(new_model(), processor, folder / "model")
    batches = {case: tuple(batch(processor, texts, request.param) for texts in both) for case, both in CASES.items()}
    torch.save(batches, folder / "batches.pt")
    model = opened(folder)
    expected = {case: sum(gradient(model, model, part) for part in both) / 2 for case, both in batches.items()}
    run_two(folder)
    passes = [json.loads((folder / f"passes-{rank}.json").read_text()) for rank in (0, 1)]
    return Together(torch.load(folder / "gradients.pt"), passes, expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES)
def test_two_processes_have_the_gradient_of_one(together: Together, kind: str, case: str) -> None:
    """float32; the greatest difference seen is 8e-7 of the gradient's norm."""
    expected = together.expected[case]
    assert (together.gradients[f"{kind} {case}"] - expected).norm() < 3e-6 * expected.norm()


def test_only_sharded_weights_cost_passes(together: Together) -> None:
    one, other = together.passes
    for case in CASES:
        assert one[f"fsdp2 {case}"] == other[f"fsdp2 {case}"] == max(one[f"ddp {case}"], other[f"ddp {case}"])
    assert (one["ddp no latents"], other["ddp no latents"]) == (5, 1)
    assert one["fsdp2 nobody has latents"] == 1, "the stock path"
