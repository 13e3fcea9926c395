"""Answers go to the store in batches, by a thread: the client waits neither for the disk nor for other writers."""

import asyncio

from mirage_core.teacher.budget import Meter
from mirage_core.teacher.store import AnswerStore, Entry, total


class Writer:
    """Group commit: what arrives while one batch is written makes up the next, so nothing waits for a full batch."""

    def __init__(self, store: AnswerStore, meter: Meter) -> None:
        """The meter learns of each batch what is stored now."""
        self._store = store
        self._meter = meter
        self._pending: list[Entry] = []
        self._written: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

    async def put(self, entry: Entry) -> None:
        """Store an entry and wait until it is safe.

        Raises:
            sqlite3.Error: The disk is full or damaged.
        """
        await asyncio.shield(self.put_soon(entry))

    def put_soon(self, entry: Entry) -> "asyncio.Future[None]":
        """Store an entry without waiting."""
        self._pending.append(entry)
        if self._written is None:
            self._written = asyncio.get_running_loop().create_future()
        if self._task is None:
            self._task = asyncio.create_task(self._write())
        return self._written

    async def drain(self) -> None:
        """Wait until all is written."""
        while self._task is not None:
            await asyncio.wait([self._task])

    async def _write(self) -> None:
        try:
            while self._pending and self._written is not None:
                entries, written = self._pending, self._written
                self._pending, self._written = [], None
                try:
                    stored = await asyncio.to_thread(self._store.write, entries)
                except Exception as error:
                    written.set_exception(error)
                else:
                    self._meter.settle(total(entry.spent for entry in entries), stored)
                    written.set_result(None)
        finally:
            self._task = None
