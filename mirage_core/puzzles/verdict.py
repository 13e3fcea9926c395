"""The outcome of grading: one small value shared by every puzzle family."""

from typing import NamedTuple


class Verdict(NamedTuple):
    """Whether an answer or a thought stands, and why.

    `reason` is "ok" when `ok`, else a short snake_case name that rejects are counted under.
    """

    ok: bool
    reason: str


OK = Verdict(True, "ok")
