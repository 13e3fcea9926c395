"""Whether a thought that a model wrote may be learnt from: all of `verify`, and what only models do wrong.

What counts as a claim. Squares with or without their tiles, moves, and words about distances, places, neighbours,
sides, rows and columns, corners, counts, visits and endings are read and must hold. Let pass are opinions, odds
("slightly raising the chance of success"), wishes, suppositions, reasons ("so I have to turn") and whatever else the
readers do not know: text is not rejected for being unread, or no free style could pass. The exceptions are "unclear":
an ending, and ahead of a planned way's picture a sentence that names a square or puts a hole somewhere. How much went
unread is counted, so that a teacher who talks past the readers shows in the report. Moves told in words ahead of the
cue are not read either.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from mirage_core.puzzles import vsp, vsp_reasoning
from mirage_core.teacher import Explanation
from mirage_core.teacher.leaks import leak_in
from mirage_core.teacher.read_facts import read_facts
from mirage_core.teacher.read_verdict import ALL, verdict
from mirage_core.teacher.reading import read, read_walk
from mirage_core.teacher.story import ROW_COLUMN, SQUARE_FORM, Finding
from mirage_core.teacher.verify import findings_row, verdicts_in
from mirage_core.teacher.words import SQUARE, SUPPOSITION, compiled

MIN_BEFORE_WORDS = 6
"""The shortest published text before a picture has 13."""
MAX_WORDS = 80
"""Of each part, besides the words of its moves."""
MAX_WORDS_PER_MOVE = 40
"""The longest published move has 32; the prompts ask for at most 40."""
MAX_CUE_WORDS = 20
MAX_SAME_SENTENCE = 2
"""Sampling that ran into a loop says the same three times."""
SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
BOX = re.compile(r"\\boxed\s*\{([^}]*)\}?|\$\\?boxed")
ANSWER_LINE = compiled(
    r"\b(?:the )?(?:final )?(?:answer|action plan)\b(?: is|:)+ ?\W*(?P<told>[UDLR](?:\W+[UDLR])*|[ABC])\b"
)
MARKUP = re.compile(
    r"\*\*|__|`|^\s*#+ |^\s*[-*•] |^\s*\|.*\||</?[a-z]+[^>]*>|\$|\\[a-z]+|https?://", re.MULTILINE | re.I
)
CUE = compiled(
    r"\b(?:visuali[sz]\w*|pictur\w+|imagin\w*|envision\w*|draw\w*|sketch\w*|trac\w+|look\w*|see|seeing|focus\w*|think\w*"
    r"|consider\w*|reflect\w*|bring\w*|map\w*|mind|mentally|view\w*|observ\w*|examin\w*|study|conceiv\w*|recall\w*)\b"
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


class Objection(NamedTuple):
    """Why a thought is rejected."""

    reason: str
    """Short and stable; rejects are counted under it."""
    sentence: str
    """Of the text; empty if it is about the whole."""
    told: str
    """A sentence that says what is wrong, to be fed back."""


class Review(NamedTuple):
    """What came of reading a thought."""

    objections: tuple[Objection, ...]
    """The gravest first; none if it stands."""
    num_sentences: int
    num_unread: int
    """Sentences in which nothing was read that could have been wrong; cues count as such."""

    @property
    def reason(self) -> str:
        """Of the first objection, or "ok"."""
        return self.objections[0].reason if self.objections else "ok"


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
        *_leaks(task, sentences),
        *_unclear(task, explanation),
        *_answers(sentences, answer),
        *_form(sentences, explanation, len(meta["plan"])),
    ]
    contradictions = [
        _objection(finding, sentences) for finding in findings_row(task, board, meta, explanation, answer, free=True)
    ]
    return Review((*contradictions, *own), len(sentences), sum(map(_is_unread, sentences)))


def sentences_of(text: str) -> list[str]:
    """The sentences of a part; a numbered list's "1." stays with its line."""
    return [sentence for sentence in SENTENCE_END.split(text) if re.search("[A-Za-z]|->|→", sentence)]


