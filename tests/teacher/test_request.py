"""The key of a request covers all that decides the answer, and nothing else."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mirage_core.row import encode_png
from mirage_core.teacher.chat import Message, Png, Text
from mirage_core.teacher.request import Request, request_for
from mirage_core.teacher.settings import ServerTeacher

SETTINGS = ServerTeacher()


@pytest.fixture
def request_(pictures) -> Request:
    system = Message("system", "You explain mazes.")
    return request_for(SETTINGS, [system, Message("user", (Text("Explain."), Png(pictures[0]), Png(pictures[1])))])


def test_equal_requests_have_one_key_and_every_change_another(request_, pictures):
    system, user = request_.messages
    first, second = Png(pictures[0]), Png(pictures[1])
    changed = [
        replace(request_, model="other"),
        replace(request_, temperature=0.1),
        replace(request_, top_p=0.1),
        replace(request_, max_tokens=7),
        replace(request_, sample=1),
        replace(request_, messages=(user,)),
        replace(request_, messages=(user, system)),
        replace(request_, messages=(system, Message("assistant", user.content))),
        replace(request_, messages=(system, Message("user", (Text("Explain!"), first, second)))),
        replace(request_, messages=(system, Message("user", (Text("Explain."), second, first)))),
        replace(request_, messages=(system, Message("user", (Text("Explain."), first)))),
        replace(request_, messages=(system, Message("user", (Text("Explain."), first, Png(pictures[3]))))),
    ]
    assert len({request.key for request in (request_, *changed)}) == len(changed) + 1
    copies = tuple(Png(bytes(bytearray(png))) for png in pictures[:2])
    same = replace(request_, messages=(system, Message("user", (Text("Explain."), *copies))))
    assert same.key == request_.key


def test_a_key_stays_what_it_was():
    """A stored answer must be found by later versions too: a change of the key's form pays for everything again."""
    message = Message("user", (Text("Why? …"), Png(b"picture")))
    request = Request("teacher", (message,), 0.7, 0.95, 100, 2)
    assert request.key == "e6e75212993c06f95d15d6ff0bdec393df4405e968eaad6247ade3c348176f28"


def test_the_body_is_what_openai_documents(request_, pictures):
    body = json.loads(request_.body())
    assert body["messages"][0] == {"role": "system", "content": "You explain mazes."}
    text, first, _ = body["messages"][1]["content"]
    assert text == {"type": "text", "text": "Explain."}
    assert first["type"] == "image_url" and first["image_url"]["url"].startswith("data:image/png;base64,")
    assert {name: body[name] for name in ("model", "temperature", "top_p", "max_tokens", "seed")} == {
        "model": SETTINGS.model, "temperature": 0.7, "top_p": 0.95, "max_tokens": 1024, "seed": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("size", "expected"), [((384, 384), (100, 100)), ((400, 200), (100, 50)), ((90, 30), (90, 30))]
)
def test_pictures_are_scaled_down_to_the_longest_side_and_never_up(size, expected):
    width, height = size
    png = encode_png(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))
    asked = request_for(ServerTeacher(image_px=100), [Message("user", (Png(png),))])
    sent = asked.messages[0].content[0].data
    assert Image.open(io.BytesIO(sent)).size == expected
    assert (sent == png) == (size == expected)


def test_the_price_is_told_only_if_both_are_known():
    assert ServerTeacher(price_in=2.0, price_out=6.0).cost(1_000_000, 500_000) == 5.0
    assert ServerTeacher(price_in=2.0).cost(1, 1) is None
