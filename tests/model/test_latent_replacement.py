"""Latents that `generate` returns are those it fed, and latents it is given are fed where they belong."""

from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import LogitsProcessor

from mirage_core.errors import InputError
from mirage_core.model import MirageForConditionalGeneration

pytestmark = pytest.mark.train

STARTS = [(2, 11), (0,), (19,), ()]
"""Steps at which each row opens a span: two spans, one, one that the limit cuts, none."""
NUM_STEPS = 22
NUM_FED = [8, 4, 1, 0]


class Open(LogitsProcessor):
    """Opens spans at given steps of each row, and nowhere else; nothing ends."""

    def __init__(
        self, model: MirageForConditionalGeneration, prompt_length: int, starts: list[tuple[int, ...]]
    ) -> None:
        self.config, self.prompt_length, self.starts = model.config, prompt_length, starts

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        scores = scores.clone()
        scores[:, [self.config.latent_start_id, self.config.text_config.eos_token_id]] = -torch.inf
        for row, steps in enumerate(self.starts):
            if input_ids.shape[1] - self.prompt_length in steps:
                scores[row] = -torch.inf
                scores[row, self.config.latent_start_id] = 0
        return scores


class Setting:
    """Four prompts and how they are continued."""

    def __init__(self, model: Any, prompts: dict[str, Tensor]) -> None:
        self.model = model
        self.prompts = {key: value for key, value in prompts.items() if key != "labels"}
        self.length = self.prompts["input_ids"].shape[1]

    def generate(self, starts: list[tuple[int, ...]] = STARTS, **kwargs: Any) -> Any:
        settings = {
            "max_new_tokens": NUM_STEPS, "do_sample": False, "return_dict_in_generate": True, "output_logits": True,
            "logits_processor": [Open(self.model, self.length, starts)], "return_latents": True,
        }  # fmt: skip
        return self.model.generate(**self.prompts, **(settings | kwargs))

    @torch.no_grad()
    def forward(self, generated: Any, latent_embeds: Tensor | None = None) -> Any:
        """One pass over what was generated, its last token left out: nothing was predicted from it."""
        ids = generated.sequences[:, :-1]
        new = ids[:, self.length :]
        inputs = self.prompts | {
            "input_ids": ids,
            "attention_mask": torch.cat([self.prompts["attention_mask"], torch.ones_like(new)], 1),
            "mm_token_type_ids": torch.cat([self.prompts["mm_token_type_ids"], torch.zeros_like(new)], 1),
        }
        return self.model(**inputs, latent_embeds=latent_embeds)

    def check(self, generated: Any, latent_embeds: Tensor | None = None) -> None:
        expected = self.forward(generated, latent_embeds).logits[:, self.length - 1 :]
        torch.testing.assert_close(torch.stack(generated.logits, 1), expected, atol=1e-5, rtol=0)


@pytest.fixture
def setting(model: MirageForConditionalGeneration, batch_of: Any) -> Setting:
    return Setting(model, batch_of([""] * 4, "left"))


def given(model: Any, num_places: int) -> Tensor:
    """Something else for every row and place."""
    shape = (4, num_places, model.config.text_config.hidden_size)
    return torch.randn(shape, generator=torch.Generator().manual_seed(3))


def test_the_latents_of_each_row_are_returned(setting: Setting) -> None:
    generated = setting.generate()
    assert [len(latents) for latents in generated.latents] == NUM_FED
    torch.testing.assert_close(torch.cat(generated.latents), setting.forward(generated).latents, atol=1e-5, rtol=0)
    none = setting.generate([(), (), (), ()])
    assert [tuple(latents.shape) for latents in none.latents] == [(0, 64)] * 4


def test_asking_for_latents_changes_nothing(setting: Setting) -> None:
    generated = setting.generate()
    assert torch.equal(setting.generate(return_latents=False).sequences, generated.sequences)
    assert torch.equal(setting.generate(return_latents=False, return_dict_in_generate=False), generated.sequences)


def test_own_latents_in_their_own_place_give_the_same_answers_bit_by_bit(setting: Setting) -> None:
    generated = setting.generate()
    own = torch.nn.utils.rnn.pad_sequence(generated.latents, batch_first=True)
    again = setting.generate(latent_replacement=own)
    assert torch.equal(again.sequences, generated.sequences)
    assert torch.equal(torch.stack(again.logits), torch.stack(generated.logits))
    assert all(torch.equal(one, other) for one, other in zip(again.latents, generated.latents, strict=True))


def test_zeros_are_fed_as_zeros(setting: Setting) -> None:
    own, zeros = setting.generate(), torch.zeros(4, 8, 64)
    generated = setting.generate(latent_replacement=zeros)
    setting.check(generated, torch.zeros(sum(NUM_FED), 64))
    change = (generated.logits[-1] - own.logits[-1]).abs().amax(1)
    assert (change[:3] > 0.1).all() and change[3] < 1e-5  # the row that never thinks


def test_every_place_gets_what_it_was_given_through_all_spans_and_then_again_from_the_first(setting: Setting) -> None:
    for num_places in (8, 3, 1):
        embeds = given(setting.model, num_places)
        generated = setting.generate(latent_replacement=embeds)
        expected = [embeds[row, torch.arange(num) % num_places] for row, num in enumerate(NUM_FED)]
        assert all(torch.equal(one, other) for one, other in zip(generated.latents, expected, strict=True))
        setting.check(generated, torch.cat(expected))


def test_latents_are_replaced_in_free_spans_too(setting: Setting) -> None:
    embeds = given(setting.model, 4)
    generated = setting.generate(latent_replacement=embeds, latent_mode="free", max_latents=2)
    assert all(len(latents) <= 4 for latents in generated.latents) and any(map(len, generated.latents))
    setting.check(generated, torch.cat([embeds[row, : len(own)] for row, own in enumerate(generated.latents)]))


def test_several_samples_of_a_row_get_the_same_latents(setting: Setting) -> None:
    embeds = given(setting.model, 4)
    starts = [(0,), (0,), (1,), (1,), (), (), (2,), (2,)]
    torch.manual_seed(0)
    generated = setting.generate(starts, latent_replacement=embeds, do_sample=True, num_return_sequences=2)
    assert [len(latents) for latents in generated.latents] == [4, 4, 4, 4, 0, 0, 4, 4]
    for sample, latents in enumerate(generated.latents):
        assert torch.equal(latents, embeds[sample // 2, : len(latents)])


def test_without_a_cache_latents_are_neither_replaced_nor_returned(setting: Setting) -> None:
    with pytest.raises(InputError, match="use_cache"):
        setting.generate(use_cache=False)
    with pytest.raises(InputError, match="use_cache"):
        setting.generate(use_cache=False, return_latents=False, latent_replacement=torch.zeros(4, 1, 64))
