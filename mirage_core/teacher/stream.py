"""Asynchronous work over a stream of items, with a bound on what is under way."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


async def in_parallel(
    work: Callable[[Item], Awaitable[Result]], items: Iterable[Item], width: int
) -> AsyncGenerator[tuple[Item, Result]]:
    """Do `work` on all items and give each with its result, in the order in which they are finished.

    At most `width` items are under way and as many finished and not yet taken; the next is drawn only then. When one
    fails, no more are drawn, the others are finished and given, and then the first error is raised.
    """
    source = iter(items)
    finished: asyncio.Queue[tuple[Item, Result] | None] = asyncio.Queue(width)
    failures: list[BaseException] = []

    async def one_after_another() -> None:
        try:
            for item in source:
                await finished.put((item, await work(item)))
                if failures:
                    return
        except BaseException as error:
            failures.append(error)
            raise

    async def all_of_them() -> None:
        await asyncio.gather(*workers, return_exceptions=True)
        await finished.put(None)

    workers = [asyncio.create_task(one_after_another()) for _ in range(width)]
    end = asyncio.create_task(all_of_them())
    try:
        while (pair := await finished.get()) is not None:
            yield pair
    finally:
        for task in (*workers, end):
            task.cancel()
        await asyncio.gather(*workers, end, return_exceptions=True)
    if failures:
        raise failures[0]
