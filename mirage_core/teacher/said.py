"""Whether a thought about a maze that a model wrote may be learnt from: all of `verify`, and what only models do wrong.

What counts as a claim. Squares with or without their tiles, moves, and words about distances, places, neighbours,
sides, rows and columns, corners, counts, visits and endings are read and must hold. Let pass are opinions, odds
("slightly raising the chance of success"), wishes, suppositions, reasons ("so I have to turn") and whatever else the
readers do not know: text is not rejected for being unread, or no free style could pass. The exceptions are "unclear":
an ending, and ahead of a planned way's picture a sentence that names a square or puts a hole somewhere. How much went
unread is counted, so that a teacher who talks past the readers shows in the report. Moves told in words ahead of the
cue are not read either.
"""

import re
from collections.abc import Iterator
from typing import Any

from mirage_core.puzzles import vsp, vsp_reasoning
from mirage_core.teacher import Explanation
from mirage_core.teacher.form import Objection, Review, answers, contradicted, leaks, malformed, quoted, sentences_of
from mirage_core.teacher.leaks import leak_in
from mirage_core.teacher.read_facts import read_facts
from mirage_core.teacher.read_verdict import ALL, verdict
from mirage_core.teacher.reading import read, read_walk
from mirage_core.teacher.story import ROW_COLUMN, SQUARE_FORM, Finding
from mirage_core.teacher.verify import findings_row, verdicts_in
from mirage_core.teacher.words import SQUARE, SUPPOSITION, compiled

MAX_WORDS = 80
"""Of each part, besides the words of its moves."""
MAX_WORDS_PER_MOVE = 40
"""The longest published move has 32; the prompts ask for at most 40."""
ANSWER_LINE = compiled(
    r"\b(?:the )?(?:final )?(?:answer|action plan)\b(?: is|:)+ ?\W*(?P<told>[UDLR](?:\W+[UDLR])*|[ABC])\b"
)
ENDING = compiled(
    r"\b(?:holes?|goal|target|destination|success\w*|fail\w*|wins?|winning|won|lost|loses?|victor\w*|defeat\w*|verdict|outcome"
    r"|result|nothing|fall\w*|fell|under|dead|surviv\w*|water|home|across|fatal|journey|plan|option|answer|moves)\b"
)
"""What a sentence about the end of a walk speaks of."""


HOLE = compiled(r"\b(?:holes?|unsafe|dangerous|deadly)\b")
WISH = compiled(r"\b(?:stands? (?:at|on)|must|have to|has to|need\w*|should|want\w*|careful\w*|avoid\w*)\b")
SOMEWHERE = compiled(
    r"\b(?:above|below|beneath|under|left|right|top|bottom|upper|lower|rows?|columns?|corners?|next to|beside|adjacent"
    r"|touch\w*|border\w*|near)\b"
)


def review(task: str, meta: dict[str, Any], explanation: Explanation, answer: str) -> Review:
    """Read a thought of a maze puzzle; `task`, `meta` and `answer` are those of the row.

    Reasons: those of `verify`, and "leak" (tells of other pictures, of being given plan or answer, of the prompt),
    "unclear" (an ending in words that were not understood),
    "boxed_answer" and "other_answer" (the row's answer stands apart from its thought), "too_short", "too_long",
    "no_cue", "repeats_itself", "markup".
    """
    board = vsp.Board(tuple(meta["board"]))
    sentences = [*sentences_of(explanation.before), *sentences_of(explanation.after)]
    own = [
        *leaks(sentences, lambda sentence: leak_in(task, sentence)),
        *_unclear(task, explanation),
        *answers(sentences, lambda told: _letters(told) == _letters(answer), ANSWER_LINE),
        *malformed(explanation, MAX_WORDS + MAX_WORDS_PER_MOVE * len(meta["plan"]), "the board or the way"),
    ]
    contradictions = [
        _objection(finding, sentences) for finding in findings_row(task, board, meta, explanation, answer, free=True)
    ]
    return Review((*contradictions, *own), len(sentences), sum(map(_is_unread, sentences)))


def _unclear(task: str, explanation: Explanation) -> Iterator[Objection]:
    told = sentences_of(explanation.after)
    if task == vsp_reasoning.TASK:
        told = [*sentences_of(explanation.before)[:-1], *told]
    last = verdicts_in(explanation.after)
    for sentence in sentences_of(explanation.before)[:-1] if task == vsp.TASK else ():
        if _is_vague(sentence):
            advice = "It is not clear what this says of the board; say it plainly, with squares, or leave it out"
            yield Objection("unclear", sentence, f"{advice}: {quoted(sentence)}")
    for sentence in told:
        if sentence in last and verdict(sentence) != ALL:
            continue
        if ENDING.search(sentence) and not SUPPOSITION.search(sentence) and _is_unread(sentence):
            advice = "It is not clear what this says of the walk; say it plainly or leave it out"
            yield Objection("unclear", sentence, f"{advice}: {quoted(sentence)}")


def _is_vague(sentence: str) -> bool:
    """Whether it places a hole somewhere in words that no reader knows, so that it may be wrong."""
    words = sentence.rstrip(".!? ")
    if any(tile for _, _, tile in SQUARE_FORM.findall(words)):
        return False  # what a square is was checked
    signed = _signed(words)
    if WISH.search(words) or not (SQUARE in signed or (HOLE.search(words) and SOMEWHERE.search(words))):
        return False
    return not (read(words).claims or any(read(piece).claims for piece in _pieces(words)) or read_facts(signed).facts)


def _pieces(sentence: str) -> list[str]:
    """As a story cuts it."""
    return f" {SQUARE}\0{SQUARE} ".join(SQUARE_FORM.split(sentence)[::4]).split("\0")


def _signed(sentence: str) -> str:
    """With a sign for each square."""
    return re.sub(rf"\[ ?{SQUARE}|{SQUARE}\)", SQUARE, SQUARE_FORM.sub(SQUARE, ROW_COLUMN.sub(r"(\1,\2)", sentence)))


def _letters(answer: str) -> str:
    return "".join(re.findall("[A-Z]", answer.upper()))


def _objection(finding: Finding, sentences: list[str]) -> Objection:
    objection = contradicted(*finding, sentences, "on this board")
    if finding.reason in ("moves_not_answer", "moves_not_plan", "wrong_move", "wrong_split"):
        told = f"Your text tells {finding.words.replace(SQUARE, '').strip(' ,:')}, but on this board: {finding.truth}."
        return objection._replace(told=told)
    return objection


def _is_unread(sentence: str) -> bool:
    return not (
        SQUARE_FORM.search(sentence)
        or read(sentence).claims
        or read_walk(sentence).letters
        or read_facts(_signed(sentence.rstrip(".!? "))).facts
    )
