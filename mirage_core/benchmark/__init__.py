"""Official test sets, the one evaluation loop, and the trivial baselines every score stands beside."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mirage_core.benchmark.results import Scores
    from mirage_core.benchmark.scores import score

__all__ = ["Scores", "score"]


def __getattr__(name: str) -> Any:
    """Load the evaluation loop when it is asked for: it needs torch, the official test sets do not."""
    if name not in __all__:
        raise AttributeError(name)
    from mirage_core.benchmark import results, scores

    return getattr(results if name == "Scores" else scores, name)
