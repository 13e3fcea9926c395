"""Numbers of the published code (commit 53f26de), reproduced."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models
from torch import Tensor
from transformers import LogitsProcessor, PreTrainedTokenizerFast

from mirage_core.model import MirageForConditionalGeneration, MirageProcessor, latent_targets
from mirage_core.model.latent import states_before
from mirage_core.model.load import load_model, load_processor
from mirage_core.model.processor import LATENT_TOKENS
from mirage_core.model.tiny import build_processor
from mirage_core.training.losses import alignment_loss

pytestmark = pytest.mark.train

CASES = ["A_1img_k4", "B_1img_k6_trunc", "C_3img_k4", "D_1img_k2"]
GENERATIONS = ["G1_cap", "G3_natural_end_after_4", "G7_3img_cap", "G10_plain_text"]
IDS = {"latent_pad_id": 151665, "latent_start_id": 151666, "latent_end_id": 151667, "latent_size": 4}

# what an independent implementation reached, from the README of the numbers
LOSS, STATES, GRADIENT = {"abs": 4e-6}, {"abs": 4e-5}, {"rel": 2e-5}


class Golden(NamedTuple):
    model: MirageForConditionalGeneration
    scalars: dict[str, Any]
    arrays: Any
    cases: ModuleType

    def inputs(self, case: str, ids: Tensor) -> dict[str, Tensor]:
        return {
            "input_ids": ids,
            "attention_mask": torch.ones_like(ids),
            "mm_token_type_ids": (ids == self.model.config.image_token_id).long(),
            "pixel_values": self.pixels(f"input/{case}/pixel_values_i8"),
            "image_grid_thw": self.tensor(f"input/{case}/image_grid_thw"),
        }

    def tensor(self, key: str) -> Tensor:
        return torch.from_numpy(self.arrays[key])

    def pixels(self, key: str) -> Tensor:
        return torch.from_numpy(self.cases.f32(self.arrays[key]))


@pytest.fixture(scope="module")
def golden(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Golden:
    folder = shared / "data" / "golden"
    checkpoint = tmp_path_factory.mktemp("golden") / "checkpoint"
    subprocess.run([sys.executable, str(folder / "make_checkpoint.py"), str(checkpoint)], check=True)
    scalars = json.loads((folder / "golden.json").read_text())
    assert (checkpoint / "sha256.txt").read_text().strip() == scalars["meta"]["ckpt_sha256"]
    config = json.loads((checkpoint / "config.json").read_text())
    (checkpoint / "config.json").write_text(json.dumps(config | IDS))
    spec = importlib.util.spec_from_file_location("golden_cases", folder / "cases.py")
    assert spec is not None and spec.loader is not None
    cases = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(cases)
    model = load_model(checkpoint, attn_implementation="sdpa")
    model.model.visual.requires_grad_(False)
    return Golden(model, scalars, np.load(folder / "golden.npz"), cases)


def close(actual: Tensor, expected: Tensor, tolerance: dict[str, float]) -> None:
    torch.testing.assert_close(actual.detach(), expected, atol=tolerance["abs"], rtol=0)


def check_gradients(golden: Golden, expected: dict[str, float]) -> None:
    named = dict(golden.model.named_parameters())
    norms = {}
    for published in golden.cases.GRAD_PARAMS:
        gradient = named[published.replace("model.", "model.language_model.", 1)].grad
        assert gradient is not None
        norms[published] = float(gradient.double().norm())
    norms["GLOBAL"] = float(torch.cat([p.grad.flatten().double() for p in named.values() if p.grad is not None]).norm())
    assert norms == {name: pytest.approx(expected[name], **GRADIENT) for name in norms}


@pytest.mark.parametrize("case", CASES)
def test_stage1_losses_targets_and_gradients_are_the_published_ones(golden: Golden, case: str) -> None:
    expected, model = golden.scalars[f"stage1/{case}"], golden.model
    model.zero_grad()
    helper_grid = golden.tensor(f"input/{case}/image_grid_thw_latent")
    with torch.no_grad():
        helper = model.model.get_image_features(golden.pixels(f"input/{case}/pixel_values_latent_i8"), helper_grid)
    target_ND = latent_targets(helper.pooler_output[0], expected["k"])
    close(target_ND, golden.tensor(f"stage1/{case}/target"), STATES)

    ids = golden.tensor(f"input/{case}/input_ids")
    labels = golden.tensor(f"input/{case}/labels")
    outputs = model(**golden.inputs(case, ids), labels=labels, latent_embeds=target_ND)
    predicted_ND = states_before(outputs.last_hidden_state, ids == IDS["latent_pad_id"])
    alignment = alignment_loss(predicted_ND, target_ND)
    total = 0.1 * outputs.loss + alignment
    close(predicted_ND, golden.tensor(f"stage1/{case}/pred"), STATES)
    close(outputs.last_hidden_state[0], golden.tensor(f"stage1/{case}/hidden"), STATES)
    assert outputs.loss.item() == pytest.approx(expected["ce"], **LOSS)
    assert alignment.item() == pytest.approx(expected["sim"], **LOSS)
    assert total.item() == pytest.approx(expected["total"], **LOSS)
    total.backward()
    check_gradients(golden, expected["grad_norm"])


@pytest.mark.parametrize("case", CASES)
def test_stage2_loss_latents_and_gradients_are_the_published_ones(golden: Golden, case: str) -> None:
    expected, model = golden.scalars[f"stage2/{case}"], golden.model
    model.zero_grad()
    labels = golden.tensor(f"input/{case}/labels")
    outputs = model(**golden.inputs(case, golden.tensor(f"input/{case}/input_ids")), labels=labels)
    close(outputs.latents, golden.tensor(f"stage2/{case}/latents"), STATES)
    close(outputs.last_hidden_state[0], golden.tensor(f"stage2/{case}/hidden"), STATES)
    positions = golden.tensor(f"stage2/{case}/logit_pos")
    strided = outputs.logits[0, positions, :: golden.cases.VOCAB_STRIDE]
    close(strided, golden.tensor(f"stage2/{case}/logits_strided"), STATES)
    assert outputs.loss.item() == pytest.approx(expected["ce"], **LOSS)
    outputs.loss.backward()
    check_gradients(golden, expected["grad_norm"])


class Force(LogitsProcessor):
    """Puts given tokens at given steps, as the published run did."""

    def __init__(self, tokens: dict[int, int], prompt_length: int) -> None:
        self.tokens, self.prompt_length = tokens, prompt_length

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        token = self.tokens.get(input_ids.shape[1] - self.prompt_length)
        if token is None:
            return scores
        forced = torch.full_like(scores, -torch.inf)
        forced[:, token] = 0
        return forced


@pytest.mark.parametrize("name", GENERATIONS)
def test_free_generation_gives_the_published_tokens_and_latents(golden: Golden, name: str) -> None:
    expected, model = golden.scalars[f"gen/{name}"], golden.model
    prompt = golden.tensor(f"gen/{name}/prompt_ids")
    inputs = golden.inputs(expected["case"], prompt)
    force = Force({int(step): token for step, token in expected["force"].items()}, prompt.shape[1])
    generated = model.eval().generate(
        **inputs,
        latent_mode="free",
        max_new_tokens=golden.cases.MAX_NEW,
        do_sample=False,
        logits_processor=[force],
        return_dict_in_generate=True,
        output_logits=True,
    )
    assert generated.sequences[0, prompt.shape[1] :].tolist() == expected["new_tokens"]
    logits = torch.cat(generated.logits)
    close(logits[:, :: golden.cases.VOCAB_STRIDE], golden.tensor(f"gen/{name}/logits_strided"), STATES)
    with torch.no_grad():
        latents = model(**golden.inputs(expected["case"], generated.sequences)).latents
    if expected["n_latent_pads"]:
        close(latents, golden.tensor(f"gen/{name}/fed_hidden"), STATES)


def test_a_checkpoint_as_published_opens_by_its_tokenizer(golden: Golden, tmp_path: Path) -> None:
    """No latent ids in its configuration, old names of weights, a vocabulary that was shrunk to the tokenizer's."""
    source = Path(golden.model.config._name_or_path)
    config = json.loads((source / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({key: config[key] for key in config if key not in IDS}))
    (tmp_path / "model.safetensors").symlink_to(source / "model.safetensors")
    others = ["<|endoftext|>", "<|image_pad|>", "<|video_pad|>", *(f"t{number}" for number in range(151_662))]
    vocabulary = {token: number for number, token in enumerate([*others, *LATENT_TOKENS])}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(vocabulary, unk_token="t0")), pad_token="<|endoftext|>"
    )
    MirageProcessor(build_processor().image_processor, tokenizer).save_pretrained(tmp_path)

    opened = load_model(tmp_path, attn_implementation="sdpa")
    assert {name: getattr(opened.config, name) for name in IDS} == IDS
    assert opened.get_input_embeddings().num_embeddings == len(load_processor(tmp_path).tokenizer) == 151_668
    weights = golden.model.state_dict()
    assert all(torch.equal(weight, weights[name]) for name, weight in opened.state_dict().items())
