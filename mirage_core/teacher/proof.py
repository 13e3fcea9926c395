"""One way to verify the thought of a row of any task, and one to review what a model wrote."""

from mirage_core.puzzles import jigsaw, sat, vsp
from mirage_core.puzzles.verdict import Verdict
from mirage_core.row import Row
from mirage_core.teacher import Explanation, said
from mirage_core.teacher.form import Review
from mirage_core.teacher.jigsaw_said import review_jigsaw
from mirage_core.teacher.jigsaw_verify import verify_jigsaw
from mirage_core.teacher.sat_said import review_sat
from mirage_core.teacher.sat_verify import verify_sat
from mirage_core.teacher.verify import verify_row


def verify_thought(row: Row, explanation: Explanation) -> Verdict:
    """Check every claim of a thought, whoever wrote it."""
    if row.task == sat.TASK:
        return verify_sat(row.meta, explanation, row.answer)
    if row.task == jigsaw.TASK:
        return verify_jigsaw(row.images, row.meta["answer"], explanation, row.answer)
    return verify_row(row.task, vsp.Board(tuple(row.meta["board"])), row.meta, explanation, row.answer)


def review_thought(row: Row, explanation: Explanation) -> Review:
    """Whether a thought that a model wrote may be learnt from, and what to tell the model if not."""
    if row.task == sat.TASK:
        return review_sat(row.meta, explanation, row.answer)
    if row.task == jigsaw.TASK:
        return review_jigsaw(row.images, row.meta, explanation, row.answer)
    return said.review(row.task, row.meta, explanation, row.answer)
