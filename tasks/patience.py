"""Calls to the Prefect server that outlast its restart: a night must not fail for a card that could not be written.

Prefect's clients wait only for a server that they have reached before, and most of its functions make a new client.
"""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

import httpx

logger = logging.getLogger(__name__)

PATIENCE_S = 300.0
RETRY_AFTER_S = 2.0
Result = TypeVar("Result")


def patiently(call: Callable[[], Result]) -> Result:
    """The result of a call, made again while the server cannot be reached.

    Raises:
        httpx.TransportError: It could not be reached for too long.
    """
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            return call()
        except httpx.TransportError as error:
            if time.monotonic() > deadline_s:
                raise
            logger.warning("waiting for the Prefect server (%s)", error)
            time.sleep(RETRY_AFTER_S)
