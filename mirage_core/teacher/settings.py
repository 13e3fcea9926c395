"""What may be set about who tells, and about a teacher behind an OpenAI-compatible server; its address: `access`."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError

from mirage_core.errors import InputError
from mirage_core.settings import Operational, Settings, explain

TeacherKind = Literal["oracle", "server", "mixed"]
Positive = Annotated[int, Field(gt=0)]
Price = Annotated[float, Field(ge=0.0)]


class ServerTeacher(Settings):
    """Which model explains, how it samples, and how hard the server may be pressed."""

    model: Annotated[str, Field(min_length=1)] = "Qwen/Qwen2.5-VL-32B-Instruct"
    """Name under which the server knows the model; the default is the paper's teacher."""
    temperature: Annotated[float, Field(ge=0.0, le=2.0)] = 0.7
    """Sampling temperature; at 0 all thoughts of a row are alike."""
    top_p: Annotated[float, Field(gt=0.0, le=1.0)] = 0.95
    """Nucleus sampling: the share of the probability that is drawn from."""
    max_tokens: Positive = 1024
    """Longest answer in tokens; one that is cut off there is rejected as too long."""
    timeout_s: Annotated[float, Field(gt=0.0), Operational()] = 180.0
    """Longest wait for one answer before the request counts as failed."""
    concurrency: Annotated[Positive, Operational()] = 64
    """Most requests at the server at once, of each process; fewer while it refuses or fails."""
    image_px: Annotated[int, Field(ge=28)] | None = None
    """Longest side that pictures are scaled down to before they are sent; None sends them as they are (384 in VSP).
    Qwen2.5-VL sees patches of 28 pixels."""
    num_tries: Positive = 3
    """Thoughts asked for until one is accepted."""
    prompts: Annotated[Path | None, Operational()] = None
    """Folder of prompt files that replace those of the package; what they say counts, not where they lie."""
    judge_model: Annotated[str, Field(min_length=1)] | None = None
    """Model at the same server that judges accepted thoughts once more; None asks nobody."""
    price_in: Annotated[Price | None, Operational()] = None
    """Price of a million prompt tokens, in whatever money the bill is in."""
    price_out: Annotated[Price | None, Operational()] = None
    """Price of a million answer tokens."""
    http_tries: Annotated[Positive, Operational()] = 8
    """Times that one request is sent at most while the server refuses, fails or talks nonsense."""
    backoff_s: Annotated[float, Field(gt=0.0), Operational()] = 1.0
    """Mean wait before a request is sent for the second time; doubled each time, up to 60 s. The defaults bear two
    minutes of a server that is restarted."""

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        """What so many tokens cost, in the money of the prices; None if either price is unknown."""
        if self.price_in is None or self.price_out is None:
            return None
        return (prompt_tokens * self.price_in + completion_tokens * self.price_out) / 1e6


class WithTeacher(Settings):
    """The part of a data set's spec that says who writes its reasoning, of families that a model may tell about."""

    teacher: TeacherKind = "oracle"
    """Who writes the reasoning. "oracle" composes it from what is true of the puzzle: the solver's trace, measurements,
    the geometry. "server": a model behind an OpenAI-compatible server (the paper's teacher is Qwen2.5-VL-32B). "mixed":
    that model, and the oracle for thoughts that it did not get right in its tries; `meta.fallback_for` of such rows
    says why."""
    server: ServerTeacher | None = None
    """Which model writes and how it is asked, unless the oracle writes; None takes the defaults."""

    @property
    def asks_model(self) -> bool:
        """Whether a server is needed."""
        return self.teacher != "oracle"

    def told_by(self, teacher: TeacherKind) -> Self:
        """The same data set with another teacher.

        Raises:
            InputError: That teacher cannot tell about it.
        """
        try:
            return type(self)(**{**self.model_dump(), "teacher": teacher})
        except ValidationError as error:
            raise InputError(f"teacher {teacher}: {explain(error, type(self))}") from error


class Budget(Settings):
    """Where asking stops. Counted over the life of an answer store, whoever asked: a rerun cannot spend it again."""

    max_requests: Annotated[int, Field(ge=0)] | None = None
    """Most HTTP requests, those sent again included; None is no limit."""
    max_tokens: Annotated[int, Field(ge=0)] | None = None
    """Prompt and answer tokens after which nothing more is sent; what is under way still counts. None is no limit."""
