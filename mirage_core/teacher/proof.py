"""One way to verify the thought of a row of any task."""

from typing import Any

from mirage_core.puzzles import sat, vsp
from mirage_core.puzzles.verdict import Verdict
from mirage_core.teacher import Explanation
from mirage_core.teacher.sat_verify import verify_sat
from mirage_core.teacher.verify import verify_row


def verify_thought(task: str, meta: dict[str, Any], explanation: Explanation, answer: str) -> Verdict:
    """Check every claim of a thought, whoever wrote it; `task`, `meta` and `answer` are those of the row."""
    if task == sat.TASK:
        return verify_sat(meta, explanation, answer)
    return verify_row(task, vsp.Board(tuple(meta["board"])), meta, explanation, answer)
