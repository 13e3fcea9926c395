"""Keeps count of requests and tokens, and says when to stop."""

from mirage_core.teacher.settings import Budget
from mirage_core.teacher.store import Spent


class BudgetReached(Exception):
    """Nothing more may be sent. All answers so far are stored; a run with a larger budget goes on from there."""


class Meter:
    """What has been spent, of which some is stored and some not yet.

    Exact within a process. Of what other processes spend it learns whenever it stores something itself, so that
    together they may exceed the budget by what the others had under way at that moment.
    """

    def __init__(self, budget: Budget, stored: Spent) -> None:
        self._budget = budget
        self._stored = stored
        self._open_requests = 0
        self._open_tokens = 0

    def start(self) -> None:
        """Count a request that is about to be sent.

        Raises:
            BudgetReached: It may not be.
        """
        requests, tokens = self._stored.requests + self._open_requests, self._stored.tokens + self._open_tokens
        budget = self._budget
        if budget.max_requests is not None and requests >= budget.max_requests:
            raise BudgetReached(f"max_requests: {budget.max_requests} requests are used up ({requests} were sent)")
        if budget.max_tokens is not None and tokens >= budget.max_tokens:
            raise BudgetReached(f"max_tokens: {budget.max_tokens} tokens are used up ({tokens} were spent)")
        self._open_requests += 1

    def add_tokens(self, tokens: int) -> None:
        """Count the tokens of a reply."""
        self._open_tokens += tokens

    def settle(self, spent: Spent, stored: Spent) -> None:
        """Note that `spent` is now part of what the store has counted, which is `stored`."""
        self._open_requests -= spent.requests
        self._open_tokens -= spent.tokens
        if stored.requests > self._stored.requests:
            self._stored = stored
