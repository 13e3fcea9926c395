"""How much memory a training stage takes on each GPU, from shapes alone.

What an optimizer step holds at its peak, the moment between the forward and the backward pass:

1. weights, all in float32: they are the master copy of mixed precision, there is no other;
2. gradients and AdamW's two moments in float32, of what is trained;
3. with bf16 the casts of the weights, which autocast makes for a forward pass and autograd keeps for the backward one;
4. activations: what autograd keeps, asked of PyTorch by a forward pass of the real layers on fake tensors.

Copies of the model (DDP) hold all of it on every GPU, and buckets of gradients to exchange. Shards (FSDP2) hold a part
of 1 and 2, and instead of 3 the layers at work: two of them, as the next is fetched meanwhile, and embeddings and head.
Not counted: CUDA's own memory, fragments of the allocator, which `HEADROOM` is for, and short-lived temporaries.
"""

from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import Qwen2_5_VLConfig

from mirage_core.model.latent import MirageForConditionalGeneration
from mirage_core.model.recurrence import LatentTextModel
from mirage_core.recipe import Precision

FP32, BF16 = 4, 2
"""Bytes of a number."""
MOMENTS = 2
"""Numbers that AdamW keeps for each weight."""
LAYERS_AT_WORK = 2
"""Of FSDP2: the one that computes and the one that is fetched meanwhile."""
HEADROOM = 0.9
"""Share of a GPU's memory that may be planned with; CUDA's context and fragments take the rest."""


@dataclass(frozen=True)
class Sizes:
    """Numbers of parameters."""

    vision: int
    embeddings: int
    layer: int
    """Of one decoder layer."""
    num_layers: int
    head: int
    """0 where it shares the weights of the embeddings."""
    other: int
    """The last norm."""
    trained: int

    @property
    def total(self) -> int:
        return self.vision + self.embeddings + self.layer * self.num_layers + self.head + self.other


@dataclass(frozen=True)
class Pass:
    """The rows of one forward pass."""

    num_rows: int
    num_tokens: int
    """Per row, padding included."""
    num_labels: int
    """Positions per row for which logits are kept; 0 where a fused head keeps none."""
    num_latents: int
    """Per row, of the model's own; 0 where they are given or there are none."""
    precision: Precision


@dataclass(frozen=True)
class Kept:
    """Bytes that autograd keeps from a forward pass for the backward one, beside the weights and their casts."""

    by_layer: int
    """Of one decoder layer."""
    layer_input: int
    """All that gradient checkpointing keeps of a layer."""
    cache: int
    """Of the keys and values that own latents copy from pass to pass, all layers."""
    around: int
    """Embeddings, logits and loss."""
    num_layers: int

    def total(self, checkpointed: bool) -> int:
        """Of all layers; a checkpointed layer is whole again while its backward pass runs."""
        layers = self.num_layers * (self.layer_input if checkpointed else self.by_layer)
        return layers + (self.by_layer if checkpointed else 0) + self.cache + self.around


@dataclass(frozen=True)
class Memory:
    """Bytes on one GPU."""

    weights: int
    gradients: int
    moments: int
    working: int
    """Casts, buckets, layers at work."""
    reference: int
    """Another model beside the trained one."""
    activations: int
    activations_checkpointed: int

    def total(self, checkpointed: bool) -> int:
        fixed = self.weights + self.gradients + self.moments + self.working + self.reference
        return fixed + (self.activations_checkpointed if checkpointed else self.activations)


def sizes_of(model: MirageForConditionalGeneration) -> Sizes:
    """Count parameters, by part; what requires a gradient is what is trained."""
    text = model.model.language_model
    shared = model.lm_head.weight is text.embed_tokens.weight
    return Sizes(
        vision=count(model.model.visual),
        embeddings=count(text.embed_tokens),
        layer=count(text.layers[0]),
        num_layers=len(text.layers),
        head=0 if shared else count(model.lm_head),
        other=count(text.norm),
        trained=sum(weight.numel() for weight in model.parameters() if weight.requires_grad),
    )


def count(module: nn.Module) -> int:
    """Parameters of a module."""
    return sum(weight.numel() for weight in module.parameters())


