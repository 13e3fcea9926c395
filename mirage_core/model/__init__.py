"""The latent model on stock transformers: its tokens, processor, recurrence and generation."""

from mirage_core.model.latent import MirageForConditionalGeneration, latent_targets
from mirage_core.model.processor import MirageProcessor

__all__ = ["MirageForConditionalGeneration", "MirageProcessor", "latent_targets"]
