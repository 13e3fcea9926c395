"""What a model might write: the oracle's words as a reply in the asked form, now and then with a lie in them.

It knows the board from the prompt alone, so a prompt that lacks it shows. Told what is wrong, it mends its ways.
"""

import random
import re
from typing import Any, NamedTuple

import numpy as np

from mirage_core.puzzles import vsp, vsp_reasoning
from mirage_core.teacher import Explanation, oracle

LETTERS = {"1": "S", "0": "F", "-1": "H", "2": "G"}
LIES = (
    " I follow the red line in the second image.",
    " The square [(0,0),Hole] is a hole.",
    " **Then** I am done.",
)
REMARK = "That cannot be used"


class Manners(NamedTuple):
    """How often it errs."""

    lie_share: float
    """Of the first replies that hold a lie."""
    stubborn_share: float
    """Of the later ones."""
    doubt_share: float
    """Of the thoughts that it calls wrong as a judge."""
    seed: int
    """Decides with the request's text which ones."""


def reply(request: dict[str, Any], manners: Manners) -> str | None:
    """The answer to a request in OpenAI's form; None if it is not about a maze."""
    told = [_text_of(message["content"]) for message in request["messages"] if message["role"] == "user"]
    question = [text for text in told if not text.startswith(REMARK)][-1]
    corrected = told[-1].startswith(REMARK)
    if "hole" not in question and "Map:" not in question:
        return None
    chance = random.Random(f"{manners.seed}/{request['seed']}/{question}/{len(told)}")
    if "VERDICT" in question:
        return "VERDICT: NO\nREASON: It is not." if chance.random() < manners.doubt_share else "VERDICT: YES\nREASON: -"
    thought = _explain(question, np.random.default_rng(chance.getrandbits(32)))
    before, cue = re.fullmatch(r"(.*[.!?])\s+(.*)", thought.before, re.DOTALL).groups()
    lie = chance.choice(LIES) if chance.random() < (manners.stubborn_share if corrected else manners.lie_share) else ""
    return f"BEFORE: {before}\nCUE: {cue}\nAFTER: {thought.after or 'NONE'}{lie}"


def _text_of(content: str | list[dict[str, Any]]) -> str:
    return content if isinstance(content, str) else "\n".join(part["text"] for part in content if "text" in part)


def _explain(question: str, rng: np.random.Generator) -> Explanation:
    if rows := re.findall(r"^[SFHG]{2,}$", question, re.MULTILINE):
        board = vsp.Board(tuple(rows))
        return oracle.explain(board, vsp.solve(board), rng)
    numbers = re.findall(r"^-?\d(?: -?\d)+$", question, re.MULTILINE)
    board = vsp.Board(tuple("".join(LETTERS[number] for number in row.split()) for row in numbers))
    moves = [(int(place), name) for place, name in re.findall(r"(\d+)\. (UP|DOWN|LEFT|RIGHT) to \(", question)]
    assert [place for place, _ in moves] == list(range(1, len(moves) + 1)), question
    step = len(re.findall(r"\d+\. [A-Z]+ to \(", question[: question.index("\nthen: ")]))
    return oracle.explain_outcome(board, "".join(vsp_reasoning.MOVES_BY_NAME[name] for _, name in moves), step, rng)
