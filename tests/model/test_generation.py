"""Batched generation equals a slow reference: one row at a time, no cache, everything recomputed at every step."""

import functools
import itertools
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import LogitsProcessor
from transformers.modeling_outputs import BaseModelOutputWithPooling

from mirage_core.errors import InputError
from mirage_core.model import MirageForConditionalGeneration, MirageProcessor

pytestmark = pytest.mark.train

PLAN = [(2, 11), (0,), (5,), ()]
"""Steps at which each row opens a span."""
NUM_STEPS = 22
END_BIAS = 3.0
"""Makes the random model end some spans by itself, and not others."""


class Choose(LogitsProcessor):
    """Puts given tokens at given steps of each row and never lets one open a span by itself."""

    def __init__(self, model: MirageForConditionalGeneration, plan: list[dict[int, int]], prompt_length: int) -> None:
        self.start, self.plan, self.prompt_length = model.config.latent_start_id, plan, prompt_length

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        scores = scores.clone()
        scores[:, self.start] = -torch.inf
        for row, tokens in enumerate(self.plan):
            token = tokens.get(input_ids.shape[1] - self.prompt_length)
            if token is not None:
                scores[row] = -torch.inf
                scores[row, token] = 0
        return scores


class Setting:
    """Prompts of four rows with a plan, and both ways to continue them."""

    def __init__(self, model: Any, prompts: dict[str, Tensor], plan: list[dict[int, int]]) -> None:
        self.model, self.plan = model, plan
        self.prompts = {key: value for key, value in prompts.items() if key != "labels"}
        self.length = self.prompts["input_ids"].shape[1]

    def generate(self, **kwargs: Any) -> Any:
        settings = {
            "max_new_tokens": NUM_STEPS, "do_sample": False, "return_dict_in_generate": True, "output_logits": True,
            "logits_processor": [Choose(self.model, self.plan, self.length)],
        }  # fmt: skip
        return self.model.generate(**self.prompts, **(settings | kwargs))

    @torch.no_grad()
    def drawn(self, rows: list[Any], naive_states: Any, cap: int, free: bool, seed: int) -> list[Any]:
        """Tokens of each row with the chances (steps, V) they were drawn with, by the random numbers of `generate`."""
        config = self.model.config.text_config
        tokens: list[list[int]] = [[] for _ in rows]
        chances: list[list[Tensor]] = [[] for _ in rows]
        torch.manual_seed(seed)
        for _ in range(NUM_STEPS):
            for index, row in enumerate(rows):
                chances[index].append(self.chances(row, index, tokens[index], naive_states, cap, free))
            draws = torch.multinomial(torch.stack([row[-1] for row in chances]), 1)[:, 0]
            for said, token in zip(tokens, draws.tolist(), strict=True):
                said.append(config.pad_token_id if config.eos_token_id in said else token)
        return [(said, torch.stack(row)) for said, row in zip(tokens, chances, strict=True)]

    def chances(self, row: Any, index: int, said: list[int], naive_states: Any, cap: int, free: bool) -> Tensor:
        """(V,) of the token after those that a row has said, by hand."""
        config, new = self.model.config, torch.tensor([said], dtype=torch.long)
        pad, end = config.latent_pad_id, config.latent_end_id
        ids_1T, types_1T = torch.cat([row.ids_1T, new], 1), torch.cat([row.types_1T, torch.zeros_like(new)], 1)
        states_1TD = naive_states(self.model, row._replace(ids_1T=ids_1T, types_1T=types_1T))
        scores_V = self.model.lm_head(states_1TD[0, -1])
        scores_V[end] += END_BIAS
        scores_V[config.latent_start_id] = -torch.inf
        if len(said) in self.plan[index]:
            scores_V = torch.full_like(scores_V, -torch.inf)
            scores_V[self.plan[index][len(said)]] = 0.0
        num_pads = len(list(itertools.takewhile(lambda token: token == pad, said[::-1])))
        is_open = said[-1 - num_pads :][:1] == [config.latent_start_id]
        if not is_open:
            scores_V[[pad, end]] = -torch.inf
            return shaped(scores_V).softmax(0)
        ends = shaped(scores_V).softmax(0)[end] if free and num_pads < cap else float(num_pads == cap)
        chances_V = torch.zeros_like(scores_V)
        chances_V[pad], chances_V[end] = 1 - ends, ends
        return chances_V

    @torch.no_grad()
    def reference(self, row: Any, index: int, naive_states: Any, cap: int, free: bool) -> tuple[list[int], Tensor]:
        """Tokens and logits of one row."""
        config, tokens, logits = self.model.config, [], []
        num_pads = None  # in the open span
        for step in range(NUM_STEPS):
            new = torch.tensor([tokens], dtype=torch.long)
            longer = row._replace(
                ids_1T=torch.cat([row.ids_1T, new], 1),
                types_1T=torch.cat([row.types_1T, torch.zeros_like(new)], 1),
            )
            scores_V = self.model.lm_head(naive_states(self.model, longer)[0, -1])
            logits.append(scores_V.clone())
            scores_V[config.latent_start_id] = -torch.inf
            best = self.plan[index].get(step, int(scores_V.argmax()))
            if num_pads is None:
                scores_V[[config.latent_pad_id, config.latent_end_id]] = -torch.inf
                token = self.plan[index].get(step, int(scores_V.argmax()))
                num_pads = 0 if token == config.latent_start_id else None
            elif num_pads == cap or (free and best == config.latent_end_id):
                token, num_pads = config.latent_end_id, None
            else:
                token, num_pads = config.latent_pad_id, num_pads + 1
            tokens.append(token)
            if token == config.text_config.eos_token_id:
                break
        return tokens, torch.stack(logits)

    def check(self, generated: Any, row_of: Any, naive_states: Any, cap: int, free: bool = False) -> None:
        for index in range(4):
            row = row_of(self.model, self.prompts | {"labels": self.prompts["input_ids"]}, index)
            tokens, logits = self.reference(row, index, naive_states, cap, free)
            assert generated.sequences[index, self.length :].tolist()[: len(tokens)] == tokens
            own = torch.stack(generated.logits, 1)[index, : len(tokens)]
            torch.testing.assert_close(own, logits, atol=1e-5, rtol=0)


