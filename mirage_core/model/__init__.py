"""The latent model on stock transformers: its tokens, processor, recurrence and generation."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mirage_core.model.latent import MirageForConditionalGeneration, latent_targets
    from mirage_core.model.processor import MirageProcessor

__all__ = ["MirageForConditionalGeneration", "MirageProcessor", "latent_targets"]


def __getattr__(name: str) -> Any:
    """Load the model when it is asked for: torch and transformers take seconds that a cached run need not spend."""
    if name not in __all__:
        raise AttributeError(name)
    from mirage_core.model import latent, processor

    return getattr(processor if name == "MirageProcessor" else latent, name)
