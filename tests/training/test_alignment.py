"""What latents are aligned to, how far they are from it, and what a joint stage's loss is made of."""

import math

import pytest
import torch
from transformers import TrainingArguments

from mirage_core.errors import InputError
from mirage_core.model.latent import latent_targets
from mirage_core.model.load import load_model
from mirage_core.recipe import Alignment
from mirage_core.training.collate import Collator, encoded_images
from mirage_core.training.features import FeatureStore
from mirage_core.training.losses import CONTRAST_TEMPERATURE, alignment_loss, alignment_weight
from mirage_core.training.supervised import StageData, StageTrainer
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


# the joint stage


@pytest.fixture
def joint(house, processor, stage, tmp_path):
    """A function from settings of a joint stage to its trainer, a model and a batch of six rows."""

    def build(**settings):
        settings = stage("own").model_copy(update=settings)
        rows = StageData(processor, house.data, FeatureStore(house.features), settings)
        model = load_model(house.base)
        arguments = TrainingArguments(output_dir=str(tmp_path), use_cpu=True, report_to=[], max_steps=10)
        trainer = StageTrainer(model=model, args=arguments, settings=settings)
        batch = Collator(processor.tokenizer.pad_token_id)([rows[number] for number in range(6)])
        return trainer, model, batch

    return build


@pytest.mark.train
@pytest.mark.parametrize("target", ["raw", "centred", "helper-minus-input"])
@pytest.mark.parametrize("kind", ["cosine", "mse", "contrastive"])
def test_the_joint_loss_is_text_and_the_weighted_alignment_of_own_latents(joint, target, kind):
    alignment = Alignment(target=target, loss=kind, weight=3.0, decay="linear")
    trainer, model, batch = joint(alignment=alignment)
    trainer.state.global_step = 4
    plain, _, _ = joint(alignment=None)
    loss, outputs = trainer.compute_loss(model, dict(batch), return_outputs=True)
    text = plain.compute_loss(model, {key: value for key, value in batch.items() if key != "latent_targets"})
    expected = alignment_loss(
        outputs.latents, batch["latent_targets"], kind, K
    )  # no norm: what is fed back is the state
    assert loss.item() == pytest.approx((text + 3.0 * 0.6 * expected).item(), rel=1e-5)
    assert trainer.parts == [pytest.approx((text.item(), expected.item()), rel=1e-5)]


@pytest.mark.train
def test_forced_targets_are_read_at_the_length_of_fed_back_states(joint):
    trainer, model, batch = joint(latents="helper", alignment=Alignment(target="centred"), text_weight=0.5)
    model.config.latent_norm = 2.5
    scaled = 2.5 * torch.nn.functional.normalize(batch["latent_targets"], dim=-1)
    asked = {key: batch[key] for key in batch if key not in ("latent_targets", "image_features")}
    expected = model(**asked, latent_embeds=scaled, mm_encoder_outputs=encoded_images(batch["image_features"]))
    trainer.compute_loss(model, dict(batch))
    assert trainer.parts[0][0] == pytest.approx(expected.loss.item(), rel=1e-5)
    model.config.latent_norm = None
    trainer.compute_loss(model, dict(batch))
    assert trainer.parts[1][0] != pytest.approx(expected.loss.item(), rel=1e-3)


@pytest.mark.train
def test_centred_targets_have_no_mean(house, processor, stage):
    settings = stage("own").model_copy(update={"alignment": Alignment(target="centred")})
    rows = StageData(processor, house.data, FeatureStore(house.features), settings)
    targets = torch.stack([rows[number]["latent_targets"] for number in range(len(rows))])
    assert targets.mean(0).abs().max() < 1e-5 < targets.abs().mean()


@pytest.mark.train
def test_interchange_reads_the_answer_from_own_latents_beside_another_image(joint):
    trainer, model, batch = joint(alignment=Alignment(), interchange=0.4)
    plain, _, _ = joint(alignment=Alignment())
    loss, outputs = trainer.compute_loss(model, dict(batch), return_outputs=True)
    own = plain.compute_loss(model, dict(batch))

    others = {**batch, "latent_embeds": outputs.latents}
    targets, features = others.pop("latent_targets"), others.pop("image_features")
    by_row = features.view(6, -1, features.shape[-1])
    swapped = torch.cat([by_row[row - 1] for row in range(6)])  # at the first update each has its neighbour's
    read = plain_text_loss(joint, model, {**others, "image_features": swapped})
    text = plain_text_loss(joint, model, {**batch, "latent_targets": targets}, own_latents=True)
    assert loss.item() == pytest.approx((own + 0.4 * (read - text)).item(), rel=1e-5)
    assert abs(read.item() - text.item()) > 1e-4, "the other image makes no difference"


def plain_text_loss(joint, model, batch, own_latents=False):
    if own_latents:
        batch = {key: value for key, value in batch.items() if key not in ("latent_targets", "latent_embeds")}
    trainer, _, _ = joint(alignment=None)
    return trainer.compute_loss(model, dict(batch))
