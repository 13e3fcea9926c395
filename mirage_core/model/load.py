"""Opening and saving checkpoints: ours, and stock Qwen2.5-VL in the layout of the hub or of transformers 5."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import Qwen2_5_VLConfig

from mirage_core.errors import InputError
from mirage_core.model.latent import LATENT_FIELDS, MirageForConditionalGeneration
from mirage_core.model.processor import LATENT_END, LATENT_PAD, LATENT_START, LATENT_TOKENS, MirageProcessor
from mirage_core.recipe import LatentNorm

LATENT_SIZE = 4
"""Latents per span unless said otherwise. Source: Mirage (arXiv 2506.17218), k = 4."""


def load_processor(ref: str | Path) -> MirageProcessor:
    """The processor of a checkpoint; latent tokens are added to its tokenizer where they are absent.

    Args:
        ref: Folder or name on the hub.
    """
    processor = MirageProcessor.from_pretrained(ref)
    processor.tokenizer.add_special_tokens(
        {"additional_special_tokens": list(LATENT_TOKENS)}, replace_extra_special_tokens=False
    )
    assert isinstance(processor, MirageProcessor)
    return processor


def load_model(
    ref: str | Path,
    latent_size: int | None = None,
    latent_norm: LatentNorm | None = None,
    bottleneck: bool | None = None,
    **kwargs: Any,
) -> MirageForConditionalGeneration:
    """Open one of our checkpoints, or a stock one that then gets latent tokens.

    A stock vocabulary is never shrunk; it grows only where the weights have no spare rows for the new tokens.

    Args:
        ref: Folder or name on the hub.
        latent_size: Latents per span; default: as saved, 4 for a stock checkpoint.
        latent_norm: See `Recipe.latent_norm`; "text" is measured here and kept in the configuration. Default: as saved.
        bottleneck: See `Recipe.bottleneck`; default: as saved, False where nothing is.
        kwargs: For `from_pretrained`, such as `dtype` and `device_map`.

    Raises:
        InputError: The weights do not fit the model, so that some would stay random or unused.
    """
    config = Qwen2_5_VLConfig.from_pretrained(ref)
    saved = config.to_dict()
    if any(name not in saved for name in LATENT_FIELDS):
        tokenizer = load_processor(ref).tokenizer
        config.latent_start_id = tokenizer.convert_tokens_to_ids(LATENT_START)
        config.latent_pad_id = tokenizer.convert_tokens_to_ids(LATENT_PAD)
        config.latent_end_id = tokenizer.convert_tokens_to_ids(LATENT_END)
        config.latent_size = LATENT_SIZE
    if latent_size is not None:
        config.latent_size = latent_size
    if bottleneck is not None:
        config.latent_bottleneck = bottleneck
    model, info = MirageForConditionalGeneration.from_pretrained(ref, config=config, output_loading_info=True, **kwargs)
    _check_keys(ref, "lacks", info["missing_keys"])
    _check_keys(ref, "has unknown", info["unexpected_keys"])
    assert isinstance(model, MirageForConditionalGeneration)
    num_needed = 1 + max(config.latent_start_id, config.latent_pad_id, config.latent_end_id)
    if num_needed > model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(num_needed)
    if latent_norm is not None:
        embeddings_VD = model.get_input_embeddings().weight.detach().float()
        model.config.latent_norm = float(embeddings_VD.norm(dim=-1).mean()) if latent_norm == "text" else None
    return model


def best_device() -> torch.device:
    """The accelerator of this machine, else the CPU."""
    return torch.accelerator.current_accelerator() or torch.device("cpu")


def save(
    model: MirageForConditionalGeneration,
    processor: MirageProcessor,
    folder: Path,
    weights: dict[str, Tensor] | None = None,
) -> None:
    """Write a checkpoint that `load_model`, `load_processor` and the stock classes open.

    Args:
        model: The model.
        processor: Its processor.
        folder: Where to.
        weights: What to write instead of the model's own weights, where it holds only a shard of them.
    """
    # the names of the hub, which most programs know
    model.save_pretrained(folder, state_dict=weights, save_original_format=True)
    processor.save_pretrained(folder)


def _check_keys(ref: str | Path, what: str, keys: Collection[str]) -> None:
    if keys:
        raise InputError(f"{ref} {what} {len(keys)} weights, among them {', '.join(sorted(keys)[:3])}")