def kept_by(config: Qwen2_5_VLConfig, rows: Pass) -> Kept:
    """Bytes that autograd keeps, from two forward passes on fake tensors: of one layer and of two."""
    text = config.text_config
    one, two = (_kept(config, rows, num_layers) for num_layers in (1, 2))
    tokens = rows.num_rows * rows.num_tokens
    width = text.num_key_value_heads * text.hidden_size // text.num_attention_heads
    number = BF16 if rows.precision == "bf16" else FP32
    copies = rows.num_latents + 1 if rows.num_latents else 0
    return Kept(
        by_layer=two - one,
        layer_input=tokens * text.hidden_size * FP32,
        cache=copies * 2 * tokens * width * number * text.num_hidden_layers,
        around=2 * one - two,
        num_layers=text.num_hidden_layers,
    )


def _kept(config: Qwen2_5_VLConfig, rows: Pass, num_layers: int) -> int:
    small = deepcopy(config.text_config)
    small.num_hidden_layers, small.layer_types = num_layers, ["full_attention"] * num_layers
    small._attn_implementation = "sdpa"
    with FakeTensorMode():
        backbone = LatentTextModel(small).train()
        head = nn.Linear(small.hidden_size, small.vocab_size, bias=False)
        own = {weight.untyped_storage()._cdata for module in (backbone, head) for weight in module.parameters()}
        kept: dict[int, tuple[int, Tensor]] = {}

        def keep(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            if storage._cdata not in own and not _is_cast(tensor, backbone, head):
                kept[storage._cdata] = (storage.nbytes(), tensor)  # kept alive, or its number is given away again
            return tensor

        half = torch.autocast("cpu", torch.bfloat16, enabled=rows.precision == "bf16")
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), half:
            _forward(backbone, head, rows)
        return sum(num_bytes for num_bytes, _ in kept.values())


def _forward(backbone: LatentTextModel, head: nn.Linear, rows: Pass) -> None:
    shape = (rows.num_rows, rows.num_tokens)
    embeds_BTD = backbone.embed_tokens(torch.zeros(shape, dtype=torch.long))
    positions_PBT = torch.zeros(3, *shape, dtype=torch.long)
    outputs = backbone(inputs_embeds=embeds_BTD, position_ids=positions_PBT, use_cache=False)
    if rows.num_labels:
        labels = torch.zeros(rows.num_rows * rows.num_labels, dtype=torch.long)
        logits = head(outputs.last_hidden_state[:, -rows.num_labels :].flatten(0, 1)).float()
        nn.functional.cross_entropy(logits, labels)


def _is_cast(tensor: Tensor, *modules: nn.Module) -> bool:
    """Whether it is a weight in half precision, or a view of one."""
    shapes = {frozenset(weight.shape) for module in modules for weight in module.parameters() if weight.ndim == 2}
    return tensor.dtype == torch.bfloat16 and tensor.ndim == 2 and frozenset(tensor.shape) in shapes


def estimate(
    sizes: Sizes, kept: Kept, precision: Precision, num_gpus: int, sharded: bool, has_reference: bool
) -> Memory:
    """Bytes on each of `num_gpus` GPUs."""
    parts = num_gpus if sharded else 1
    return Memory(
        weights=FP32 * sizes.total // parts,
        gradients=FP32 * sizes.trained // parts,
        moments=MOMENTS * FP32 * sizes.trained // parts,
        working=_working(sizes, precision, num_gpus, sharded),
        reference=FP32 * sizes.total if has_reference else 0,
        activations=kept.total(checkpointed=False),
        activations_checkpointed=kept.total(checkpointed=True),
    )


def _working(sizes: Sizes, precision: Precision, num_gpus: int, sharded: bool) -> int:
    number = BF16 if precision == "bf16" else FP32
    if sharded and num_gpus > 1:
        # the root's weights stay whole from the first layer to the last; a layer's gradients are whole until sent
        return number * (sizes.embeddings + sizes.head + LAYERS_AT_WORK * sizes.layer) + number * max(
            sizes.layer, sizes.embeddings + sizes.head
        )
    casts = BF16 * (sizes.layer * sizes.num_layers + (sizes.head or sizes.embeddings)) if precision == "bf16" else 0
    buckets = FP32 * sizes.trained if num_gpus > 1 else 0
    return casts + buckets
