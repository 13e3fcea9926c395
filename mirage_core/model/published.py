"""The shapes of the published Qwen2.5-VL models, so that training can be planned without their weights or the hub.

Source: `config.json` of Qwen/Qwen2.5-VL-3B-Instruct and Qwen/Qwen2.5-VL-7B-Instruct (2025). That the values are
complete shows in the counts of parameters, which the hub gives as 3,754,622,976 and 8,292,166,656.
"""

from pathlib import Path
from typing import Any

import torch
from transformers import Qwen2_5_VLConfig

from mirage_core.errors import InputError
from mirage_core.model.base import resolve_base
from mirage_core.model.latent import LATENT_FIELDS, MirageForConditionalGeneration
from mirage_core.model.load import LATENT_SIZE

_TEXT = {
    "max_position_embeddings": 128000,
    "rms_norm_eps": 1e-6,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0, "mrope_section": [16, 24, 24]},
    "bos_token_id": 151643,
    "eos_token_id": 151645,
}
_VISION = {
    "depth": 32,
    "hidden_size": 1280,
    "intermediate_size": 3420,
    "num_heads": 16,
    "patch_size": 14,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
    "window_size": 112,
    "fullatt_block_indexes": [7, 15, 23, 31],
}
_TOKENS = {
    "vision_start_token_id": 151652,
    "vision_end_token_id": 151653,
    "image_token_id": 151655,
    "video_token_id": 151656,
}
NUM_TOKENS = 151665
"""Of the published tokenizer; the latent tokens are its next ones, for which the embeddings have spare rows."""


def _shape(hidden: int, intermediate: int, layers: int, heads: int, kv_heads: int, vocab: int, tied: bool) -> Any:
    text = dict(
        hidden_size=hidden, intermediate_size=intermediate, num_hidden_layers=layers, num_attention_heads=heads,
        num_key_value_heads=kv_heads, vocab_size=vocab,
    )  # fmt: skip
    return {"text_config": _TEXT | text, "vision_config": _VISION | {"out_hidden_size": hidden}, "tied": tied}


SHAPES = {
    "Qwen/Qwen2.5-VL-3B-Instruct": _shape(2048, 11008, 36, 16, 2, 151936, True),
    "Qwen/Qwen2.5-VL-7B-Instruct": _shape(3584, 18944, 28, 28, 4, 152064, False),
}
"""By the name that a recipe gives as `base_model`."""


def config_of(base_model: str) -> Qwen2_5_VLConfig:
    """The configuration of a latent model on a recipe's base: a published one, a folder's or the packaged one's.

    Raises:
        InputError: The shape of the model is not known here.
    """
    base = resolve_base(base_model)
    if base.sha256 is not None:
        config = Qwen2_5_VLConfig.from_pretrained(Path(base.ref))
        assert isinstance(config, Qwen2_5_VLConfig)
    elif base.name in SHAPES:
        shape = SHAPES[base.name]
        config = Qwen2_5_VLConfig(
            text_config=shape["text_config"],
            vision_config=shape["vision_config"],
            tie_word_embeddings=shape["tied"],
            **_TOKENS,
        )
    else:
        raise InputError(
            f"base_model: the shape of {base.name} is not known without its files; known are {', '.join(SHAPES)}, "
            "or download the model and name its folder"
        )
    saved = config.to_dict()
    for number, field in enumerate(LATENT_FIELDS[:3]):
        if field not in saved:
            setattr(config, field, NUM_TOKENS + number)
    if "latent_size" not in saved:
        config.latent_size = LATENT_SIZE
    return config


def on_meta(config: Qwen2_5_VLConfig) -> MirageForConditionalGeneration:
    """The latent model with shapes but without memory, in float32 as training opens it."""
    with torch.device("meta"):
        return MirageForConditionalGeneration(config)