@pytest.fixture
def fixed(model: MirageForConditionalGeneration, batch_of: Any) -> Setting:
    start = model.config.latent_start_id
    return Setting(model, batch_of([""] * 4, "left"), [dict.fromkeys(steps, start) for steps in PLAN])


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_rows_think_independently(fixed: Setting, row_of: Any, naive_states: Any, attention: str) -> None:
    fixed.model.set_attn_implementation(attention)
    generated = fixed.generate()
    fixed.check(generated, row_of, naive_states, cap=4)
    pads = (generated.sequences == fixed.model.config.latent_pad_id).sum(1)
    assert pads.tolist() == [8, 4, 4, 0]


def test_rows_may_hold_several_pictures(
    model: MirageForConditionalGeneration, batch_of: Any, row_of: Any, naive_states: Any
) -> None:
    plan = [dict.fromkeys(steps, model.config.latent_start_id) for steps in PLAN]
    several = Setting(model, batch_of([""] * 4, "left", num_images=(2, 1, 3, 1)), plan)
    several.check(several.generate(), row_of, naive_states, cap=4)


def shaped(scores_V: Tensor) -> Tensor:
    """Temperature 0.7, then the most likely tokens that together have 0.9; as in the published evaluation."""
    scores_V = scores_V / 0.7
    chances, order = scores_V.softmax(0).sort(descending=True)
    is_cut = chances.cumsum(0) - chances >= 0.9
    return scores_V.index_fill(0, order[is_cut], -torch.inf)


@pytest.mark.parametrize("mode", ["fixed", "free"])
@pytest.mark.parametrize("num_images", [(1, 1, 1, 1), (2, 1, 3, 1)])
def test_the_same_draws_give_the_same_tokens(
    model: MirageForConditionalGeneration, batch_of: Any, row_of: Any, naive_states: Any, mode: Any, num_images: Any
) -> None:
    """Sampled twice per prompt: every token, and the chance of every token at every step."""
    end = model.config.latent_end_id
    plan = [dict.fromkeys(steps, model.config.latent_start_id) for steps in PLAN]
    prompts = batch_of([""] * 4, "left", num_images)
    setting = Setting(model, prompts, [tokens for tokens in plan for _ in range(2)])
    torch.manual_seed(3)
    generated = setting.generate(
        do_sample=True, temperature=0.7, top_p=0.9, top_k=0, num_return_sequences=2, output_scores=True,
        latent_mode=mode, max_latents=6 if mode == "free" else None, sequence_bias=[[[end], END_BIAS]],
    )  # fmt: skip
    rows = [row_of(model, prompts, index) for index in range(4) for _ in range(2)]
    expected = setting.drawn(rows, naive_states, 6 if mode == "free" else 4, mode == "free", seed=3)
    own = torch.stack(generated.scores, 1).softmax(-1)
    eos = model.config.text_config.eos_token_id
    for index, (tokens, chances) in enumerate(expected):
        length = tokens.index(eos) + 1 if eos in tokens else len(tokens)
        assert generated.sequences[index, setting.length :].tolist()[:length] == tokens[:length]
        torch.testing.assert_close(own[index, :length], chances[:length], atol=2e-5, rtol=0)
    said = generated.sequences[:, setting.length :]
    assert len({tuple(row.tolist()) for row in said}) == 8, "all differ, so it was drawn"
    pads = [sum(token == model.config.latent_pad_id for token in row) for row in said.tolist()]
    if mode == "fixed":
        assert pads == [8, 8, 4, 4, 4, 4, 0, 0]
    else:
        assert len(set(pads[2:6])) > 1 and max(pads[2:6]) <= 6, "spans of one length were not ended by a draw"


