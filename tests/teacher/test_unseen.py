"""What the checks catch of sentences that were written before the checks met them.

These are the counts after the checks were widened for lists 1 to 3; what each list showed at first sight, which is the
honest number, stands in docs/LOG.md. List 4 was met after the last change but one.
"""

import pytest
from unseen_lists import counts

pytestmark = pytest.mark.thorough

REJECTED = {
    1: {"leak": 290, "false end": 190, "false prose": 99},
    2: {"leak": 304, "false end": 190, "false prose": 96},
    3: {"leak": 115, "false end": 50, "false prose": 29},
    4: {"leak": 93, "false end": 37, "false prose": 17},
}
"""Fewest of the lies and leaks of a list."""
REJECTED_TRUE = {
    1: {"true end": 0, "true prose": 5, "innocent": 1},
    2: {"true end": 7, "true prose": 6, "innocent": 0},
    3: {"true end": 6, "true prose": 6, "innocent": 0},
    4: {"true end": 0, "true prose": 0, "innocent": 0},
}
"""Most of what is true and gives nothing away."""


@pytest.mark.parametrize("number", REJECTED)
def test_as_many_are_caught_and_as_few_wronged_as_was_measured(number):
    rejected = {kind: count for kind, (count, _) in counts(number).items()}
    for kind, fewest in REJECTED[number].items():
        assert rejected[kind] >= fewest, kind
    for kind, most in REJECTED_TRUE[number].items():
        assert rejected[kind] <= most, kind
