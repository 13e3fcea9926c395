"""A model explains one row: asked, checked, told what is wrong, and asked again."""

from typing import NamedTuple

from mirage_core.row import Row
from mirage_core.teacher import Explanation, judge
from mirage_core.teacher.facts import facts_of
from mirage_core.teacher.prompting import Prompt, Rejection, Unusable, messages, read_explanation
from mirage_core.teacher.proof import review_thought
from mirage_core.teacher.request import FILTERED, OK, TOO_LONG, Answer, Request, request_for
from mirage_core.teacher.server import Teacher
from mirage_core.teacher.settings import ServerTeacher

TRIES_APART = 1000
"""Between the sample numbers of a thought's tries: a try never shares its random seed with another thought."""
JUDGED_WRONG = "judged_wrong"
CUT_OFF = "Your reply was cut off because it was too long; be much briefer."


class Prompts(NamedTuple):
    """What is said to the models."""

    ask: Prompt
    judge: Prompt


class Refused(NamedTuple):
    """A reply that was not accepted."""

    reason: str
    """Short and stable; refusals are counted under it."""
    reply: str
    objections: tuple[str, ...]
    """Sentences that say what is wrong; empty where there is nothing to tell the model."""


class Told(NamedTuple):
    """What came of asking for one thought."""

    explanation: Explanation
    """The last reply's; all of it in `before` where it has no parts."""
    reason: str
    """"ok", or why the last reply was refused, or how the server failed."""
    refused: tuple[Refused, ...]
    """All refused replies, the first one first."""
    num_replies: int
    """Of all models, the judge's too."""
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    """At the server, summed over the replies."""
    failed: bool = False
    """Whether the server gave no answer; a later run may get one."""


def first_request(settings: ServerTeacher, row: Row, prompts: Prompts, thought: int = 0) -> Request:
    """What is asked about a row before anything was refused."""
    return _request(settings, row, prompts, thought, [])


async def explain(teacher: Teacher, row: Row, prompts: Prompts, thought: int) -> Told:
    """Ask for a thought about a row until one is accepted, at most `num_tries` times.

    Args:
        teacher: Whom to ask; what it has in store costs nothing.
        row: With question, answer, meta and pictures.
        prompts: What to say.
        thought: Number of the thought among those of the row.

    Raises:
        BudgetReached: The next request may not be sent.
    """
    refused: list[Refused] = []
    answers: list[Answer] = []
    explanation = Explanation("", "")
    for _ in range(teacher.settings.num_tries):
        answer = await teacher.ask(_request(teacher.settings, row, prompts, thought, refused))
        answers.append(answer)
        if answer.reason not in (OK, TOO_LONG, FILTERED):
            return _told(explanation, answer.reason, refused, answers, failed=True)
        explanation, refusal = _read(row, answer)
        if refusal is None and teacher.settings.judge_model:
            judgement = await teacher.ask(_question_to_judge(teacher.settings, row, prompts, explanation))
            answers.append(judgement)
            if not judgement.ok:
                return _told(explanation, f"judge: {judgement.reason}", refused, answers, failed=True)
            refusal = _of_judge(judgement, answer.text)
        if refusal is None:
            return _told(explanation, OK, refused, answers)
        refused.append(refusal)
    return _told(explanation, refused[-1].reason, refused, answers)


def _request(settings: ServerTeacher, row: Row, prompts: Prompts, thought: int, refused: list[Refused]) -> Request:
    told = [Rejection(one.reply, one.objections) for one in refused if one.objections]
    chat = messages(facts_of(row), row.images, row.helper_images, prompts.ask, told)
    return request_for(settings, chat, thought + TRIES_APART * len(refused))


def _read(row: Row, answer: Answer) -> tuple[Explanation, Refused | None]:
    """The explanation in a reply, or the whole reply, and why it is refused; None if it stands."""
    said = Explanation(answer.text, "")
    if answer.reason == FILTERED:
        return said, Refused(FILTERED, "", ())
    if answer.reason == TOO_LONG:
        return said, Refused(TOO_LONG, answer.text, (CUT_OFF,) if answer.text else ())
    read = read_explanation(answer.text)
    if isinstance(read, Unusable):
        return said, Refused(read.reason, answer.text, (read.told,))
    found = review_thought(row, read)
    if not found.objections:
        return read, None
    return read, Refused(found.reason, answer.text, tuple(dict.fromkeys(one.told for one in found.objections)))


def _question_to_judge(settings: ServerTeacher, row: Row, prompts: Prompts, explanation: Explanation) -> Request:
    judging = settings.model_copy(update={"model": settings.judge_model, "temperature": 0.0})
    return request_for(judging, judge.judge_messages(row.question, row.images, explanation, prompts.judge))


def _of_judge(judgement: Answer, reply: str) -> Refused | None:
    """Only a plain no refuses: a judge that mumbles knows nothing."""
    verdict, why = judge.read_judgement(judgement.text)
    if verdict is not False:
        return None
    return Refused(JUDGED_WRONG, reply, (f"A reader of your text says that it is wrong: {why or 'no reason given'}",))


def _told(
    explanation: Explanation, reason: str, refused: list[Refused], answers: list[Answer], failed: bool = False
) -> Told:
    prompt_tokens = sum(answer.prompt_tokens for answer in answers)
    completion_tokens = sum(answer.completion_tokens for answer in answers)
    seconds = sum(answer.seconds for answer in answers)
    return Told(
        explanation, reason, tuple(refused), len(answers), prompt_tokens, completion_tokens, seconds, failed=failed
    )
