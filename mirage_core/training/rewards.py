"""What a rollout is worth: a right answer, and the asked form of the whole output.

A right answer is what verification and benchmark call one. Source: Mirage, appendix B.
"""

import itertools
import json
import re
from collections.abc import Callable
from typing import Any

from mirage_core.grading import grade
from mirage_core.model.processor import LATENT_END, LATENT_PAD, LATENT_START
from mirage_core.puzzles import geometry, jigsaw, sat, vsp, vsp_reasoning

THOUGHT = r"(<think>((?!</?think>|<\|latent_|\\boxed\{).)*</think>)?"
SPAN = f"({re.escape(LATENT_START)}({re.escape(LATENT_PAD)})+{re.escape(LATENT_END)})"
BOX = {
    vsp.TASK: "[UDLR](,[UDLR])*",
    vsp_reasoning.TASK: "[ABC]",
    jigsaw.TASK: "[AB]",
    sat.TASK: "[^{}]+",
    geometry.TASK: "[A-D]",
}
"""Task -> form of the answer: comma-separated moves, or a choice, by its letter or in SAT by its words."""


def right_answer(
    completions: list[Any],
    task: list[str],
    meta: list[str],
    log_metric: Callable[[str, float], None] | None = None,
    **_: Any,
) -> list[float]:
    """1 where the boxed answer is right, else 0; the same grading as in the benchmark.

    Rollouts of one puzzle follow one another. How many puzzles are answered rightly by all of theirs, or by none, goes
    to `log_metric`, which TRL hands to reward functions; neither kind teaches anything.
    """
    texts = [completion[0]["content"] for completion in completions]
    puzzles = zip(task, meta, texts, strict=True)
    rewards = [float(grade(name, json.loads(puzzle), text).ok) for name, puzzle, text in puzzles]
    if log_metric is not None:
        by_puzzle = itertools.groupby(zip(meta, rewards, strict=True), key=lambda item: item[0])
        groups = [[reward for _, reward in group] for _, group in by_puzzle]
        log_metric("groups_all_right", sum(min(group) == 1.0 for group in groups) / len(groups))
        log_metric("groups_all_wrong", sum(max(group) == 0.0 for group in groups) / len(groups))
    return rewards


def asked_form(tokenizer: Any, latents: bool = True) -> Any:
    """Reward function: 1 where the whole output has the asked form, else 0.

    Args:
        tokenizer: Of the model.
        latents: True: one latent span, then one box, thoughts around the span or none. False: thoughts, then one box,
            and no latent.
    """
    span = SPAN if latents else ""
    forms = {task: re.compile(rf"{THOUGHT}{span}{THOUGHT}\\boxed\{{{box}\}}", re.DOTALL) for task, box in BOX.items()}

    def has_asked_form(completion_ids: list[list[int]], task: list[str], **_: Any) -> list[float]:
        end = tokenizer.eos_token
        texts = [tokenizer.decode(ids, skip_special_tokens=False).removesuffix(end) for ids in completion_ids]
        return [float(forms[name].fullmatch(text) is not None) for name, text in zip(task, texts, strict=True)]

    return has_asked_form
