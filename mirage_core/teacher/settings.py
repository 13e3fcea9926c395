"""What may be set about a teacher behind an OpenAI-compatible server. For address and key see `access`."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from mirage_core.settings import Operational, Settings

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


class Budget(Settings):
    """Where asking stops. Counted over the life of an answer store, whoever asked: a rerun cannot spend it again."""

    max_requests: Annotated[int, Field(ge=0)] | None = None
    """Most HTTP requests, those sent again included; None is no limit."""
    max_tokens: Annotated[int, Field(ge=0)] | None = None
    """Prompt and answer tokens after which nothing more is sent; what is under way still counts. None is no limit."""
