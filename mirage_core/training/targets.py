"""What the latents of a row should be, made of the vision features of its pictures.

Shapes: F merged vision features of a picture, K latents of a span, D width of the model.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from mirage_core.errors import InputError
from mirage_core.model.latent import latent_targets
from mirage_core.recipe import LatentTarget


def targets_of(target: LatentTarget, images_FD: Sequence[Tensor], helpers_FD: Sequence[Tensor], k: int) -> list[Tensor]:
    """(K, D) for each helper image of a row.

    Args:
        target: See `Alignment.target`; for "centred" the caller takes off `common_part` of the raw ones.
        images_FD: Features of the row's input images.
        helpers_FD: Features of its helper images.
        k: Latents of a span.

    Raises:
        InputError: A picture has fewer features than latents, or "helper-minus-input" has not one input image.
    """
    pooled = [latent_targets(helper, k) for helper in helpers_FD]
    if target != "helper-minus-input":
        return pooled
    if len(images_FD) != 1:
        raise InputError(f"target helper-minus-input: a row has {len(images_FD)} input images; it needs exactly one")
    return [helper - latent_targets(images_FD[0], k) for helper in pooled]


def common_part(targets_ND: Iterable[Tensor], k: int) -> Tensor:
    """(K, D): mean over all spans of many rows, place by place."""
    total, num_spans = torch.zeros(()), 0
    for rows_ND in targets_ND:
        spans_SKD = rows_ND.view(-1, k, rows_ND.shape[-1])
        total, num_spans = total + spans_SKD.sum(0).double(), num_spans + len(spans_SKD)
    return (total / num_spans).float()
