"""Checkpoints: ours, stock ones, what the stock class sees of ours, and what is refused."""

import json
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from mirage_core.errors import InputError
from mirage_core.model import MirageForConditionalGeneration, MirageProcessor
from mirage_core.model.latent import LATENT_FIELDS
from mirage_core.model.load import load_model, load_processor, save
from mirage_core.model.processor import LATENT_TOKENS
from mirage_core.model.tiny import build_processor


@pytest.fixture
def stock_folder(tmp_path: Path, model: MirageForConditionalGeneration, processor: MirageProcessor) -> Path:
    """A stock checkpoint in the layout of the hub: old names of weights, no latent ids."""
    folder = tmp_path / "stock"
    save(model, processor, folder)
    config = json.loads((folder / "config.json").read_text())
    for name in LATENT_FIELDS:
        del config[name]
    (folder / "config.json").write_text(json.dumps(config))
    old = {}
    for name, weight in load_file(folder / "model.safetensors").items():
        name = re.sub(r"^model\.visual", "visual", name)
        old[re.sub(r"^model\.language_model", "model", name)] = weight
    assert "visual.patch_embed.proj.weight" in old and "model.norm.weight" in old
    save_file(old, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def same_weights(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    left, right = one.state_dict(), other.state_dict()
    return left.keys() == right.keys() and all(torch.equal(left[key], right[key]) for key in left)


def test_what_is_saved_is_what_is_loaded(
    tmp_path: Path, model: MirageForConditionalGeneration, processor: MirageProcessor
) -> None:
    save(model, processor, tmp_path)
    again = load_model(tmp_path)
    assert same_weights(model, again)
    assert {name: getattr(again.config, name) for name in LATENT_FIELDS} == {
        name: getattr(model.config, name) for name in LATENT_FIELDS
    }
    assert load_model(tmp_path, latent_size=6).config.latent_size == 6
    text = "<|latent_start|><|latent_pad|><|latent_end|>RDD"
    assert load_processor(tmp_path).tokenizer(text) == processor.tokenizer(text)


def test_the_stock_class_opens_ours(
    tmp_path: Path, model: MirageForConditionalGeneration, processor: MirageProcessor
) -> None:
    save(model, processor, tmp_path)
    stock, info = Qwen2_5_VLForConditionalGeneration.from_pretrained(tmp_path, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]
    assert same_weights(model, stock)
    ids = torch.tensor([[5, 6, 7]])
    assert torch.equal(stock(ids).logits, model(ids).logits)


def test_a_stock_checkpoint_gets_latent_ids_and_keeps_its_vocabulary(
    stock_folder: Path, model: MirageForConditionalGeneration
) -> None:
    opened = load_model(stock_folder)
    assert same_weights(model, opened)
    ids = load_processor(stock_folder).tokenizer.convert_tokens_to_ids(list(LATENT_TOKENS))
    assert [opened.config.latent_pad_id, opened.config.latent_start_id, opened.config.latent_end_id] == ids
    assert opened.config.latent_size == 4
    assert load_model(stock_folder, latent_size=2).config.latent_size == 2


@pytest.mark.parametrize("num_spare", [0, 16])
def test_new_tokens_take_spare_rows_before_the_vocabulary_grows(
    tmp_path: Path, model: MirageForConditionalGeneration, num_spare: int
) -> None:
    processor = without_latent_tokens(build_processor())
    size = len(processor.tokenizer)
    model.resize_token_embeddings(size + num_spare)
    save(model, processor, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(
        json.dumps({key: value for key, value in config.items() if key not in LATENT_FIELDS})
    )
    opened = load_model(tmp_path)
    assert sorted([opened.config.latent_pad_id, opened.config.latent_start_id, opened.config.latent_end_id]) == [
        size, size + 1, size + 2
    ]  # fmt: skip
    assert opened.config.text_config.vocab_size == size + max(num_spare, 3)
    assert torch.equal(opened.get_input_embeddings().weight[:size], model.get_input_embeddings().weight[:size])


def without_latent_tokens(processor: MirageProcessor) -> MirageProcessor:
    """As a stock tokenizer: the latent tokens renamed, so that their rows belong to others."""
    state = processor.tokenizer.backend_tokenizer.to_str()
    for token in LATENT_TOKENS:
        state = state.replace(token, token.replace("latent", "other"))
    tokenizer = type(processor.tokenizer)(
        tokenizer_object=type(processor.tokenizer.backend_tokenizer).from_str(state),
        pad_token="<|endoftext|>", eos_token="<|im_end|>",
    )  # fmt: skip
    assert not set(LATENT_TOKENS) & tokenizer.get_vocab().keys()
    return MirageProcessor(processor.image_processor, tokenizer, chat_template=processor.chat_template)


def test_missing_and_unknown_weights_raise(stock_folder: Path) -> None:
    file = stock_folder / "model.safetensors"
    weights = load_file(file)
    norm = weights.pop("model.norm.weight")
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"lacks 1 weights.*norm\.weight"):
        load_model(stock_folder)
    save_file({**weights, "model.norm.weight": norm, "model.strange": norm.clone()}, file, metadata={"format": "pt"})
    with pytest.raises(InputError, match="has unknown 1 weights.*strange"):
        load_model(stock_folder)


def test_a_configuration_without_latent_ids_raises(stock_folder: Path) -> None:
    with pytest.raises(InputError, match="no latent_start_id, latent_pad_id, latent_end_id, latent_size"):
        MirageForConditionalGeneration(Qwen2_5_VLConfig.from_pretrained(stock_folder))
    with pytest.raises(InputError, match="load_model"):
        MirageForConditionalGeneration.from_pretrained(stock_folder)


def test_the_processor_comes_back_whole(tmp_path: Path, processor: MirageProcessor) -> None:
    processor.save_pretrained(tmp_path)
    again = load_processor(tmp_path)
    image = torch.randint(0, 255, (60, 90, 3), dtype=torch.uint8).numpy()
    text = "<|vision_start|><|image_pad|><|vision_end|>RDD"
    before, after = (p(text=[text], images=[[image]], return_tensors="pt") for p in (processor, again))
    assert before.keys() == after.keys() and all(torch.equal(before[key], after[key]) for key in before)
    messages = [{"role": "user", "content": "go"}]
    assert again.apply_chat_template(messages) == processor.apply_chat_template(messages)
