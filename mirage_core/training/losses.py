"""What the latents are trained for, as plain functions.

Shapes: N latents of a batch in reading order, S spans, K latents of a span, D width of the model.
"""

import torch
from torch import Tensor

from mirage_core.recipe import Alignment

CONTRAST_TEMPERATURE = 0.1
"""Divides the cosines of InfoNCE; as in SimCLR (arXiv 2002.05709)."""


def alignment_loss(predicted_ND: Tensor, target_ND: Tensor, kind: str = "cosine", k: int = 1) -> Tensor:
    """How far latents are from what they should be.

    Args:
        predicted_ND: Hidden states one position before the latents (`mirage_core.model.latent.states_before`).
        target_ND: What they should be; no gradient flows into it.
        kind: `Alignment.loss`.
        k: Latents of a span; "contrastive" compares latents of the same place in their spans.

    Returns:
        Scalar: mean cosine distance in [0, 2]; mean squared error; or mean cross-entropy of finding the own target
        among those of the batch, log(spans) for latents that tell nothing.

    Source: Mirage (arXiv 2506.17218), stage 1, for "cosine"; see `Alignment.loss` for the others.
    """
    assert predicted_ND.shape == target_ND.shape, (predicted_ND.shape, target_ND.shape)
    predicted_ND, target_ND = predicted_ND.float(), target_ND.detach().float()
    if kind == "mse":
        return torch.nn.functional.mse_loss(predicted_ND, target_ND)
    if kind == "cosine":
        return (1 - torch.nn.functional.cosine_similarity(predicted_ND, target_ND, dim=-1)).mean()
    assert kind == "contrastive", kind
    predicted_KSD, target_KSD = (
        torch.nn.functional.normalize(one.view(-1, k, one.shape[-1]).transpose(0, 1), dim=-1)
        for one in (predicted_ND, target_ND)
    )
    logits_KSS = predicted_KSD @ target_KSD.mT / CONTRAST_TEMPERATURE
    own_KS = torch.arange(logits_KSS.shape[-1], device=logits_KSS.device).expand(k, -1)
    return torch.nn.functional.cross_entropy(logits_KSS.flatten(0, 1), own_KS.flatten())


def alignment_weight(alignment: Alignment, update: int, num_updates: int) -> float:
    """Weight of the alignment at an update, counted from 0."""
    return alignment.weight * (1 - update / num_updates if alignment.decay == "linear" else 1.0)
