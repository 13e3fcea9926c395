"""What latents are aligned to, how far they are from it, and what a joint stage's loss is made of."""

import math

import pytest
import torch

from mirage_core.errors import InputError
from mirage_core.model.latent import latent_targets
from mirage_core.recipe import Alignment
from mirage_core.training.losses import CONTRAST_TEMPERATURE, alignment_loss, alignment_weight
from mirage_core.training.targets import common_part, targets_of

K, WIDTH = 4, 6


@pytest.fixture
def spans():
    """(spans, K, WIDTH) random latents and targets."""
    torch.manual_seed(0)
    return torch.randn(5, K, WIDTH), torch.randn(5, K, WIDTH)


@pytest.mark.parametrize("kind", ["cosine", "mse", "contrastive"])
def test_no_alignment_loss_moves_the_targets(spans, kind):
    predicted, target = (one.flatten(0, 1).requires_grad_() for one in spans)
    alignment_loss(predicted, target, kind, K).backward()
    assert predicted.grad.abs().sum() > 0 and target.grad is None


def test_the_cosine_forgives_the_norm_and_the_mean_square_does_not(spans):
    target = spans[1].flatten(0, 1)
    assert alignment_loss(3 * target, target).item() == pytest.approx(0, abs=1e-6)
    assert alignment_loss(3 * target, target, "mse").item() == pytest.approx((4 * target**2).mean().item(), rel=1e-6)


def test_the_contrast_is_the_loss_of_finding_the_own_target_place_by_place(spans):
    predicted, target = spans
    expected = []
    for row in range(5):
        for place in range(K):
            scores = [torch.cosine_similarity(predicted[row, place], target[other, place], 0) for other in range(5)]
            expected.append(-(torch.stack(scores) / CONTRAST_TEMPERATURE).log_softmax(0)[row])
    found = alignment_loss(predicted.flatten(0, 1), target.flatten(0, 1), "contrastive", K)
    assert found.item() == pytest.approx(torch.stack(expected).mean().item(), rel=1e-5)


def test_latents_that_are_all_the_same_find_their_target_by_chance_only(spans):
    same = torch.ones(5 * K, WIDTH)
    target = spans[1].flatten(0, 1)
    assert alignment_loss(same, same, "contrastive", K).item() == pytest.approx(math.log(5), rel=1e-6)
    assert alignment_loss(target, target, "contrastive", K).item() < 0.1


def test_a_decaying_weight_ends_at_the_text_alone():
    decaying = Alignment(weight=2.0, decay="linear")
    assert [alignment_weight(decaying, update, 10) for update in (0, 5, 10)] == [2.0, 1.0, 0.0]
    assert alignment_weight(Alignment(weight=2.0), 9, 10) == 2.0


def test_targets_are_what_their_names_say():
    torch.manual_seed(1)
    image, helper = torch.randn(9, WIDTH), torch.randn(9, WIDTH)
    raw = targets_of("raw", [image], [helper], K)
    assert torch.equal(raw[0], latent_targets(helper, K)) and torch.equal(raw[0][0], helper[:2].mean(0))
    assert torch.equal(targets_of("centred", [image], [helper], K)[0], raw[0])  # the caller takes the common part off
    assert torch.equal(targets_of("helper-minus-input", [image], [helper], K)[0], raw[0] - latent_targets(image, K))
    with pytest.raises(InputError, match="exactly one"):
        targets_of("helper-minus-input", [image, image], [helper], K)


def test_what_is_common_to_all_rows_is_their_mean_place_by_place():
    torch.manual_seed(2)
    rows = [torch.randn(K, WIDTH), torch.randn(2 * K, WIDTH)]  # the second has two spans
    expected = torch.cat(rows).view(3, K, WIDTH).mean(0)
    assert torch.allclose(common_part(iter(rows), K), expected, atol=1e-6)
