"""The plan of a training run: counts are those of the published models, memory is what a real step takes."""

import json
from pathlib import Path

import pytest
import torch
from transformers import TrainingArguments
from typer.testing import CliRunner

from mirage_core.errors import InputError
from mirage_core.model.load import load_model, load_processor
from mirage_core.model.published import SHAPES, config_of, on_meta
from mirage_core.recipe import Lora
from mirage_core.training import plan
from mirage_core.training.collate import Collator
from mirage_core.training.features import FeatureStore
from mirage_core.training.memory import BF16, FP32, Pass, estimate, kept_by, sizes_of
from mirage_core.training.run import training_arguments
from mirage_core.training.supervised import StageData, StageTrainer

pytestmark = pytest.mark.thorough

RECIPES = Path(__file__).parents[2] / "recipes"
QWEN_7B = "Qwen/Qwen2.5-VL-7B-Instruct"
PUBLISHED = {"Qwen/Qwen2.5-VL-3B-Instruct": 3_754_622_976, QWEN_7B: 8_292_166_656}
"""As the hub tells; of the 7B, 676,550,144 are the vision tower's."""
FACTOR = 1.2
"""By which an estimate of activations may be wrong."""


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_have_as_many_parameters_as_the_published_models(name):
    sizes = sizes_of(on_meta(config_of(name)))
    assert sizes.total == PUBLISHED[name] == by_hand(config_of(name))


def by_hand(config):
    """The sum from the sizes of the layers alone: Qwen2.5 (arXiv 2412.15115) and Qwen2.5-VL (arXiv 2502.13923)."""
    text, vision = config.text_config, config.vision_config
    hidden, inner = text.hidden_size, text.intermediate_size
    keys = hidden // text.num_attention_heads * text.num_key_value_heads
    attention = hidden * hidden + hidden + 2 * (hidden * keys + keys) + hidden * hidden  # the last has no bias
    layers = text.num_hidden_layers * (attention + 3 * hidden * inner + 2 * hidden)
    words = text.vocab_size * hidden * (1 if config.tie_word_embeddings else 2)
    width, inner = vision.hidden_size, vision.intermediate_size
    block = 4 * (width * width + width) + 3 * width * inner + 2 * inner + width + 2 * width
    patches = 3 * vision.temporal_patch_size * vision.patch_size**2 * width
    wide = width * vision.spatial_merge_size**2
    merger = width + wide * wide + wide + wide * hidden + hidden
    return words + layers + hidden + vision.depth * block + patches + merger


def test_adapters_are_counted_by_their_ranks():
    config, rank = config_of(QWEN_7B), 8
    text = config.text_config
    hidden, inner = text.hidden_size, text.intermediate_size
    keys = hidden // text.num_attention_heads * text.num_key_value_heads
    linear = 2 * (hidden + hidden) + 2 * (hidden + keys) + 3 * (hidden + inner)
    latent_rows = 2 * 3 * hidden  # three tokens, in the embeddings and in the head
    sizes = plan.trained_sizes(config, Lora(rank=rank))
    assert sizes.trained == text.num_hidden_layers * rank * linear + latent_rows
    assert plan.trained_sizes(config, None).trained == 7_615_616_512


@pytest.fixture
def step(house, stage, tmp_path):
    """A function from where latents come from to a trainer, a batch, and the batch's size as a plan would give it."""

    def prepare(latents, precision="fp32"):
        settings = stage(latents, batch_size=4).model_copy(update={"precision": precision})
        processor, model = load_processor(house.base), load_model(house.base, settings.latent_size)
        model.model.visual.requires_grad_(False)
        rows = StageData(processor, house.data, FeatureStore(house.features), settings)
        arguments = training_arguments(settings.optimizer, tmp_path / "scratch", 0, precision)
        trainer = StageTrainer(model=model, args=TrainingArguments(**arguments), train_dataset=rows, settings=settings)
        batch = Collator(processor.tokenizer.pad_token_id)([rows[index] for index in range(4)])
        labels = int((batch["labels"] != -100).sum(1).max())
        num_rows, num_tokens = batch["input_ids"].shape
        own = settings.latent_size if latents == "own" else 0
        return trainer, batch, Pass(num_rows, num_tokens, labels, own, precision)

    return prepare


