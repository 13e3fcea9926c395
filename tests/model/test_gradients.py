"""Gradients through latents equal those of a full recompute, whatever the batch, the padding and checkpointing do."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from mirage_core.errors import InputError
from mirage_core.model import MirageForConditionalGeneration, latent_targets
from mirage_core.model.latent import labels_to_predict, states_before

pytestmark = pytest.mark.train

SPAN = "<|latent_start|>" + "<|latent_pad|>" * 4 + "<|latent_end|>"
COMPLETIONS = [
    f"think {SPAN} answer RDD<|im_end|>",
    f"{SPAN}U<|im_end|>",
    f"a much longer thought {SPAN} then x {SPAN} L<|im_end|>",
    "no latents here at all<|im_end|>",
]
Batch = dict[str, Tensor]


def loss_and_gradient(model: MirageForConditionalGeneration, loss: Tensor) -> tuple[float, Tensor]:
    model.zero_grad()
    loss.backward()
    gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in model.parameters()]
    return loss.item(), torch.cat([gradient.flatten() for gradient in gradients])


def truth(model: Any, batch: Batch, row_of: Any, naive_states: Any, detach: bool = False) -> tuple[float, Tensor]:
    total, count = torch.tensor(0.0), 0
    for index in range(len(batch["input_ids"])):
        row = row_of(model, batch, index)
        logits = model.lm_head(naive_states(model, row, detach=detach)[0, :-1])
        total = total + torch.nn.functional.cross_entropy(logits, row.labels_1T[0, 1:], reduction="sum")
        count += int((row.labels_1T[0, 1:] != -100).sum())
    return loss_and_gradient(model, total / count)


def relative_error(actual: Tensor, expected: Tensor) -> float:
    return float((actual - expected).norm() / expected.norm())


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_recurrence_has_the_gradient_of_a_full_recompute(
    model: MirageForConditionalGeneration, batch_of: Any, row_of: Any, naive_states: Any, side: str, attention: str
) -> None:
    model.train().set_attn_implementation(attention)
    batch = batch_of(COMPLETIONS, side)
    true_loss, true_gradient = truth(model, batch, row_of, naive_states)
    loss, gradient = loss_and_gradient(model, model(**batch).loss)
    assert loss == pytest.approx(true_loss, abs=2e-6)
    assert relative_error(gradient, true_gradient) < 3e-6

    model.activation_checkpointing_enable({"use_reentrant": False})
    loss, gradient = loss_and_gradient(model, model(**batch).loss)
    assert loss == pytest.approx(true_loss, abs=2e-6)
    assert relative_error(gradient, true_gradient) < 3e-6


def test_rows_may_hold_several_pictures(
    model: MirageForConditionalGeneration, batch_of: Any, row_of: Any, naive_states: Any
) -> None:
    model.train()
    batch = batch_of(COMPLETIONS, "left", num_images=(2, 1, 3, 1))
    true_loss, true_gradient = truth(model, batch, row_of, naive_states)
    loss, gradient = loss_and_gradient(model, model(**batch).loss)
    assert loss == pytest.approx(true_loss, abs=2e-6)
    assert relative_error(gradient, true_gradient) < 3e-6


def test_given_latents_have_the_gradient_of_a_full_recompute(
    model: MirageForConditionalGeneration, batch_of: Any, row_of: Any, naive_states: Any
) -> None:
    """Stage 1: one pass for all, also under checkpointing."""
    model.train()
    batch = batch_of(COMPLETIONS, "right")
    pad = model.config.latent_pad_id
    targets = torch.randn(int((batch["input_ids"] == pad).sum()), 64, generator=torch.Generator().manual_seed(0))
    total, count, used = torch.tensor(0.0), 0, 0
    for index in range(4):
        row = row_of(model, batch, index)
        num_latents = int((row.ids_1T == pad).sum())
        states_1TD = naive_states(model, row, given=targets[used : used + num_latents])
        used += num_latents
        logits = model.lm_head(states_1TD[0, :-1])
        total = total + torch.nn.functional.cross_entropy(logits, row.labels_1T[0, 1:], reduction="sum")
        count += int((row.labels_1T[0, 1:] != -100).sum())
    true_loss, true_gradient = loss_and_gradient(model, total / count)
    for checkpointing in (False, True):
        if checkpointing:
            model.activation_checkpointing_enable({"use_reentrant": False})
        loss, gradient = loss_and_gradient(model, model(**batch, latent_embeds=targets).loss)
        assert loss == pytest.approx(true_loss, abs=2e-6)
        assert relative_error(gradient, true_gradient) < 3e-6


@pytest.mark.parametrize("use_cache", [None, True])
def test_checkpointing_is_exact_without_latents_too(
    model: MirageForConditionalGeneration, batch_of: Any, use_cache: bool | None
) -> None:
    """Layers that may be replayed with a cache of ours must not be given a stock one, which would grow twice."""
    batch = batch_of(["no latents here<|im_end|>"] * 4, "right")
    _, expected = loss_and_gradient(model, model(**batch).loss)
    model.train().activation_checkpointing_enable({"use_reentrant": False})
    _, gradient = loss_and_gradient(model, model(**batch, use_cache=use_cache).loss)
    assert relative_error(gradient, expected) < 3e-6


def test_detached_latents_would_be_noticed(
    model: MirageForConditionalGeneration, batch_of: Any, row_of: Any, naive_states: Any
) -> None:
    batch = batch_of(COMPLETIONS, "right")
    _, true_gradient = truth(model, batch, row_of, naive_states)
    _, detached_gradient = truth(model, batch, row_of, naive_states, detach=True)
    assert relative_error(detached_gradient, true_gradient) > 1e-2


def test_latents_are_the_states_before_the_pads(model: MirageForConditionalGeneration, batch_of: Any) -> None:
    batch = batch_of(COMPLETIONS, "left")
    outputs = model(**batch)
    latent_BT = batch["input_ids"] == model.config.latent_pad_id
    assert outputs.latents.shape == (16, model.config.text_config.hidden_size)
    assert torch.equal(outputs.latents, states_before(outputs.last_hidden_state, latent_BT))
    forced = model(**batch, latent_embeds=outputs.latents)  # feeding them back as given embeddings changes nothing
    real = batch["attention_mask"].bool()
    torch.testing.assert_close(forced.last_hidden_state[real], outputs.last_hidden_state[real], atol=1e-5, rtol=0)


def test_rows_run_as_many_passes_as_their_spans_need(model: MirageForConditionalGeneration, batch_of: Any) -> None:
    passes = []
    hook = model.model.language_model.norm.register_forward_hook(lambda *_: passes.append(1))
    model(**batch_of([f"{'x ' * 3 * index}{SPAN}R<|im_end|>" for index in range(4)], "right"))
    hook.remove()
    assert len(passes) == 5  # k + 1, although the spans stand at four different columns


def test_logits_of_labelled_positions_give_the_same_loss(
    model: MirageForConditionalGeneration, batch_of: Callable[..., Batch]
) -> None:
    batch = batch_of(COMPLETIONS, "right")
    kept = labels_to_predict(batch["labels"]) != -100
    outputs = model(**batch, logits_to_keep=kept)
    assert len(outputs.logits) == int(kept.sum())
    torch.testing.assert_close(outputs.loss, model(**batch).loss)


def test_reentrant_checkpointing_raises(model: MirageForConditionalGeneration, batch_of: Any) -> None:
    model.train().activation_checkpointing_enable({"use_reentrant": True})
    with pytest.raises(InputError, match="use_reentrant"):
        model(**batch_of(COMPLETIONS, "right"))


def test_checkpointing_with_a_cache_raises(model: MirageForConditionalGeneration, batch_of: Any) -> None:
    model.train().activation_checkpointing_enable({"use_reentrant": False})
    batch = batch_of(COMPLETIONS, "right")
    with torch.no_grad():
        cache = model(**batch, use_cache=True).past_key_values
    assert cache.get_seq_length() == batch["input_ids"].shape[1]
    with pytest.raises(InputError, match="past_key_values"):
        model(**batch, past_key_values=cache)


def test_a_pad_without_a_token_before_it_raises(model: MirageForConditionalGeneration) -> None:
    pad = model.config.latent_pad_id
    with pytest.raises(InputError, match="no hidden state before"):
        model(input_ids=torch.tensor([[pad, 5, 6]]))
    with pytest.raises(InputError, match="no hidden state before"):
        model(input_ids=torch.tensor([[4, pad, 6]]), attention_mask=torch.tensor([[0, 1, 1]]))


def test_a_wrong_number_of_latents_raises(model: MirageForConditionalGeneration) -> None:
    ids = torch.tensor([[4, model.config.latent_pad_id, 6]])
    with pytest.raises(InputError, match="2 latent embeddings for 1 latent pads"):
        model(input_ids=ids, latent_embeds=torch.zeros(2, 64))


def test_targets_average_consecutive_features() -> None:
    features = torch.arange(11.0)[:, None]
    assert latent_targets(features, 3).flatten().tolist() == [1, 4, 7]
    assert torch.equal(latent_targets(features, 11), features)
    with pytest.raises(InputError, match="11 vision features"):
        latent_targets(features, 12)
