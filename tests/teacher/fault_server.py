"""A server that speaks OpenAI's protocol, looks at what it is sent, counts it, and fails on purpose.

`python tests/teacher/fault_server.py --help`. It prints its port, answers until its standard input closes, and tells at
/stats what it saw. Which requests fail is decided by the seed, the request's body and how often that body came.
"""

import argparse
import asyncio
import base64
import io
import json
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any
from urllib.request import urlopen

from PIL import Image
from pupil import Manners, reply

KINDS = (
    "429",
    "429-seconds",
    "429-date",
    "500",
    "slow",
    "trickle",
    "truncated",
    "not-json",
    "no-choices",
    "empty",
    "dropped",
)
TEXT_TOKENS, PICTURE_TOKENS, ANSWER_TOKENS = 108, 196, 30
"""As told, whatever was sent; a request of two pictures has 500."""
DATA_URL = re.compile(r"data:image/(png|jpeg);base64,")


class Server:
    """What is asked of it, and what it has seen."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.received: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.sizes: Counter[str] = Counter()
        self.at_once = self.peak = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                method, path = head.split(" ", 2)[:2]
                fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
                body = await reader.readexactly(int(fields.get("content-length", 0)))
                given = next(
                    (line[15:] for line in head.split("\r\n") if line.lower().startswith("authorization: ")), ""
                )
                await self.reply(writer, f"{method} {path}", body, given.removeprefix("Bearer "))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def reply(self, writer: asyncio.StreamWriter, what: str, body: bytes, key: str) -> None:
        """Serve one request."""
        options = self.options
        if what == "GET /stats":
            return send(writer, 200, self.stats())
        if options.key and key != options.key:
            return send(
                writer, options.key_status, error(f"Incorrect API key provided: {key}.")
            )  # as tactless as some are
        if what == "GET /v1/models" and options.models:
            models = [{"id": name, "max_model_len": options.max_model_len} for name in options.models]
            return send(writer, 200, {"object": "list", "data": models})
        if what != "POST /v1/chat/completions":
            return send(writer, 404, {"detail": "Not Found"})
        if options.refuse:
            return send(writer, options.refuse, error(options.said))
        self.at_once += 1
        self.peak = max(self.peak, self.at_once)
        try:
            await self.chat(writer, body)
        finally:
            self.at_once -= 1

    async def chat(self, writer: asyncio.StreamWriter, body: bytes) -> None:
        """Look at the request, then answer it or fail."""
        request = json.loads(body)
        key = sha256(body).hexdigest()
        self.received[key] += 1
        if request["model"] not in (self.options.models or [request["model"]]):
            return send(writer, 404, error(f"The model `{request['model']}` does not exist."))
        try:
            sizes = [picture_size(url) for url in picture_urls(request)]
        except (ValueError, OSError) as broken:
            return send(writer, 400, error(f"invalid image: {broken}"))
        self.sizes.update(sizes)
        started_s = time.monotonic()
        chance = random.Random(f"{self.options.seed}/{key}/{self.received[key]}")
        if chance.random() < self.options.fault_share:
            kind = chance.choice(self.options.kinds)
            self.faults[kind] += 1
            return await self.fail(writer, kind)
        await asyncio.sleep(self.options.delay_s - (time.monotonic() - started_s))
        said = self.answer_to(request) or " ".join(["thought", *sizes, key[:12]])
        finish = "length" if "say too much" in str(request["messages"][0]) else "stop"
        send(writer, 200, completion(said, finish, 0 if self.options.blind else len(sizes)))
        self.answered[key] += 1

    def answer_to(self, request: dict[str, Any]) -> str | None:
        """What the options want said; None for nothing in particular."""
        options = self.options
        if options.explain:
            return reply(request, Manners(options.lie_share, options.stubborn_share, options.doubt_share, options.seed))
        return options.answer

    async def fail(self, writer: asyncio.StreamWriter, kind: str) -> None:  # noqa: C901 (a case for each fault)
        """Go wrong in one way."""
        if kind == "429":
            send(writer, 429, error("slow down"))
        elif kind == "429-seconds":
            send(writer, 429, error("slow down"), {"Retry-After": "0.2"})
        elif kind == "429-date":
            soon = format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True)
            send(writer, 429, error("slow down"), {"Retry-After": soon})
        elif kind == "500":
            send(writer, 500, error("CUDA out of memory"))
        elif kind == "slow":
            await asyncio.sleep(self.options.slow_s)
            send(writer, 200, completion("too late", "stop"))
        elif kind == "trickle":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
            for _ in range(int(self.options.slow_s / 0.05)):
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.05)
            raise ConnectionError
        elif kind == "truncated":
            writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"choices": [{"message": {"con')
            raise ConnectionError
        elif kind == "not-json":
            send(writer, 200, b"<html>Bad gateway</html>")
        elif kind == "no-choices":
            send(writer, 200, {"object": "chat.completion", "choices": []})
        elif kind == "empty":
            send(writer, 200, completion("", "stop"))
        else:
            raise ConnectionError

    def stats(self) -> dict[str, Any]:
        """What was seen so far, chat requests by the SHA-256 of their body."""
        kept = ("received", "answered", "faults", "sizes", "peak")
        return {name: getattr(self, name) for name in kept}


def send(writer: asyncio.StreamWriter, status: int, body: object, headers: dict[str, str] | None = None) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"Content-Type": "application/json", "Content-Length": str(len(data)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    writer.write(f"HTTP/1.1 {status} x\r\n{head}\r\n".encode() + data)


def error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "code": None}}


def completion(text: str, finish: str, num_pictures: int = 0) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    prompt_tokens = TEXT_TOKENS + PICTURE_TOKENS * num_pictures
    usage = {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": ANSWER_TOKENS,
        "total_tokens": prompt_tokens + ANSWER_TOKENS,
    }
    choices = [{"index": 0, "message": message, "finish_reason": finish}]
    return {"id": "x", "object": "chat.completion", "choices": choices, "usage": usage}


def picture_urls(request: dict[str, Any]) -> Iterator[str]:
    for message in request["messages"]:
        if isinstance(message["content"], list):
            yield from (part["image_url"]["url"] for part in message["content"] if part["type"] == "image_url")


@lru_cache(1024)
def picture_size(url: str) -> str:
    """Size of a whole picture in a data URL, which must be of the kind that the URL says."""
    kind = DATA_URL.match(url)
    if not kind:
        raise ValueError("neither PNG nor JPEG")
    data = base64.b64decode(url[kind.end() :], validate=True)
    with Image.open(io.BytesIO(data), formats=[kind[1].upper()]) as image:
        image.load()
        return f"{image.width}x{image.height}"


def options_from(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay-s", type=float, default=0.0, help="time that an answer takes")
    parser.add_argument("--fault-share", type=float, default=0.0, help="share of the requests that fail")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, help="ways to fail")
    parser.add_argument("--slow-s", type=float, default=2.0, help="time that slow failures take")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--models", nargs="*", default=["teacher"], help="names at /v1/models; none: no such route")
    parser.add_argument("--max-model-len", type=int, help="context length at /v1/models")
    parser.add_argument("--blind", action="store_true", help="count no tokens for pictures, as if they were dropped")
    parser.add_argument("--answer", help="what every answer says")
    parser.add_argument("--explain", action="store_true", help="explain the puzzles that are shown")
    parser.add_argument("--lie-share", type=float, default=0.0, help="of explanations that hold a lie at first")
    parser.add_argument("--stubborn-share", type=float, default=0.0, help="of those after an objection")
    parser.add_argument("--doubt-share", type=float, default=0.0, help="of explanations that a judge calls wrong")
    parser.add_argument("--key", help="the only key that is let in")
    parser.add_argument("--key-status", type=int, default=401)
    parser.add_argument("--refuse", type=int, help="status of every answer to a chat request")
    parser.add_argument("--said", default="", help="message that goes with it")
    return parser.parse_args(arguments)


async def main(options: argparse.Namespace) -> None:
    server = await asyncio.start_server(Server(options).talk, "127.0.0.1", 0, limit=1 << 24)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


@contextmanager
def running(*arguments: object) -> Iterator[str]:
    """Run the server as a process of its own; gives its base URL."""
    command = [sys.executable, __file__, *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.kill()


def stats(url: str) -> dict[str, Any]:
    """What a running server has seen."""
    with urlopen(url.removesuffix("/v1") + "/stats", timeout=30) as response:
        return json.load(response)


if __name__ == "__main__":
    asyncio.run(main(options_from()))
