"""How many requests may be at the server at once: additive increase, multiplicative decrease, and common pauses."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

WINDOWS_TO_GROW = 8
"""From nothing to the full width in so many windows of requests without a fault; a server that answers in 30 s is in
full use after four minutes."""


class Limiter:
    """Grants permits, `width` of them at a time.

    The width starts at an eighth of the widest, grows by an eighth of the widest for every window of successes, and is
    halved by a fault; further faults of requests that were sent before that are the same congestion and change nothing
    (as in TCP Reno, RFC 5681). One event loop.
    """

    def __init__(self, widest: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.widest = widest
        self.width = max(1.0, widest / WINDOWS_TO_GROW)
        """Kept as a fraction, since a single success adds less than one; rounded down when granting."""
        self.in_flight = 0
        self._clock = clock
        self._congestions = 0
        self._paused_until_s = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._alarm: asyncio.TimerHandle | None = None

    async def acquire(self) -> int:
        """Wait for a permit; first come, first served. Returns a number to give back in `release`."""
        if self._waiting or not self._is_free():
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            self._wake()
            try:
                await turn
            except asyncio.CancelledError:
                self._give_up(turn)
                raise
        else:
            self.in_flight += 1
        return self._congestions

    def release(self, permit: int, congested: bool | None) -> None:
        """Give a permit back.

        Args:
            permit: What `acquire` returned.
            congested: Whether the server was overloaded or down; None if the request tells neither.
        """
        self.in_flight -= 1
        if congested is False:
            self.width = min(float(self.widest), self.width + self.widest / WINDOWS_TO_GROW / self.width)
        elif congested and permit == self._congestions:
            self.width = max(1.0, self.width / 2)
            self._congestions += 1
        self._wake()

    def pause(self, seconds: float) -> None:
        """Grant nothing for so long; the longer of two pauses counts."""
        self._paused_until_s = max(self._paused_until_s, self._clock() + seconds)

    def _is_free(self) -> bool:
        return self.in_flight < int(self.width) and self._clock() >= self._paused_until_s

    def _wake(self) -> None:
        while self._waiting and self._is_free():
            turn = self._waiting.popleft()
            if not turn.done():
                self.in_flight += 1
                turn.set_result(None)
        rest_s = self._paused_until_s - self._clock()
        if self._waiting and rest_s > 0 and self._alarm is None:
            self._alarm = asyncio.get_running_loop().call_later(rest_s, self._pause_over)

    def _pause_over(self) -> None:
        self._alarm = None
        self._wake()

    def _give_up(self, turn: asyncio.Future[None]) -> None:
        """A cancelled wait: what was granted in the same moment goes to the next."""
        if turn.done() and not turn.cancelled():
            self.in_flight -= 1
            self._wake()
