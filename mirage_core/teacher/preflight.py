"""Asks the server something tiny before a run does, so that a wrong key or address is known after a second."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NoReturn

import httpx2  # what the openai package speaks HTTP with
import numpy as np
from openai import APIConnectionError, APIStatusError, APITimeoutError, OpenAI

from mirage_core.errors import InputError
from mirage_core.row import encode_png
from mirage_core.teacher.access import KEY_VARIABLE, NO_KEY, URL_VARIABLE, Access, access_from_environment
from mirage_core.teacher.chat import Message, Png, Text
from mirage_core.teacher.reply import EMPTY, Reply, read_reply
from mirage_core.teacher.request import FILTERED, OK, TOO_LONG, Request, request_for
from mirage_core.teacher.settings import ServerTeacher

OFFICIAL_PX = 384
"""Side of VSP's pictures of 6x6 boards; a request shows two, the puzzle and its helper image."""
TRIES = 3
WAIT_S = 1.0
MOST_NAMES = 20
MOST_CHARACTERS = 300
CONTEXT = re.compile(
    r"context.?(length|window|size)|max_model_len|maximum model length|too many tokens|prompt.{0,20}too long"
)
IMAGE = re.compile(r"image|picture|multi-?modal|vision|pixel")
IMAGE_SIZE = re.compile(r"too (large|big)|exceed|pixel|dimension|resolution|maximum.{0,20}size|size.{0,20}limit")
MODEL = re.compile(
    r"model.{0,80}(not exist|not found|unknown|not available)|(unknown|invalid|no such) model|model_not_found"
    r"|pinned to .{1,200}; requested"  # transformers serve
)


def check_server(settings: ServerTeacher, request: Request | None = None) -> None:
    """Make sure that the server knows the model and takes pictures.

    Args:
        settings: What the run will use.
        request: A real one of the run, to be answered with one token; None draws two pictures of the official size.

    Raises:
        InputError: Nothing answers, the key is refused, the address or the model is unknown, or the request is too
            large for it. The message names the variable or the setting to change.
    """
    access = access_from_environment()
    with OpenAI(base_url=access.url, api_key=access.key, max_retries=0, timeout=settings.timeout_s) as client:
        models = _models(client, access)
        for field, name in (("model", settings.model), ("judge_model", settings.judge_model)):
            if models and name is not None and name not in models:
                raise InputError(f"{field}: {access.place} has no {name}; it has {_listed(models)}")
        tiny = replace(request or probe(settings), max_tokens=1)
        reply = _ask(client, access, settings, tiny)
        if (blind := _without_pictures(tiny)) != tiny:
            _check_pictures_count(reply, _ask(client, access, settings, blind), access, settings)
    longest = models.get(settings.model)
    if longest is not None and reply.prompt_tokens + settings.max_tokens > longest:
        raise InputError(
            f"max_tokens: {settings.max_tokens} and a prompt of {reply.prompt_tokens} tokens do not fit into the "
            f"{longest} tokens of context that {access.place} was started with (vLLM: --max-model-len)"
        )


