"""What a model might write: the oracle's words as a reply in the asked form, now and then with a lie in them.

It knows the puzzle from the prompt alone, so a prompt that lacks it shows. Told what is wrong, it mends its ways.
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
JIGSAW_LIES = ("wrong_candidate", "leak", "told_early", "no_markers")
"""The reasons that they are to be refused for."""
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
    """The answer to a request in OpenAI's form; None if it is about no maze or jigsaw."""
    told = [_text_of(message["content"]) for message in request["messages"] if message["role"] == "user"]
    question = [text for text in told if not text.startswith(REMARK)][-1]
    corrected = told[-1].startswith(REMARK)
    if "hole" not in question and "Map:" not in question:
        return None
    chance = random.Random(f"{manners.seed}/{request['seed']}/{question}/{len(told)}")
    if "photograph" in question:
        lies = chance.random() < (manners.stubborn_share if corrected else manners.lie_share)
        return _about_jigsaw(question, chance.choice(JIGSAW_LIES) if lies else "")
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


def _about_jigsaw(question: str, lie: str) -> str:
    """A reply in the asked form that the numbers of the prompt bear out, but for the lie."""
    right, shown = (
        re.search(rf"{part} (the \w+ image)", question)[1] for part in ("missing part is", "shown there is")
    )
    wrong = next(name for name in ("the second image", "the third image") if name != right)
    levels = {
        edge: {"the second image": int(second), "the third image": int(third)}
        for edge, second, third in re.findall(r"- (\w+ edge): the second image (\d+), the third image (\d+)", question)
    }
    edge = min(levels, key=lambda edge: levels[edge][right] / (1 + levels[edge][wrong]))
    before = "The photograph is full of colours at the border of the hole, and the two pieces show different parts."
    after = f"Along the {edge}, {right} continues what is there. So {right} is the missing part."
    if lie == "wrong_candidate":
        after = f"So {wrong} is the missing part."
    elif lie == "leak":
        after += " That was also the given answer."
    elif lie == "told_early":
        before += f" Clearly {right} is the missing part."
    cue = "And now" if lie == "no_markers" else "CUE:"
    return f"BEFORE: {before}\n{cue} Let me picture {shown} in the missing corner.\nAFTER: {after}"
