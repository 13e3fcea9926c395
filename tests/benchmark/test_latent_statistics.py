"""Statistics of constructed latents, of which one knows what must come out."""

import numpy as np
import pytest
import torch

from mirage_core.benchmark.latent_statistics import (
    centred,
    collapse,
    latent_map,
    latent_statistics,
    mean_cosine,
    neighbours,
    retrieval,
)

pytestmark = pytest.mark.thorough


def drawn(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape)).float()


def test_the_mean_cosine_is_that_of_all_pairs():
    vectors = drawn(7, 5)
    pairs = [
        torch.nn.functional.cosine_similarity(vectors[one], vectors[other], dim=0)
        for one in range(7) for other in range(7) if one != other
    ]  # fmt: skip
    assert mean_cosine(vectors) == pytest.approx(float(torch.stack(pairs).mean()), abs=1e-6)


def test_latents_that_are_all_the_same_have_collapsed():
    same = collapse(drawn(1, 4, 16).expand(20, 4, 16))
    assert same.per_place == pytest.approx([1.0] * 4) and same.overall == pytest.approx(1.0)
    assert abs(same.within_span) < 0.3
    scaled = collapse(drawn(1, 4, 16) * torch.arange(1, 21)[:, None, None])
    assert scaled.overall == pytest.approx(1.0)  # length is no difference


def test_independent_latents_have_not():
    spread = collapse(drawn(50, 4, 64))
    assert max(map(abs, (*spread.per_place, spread.overall, spread.within_span))) < 0.02


def test_one_place_may_collapse_alone():
    latents = drawn(50, 2, 64)
    latents[:, 1] = latents[0, 1]
    assert collapse(latents).per_place == (pytest.approx(0.0, abs=0.02), pytest.approx(1.0))


def test_places_that_repeat_one_another_are_seen():
    assert collapse(drawn(20, 1, 64).expand(20, 4, 64)).within_span == pytest.approx(1.0)
    assert collapse(drawn(20, 1, 64)).within_span is None


def test_latents_that_are_their_targets_find_them():
    targets = drawn(30, 4, 16)
    found = retrieval(3 * targets, targets)
    assert (found.recall_at_1, found.mrr) == (1.0, 1.0)
    assert found.chance_recall_at_1 == pytest.approx(1 / 30)
    assert found.chance_mrr == pytest.approx(sum(1 / rank for rank in range(1, 31)) / 30)


def test_latents_that_know_nothing_find_them_by_chance():
    found = [retrieval(drawn(30, 4, 16, seed=seed), drawn(30, 4, 16, seed=99)) for seed in range(1, 60)]
    assert np.mean([one.recall_at_1 for one in found]) == pytest.approx(1 / 30, abs=0.015)
    assert np.mean([one.mrr for one in found]) == pytest.approx(found[0].chance_mrr, abs=0.02)


def test_collapsed_latents_find_by_chance_too():
    same = retrieval(drawn(1, 4, 16).expand(30, 4, 16), drawn(30, 4, 16, seed=1))
    assert (same.recall_at_1, same.mrr) == (pytest.approx(1 / 30), pytest.approx(same.chance_mrr))


def test_the_rank_is_the_one_counted_by_hand():
    """Item 0 finds its own first, item 1 second, item 2 last."""
    targets = torch.eye(3)[:, None]
    latents = torch.tensor([[[3.0, 2, 1]], [[3, 2, 1]], [[3, 2, 1]]])
    found = retrieval(latents, targets)
    assert (found.recall_at_1, found.mrr) == (pytest.approx(1 / 3), pytest.approx((1 + 1 / 2 + 1 / 3) / 3))


def test_targets_of_the_same_picture_are_ties():
    targets = drawn(2, 4, 16)[[0, 0, 0, 1]]
    found = retrieval(targets, targets + 1e-8)
    assert (found.recall_at_1, found.mrr) == (pytest.approx((3 * 1 / 3 + 1) / 4), pytest.approx((3 * 1 / 2 + 1) / 4))


def test_a_large_common_part_hides_what_centring_shows():
    """All latents share one large part and all targets another: only the rest tells items apart."""
    own, common = drawn(200, 1, 16), 40 * drawn(2, 1, 1, 16, seed=1)
    latents, targets = own + common[0], own + common[1]
    assert collapse(targets).overall > 0.98
    assert retrieval(latents, targets).recall_at_1 < 0.1
    assert retrieval(centred(latents), centred(targets)).recall_at_1 == 1.0


def test_the_nearest_embedding_is_of_its_kind_whatever_the_numbers():
    text, vision = drawn(500, 64), drawn(40, 64, seed=1)
    near = neighbours(torch.cat([vision[:15] * 9, text[:5] * 0.1]), text[:40], vision, seed=0)
    assert (near.visual_share, near.num_each) == (0.75, 40)
    shares = [neighbours(drawn(200, 64, seed=seed), text, vision, seed).visual_share for seed in range(2, 12)]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.15)  # though text has twelve times as many


def test_the_map_puts_like_to_like_and_is_the_same_twice():
    kinds = {"text tokens": drawn(300, 16), "latents": drawn(1, 16, seed=1) + 0.1 * drawn(30, 16, seed=2)}
    places = latent_map(kinds, seed=0)
    assert {name: len(points) for name, points in places.items()} == {"text tokens": 200, "latents": 30}
    assert places == latent_map(kinds, seed=0)
    text, latents = (np.array(points) for points in places.values())
    assert latents.std(0).max() < text.std(0).min() / 2


def test_all_statistics_come_without_targets_and_in_half_precision():
    found = latent_statistics(drawn(6, 4, 16), None, drawn(90, 16).bfloat16(), 3 * drawn(80, 16).bfloat16(), seed=0)
    assert found.retrieval is found.retrieval_centred is found.collapse_of_targets is None
    assert set(found.norms) == {"text tokens", "image features", "latents"} == set(found.map)
    assert found.norms["image features"][0] == pytest.approx(3 * found.norms["text tokens"][0], rel=0.1)
    assert found.num_items == 6 and found.neighbours.num_each == 80