def _leaks(task: str, sentences: list[str]) -> Iterator[Objection]:
    for sentence in sentences:
        words = leak_in(task, sentence)
        if words is not None:
            told = f"The words {_quoted(words)} give away what the reader of your text does not see."
            yield Objection("leak", sentence, told)


def _unclear(task: str, explanation: Explanation) -> Iterator[Objection]:
    told = sentences_of(explanation.after)
    if task == vsp_reasoning.TASK:
        told = [*sentences_of(explanation.before)[:-1], *told]
    last = verdicts_in(explanation.after)
    for sentence in sentences_of(explanation.before)[:-1] if task == vsp.TASK else ():
        if _is_vague(sentence):
            advice = "It is not clear what this says of the board; say it plainly, with squares, or leave it out"
            yield Objection("unclear", sentence, f"{advice}: {_quoted(sentence)}")
    for sentence in told:
        if sentence in last and verdict(sentence) != ALL:
            continue
        if ENDING.search(sentence) and not SUPPOSITION.search(sentence) and _is_unread(sentence):
            advice = "It is not clear what this says of the walk; say it plainly or leave it out"
            yield Objection("unclear", sentence, f"{advice}: {_quoted(sentence)}")


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


def _answers(sentences: list[str], answer: str) -> Iterator[Objection]:
    for sentence in sentences:
        box = BOX.search(sentence)
        found = box or ANSWER_LINE.search(sentence)
        if not found:
            continue
        told = (found[1] or "") if box else found["told"]
        if _letters(told) != _letters(answer):
            yield Objection(
                "other_answer", sentence, f"Your text gives {_quoted(told)} as the answer, which it is not."
            )
        elif box:
            yield Objection("boxed_answer", sentence, "Leave the boxed answer out; it is added behind your text.")


def _letters(answer: str) -> str:
    return "".join(re.findall("[A-Z]", answer.upper()))


def _form(sentences: list[str], explanation: Explanation, num_moves: int) -> Iterator[Objection]:
    before = sentences_of(explanation.before)
    num_words = len(explanation.before.split())
    if num_words < MIN_BEFORE_WORDS:
        yield Objection("too_short", "", f"The part before the picture has only {num_words} words.")
    longest = max(num_words, len(explanation.after.split()))
    if longest > MAX_WORDS + MAX_WORDS_PER_MOVE * num_moves:
        yield Objection("too_long", "", f"A part of your text has {longest} words; be brief.")
    if before and not (CUE.search(before[-1]) and len(before[-1].split()) <= MAX_CUE_WORDS):
        told = "The part before the picture must end in one short sentence that asks to picture the board or the way."
        yield Objection("no_cue", before[-1], told)
    sentence, number = max(Counter(sentences).items(), key=lambda item: item[1], default=("", 0))
    if number > MAX_SAME_SENTENCE:
        yield Objection("repeats_itself", sentence, f"You say {_quoted(sentence)} {number} times.")
    for sentence in sentences:
        if mark := MARKUP.search(sentence.replace("->", "")):
            yield Objection("markup", sentence, f"Write plain sentences, without {mark[0].strip()!r}.")


def _objection(finding: Finding, sentences: list[str]) -> Objection:
    words = finding.words.replace(SQUARE, "").strip(" ,:")
    sentence = next((one for one in sentences if words and words in " ".join(one.split())), "")
    if finding.reason.startswith("answer_"):
        told = f"The answer {finding.words!r} does not stand: {finding.truth}."
    elif finding.reason == "empty_thought":
        told = f"A part is empty, but {finding.truth}."
    elif finding.reason in ("moves_not_answer", "moves_not_plan", "wrong_move", "wrong_split"):
        told = f"Your text tells {finding.words}, but on this board: {finding.truth}."
    else:
        told = f"Your text says {_quoted(words)}, but on this board: {finding.truth}."
    return Objection(finding.reason, sentence, told)


def _quoted(words: str) -> str:
    return f'"{words.strip()}"'


def _is_unread(sentence: str) -> bool:
    return not (
        SQUARE_FORM.search(sentence)
        or read(sentence).claims
        or read_walk(sentence).letters
        or read_facts(_signed(sentence.rstrip(".!? "))).facts
    )
