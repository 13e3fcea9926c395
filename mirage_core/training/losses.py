"""What the latents are trained for, as plain functions.

Shapes: N latents of a batch, D width of the model.
"""

import torch
from torch import Tensor


def alignment_loss(predicted_ND: Tensor, target_ND: Tensor) -> Tensor:
    """Mean cosine distance of latents from what they should be.

    Args:
        predicted_ND: Hidden states one position before the latents (`mirage_core.model.latent.states_before`).
        target_ND: Pooled vision features; no gradient flows into them.

    Returns:
        Scalar in [0, 2].

    Source: Mirage (arXiv 2506.17218), stage 1.
    """
    assert predicted_ND.shape == target_ND.shape, (predicted_ND.shape, target_ND.shape)
    cosine_N = torch.nn.functional.cosine_similarity(predicted_ND.float(), target_ND.detach().float(), dim=-1)
    return (1 - cosine_N).mean()


def stage1_loss(text_loss: Tensor, alignment: Tensor, gamma: float) -> Tensor:
    """Loss of stage 1 from mean cross-entropy and mean cosine distance; gamma weighs the text (section 3.2)."""
    return gamma * text_loss + alignment
