"""What a model's thought must be like, whatever it is about: no leak, no box, its parts of the asked form.

`said` reads thoughts of mazes, `jigsaw_said` and `sat_said` those of their families; each adds what it knows of claims.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from mirage_core.teacher import Explanation
from mirage_core.teacher.words import SQUARE, compiled

MIN_BEFORE_WORDS = 6
"""The shortest published text before a picture has 13."""
MAX_CUE_WORDS = 20
MAX_SAME_SENTENCE = 2
"""Sampling that ran into a loop says the same three times."""
SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
BOX = re.compile(r"\\boxed\s*\{([^}]*)\}?|\$\\?boxed")
MARKUP = re.compile(
    r"\*\*|__|`|^\s*#+ |^\s*[-*•] |^\s*\|.*\||</?[a-z]+[^>]*>|\$|\\[a-z]+|https?://", re.MULTILINE | re.I
)
CUE = compiled(
    r"\b(?:visuali[sz]\w*|pictur\w+|imagin\w*|envision\w*|draw\w*|sketch\w*|trac\w+|look\w*|see|seeing|focus\w*|think\w*"
    r"|consider\w*|reflect\w*|bring\w*|map\w*|mind|mentally|view\w*|observ\w*|examin\w*|study|conceiv\w*|recall\w*)\b"
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


def sentences_of(text: str) -> list[str]:
    """The sentences of a part; a numbered list's "1." stays with its line."""
    return [sentence for sentence in SENTENCE_END.split(text) if re.search("[A-Za-z]|->|→", sentence)]


def leaks(sentences: Iterable[str], leak_in: Callable[[str], str | None]) -> Iterator[Objection]:
    """Object to sentences in which `leak_in` finds words that give something away."""
    for sentence in sentences:
        words = leak_in(sentence)
        if words is not None:
            told = f"The words {quoted(words)} give away what the reader of your text does not see."
            yield Objection("leak", sentence, told)


def answers(
    sentences: Iterable[str], is_right: Callable[[str], bool], line: re.Pattern[str] | None = None
) -> Iterator[Objection]:
    """Object to an answer that stands apart from the thought.

    Args:
        sentences: Of the thought.
        is_right: Of what is told as the answer.
        line: Another form than a box, with what is told in its group `told`; an answer that stands there may be right.
    """
    for sentence in sentences:
        box = BOX.search(sentence)
        found = box or (line.search(sentence) if line else None)
        if not found:
            continue
        told = (found[1] or "") if box else found["told"]
        if not is_right(told):
            yield Objection("other_answer", sentence, f"Your text gives {quoted(told)} as the answer, which it is not.")
        elif box:
            yield Objection("boxed_answer", sentence, "Leave the boxed answer out; it is added behind your text.")


def malformed(explanation: Explanation, max_words: int, sight: str) -> Iterator[Objection]:
    """Object to parts that are too short or long, lack a cue, loop or are marked up.

    Args:
        explanation: The thought.
        max_words: Of each part.
        sight: What its cue asks to picture, for the objection.
    """
    before = sentences_of(explanation.before)
    sentences = [*before, *sentences_of(explanation.after)]
    num_words = len(explanation.before.split())
    if num_words < MIN_BEFORE_WORDS:
        yield Objection("too_short", "", f"The part before the picture has only {num_words} words.")
    longest = max(num_words, len(explanation.after.split()))
    if longest > max_words:
        yield Objection("too_long", "", f"A part of your text has {longest} words; be brief.")
    if before and not (CUE.search(before[-1]) and len(before[-1].split()) <= MAX_CUE_WORDS):
        told = f"The part before the picture must end in one short sentence that asks to picture {sight}."
        yield Objection("no_cue", before[-1], told)
    sentence, number = max(Counter(sentences).items(), key=lambda item: item[1], default=("", 0))
    if number > MAX_SAME_SENTENCE:
        yield Objection("repeats_itself", sentence, f"You say {quoted(sentence)} {number} times.")
    for sentence in sentences:
        if mark := MARKUP.search(sentence.replace("->", "")):
            yield Objection("markup", sentence, f"Write plain sentences, without {mark[0].strip()!r}.")


def contradicted(reason: str, words: str, truth: str, sentences: Iterable[str], where: str) -> Objection:
    """The objection of a finding: that `words` of the thought do not agree with what is true `where` one looks."""
    words = words.replace(SQUARE, "").strip(" ,:")
    sentence = next((one for one in sentences if words and words in " ".join(one.split())), "")
    if reason.startswith("answer_"):
        told = f"The answer {words!r} does not stand: {truth}."
    elif reason == "empty_thought":
        told = f"A part is empty, but {truth}."
    else:
        told = f"Your text says {quoted(words)}, but {where}: {truth}."
    return Objection(reason, sentence, told)


def quoted(words: str) -> str:
    """In quotes, for a sentence that is fed back."""
    return f'"{words.strip()}"'
