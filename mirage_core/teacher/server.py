"""The teacher behind an OpenAI-compatible server: asks, tries again, remembers, and keeps to a budget."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterable
from itertools import cycle
from types import TracebackType
from typing import Self

import httpx2  # what the openai package speaks HTTP with
from openai import APIError, AsyncOpenAI, DefaultAsyncHttpxClient

from mirage_core.teacher.access import Access, access_from_environment
from mirage_core.teacher.budget import Meter
from mirage_core.teacher.limiter import Limiter
from mirage_core.teacher.reply import Reply, read_failure, read_reply
from mirage_core.teacher.request import Answer, Request
from mirage_core.teacher.settings import Budget, ServerTeacher
from mirage_core.teacher.store import AnswerStore, Entry, Spent, total
from mirage_core.teacher.stream import in_parallel
from mirage_core.teacher.writer import Writer

ROUTE = "/chat/completions"
LONGEST_BACKOFF_S = 60.0
CONNECT_TIMEOUT_S = 20.0
CONNECTIONS_PER_CLIENT = 16
"""The HTTP client walks all its connections at each request; with 64 in one that took a fifth of the time."""


class Teacher:
    """Answers requests, from the store if it can. An async context manager; one event loop, one process.

    Leaving the context waits for what is at the server, since that is paid for; after a cancellation it does not.
    """

    def __init__(self, settings: ServerTeacher, store: AnswerStore, budget: Budget | None = None) -> None:
        """Read the environment; nothing is sent yet.

        Raises:
            InputError: `TEACHER_BASE_URL` or `OPENAI_API_KEY` cannot be used.
        """
        self.settings = settings
        self.limiter = Limiter(settings.concurrency)
        self._access = access_from_environment()
        self._store = store
        self._meter = Meter(budget or Budget(), store.spent())
        self._writer = Writer(store, self._meter)
        self._asking: dict[str, asyncio.Task[Answer]] = {}
        self._sending: set[str] = set()
        self._closing = False

    async def __aenter__(self) -> Self:
        num_clients = -(-self.settings.concurrency // CONNECTIONS_PER_CLIENT)
        self._clients = [connect(self._access, self.settings) for _ in range(num_clients)]
        self._in_turn = cycle(self._clients)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        at_once = error is not None and not isinstance(error, Exception)
        for key, task in self._asking.items():
            if at_once or key not in self._sending:
                task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)
        await self._writer.drain()
        for client in self._clients:
            await client.close()

    async def ask(self, request: Request) -> Answer:
        """The answer of a request, stored before it is returned. Equal requests at the same time are one.

        Raises:
            BudgetReached: It would have to be sent, and the budget is used up.
        """
        if (known := self._store.get(request.key)) is not None:
            return known
        task = self._asking.get(request.key)
        if task is None:
            task = asyncio.create_task(self._ask(request))
            self._asking[request.key] = task
            task.add_done_callback(lambda _: self._asking.pop(request.key))
        return await asyncio.shield(task)

    async def _ask(self, request: Request) -> Answer:
        costs: list[Spent] = []
        try:
            reply, seconds = await self._try(request, costs)
        except BaseException:  # what was sent before the budget ended or the task was cancelled has its cost
            self._writer.put_soon(Entry(request, Answer("", "stopped", 0, 0, 0.0), False, total(costs)))
            raise
        reason = f"{reply.reason} after {len(costs)} tries" if reply.retry else reply.reason
        spent = total(costs)
        answer = Answer(self._access.redact(reply.text), reason, spent.prompt_tokens, spent.completion_tokens, seconds)
        await self._writer.put(Entry(request, answer, reply.keep, spent))
        return answer

    async def _try(self, request: Request, costs: list[Spent]) -> tuple[Reply, float]:
        """Send until there is an answer or no try is left; `costs` gets an item each time."""
        while True:
            reply, seconds = await self._send(request)
            costs.append(Spent(1, reply.prompt_tokens, reply.completion_tokens))
            if not reply.retry or len(costs) >= self.settings.http_tries or self._closing:
                return reply, seconds
            await asyncio.sleep(backoff_s(len(costs), self.settings.backoff_s))

    async def _send(self, request: Request) -> tuple[Reply, float]:
        """One exchange, when its turn has come, and the seconds it took."""
        permit = await self.limiter.acquire()
        congested: bool | None = None
        self._sending.add(request.key)
        try:
            self._meter.start()
            started_s = time.perf_counter()
            body = request.body()  # only now, so that what waits for its turn holds no megabytes of photos
            reply = await exchange(next(self._in_turn), body, self.settings.timeout_s)
            seconds = time.perf_counter() - started_s
            self._meter.add_tokens(reply.prompt_tokens + reply.completion_tokens)
            congested = reply.congested
            if reply.pause_s is not None:
                self.limiter.pause(reply.pause_s)
        finally:
            self._sending.discard(request.key)
            self.limiter.release(permit, congested)
        return reply, seconds


def connect(access: Access, settings: ServerTeacher) -> AsyncOpenAI:
    """A client that keeps a connection per request at the server, and never tries again on its own."""
    limits = httpx2.Limits(max_connections=settings.concurrency, max_keepalive_connections=settings.concurrency)
    timeout = httpx2.Timeout(settings.timeout_s, connect=min(CONNECT_TIMEOUT_S, settings.timeout_s), pool=None)
    http_client = DefaultAsyncHttpxClient(limits=limits, timeout=timeout)
    return AsyncOpenAI(base_url=access.url, api_key=access.key, max_retries=0, timeout=timeout, http_client=http_client)


async def exchange(client: AsyncOpenAI, body: bytes, timeout_s: float) -> Reply:
    """Send one request and judge what comes back; no error of the network or the server is raised."""
    try:
        async with asyncio.timeout(timeout_s):  # the client's own limit is per read, which a trickle never exceeds
            response = await client.post(ROUTE, cast_to=httpx2.Response, content=body)
    except (APIError, OSError) as error:  # a TimeoutError is an OSError
        return read_failure(error)
    return read_reply(response.content)


def backoff_s(tries: int, first_s: float) -> float:
    """Wait before the next try: doubled each time, up to a minute, and half of it left to chance."""
    return min(first_s * 2 ** (tries - 1), LONGEST_BACKOFF_S) * random.uniform(0.5, 1.5)


def answer_all(teacher: Teacher, requests: Iterable[Request]) -> AsyncIterator[tuple[Request, Answer]]:
    """Ask all of them, and give each with its answer as it comes; see `in_parallel` for what is held in memory."""
    return in_parallel(teacher.ask, requests, 2 * teacher.settings.concurrency)
