"""How fast the teacher's client asks: `python benchmarks/teacher.py --help`.

A server in a process of its own answers every request after 200 ms, so 64 at once are 320/s at best. Each request shows
two pictures of a 6x6 board, puzzle and route, 384 pixels square. The client is held on one core, the server on another.
Beside it stands what a user would write: `AsyncOpenAI` with a semaphore, which stores nothing. Other work on the
machine takes its share: the time in which a process could have run but had to wait for a core is printed too.
"""

import asyncio
import base64
import gc
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import psutil
import typer
from openai import AsyncOpenAI

from mirage_core.puzzles import vsp
from mirage_core.puzzles.vsp_pictures import encode_palette_png, picture, route_picture
from mirage_core.teacher.chat import Message, Png, Text
from mirage_core.teacher.request import Request, request_for
from mirage_core.teacher.server import Teacher, answer_all
from mirage_core.teacher.settings import ServerTeacher
from mirage_core.teacher.store import AnswerStore

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "teacher"))
from fault_server import running

DELAY_S = 0.2
NUM_BOARDS = 500
THOUGHTS = 3
WORDS = "Explain step by step how the elf reaches the gift without falling into a hole. " * 20


class Usage(NamedTuple):
    """What a process has used so far."""

    wall_s: float
    cpu_s: float
    waited_s: float
    """Ready to run, while the core was another's; all threads."""


def main(
    requests: Annotated[int, typer.Option(help="requests asked through the teacher")] = 20_000,
    plain: Annotated[int, typer.Option(help="requests asked through the SDK alone")] = 4_000,
    concurrency: Annotated[int, typer.Option(help="requests at the server at once")] = 64,
) -> None:
    """Measure and print."""
    settings = ServerTeacher(model="teacher", concurrency=concurrency)
    pairs = draw_pictures()
    cores = sorted(os.sched_getaffinity(0))
    load_1min = os.getloadavg()[0]
    print(f"{len(cores)} cores, load before the start {load_1min:.1f}; ideal {concurrency / DELAY_S:.0f} requests/s")
    with running("--delay-s", DELAY_S) as url, tempfile.TemporaryDirectory() as folder:
        os.environ["TEACHER_BASE_URL"] = url
        server = next(child for child in psutil.Process().children() if "fault_server" in " ".join(child.cmdline()))
        os.sched_setaffinity(server.pid, {cores[-1]})
        os.sched_setaffinity(0, {cores[0]})
        before = usage(server.pid)
        asyncio.run(through_the_teacher(settings, pairs, requests, Path(folder)))
        report("server meanwhile", before, usage(server.pid), requests, concurrency)
        asyncio.run(through_the_sdk(settings, pairs, plain, url))


async def through_the_teacher(
    settings: ServerTeacher, pairs: list[tuple[bytes, bytes]], number: int, folder: Path
) -> None:
    """Ask all; print speed and memory by fifths, the first of which widens from 8 at once to all."""
    fifth = number // 5
    num_done = 0
    with AnswerStore(folder) as store:
        async with Teacher(settings, store) as teacher:
            start = last = usage(os.getpid())
            async for _, answer in answer_all(teacher, make_requests(settings, pairs, 5 * fifth)):
                assert answer.ok, answer
                num_done += 1
                if num_done % fifth == 0:
                    now = usage(os.getpid())
                    report(f"teacher, fifth {num_done // fifth}", last, now, fifth, settings.concurrency, memory())
                    last = now
            report("teacher, whole", start, last, num_done, settings.concurrency)
        assert len(store) == num_done


async def through_the_sdk(settings: ServerTeacher, pairs: list[tuple[bytes, bytes]], number: int, url: str) -> None:
    """The usual loop: a semaphore, a task per request, typed replies."""
    semaphore = asyncio.Semaphore(settings.concurrency)

    async def ask(client: AsyncOpenAI, request: Request) -> None:
        async with semaphore:
            content = [
                {"type": "text", "text": part.text}
                if isinstance(part, Text)
                else {"type": "image_url", "image_url": {"url": data_url(part.data)}}
                for part in request.messages[0].content
            ]
            await client.chat.completions.create(
                model=request.model, messages=[{"role": "user", "content": content}], seed=request.sample
            )

    async with AsyncOpenAI(base_url=url, api_key="none") as client:
        before = usage(os.getpid())
        await asyncio.gather(*(ask(client, request) for request in make_requests(settings, pairs, number)))
        report("SDK alone", before, usage(os.getpid()), number, settings.concurrency, memory())


def draw_pictures() -> list[tuple[bytes, bytes]]:
    """Boards of level 6 and their routes, as the pipeline encodes them; more than the client keeps encoded."""
    boards = [vsp.sample(np.random.default_rng([9, number]), 6, 0.2) for number in range(NUM_BOARDS)]
    return [
        (encode_palette_png(picture(board)), encode_palette_png(route_picture(board, vsp.solve(board))))
        for board in boards
    ]


def make_requests(settings: ServerTeacher, pairs: list[tuple[bytes, bytes]], number: int) -> Iterator[Request]:
    """Different requests, three thoughts of each row after one another."""
    for index in range(number):
        row, thought = divmod(index, THOUGHTS)
        pictures = (Png(png) for png in pairs[row % len(pairs)])
        yield request_for(settings, [Message("user", (Text(f"Row {row}. {WORDS}"), *pictures))], thought)


def report(what: str, before: Usage, after: Usage, number: int, concurrency: int, more: str = "") -> None:
    """One line: speed, and who had the core."""
    wall_s, cpu_s, waited_s = (b - a for a, b in zip(before, after, strict=True))
    ideal = concurrency / DELAY_S
    print(
        f"{what:18} {number / wall_s:5.0f}/s = {number / wall_s / ideal:6.1%} of the ideal; "
        f"CPU {cpu_s / number * 1e3:.2f} ms a request, {cpu_s / wall_s:.0%} of the time; "
        f"waited for a core {waited_s / wall_s:.0%} {more}",
        flush=True,
    )


def usage(pid: int) -> Usage:
    """Of a process with all its threads, from /proc (see the kernel's Documentation/scheduler/sched-stats)."""
    stats = [task.read_text().split() for task in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    cpu_s, waited_s = (sum(int(line[column]) for line in stats) / 1e9 for column in range(2))
    return Usage(time.perf_counter(), cpu_s, waited_s)


def memory() -> str:
    """Resident and proportional memory of this process."""
    gc.collect()
    used = psutil.Process().memory_full_info()
    return f"RSS {used.rss / 2**20:.0f} MiB, PSS {used.pss / 2**20:.0f} MiB"


def data_url(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


if __name__ == "__main__":
    typer.run(main)
