"""A coroutine run by a synchronous flow, which Prefect's Cancel must be able to end."""

import asyncio
import signal
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


def run_coroutine(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end, as `asyncio.run` does; SIGTERM cancels it.

    Prefect cancels a run with SIGTERM, at which its handler raises an exception. Wherever that happens to strike, an
    event loop would take it for the failure of one callback, log it and go on. So the loop gets a handler of its own
    that cancels the coroutine, and Prefect's is called when that has ended.
    """
    if threading.current_thread() is not threading.main_thread():  # no signals there
        return asyncio.run(work)
    handler = signal.getsignal(signal.SIGTERM)
    stopped = False

    async def until_stopped() -> Result:
        task = asyncio.ensure_future(work)

        def stop() -> None:
            nonlocal stopped
            stopped = True
            task.cancel()

        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, stop)
        try:
            return await task
        finally:
            loop.remove_signal_handler(signal.SIGTERM)

    try:
        return asyncio.run(until_stopped())
    finally:
        signal.signal(signal.SIGTERM, handler)
        if stopped:
            signal.raise_signal(signal.SIGTERM)
