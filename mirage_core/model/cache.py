"""A key-value cache that gradient checkpointing may replay.

Checkpointing runs a layer twice: in the forward pass, and again in the backward pass. The stock cache would grow
twice. Here the past is frozen, the layer's own keys and values are recorded the first time only, and every chunk of a
sequence gets a cache of its own, so the second run sees exactly what the first one saw.

Keys and values: (rows, heads, columns, head width).
"""

from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer


class ReplaySafeLayer(DynamicLayer):
    """Cache of one decoder layer for one chunk, on the frozen keys and values of the chunks before it."""

    def __init__(self, past: tuple[Tensor, Tensor] | None) -> None:
        super().__init__()
        self.past = past
        self.full: tuple[Tensor, Tensor] | None = None
        if past is not None:
            self.keys, self.values = past
            self.dtype, self.device, self.is_initialized = past[0].dtype, past[0].device, True

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        full = (key_states, value_states)
        if self.past is not None:
            full = (torch.cat([self.past[0], key_states], -2), torch.cat([self.past[1], value_states], -2))
        if self.full is None:
            self.full = full
        return full


def replay_safe_cache(num_layers: int, previous: Cache | None) -> Cache:
    """An empty cache for the first chunk, else one whose past is everything that `previous` saw."""
    if previous is None:
        return Cache(layers=[ReplaySafeLayer(None) for _ in range(num_layers)])
    return Cache(layers=[ReplaySafeLayer(layer.full) for layer in previous.layers])
