"""Low-rank adapters (LoRA, arXiv 2106.09685) for the supervised stages, on PEFT.

The base stays frozen but for the rows of the latent tokens in the embeddings, which a stock model never learned. The
saved model is merged, so that it is a plain checkpoint: the next stage starts with fresh adapters, GRPO with none (the
fused head of TRL cannot read wrapped embeddings).
"""

from peft import LoraConfig, PeftModel, get_peft_model

from mirage_core.model.latent import MirageForConditionalGeneration
from mirage_core.recipe import Lora

TARGETS = r".*language_model\.layers\..*\.(q|k|v|o|gate|up|down)_proj"
"""All linear layers of the language model; PEFT's "all-linear" would take the frozen vision tower too."""
EMBEDDINGS = ["embed_tokens", "lm_head"]
"""Modules with a row per token; where they share their weights PEFT knows it and is told of the first only."""


def with_adapters(model: MirageForConditionalGeneration, lora: Lora) -> PeftModel:
    """The same model with adapters that do nothing yet; only they and the latent tokens are trained."""
    config = model.config
    rows = [config.latent_start_id, config.latent_pad_id, config.latent_end_id]
    wrapped = ["embed_tokens"] if model.lm_head.weight is model.get_input_embeddings().weight else EMBEDDINGS
    return get_peft_model(
        model,
        LoraConfig(
            r=lora.rank,
            lora_alpha=lora.alpha,
            target_modules=TARGETS,
            trainable_token_indices={name: rows for name in wrapped},
        ),
    )
