"""Adapters: what they train, what is saved, and what starts from it."""

import re

import pytest
import torch
from peft import PeftModel
from transformers import Qwen2_5_VLForConditionalGeneration

from mirage_core.model import MirageForConditionalGeneration
from mirage_core.model.load import load_model, load_processor, save
from mirage_core.recipe import Grpo, Lora, Reinforced
from mirage_core.row import decode_image, read_rows
from mirage_core.training.adapters import with_adapters
from mirage_core.training.collate import Collator, encode
from mirage_core.training.grpo import train_grpo
from mirage_core.training.supervised import train_supervised

pytestmark = pytest.mark.train

TARGET = re.compile(r"model\.language_model\.layers\.\d+\.\w+\.(q|k|v|o|gate|up|down)_proj\.weight")
NUM_UPDATES = 12


@pytest.fixture(scope="module", params=["tied", "untied"])
def start(request, base, tmp_path_factory):
    """A base whose head shares the embeddings' weights, or has its own as the large models do."""
    if request.param == "tied":
        return base
    tied = load_model(base)
    tied.config.tie_word_embeddings = tied.config.text_config.tie_word_embeddings = False
    model = MirageForConditionalGeneration(tied.config)
    model.load_state_dict(tied.state_dict())
    with torch.no_grad():
        model.lm_head.weight.mul_(1.1)
    folder = tmp_path_factory.mktemp("untied")
    save(model, load_processor(base), folder)
    return str(folder)


@pytest.fixture(scope="module")
def trained(start, house, stage, tmp_path_factory):
    """Where stage 2 with adapters was saved, and the folder of its checkpoints."""
    out = tmp_path_factory.mktemp("lora")
    settings = stage("own", num_updates=NUM_UPDATES, save_every=NUM_UPDATES // 2, lr=2e-2)
    settings = settings.model_copy(update={"lora": Lora(rank=4, alpha=8)})
    counts = train_supervised(start, house.data, house.features, settings, out, out / "scratch")
    assert counts["last_loss"] < 0.9 * counts["first_loss"]
    return out / "model", out / "scratch", settings


@pytest.fixture
def prompts(house, processor):
    rows = list(read_rows(str(house.data / "rows"), split="train"))[:4]
    images = [decode_image(row.images[0], row.id) for row in rows]
    pixels = processor.image_processor(images, return_tensors="pt")
    encoded = [
        encode(processor, row.question + "!" * number, grid[None], "<|latent_start|>")
        for number, (row, grid) in enumerate(zip(rows, pixels["image_grid_thw"], strict=True))
    ]
    for row in encoded:  # without the end of turn
        row |= {key: row[key][:-1] for key in ("input_ids", "mm_token_type_ids")}
        del row["labels"]
    batch = Collator(processor.tokenizer.pad_token_id, padding_side="left")(encoded)
    return batch | {"pixel_values": pixels["pixel_values"]}


def test_the_merged_model_generates_what_the_adapters_did(trained, start, prompts):
    model, scratch, _ = trained
    adapted = PeftModel.from_pretrained(load_model(start), scratch / f"checkpoint-{NUM_UPDATES}").eval()
    merged, before = load_model(model).eval(), load_model(start).eval()
    settings = {"max_new_tokens": 16, "do_sample": False, "return_dict_in_generate": True, "output_logits": True}
    by_adapters, by_merged, by_base = (one.generate(**prompts, **settings) for one in (adapted, merged, before))
    assert torch.equal(by_adapters.sequences, by_merged.sequences)
    logits = [torch.stack(found.logits) for found in (by_adapters, by_merged)]
    torch.testing.assert_close(*logits, atol=1e-4, rtol=0)
    assert not torch.allclose(logits[1][0], by_base.logits[0], atol=0.1), "nothing was learned"
    assert (by_merged.sequences == merged.config.latent_pad_id).sum() >= 16


def test_only_targets_and_latent_tokens_change(trained, start):
    before, after = load_model(start).state_dict(), load_model(trained[0]).state_dict()
    assert before.keys() == after.keys()
    config = load_model(start).config
    latent_rows = {config.latent_start_id, config.latent_pad_id, config.latent_end_id}
    for name, weight in before.items():
        if TARGET.fullmatch(name):
            assert torch.linalg.matrix_rank(after[name] - weight, rtol=1e-3) <= 4 and not torch.equal(
                weight, after[name]
            )
        elif name.endswith(("embed_tokens.weight", "lm_head.weight")):
            changed = (weight != after[name]).any(1).nonzero().flatten().tolist()
            assert changed and set(changed) <= latent_rows, name
        else:
            assert torch.equal(weight, after[name]), name


def test_it_is_a_plain_checkpoint(trained):
    model, _, _ = trained
    stock, info = Qwen2_5_VLForConditionalGeneration.from_pretrained(model, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]
    ours = load_model(model).state_dict()
    assert all(torch.equal(weight, ours[name]) for name, weight in stock.state_dict().items())
    assert not list(model.glob("adapter*"))


def test_a_resumed_run_ends_where_an_undisturbed_one_does(trained, start, house, tmp_path):
    model, scratch, settings = trained
    assert (scratch / f"checkpoint-{NUM_UPDATES // 2}/adapter_model.safetensors").is_file()
    counts = train_supervised(start, house.data, house.features, settings, tmp_path, scratch)
    assert counts["resumed_at"] == NUM_UPDATES // 2
    one, other = load_model(model).state_dict(), load_model(tmp_path / "model").state_dict()
    assert all(torch.equal(weight, other[name]) for name, weight in one.items())


def test_reinforcement_starts_from_it(trained, house, tmp_path):
    grpo = Grpo(num_updates=2, batch_size=8, num_generations=4, lr=1e-3, warmup_updates=0)
    settings = Reinforced(seed=0, precision="fp32", max_new_tokens=16, grpo=grpo)
    counts = train_grpo(str(trained[0]), house.data, settings, tmp_path, tmp_path / "scratch")
    assert counts["updates"] == 2
    load_model(tmp_path / "model")


def test_adapters_do_nothing_before_they_are_trained(start, prompts):
    model = load_model(start).eval()
    with torch.no_grad():
        expected = model(**prompts).logits
        adapted = with_adapters(model, Lora()).eval()
        assert torch.equal(adapted(**prompts).logits, expected)
    share = sum(weight.numel() for weight in adapted.parameters() if weight.requires_grad) / model.num_parameters()
    assert 0 < share < 0.5
