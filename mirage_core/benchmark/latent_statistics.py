"""What latents look like: whether they differ between items, and what they lie close to.

Shapes: M items, K latents of a span, D width of the model, N latents, V text tokens, F vision features.

Sources: collapse and retrieval as in arXiv 2605.18445; the map as in Mirage (arXiv 2506.17218), which draws text, image
and latent embeddings with t-SNE.
"""

import numpy as np
import torch
from sklearn.manifold import TSNE
from torch import Tensor
from torch.nn.functional import normalize

from mirage_core.benchmark.latent_results import Collapse, LatentStatistics, Neighbours, Retrieval

MAX_NEIGHBOURS = 10_000
"""Embeddings of each kind among which the nearest is looked for."""
MAP_POINTS = 200
"""Of each kind on the map."""
PERPLEXITY = 30.0
"""Of the map; the default of scikit-learn."""
SAME = 1e-6
"""Cosines that differ by less are ties: targets of the same picture, computed in different batches."""


def latent_statistics(
    latents_MKD: Tensor, targets_MKD: Tensor | None, text_VD: Tensor, vision_FD: Tensor, seed: int
) -> LatentStatistics:
    """All statistics.

    Args:
        latents_MKD: First spans of at least two items.
        targets_MKD: What they should be by the items' helper images; None where there are none.
        text_VD: Input embeddings of the text tokens.
        vision_FD: Vision features of the items' pictures.
        seed: Random seed of the samples and of the map.
    """
    kinds = {"text tokens": text_VD, "image features": vision_FD, "latents": latents_MKD.flatten(0, 1)}
    with_targets = kinds if targets_MKD is None else kinds | {"targets": targets_MKD.flatten(0, 1)}
    return LatentStatistics(
        num_items=len(latents_MKD),
        collapse=collapse(latents_MKD),
        collapse_of_targets=None if targets_MKD is None else collapse(targets_MKD),
        retrieval=None if targets_MKD is None else retrieval(latents_MKD, targets_MKD),
        retrieval_centred=None if targets_MKD is None else retrieval(centred(latents_MKD), centred(targets_MKD)),
        neighbours=neighbours(kinds["latents"], text_VD, vision_FD, seed),
        norms={name: _norms(vectors) for name, vectors in with_targets.items()},
        map=latent_map(kinds, seed),
    )


def mean_cosine(vectors_MD: Tensor) -> float:
    """Mean cosine of all pairs of different rows, at least two; vectors of length 0 are orthogonal to all."""
    num = len(vectors_MD)
    unit_MD = normalize(vectors_MD.double(), dim=-1)
    pairs = unit_MD.sum(0).square().sum() - unit_MD.square().sum()
    return float(pairs / (num * (num - 1)))


def collapse(latents_MKD: Tensor) -> Collapse:
    """How alike the latents of different items are."""
    num_places = latents_MKD.shape[1]
    within = [mean_cosine(span_KD) for span_KD in latents_MKD] if num_places > 1 else []
    return Collapse(
        per_place=tuple(mean_cosine(latents_MKD[:, place]) for place in range(num_places)),
        overall=mean_cosine(latents_MKD.flatten(1)),
        within_span=float(np.mean(within)) if within else None,
    )


def centred(vectors_MKD: Tensor) -> Tensor:
    """Without the mean over items, place by place."""
    return vectors_MKD - vectors_MKD.mean(0)


def retrieval(latents_MKD: Tensor, targets_MKD: Tensor) -> Retrieval:
    """Rank of every item's own target among those of all items."""
    num = len(latents_MKD)
    latents_ML, targets_ML = (normalize(part.flatten(1).double(), dim=-1) for part in (latents_MKD, targets_MKD))
    cosine_MM = latents_ML @ targets_ML.T
    lead_MM = cosine_MM - cosine_MM.diagonal()[:, None]
    num_above_M = (lead_MM > SAME).sum(1)
    num_level_M = (lead_MM.abs() <= SAME).sum(1)  # the own one among them
    rank_M = num_above_M + (num_level_M + 1) / 2
    return Retrieval(
        recall_at_1=float(((num_above_M == 0) / num_level_M).mean()),
        mrr=float((1 / rank_M).mean()),
        chance_recall_at_1=1 / num,
        chance_mrr=float((1 / np.arange(1, num + 1)).mean()),
    )


def neighbours(latents_ND: Tensor, text_VD: Tensor, vision_FD: Tensor, seed: int) -> Neighbours:
    """Share of latents that lie nearest to a vision feature, among as many text tokens as vision features.

    Equally many of each are drawn, so that neither kind wins by its number.
    """
    rng = np.random.default_rng([seed, 1])
    num = min(len(text_VD), len(vision_FD), MAX_NEIGHBOURS)
    text_VD, vision_FD = _drawn(text_VD, num, rng), _drawn(vision_FD, num, rng)
    unit_ND = normalize(latents_ND, dim=-1)
    text_N, vision_N = ((unit_ND @ normalize(part, dim=-1).T).amax(1) for part in (text_VD, vision_FD))
    return Neighbours(visual_share=float((vision_N > text_N).float().mean()), num_each=num)


def latent_map(kinds: dict[str, Tensor], seed: int) -> dict[str, tuple[tuple[float, float], ...]]:
    """Places of some vectors of each kind on a plane, close together where their directions are alike."""
    rng = np.random.default_rng([seed, 2])
    drawn = [_drawn(vectors, MAP_POINTS, rng) for vectors in kinds.values()]
    unit_ND = normalize(torch.cat(drawn), dim=-1).numpy()
    perplexity = min(PERPLEXITY, (len(unit_ND) - 1) / 3)
    flat_N2 = TSNE(perplexity=perplexity, init="pca", random_state=seed, n_jobs=1).fit_transform(unit_ND)
    parts = np.split(flat_N2, np.cumsum([len(part) for part in drawn])[:-1])
    return {
        name: tuple((round(float(x), 2), round(float(y), 2)) for x, y in part)
        for name, part in zip(kinds, parts, strict=True)
    }


def _drawn(vectors: Tensor, num: int, rng: np.random.Generator) -> Tensor:
    """`num` of the rows at random, all where there are no more, in single precision."""
    return vectors[torch.from_numpy(rng.permutation(len(vectors))[:num])].float()


def _norms(vectors: Tensor) -> tuple[float, float]:
    values = torch.linalg.vector_norm(vectors, dim=-1, dtype=torch.float32)
    return round(float(values.mean()), 4), round(float(values.std(correction=0)), 4)
