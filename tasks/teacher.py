"""Reasoning by a model: a task for each shard, all in one event loop, so that they share one client and one budget."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import NamedTuple

from prefect import get_run_logger, task
from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact

from mirage_core import manifest
from mirage_core.errors import InputError
from mirage_core.jigsaw_spec import JigsawSpec
from mirage_core.manifest import Counts
from mirage_core.report.teacher import build_teacher_report
from mirage_core.row import num_row_shards, read_rows
from mirage_core.sat_spec import SatSpec
from mirage_core.spec import DatasetSpec
from mirage_core.synthesis.asking import ask_shard, count_thoughts, join_shards
from mirage_core.teacher.budget import BudgetReached
from mirage_core.teacher.explain import Prompts, Told, first_request
from mirage_core.teacher.judge import PROMPT as JUDGE
from mirage_core.teacher.preflight import check_server
from mirage_core.teacher.prompting import parse_prompt, prompt_text
from mirage_core.teacher.request import OK
from mirage_core.teacher.server import Teacher
from mirage_core.teacher.settings import Budget, ServerTeacher
from mirage_core.teacher.store import AnswerStore
from mirage_core.teacher.stream import in_parallel
from tasks.artifact import Artifact, folder
from tasks.loop import run_coroutine
from tasks.place import work_root
from tasks.stage import is_built, stage

ToldSpec = DatasetSpec | JigsawSpec | SatSpec
"""Data sets that a model may tell about."""
ANSWERS_FOLDER = "answers"
"""Of the answer store, below the local folder; it is no artifact, and deleting those leaves it alone."""
SHARDS_AT_ONCE = 3
"""The next shards fill the room that the last answers of one leave at the server."""
TELL_EVERY_S = 10.0
RATE_OVER_S = 60.0
"""Answers of the last minute tell the rate: what was in store came at once and says nothing about the rest."""


class Progress:
    """How far a run is, told in the log and as a bar in the UI."""

    def __init__(self, num_thoughts: int) -> None:
        self._num_thoughts = num_thoughts
        self._num_done = self._num_accepted = 0
        self._recent = deque([(time.monotonic(), 0)])

    def heard(self, told: Told) -> None:
        """Count a thought."""
        self._num_done += 1
        self._num_accepted += told.reason == OK

    def describe(self, at_once: int) -> str:
        """One line: how many, how fast, how long still, how many requests may be at the server."""
        now_s = time.monotonic()
        self._recent.append((now_s, self._num_done))
        while now_s - self._recent[0][0] > RATE_OVER_S and len(self._recent) > 2:
            self._recent.popleft()
        since_s, before = self._recent[0]
        rate = (self._num_done - before) / max(now_s - since_s, 1e-9)
        left = f"{(self._num_thoughts - self._num_done) / rate:,.0f} s left" if rate else "nothing came lately"
        accepted = f"{self._num_accepted / self._num_done:.1%} accepted, " if self._num_done else ""
        done = f"{self._num_done:,}/{self._num_thoughts:,} thoughts"
        return f"reasoning: {done}, {accepted}{rate:.1f}/s, {left}, up to {at_once} requests at once"

    @property
    def percent(self) -> float:
        """Of all thoughts."""
        return 100.0 * self._num_done / max(self._num_thoughts, 1)


class Asking(NamedTuple):
    """What the shards of a run share."""

    teacher: Teacher
    progress: Progress


_asking: ContextVar[Asking] = ContextVar("asking")


@stage("reasoning-shard")
async def reasoning_shard(
    pictures: Artifact,
    shard: int,
    server: ServerTeacher,
    prompts: dict[str, str],
    thoughts_per_puzzle: int,
    fallback_seed: int | None,
    *,
    out: Path,
) -> Counts:
    teacher, progress = _asking.get()
    rows = folder(pictures)
    try:
        return await ask_shard(
            teacher, rows, shard, _parsed(prompts), thoughts_per_puzzle, fallback_seed, out, progress.heard
        )
    except BudgetReached as reached:
        told = "every answer so far is stored; run again with a larger budget to go on from there"
        raise InputError(f"budget.{reached}; {told}") from reached


@stage("reasoning", version=2)
def joined_reasoning(shards: list[Artifact], *, out: Path) -> Counts:
    return join_shards([folder(shard) for shard in shards], [manifest.read(shard.uri).counts for shard in shards], out)


@stage("teacher-report")
def teacher_report(
    title: str, data: Artifact, thoughts: Artifact, price_in: float | None, price_out: float | None, *, out: Path
) -> Counts:
    prices = ServerTeacher(price_in=price_in, price_out=price_out)
    return build_teacher_report(title, folder(data), manifest.read(thoughts.uri).counts, prices, out)


@task(name="check-teacher")
def check_teacher(spec: ToldSpec) -> None:
    """Make sure that prompts and server are there, before anything else is done."""
    prompts_of(spec)
    check_server(spec.server or ServerTeacher())


def report_teacher(spec: ToldSpec, data: Artifact, thoughts: Artifact) -> Artifact:
    """The page about a model as a teacher of this data set."""
    server = spec.server or ServerTeacher()
    return teacher_report(f"{spec.task} by {server.model}", data, thoughts, server.price_in, server.price_out)


def ask_model(spec: ToldSpec, pictures: Artifact, budget: Budget) -> Artifact:
    """The reasoning of a data set by its model.

    Raises:
        InputError: The server or the budget does not allow it; what was answered is stored.
    """
    return joined_reasoning(run_coroutine(_ask_shards(spec, pictures, budget)))


def prompts_of(spec: ToldSpec) -> dict[str, str]:
    """The prompt files of a data set's task as text, so that an artifact depends on what they say.

    Raises:
        InputError: A file is missing or has no such form.
    """
    server = spec.server or ServerTeacher()
    names = {"ask": spec.task, **({"judge": JUDGE} if server.judge_model else {})}
    return {part: prompt_text(name, server.prompts) for part, name in names.items()}


async def _ask_shards(spec: ToldSpec, pictures: Artifact, budget: Budget) -> list[Artifact]:
    """One task for each shard; only those that are not built need the server."""
    server, prompts, rows = spec.server or ServerTeacher(), prompts_of(spec), folder(pictures)
    how = {
        "server": server,
        "prompts": prompts,
        "thoughts_per_puzzle": spec.thoughts_per_puzzle,
        "fallback_seed": spec.seed if spec.teacher == "mixed" else None,
    }
    shards = range(num_row_shards(rows / "rows"))
    missing = [shard for shard in shards if not is_built(reasoning_shard, pictures=pictures, shard=shard, **how)]

    async def ask(shard: int) -> Artifact:
        return await reasoning_shard(pictures, shard, **how)

    made: dict[int, Artifact] = {}
    num_thoughts = sum(count_thoughts(rows, shard, spec.thoughts_per_puzzle) for shard in missing)
    async with _teacher_for(server, budget, num_thoughts):
        if missing:
            request = first_request(server, next(read_rows(str(rows / "rows"))), _parsed(prompts))
            await asyncio.to_thread(check_server, server, request)
        async for shard, artifact in in_parallel(ask, shards, SHARDS_AT_ONCE):
            made[shard] = artifact
    return [made[shard] for shard in shards]


@asynccontextmanager
async def _teacher_for(server: ServerTeacher, budget: Budget, num_thoughts: int) -> AsyncIterator[None]:
    """A teacher for the tasks of the block, with its progress told; none where there is nothing to ask."""
    if not num_thoughts:
        yield
        return
    progress = Progress(num_thoughts)
    with AnswerStore(work_root() / ANSWERS_FOLDER) as store:
        async with Teacher(server, store, budget) as teacher:
            telling = asyncio.create_task(_tell(progress, teacher))
            token = _asking.set(Asking(teacher, progress))
            try:
                yield
            finally:
                _asking.reset(token)
                telling.cancel()


async def _tell(progress: Progress, teacher: Teacher) -> None:
    log = get_run_logger()
    bar = await acreate_progress_artifact(0.0, key="reasoning-progress", description="thoughts of the teacher")
    while True:
        await asyncio.sleep(TELL_EVERY_S)
        log.info(progress.describe(int(teacher.limiter.width)))
        await aupdate_progress_artifact(bar, progress=progress.percent)


def _parsed(prompts: dict[str, str]) -> Prompts:
    parsed = {part: parse_prompt(text, f"prompt {part}") for part, text in prompts.items()}
    return Prompts(parsed["ask"], parsed.get("judge", parsed["ask"]))