def test_free_spans_end_when_the_model_says_so_or_at_the_cap(
    model: MirageForConditionalGeneration, batch_of: Any, row_of: Any, naive_states: Any
) -> None:
    start, end = model.config.latent_start_id, model.config.latent_end_id
    plan = [{2: start, 5: end, 11: start}, {0: start, 1: end}, {5: start}, {}]  # two pads, none, the cap, no span
    free = Setting(model, batch_of([""] * 4, "left"), plan)
    generated = free.generate(latent_mode="free", max_latents=6)
    free.check(generated, row_of, naive_states, cap=6, free=True)
    assert generated.sequences[1, free.length : free.length + 2].tolist() == [start, end]
    assert (generated.sequences[0, free.length : free.length + 12] == model.config.latent_pad_id).sum() == 2


def test_other_ways_to_run_give_the_same_tokens(fixed: Setting) -> None:
    sequences = fixed.generate().sequences
    assert torch.equal(fixed.generate(use_cache=False).sequences, sequences)
    assert torch.equal(fixed.generate(cache_implementation="static", disable_compile=True).sequences, sequences)
    fixed.model.train().activation_checkpointing_enable()  # the stock layers would drop the cache
    assert torch.equal(fixed.generate().sequences, sequences)
    features = fixed.model.model.get_image_features(
        fixed.prompts.pop("pixel_values"), fixed.prompts["image_grid_thw"]
    ).pooler_output
    encoded = {"image": BaseModelOutputWithPooling(pooler_output=tuple(features))}
    assert torch.equal(fixed.generate(mm_encoder_outputs=encoded).sequences, sequences)


def test_a_forward_over_generated_tokens_finds_the_same_logits(fixed: Setting) -> None:
    generated = fixed.generate()
    new = generated.sequences[:, fixed.length :]
    inputs = fixed.prompts | {
        "input_ids": generated.sequences,
        "attention_mask": torch.cat([fixed.prompts["attention_mask"], torch.ones_like(new)], 1),
        "mm_token_type_ids": torch.cat([fixed.prompts["mm_token_type_ids"], torch.zeros_like(new)], 1),
    }
    with torch.no_grad():
        logits = fixed.model(**inputs).logits[:, fixed.length - 1 : -1]
    torch.testing.assert_close(logits, torch.stack(generated.logits, 1), atol=1e-5, rtol=0)


def test_generation_continues_a_prompt_that_holds_latents(fixed: Setting) -> None:
    whole = fixed.generate()
    cut = fixed.length + 8  # row 0 after a span, row 2 inside one
    new = whole.sequences[:, fixed.length : cut]
    fixed.prompts |= {
        "input_ids": whole.sequences[:, :cut],
        "attention_mask": torch.cat([fixed.prompts["attention_mask"], torch.ones_like(new)], 1),
        "mm_token_type_ids": torch.cat([fixed.prompts["mm_token_type_ids"], torch.zeros_like(new)], 1),
    }
    assert torch.equal(fixed.generate(max_new_tokens=NUM_STEPS - 8).sequences, whole.sequences)


def test_without_feedback_the_text_would_differ(fixed: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    generated = fixed.generate()
    original = type(fixed.model).prepare_inputs_for_generation

    @functools.wraps(original)  # its signature, which `generate` reads
    def deaf(model: Any, input_ids: Tensor, last_hidden_B1D: Tensor | None = None, **kwargs: Any) -> Any:
        if last_hidden_B1D is not None:
            pad = torch.full((len(input_ids), 1), model.config.latent_pad_id)
            last_hidden_B1D = model.get_input_embeddings()(pad)
        return original(model, input_ids, last_hidden_B1D, **kwargs)

    monkeypatch.setattr(type(fixed.model), "prepare_inputs_for_generation", deaf)
    difference = (torch.stack(fixed.generate().logits, 1) - torch.stack(generated.logits, 1)).abs().amax((1, 2))
    assert (difference[:3] > 0.1).all()
    assert difference[3] < 1e-5  # the row that never thinks


@pytest.mark.parametrize("mode", ["fixed", "free"])
def test_sampling_keeps_spans_well_formed(fixed: Setting, processor: MirageProcessor, mode: Any) -> None:
    torch.manual_seed(0)
    sequences = fixed.generate(latent_mode=mode, do_sample=True, temperature=0.7, top_p=0.9, num_return_sequences=3,
                               logits_processor=None, sequence_bias=[[[fixed.model.config.latent_start_id], 8.0]],
                               ).sequences  # fmt: skip
    assert len(sequences) == 12
    for text in processor.tokenizer.batch_decode(sequences[:, fixed.length :]):
        for tail in text.split("<|latent_start|>")[1:]:
            pads = len(tail.split("<|latent_end|>")[0]) / len("<|latent_pad|>")
            closed = "<|latent_end|>" in tail
            assert pads <= 8 if mode == "free" else pads == 4 or not closed


def test_wrong_settings_raise(fixed: Setting) -> None:
    with pytest.raises(InputError, match="latent_mode"):
        fixed.generate(latent_mode="off")
    with pytest.raises(InputError, match="max_latents"):
        fixed.generate(max_latents=3)
    with pytest.raises(ValueError, match="BEAM_SEARCH"):
        fixed.generate(num_beams=2)
