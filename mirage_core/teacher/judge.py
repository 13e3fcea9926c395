"""An optional second opinion: a model reads the picture, the question and a thought, and says yes or no.

It sees neither helper image nor answer, so that it judges what a reader could check. Where a simulator verifies the
thought, a judge adds little; it is for families without one.
"""

import re
from collections.abc import Sequence

from mirage_core.teacher import Explanation
from mirage_core.teacher.chat import Message
from mirage_core.teacher.prompting import FENCE, THINKING, Prompt, messages

PROMPT = "judge"
"""Name of its prompt file."""
VERDICT = re.compile(r"\bverdict\b[\W_]*(yes|no)\b", re.IGNORECASE)
REASON = re.compile(r"\breason\b[*_ ]*:[*_ ]*(.+)", re.IGNORECASE | re.DOTALL)
BARE = re.compile(r"^\W*(yes|no)\b[\W_]*(.*)$", re.IGNORECASE | re.DOTALL)


def judge_messages(question: str, images: Sequence[bytes], thought: Explanation, prompt: Prompt) -> list[Message]:
    """The chat that asks for a judgement.

    Args:
        question: As the row has it.
        images: PNG bytes of the puzzle's pictures.
        thought: What to judge.
        prompt: With fields `$question` and `$thought`.
    """
    fields = {"question": question.replace("<image>", "(the picture)"), "thought": " ".join(thought).strip()}
    return messages(fields, images, (), prompt)


def read_judgement(text: str) -> tuple[bool | None, str]:
    """What the judge said.

    Returns:
        True for yes, False for no, None where the reply is neither or both; and the reason that it gave, or why it
        could not be read.
    """
    said = FENCE.sub("", THINKING.sub("", text)).strip()
    found = {word.lower() for word in VERDICT.findall(said)}
    bare = None if found else BARE.search(said)
    if bare:
        found = {bare[1].lower()}
    if len(found) != 1:
        return None, "the judge gave two verdicts" if found else "the judge gave no verdict"
    told = REASON.search(said)
    reason = told[1] if told else bare[2] if bare else ""
    return found == {"yes"}, " ".join(reason.split())
