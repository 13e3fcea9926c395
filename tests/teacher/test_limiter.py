"""Adaptive concurrency, by properties over random histories."""

import asyncio
import time

import numpy as np
import pytest

from mirage_core.teacher.limiter import WINDOWS_TO_GROW, Limiter

SEEDS = range(30)


def run(story) -> None:
    asyncio.run(story)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_more_than_the_width_are_under_way_and_all_get_their_turn(seed):
    async def story() -> None:
        rng = np.random.default_rng(seed)
        limiter = Limiter(widest=int(rng.integers(1, 40)))
        turns = []

        async def request(number: int, congested: bool | None) -> None:
            permit = await limiter.acquire()
            turns.append(number)
            assert limiter.in_flight <= limiter.widest
            await asyncio.sleep(0)
            limiter.release(permit, congested)
            assert 1 <= limiter.width <= limiter.widest

        faults = rng.choice([False, True, None], size=200, p=[0.7, 0.2, 0.1])
        await asyncio.gather(*(request(number, fault) for number, fault in enumerate(faults.tolist())))
        assert turns == list(range(200))  # first come, first served
        assert limiter.in_flight == 0

    run(story())


@pytest.mark.parametrize("widest", [1, 3, 8, 64, 200])
def test_the_width_reaches_the_widest_in_a_few_windows_of_successes(widest):
    async def story() -> None:
        limiter = Limiter(widest)
        limiter.width = 1.0
        for _ in range(WINDOWS_TO_GROW + 2):  # one window more since widths are rounded down
            permits = [await limiter.acquire() for _ in range(int(limiter.width))]
            for permit in permits:
                limiter.release(permit, congested=False)
        assert limiter.width == widest

    run(story())


@pytest.mark.parametrize("seed", SEEDS)
def test_faults_of_one_window_halve_the_width_once(seed):
    async def story() -> None:
        rng = np.random.default_rng(seed)
        limiter = Limiter(64)
        limiter.width = float(rng.integers(2, 65))
        before = limiter.width
        permits = [await limiter.acquire() for _ in range(int(before))]
        for permit in rng.permutation(permits).tolist():
            limiter.release(permit, congested=True)
        assert limiter.width == before / 2
        limiter.release(await limiter.acquire(), congested=True)  # sent after that: a congestion of its own
        assert limiter.width == max(1.0, before / 4)

    run(story())


def test_a_request_that_tells_nothing_changes_nothing():
    async def story() -> None:
        limiter = Limiter(64)
        before = limiter.width
        limiter.release(await limiter.acquire(), congested=None)
        assert limiter.width == before

    run(story())


def test_a_pause_holds_everybody_and_the_longer_one_counts():
    async def story() -> None:
        limiter = Limiter(8)
        limiter.width = 8.0
        limiter.pause(0.3)
        limiter.pause(0.1)
        started_s = time.monotonic()
        await asyncio.gather(*(limiter.acquire() for _ in range(8)))
        assert 0.3 <= time.monotonic() - started_s < 2.0

    run(story())


@pytest.mark.parametrize("seed", SEEDS)
def test_cancelled_waits_lose_no_permit(seed):
    async def story() -> None:
        rng = np.random.default_rng(seed)
        limiter = Limiter(4)

        async def request() -> None:
            permit = await limiter.acquire()
            try:
                await asyncio.sleep(0.001)
            finally:
                limiter.release(permit, congested=False)

        tasks = [asyncio.create_task(request()) for _ in range(60)]
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0)
            tasks[int(rng.integers(60))].cancel()
        assert limiter.in_flight == 0
        await asyncio.wait_for(asyncio.gather(*(request() for _ in range(20))), 10)

    run(story())
