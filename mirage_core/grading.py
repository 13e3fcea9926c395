"""One way to grade an answer to any task: verification, the reward of GRPO and the benchmark all come here."""

from typing import Any

from mirage_core.puzzles import vsp, vsp_reasoning
from mirage_core.puzzles.verdict import Verdict

INVALID_REASONS = frozenset({"no_answer", "no_moves", "bad_move", "no_choice"})
"""Of answers that could not be read, as opposed to wrong ones."""


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
    board = vsp.Board(tuple(meta["board"]))
    checks = {
        vsp.TASK: lambda: vsp.check(board, text, rule),
        vsp_reasoning.TASK: lambda: vsp_reasoning.check(board, meta["plan"], text),
    }
    return checks[task]()
