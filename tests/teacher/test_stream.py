"""Work over a stream: bounded, complete, and calm when something fails."""

import asyncio
from collections.abc import Iterator

import numpy as np
import pytest

from mirage_core.teacher.stream import in_parallel

SEEDS = range(20)


@pytest.mark.parametrize("seed", SEEDS)
def test_everything_is_done_once_and_no_more_than_the_bound_is_drawn_ahead(seed):
    rng = np.random.default_rng(seed)
    width, number = int(rng.integers(1, 20)), int(rng.integers(0, 200))
    drawn = taken = 0

    def items() -> Iterator[int]:
        nonlocal drawn
        for item in range(number):
            drawn += 1
            assert drawn - taken <= 2 * width + 1
            yield item

    async def work(item: int) -> int:
        for _ in range(rng.integers(5)):
            await asyncio.sleep(0)
        return item * item

    async def story() -> list[tuple[int, int]]:
        nonlocal taken
        pairs = []
        async for pair in in_parallel(work, items(), width):
            taken += 1
            pairs.append(pair)
            if rng.random() < 0.1:
                await asyncio.sleep(0.001)  # a slow taker
        return pairs

    assert sorted(asyncio.run(story())) == [(item, item * item) for item in range(number)]


@pytest.mark.parametrize("seed", SEEDS)
def test_after_a_failure_the_others_are_finished_and_given(seed):
    rng = np.random.default_rng(seed)
    width, bad = int(rng.integers(1, 20)), int(rng.integers(100))
    started, given = set(), set()

    async def work(item: int) -> None:
        started.add(item)
        for _ in range(rng.integers(5)):
            await asyncio.sleep(0)
        if item == bad:
            raise RuntimeError("bad")

    async def story() -> None:
        async for item, _ in in_parallel(work, range(1000), width):
            given.add(item)

    with pytest.raises(RuntimeError, match="bad"):
        asyncio.run(story())
    assert given == started - {bad}
    assert len(started) < 1000


def test_a_source_that_fails_is_an_error_too():
    def items() -> Iterator[int]:
        yield 1
        raise OSError("unreadable")

    async def work(item: int) -> int:
        return item

    async def story() -> list[int]:
        return [item async for item, _ in in_parallel(work, items(), 3)]

    with pytest.raises(OSError, match="unreadable"):
        asyncio.run(story())


def test_a_taker_that_stops_leaves_nothing_running():
    async def story() -> None:
        pairs = in_parallel(asyncio.sleep, [0.0, *[60.0] * 20], 4)
        async for _ in pairs:
            break
        await pairs.aclose()
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(story())
