"""One way to grade an answer to any task: verification, the reward of GRPO and the benchmark all come here."""

from typing import Any

from mirage_core.puzzles import geometry, jigsaw, sat, vsp, vsp_reasoning, vsp_tasks
from mirage_core.puzzles.verdict import Verdict

INVALID_REASONS = frozenset({"no_answer", "no_moves", "bad_move", "no_choice"})
"""Of answers that could not be read, as opposed to wrong ones."""
TASKS_WITH_TWO_RULES = frozenset({vsp.TASK})
"""Graded by `rule`; all others have one published rule."""


def grade(task: str, meta: dict[str, Any], text: str, rule: vsp.Rule = "mirage") -> Verdict:
    """Grade a model's whole output text.

    Args:
        task: `Row.task`.
        meta: `Row.meta`: what the task's own check needs.
        text: The output.
        rule: Whose rule, where a task has two published ones.

    Raises:
        KeyError: No such task.
    """
    if task == jigsaw.TASK:
        return jigsaw.check(meta, text)
    if task == geometry.TASK:
        return geometry.check_choice(meta["choices"], meta["letter"], text)
    if task == sat.TASK:
        return sat.check_meta(meta, text)
    board = vsp.Board(tuple(meta["board"]))
    checks = {
        vsp.TASK: lambda: vsp.check(board, text, rule),
        vsp_reasoning.TASK: lambda: vsp_reasoning.check(board, meta["plan"], text),
        vsp_tasks.HOLE: lambda: vsp_tasks.check_hole(board, tuple(meta["cell"]), text),
        vsp_tasks.POSITION: lambda: vsp_tasks.check_position(board, text),
        vsp_tasks.MATCH: lambda: vsp_tasks.check_match(meta["choice"], text),
        vsp_tasks.SAFETY: lambda: vsp_tasks.check_safety(board, meta["plan"], text),
    }
    return checks[task]()


def asked_form(task: str, answer: str) -> str:
    r"""A bare answer, such as `Row.answer`, in the form that the task's question asks for, e.g. `\boxed{R,R,D}`."""
    return vsp_tasks.asked_form(task, answer) if task in vsp_tasks.TASKS else rf"\boxed{{{answer}}}"
