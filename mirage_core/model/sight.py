"""Who may look at the image: the bottleneck by which text sees it only through the latents.

Tokens of the image see it, and so do `<|latent_start|>` and the latent pads, whose states are the latents. All other
tokens, those of the question behind the image too, attend to text and latents only.

Source: LIVR (arXiv 2512.21218), bottleneck attention mask. There learned tokens look at the image; here latents do.

Shapes: B rows, Q queries, C columns (those of a cache included; the queries are the last ones).
"""

from typing import NamedTuple

import torch
from torch import Tensor
from transformers import Qwen2_5_VLConfig

from mirage_core.errors import InputError

FUSED_ATTENTION = ("flash_attention_2", "flash_attention_3", "flex_attention")
"""Kernels that take no mask of their own."""


class Sight(NamedTuple):
    """What the mask is made of."""

    image_BC: Tensor
    """True at columns of the image."""
    seeing_BQ: Tensor
    """True where a query may attend to them."""

    def span(self, start: int, end: int) -> "Sight":
        """For the queries from `start` to `end`, where every column is a query."""
        return Sight(self.image_BC[:, :end], self.seeing_BQ[:, start:end])

    def moved(self, source_BS: Tensor, inside_BS: Tensor) -> "Sight":
        """Rows in new columns, read from `source_BS`; see `mirage_core.model.recurrence`."""
        return Sight(self.image_BC.gather(1, source_BS) & inside_BS, self.seeing_BQ.gather(1, source_BS))

    def mask(self, mask_BC: Tensor | None, dtype: torch.dtype) -> Tensor:
        """(B, 1, Q, C), added to attention scores: causal, without padding, and blind where it has to be.

        Args:
            mask_BC: 1 for real tokens; None if all are.
            dtype: Of the scores.
        """
        num_columns, num_queries = self.image_BC.shape[1], self.seeing_BQ.shape[1]
        column_C = torch.arange(num_columns, device=self.image_BC.device)
        query_Q = column_C[num_columns - num_queries :]
        open_BQC = (column_C <= query_Q[:, None]) & (~self.image_BC[:, None] | self.seeing_BQ[..., None])
        if mask_BC is not None:
            open_BQC = open_BQC & mask_BC[:, None].bool()
        open_BQC = open_BQC | (column_C == query_Q[:, None])  # padding sees itself: a row without a key has no softmax
        return torch.zeros_like(open_BQC, dtype=dtype).masked_fill(~open_BQC, torch.finfo(dtype).min)[:, None]


def sight_of(ids_BC: Tensor, config: Qwen2_5_VLConfig, num_queries: int | None = None) -> Sight:
    """Read from token ids who sees the image.

    Args:
        ids_BC: All columns.
        config: Of the latent model.
        num_queries: How many of the last columns ask; None is all.

    Raises:
        InputError: The attention kernel takes no mask.
    """
    if config._attn_implementation in FUSED_ATTENTION:
        raise InputError(
            f"bottleneck: {config._attn_implementation} takes no mask; load with attn_implementation='sdpa'"
        )
    image_BC = ids_BC == config.image_token_id
    seeing_BC = image_BC | (ids_BC == config.latent_start_id) | (ids_BC == config.latent_pad_id)
    return Sight(image_BC, seeing_BC if num_queries is None else seeing_BC[:, -num_queries:])