def kept_for_backward(trainer, batch):
    """Bytes that autograd keeps of a real step, without the weights and their casts."""
    model = trainer.model.train()
    shapes = {weight.shape for weight in model.parameters() if weight.ndim == 2}
    weights = {weight.data_ptr() for weight in model.parameters()}
    kept = {}

    def keep(tensor):
        cast = tensor.dtype == torch.bfloat16 and (tensor.shape in shapes or tensor.mT.shape in shapes)
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights and not (tensor.ndim == 2 and cast):
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    half = torch.autocast("cpu", torch.bfloat16, enabled=trainer.args.bf16)  # as accelerate wraps the model
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), half:
        loss = trainer.compute_loss(model, batch)
    return sum(kept.values()), loss


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("latents", ["helper", "own", "none"])
def test_activations_are_what_a_real_step_keeps(step, latents, precision):
    trainer, batch, rows = step(latents, precision)
    measured, _ = kept_for_backward(trainer, batch)
    planned = kept_by(trainer.model.config, rows).total(checkpointed=False)
    assert measured / FACTOR < planned < measured * FACTOR, f"planned {planned:,}, measured {measured:,}"


def test_weights_gradients_and_moments_are_what_a_real_step_holds(step):
    trainer, batch, rows = step("own")
    sizes = sizes_of(trainer.model)
    memory = estimate(sizes, kept_by(trainer.model.config, rows), "fp32", 1, sharded=False, has_reference=False)
    _, loss = kept_for_backward(trainer, batch)
    optimizer = trainer.create_optimizer()
    loss.backward()
    optimizer.step()
    weights = list(trainer.model.parameters())
    assert memory.weights == sum(weight.nbytes for weight in weights)
    assert memory.gradients == sum(weight.grad.nbytes for weight in weights if weight.grad is not None)
    moments = [tensor for state in optimizer.state.values() for tensor in state.values() if tensor.ndim]
    assert memory.moments == sum(tensor.nbytes for tensor in moments)
    assert memory.working == memory.reference == 0


def test_shards_divide_what_copies_repeat():
    config = config_of(QWEN_7B)
    sizes, kept = plan.trained_sizes(config, None), kept_by(config, Pass(1, 600, 100, 4, "bf16"))
    alone, copied, shared = (
        estimate(sizes, kept, "bf16", number, sharded, False) for number, sharded in ((1, False), (8, False), (8, True))
    )
    assert copied.weights == alone.weights == 8 * shared.weights == FP32 * sizes.total
    assert copied.moments == alone.moments == 8 * shared.moments == 2 * FP32 * sizes.trained
    assert copied.working - alone.working == FP32 * sizes.trained, "buckets"
    assert alone.working == BF16 * (sizes.layer * sizes.num_layers + sizes.head), "casts"
    assert shared.total(False) < 40e9 * 0.9 < 80e9 < alone.total(True), "the recipe's comment"
    assert alone.activations_checkpointed < alone.activations / 5


def test_the_command_plans_the_recipe_of_7b():
    told = run(RECIPES / "qwen2.5-vl-7b.yaml", "--accelerate", RECIPES / "accelerate/fsdp2.yaml", "--num-gpus", 8)
    assert told.exit_code == 0, told.output
    assert "8,292,166,656 parameters" in told.output and "trains 7,615,616,512 of" in told.output
    for name in ("stage1", "stage2", "direct", "cot", "grpo"):
        part = told.output.split(f"\n{name}: trains")[1].split("\n\n")[0]
        lines = [line for line in part.splitlines() if line.startswith(("| 1 ", "| 8 "))]
        assert "none; with checkpointing none" in lines[0], "no card holds it alone"
        assert "80 GB" in lines[1] or "40 GB" in lines[1], "eight do"


def run(*args):
    app = plan.typer.Typer()
    app.command()(plan.main)
    return CliRunner().invoke(app, [str(arg) for arg in args])


def test_mistakes_are_named(tmp_path):
    (tmp_path / "unknown.yaml").write_text(
        (RECIPES / "qwen2.5-vl-7b.yaml").read_text().replace("Qwen/Qwen2.5-VL-7B-Instruct", "Qwen/Qwen9-VL-7B")
    )
    (tmp_path / "zero.yaml").write_text(json.dumps({"distributed_type": "DEEPSPEED"}))
    for args, message in (
        ([tmp_path / "no.yaml"], "no.yaml: cannot be read"),
        ([tmp_path / "unknown.yaml"], "the shape of Qwen/Qwen9-VL-7B is not known"),
        ([RECIPES / "tiny.yaml", "--accelerate", tmp_path / "zero.yaml"], "`distributed_type` is DEEPSPEED"),
    ):
        error = run(*args).exception
        assert isinstance(error, InputError) and message in str(error)
