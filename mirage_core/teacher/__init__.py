"""Who explains: reasoning text for a puzzle, and the proof that it tells the truth."""

from typing import NamedTuple


class Explanation(NamedTuple):
    """Reasoning around the helper image: `before` ends in a cue to picture it, `after` leads to the answer."""

    before: str
    after: str