def probe(settings: ServerTeacher) -> Request:
    """A small request with two pictures of the official size, in colours that do not compress to nothing."""
    rng = np.random.default_rng(0)
    tiles = rng.integers(0, 256, (2, OFFICIAL_PX // 16, OFFICIAL_PX // 16, 3), dtype=np.uint8)
    pictures = (Png(encode_png(picture.repeat(16, axis=0).repeat(16, axis=1))) for picture in tiles)
    return request_for(settings, [Message("user", (Text("Are these two pictures equal?"), *pictures))])


def _ask(client: OpenAI, access: Access, settings: ServerTeacher, request: Request) -> Reply:
    """An answer, or why there is none."""
    for _ in range(TRIES):
        response = _exchange(
            access, lambda: client.post("/chat/completions", cast_to=httpx2.Response, content=request.body())
        )
        if response.status_code != 200:
            _explain(response, access, settings)
        reply = read_reply(response.content)
        if reply.reason in (OK, TOO_LONG, FILTERED, EMPTY):
            return reply
        time.sleep(WAIT_S)
    raise InputError(f"{URL_VARIABLE}: {access.place} is no OpenAI-compatible server ({reply.reason})")


def _without_pictures(request: Request) -> Request:
    messages = tuple(
        message
        if isinstance(message.content, str)
        else message._replace(content=tuple(part for part in message.content if isinstance(part, Text)))
        for message in request.messages
    )
    return replace(request, messages=messages)


def _check_pictures_count(seeing: Reply, blind: Reply, access: Access, settings: ServerTeacher) -> None:
    """Refuse a server that drops pictures without a word, as `transformers serve` does without torchvision.

    A picture costs tokens wherever it is looked at. A server that tells no number of tokens is believed.
    """
    if 0 < seeing.prompt_tokens <= blind.prompt_tokens:
        raise InputError(
            f"model: {access.place} drops the pictures that {settings.model} is sent: the prompt has "
            f"{seeing.prompt_tokens} tokens with them and {blind.prompt_tokens} without (transformers serve: install "
            "torchvision)"
        )


def _models(client: OpenAI, access: Access) -> dict[str, int | None]:
    """Names that the server lists, with the context length where it tells; empty where it has no such list."""
    response = _exchange(access, lambda: client.get("/models", cast_to=httpx2.Response))
    if response.status_code in (401, 403):
        _explain_key(response, access)
    try:
        found = {model["id"]: model.get("max_model_len") for model in response.json()["data"]}
    except (ValueError, LookupError, TypeError, AttributeError):
        return {}
    return {name: longest if isinstance(longest, int) else None for name, longest in found.items()}


def _exchange(access: Access, send: Callable[[], httpx2.Response]) -> httpx2.Response:
    """The response, of whatever status; a few tries while the server is busy or a connection breaks."""
    for tries in range(1, TRIES + 1):
        try:
            return send()
        except APIStatusError as error:
            response = error.response
            if tries == TRIES or not (response.status_code == 429 or response.status_code >= 500):
                return response
        except APITimeoutError:
            raise InputError(f"{URL_VARIABLE}: {access.place} took the call but did not answer in timeout_s") from None
        except APIConnectionError as error:
            if tries == TRIES:
                why = access.redact(str(error.__cause__ or "")) or "no connection"
                told = f"{URL_VARIABLE}: nothing answers at {access.place} ({why}); is the server up?"
                raise InputError(told) from None
        time.sleep(WAIT_S)
    raise AssertionError


def _explain(response: httpx2.Response, access: Access, settings: ServerTeacher) -> NoReturn:
    """Why the request was refused."""
    status, said = response.status_code, _said(response, access)
    place, lower = access.place, said.lower()
    if status in (401, 403):
        _explain_key(response, access)
    if status in (400, 404, 422) and MODEL.search(lower):
        raise InputError(f"model: {place} has no {settings.model} ({status}: {said})")
    if status == 404 or status == 405:
        raise InputError(f"{URL_VARIABLE}: {place} has no /chat/completions ({status}); the address mostly ends in /v1")
    if status in (400, 422) and CONTEXT.search(lower):
        raise InputError(f"max_tokens, image_px: the request is longer than the context of {place} ({status}: {said})")
    if status == 413 or (status in (400, 422) and IMAGE.search(lower) and IMAGE_SIZE.search(lower)):
        raise InputError(f"image_px: {place} refuses pictures of this size ({status}: {said})")
    if status in (400, 422) and IMAGE.search(lower):
        raise InputError(f"model: {settings.model} at {place} does not take the pictures ({status}: {said})")
    raise InputError(f"{URL_VARIABLE}: {place} refuses a small request ({status}: {said})")


def _explain_key(response: httpx2.Response, access: Access) -> NoReturn:
    """Without the server's words: they often hold a part of the key."""
    fault = "wants a key" if access.key == NO_KEY else "refuses the key"
    raise InputError(f"{KEY_VARIABLE}: {access.place} {fault} ({response.status_code})")


def _said(response: httpx2.Response, access: Access) -> str:
    """The message in an error's body, in the several forms that servers give it."""
    try:
        data: Any = json.loads(response.content)
        error = data.get("error", data)
        message = error if isinstance(error, str) else error.get("message") or error.get("detail") or error
        text = f"{message} {error.get('code') or ''}" if isinstance(error, dict) else str(message)
    except (ValueError, AttributeError):
        text = response.text
    return access.redact(" ".join(text.split()))[:MOST_CHARACTERS]


def _listed(models: dict[str, int | None]) -> str:
    names = sorted(models)
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more
