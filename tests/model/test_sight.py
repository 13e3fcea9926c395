"""The bottleneck: text sees the image through the latents only, however it is run; and the norm that is fed back."""

from typing import Any

import pytest
import torch
from torch import Tensor
from transformers.modeling_outputs import BaseModelOutputWithPooling

from mirage_core.errors import InputError
from mirage_core.model import MirageForConditionalGeneration
from mirage_core.model.sight import sight_of

pytestmark = pytest.mark.train

SPAN = "<|latent_start|>" + "<|latent_pad|>" * 4 + "<|latent_end|>"
COMPLETIONS = [f"think {SPAN} RDD", f"{SPAN}U", f"much longer {SPAN} then {SPAN} L", "no latents here"]


@pytest.fixture
def narrow(model: MirageForConditionalGeneration) -> MirageForConditionalGeneration:
    model.config.latent_bottleneck = True
    return model


def states(model: Any, batch: dict[str, Tensor], features: list[Tensor], **given: Tensor) -> Tensor:
    known = {key: batch[key] for key in ("input_ids", "attention_mask", "mm_token_type_ids", "image_grid_thw")}
    encoded = {"image": BaseModelOutputWithPooling(pooler_output=tuple(features))}
    with torch.no_grad():
        return model(**known, mm_encoder_outputs=encoded, **given).last_hidden_state


@pytest.fixture
def two_sights(model: Any, batch_of: Any) -> tuple[dict[str, Tensor], list[Tensor], list[Tensor]]:
    """A batch, features of its images, and features of other images of the same sizes."""
    batch = batch_of(COMPLETIONS, "right")
    with torch.no_grad():
        features = model.model.get_image_features(batch["pixel_values"], batch["image_grid_thw"]).pooler_output
    torch.manual_seed(1)
    return batch, list(features), [torch.randn_like(one) for one in features]


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("given", [False, True])
def test_latents_alone_tell_text_what_the_image_shows(
    narrow: Any, two_sights: Any, attention: str, given: bool
) -> None:
    narrow.set_attn_implementation(attention)
    batch, features, others = two_sights
    is_pad = batch["input_ids"] == narrow.config.latent_pad_id
    latents = {"latent_embeds": torch.randn(int(is_pad.sum()), 64)} if given else {}
    is_text = batch["attention_mask"].bool() & ~sight_of(batch["input_ids"], narrow.config).seeing_BQ
    before, behind = is_text & (is_pad.int().cumsum(1) == 0), is_text & (is_pad.int().cumsum(1) >= 4)
    assert before.any(1).all() and behind.any(1).tolist() == [True, True, True, False]

    one, other = (states(narrow, batch, seen, **latents) for seen in (features, others))
    assert torch.equal(one[before], other[before])
    assert (one[is_pad | behind] - other[is_pad | behind]).abs().amax(-1).min() > 1e-3

    narrow.config.latent_bottleneck = False
    one, other = (states(narrow, batch, seen, **latents) for seen in (features, others))
    assert (one[before] - other[before]).abs().max() > 1e-3, "without the bottleneck nothing would differ either"


@pytest.mark.parametrize("norm", [None, 0.7])
@pytest.mark.parametrize("side", ["left", "right"])
def test_rows_of_a_batch_are_those_of_each_alone(narrow: Any, batch_of: Any, row_of: Any, side: str, norm: Any) -> None:
    narrow.config.latent_norm = norm
    batch = batch_of(COMPLETIONS, side)
    with torch.no_grad():
        together = narrow(**batch)
        for index in range(4):
            row = row_of(narrow, batch, index)
            encoded = {"image": BaseModelOutputWithPooling(pooler_output=(row.image_features,))}
            alone = narrow(
                input_ids=row.ids_1T, mm_token_type_ids=row.types_1T, image_grid_thw=row.grid_thw,
                mm_encoder_outputs=encoded,
            )  # fmt: skip
            mine = together.last_hidden_state[index][batch["attention_mask"][index].bool()]
            torch.testing.assert_close(mine, alone.last_hidden_state[0], atol=2e-5, rtol=0)
    if norm:
        torch.testing.assert_close(together.latents.norm(dim=-1), torch.full((16,), norm))


@pytest.mark.parametrize("norm", [None, 0.7])
def test_generated_tokens_have_the_logits_of_a_forward(narrow: Any, batch_of: Any, norm: Any) -> None:
    narrow.config.latent_norm = norm
    prompts = batch_of(["x<|latent_start|>", "<|latent_start|>", "long text<|latent_start|>", "none"], "left")
    prompts.pop("labels")
    generated = narrow.generate(
        **prompts, max_new_tokens=12, do_sample=False, return_dict_in_generate=True, output_logits=True
    )
    length = prompts["input_ids"].shape[1]
    new = generated.sequences[:, length:]
    assert (new == narrow.config.latent_pad_id).sum() >= 12
    inputs = prompts | {
        "input_ids": generated.sequences,
        "attention_mask": torch.cat([prompts["attention_mask"], torch.ones_like(new)], 1),
        "mm_token_type_ids": torch.cat([prompts["mm_token_type_ids"], torch.zeros_like(new)], 1),
    }
    with torch.no_grad():
        logits = narrow(**inputs).logits[:, length - 1 : -1]
    torch.testing.assert_close(logits, torch.stack(generated.logits, 1), atol=2e-5, rtol=0)


def test_kernels_without_masks_are_refused(narrow: Any, batch_of: Any) -> None:
    narrow.config._attn_implementation = "flash_attention_2"
    with pytest.raises(InputError, match="takes no mask"):
        sight_of(batch_of(COMPLETIONS, "right")["input_ids"], narrow.config)
