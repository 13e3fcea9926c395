"""TRL's GRPO trainer for a model that thinks in latents. Public hooks only; TRL's loss is called, not copied.

Shapes: B rollouts, T columns of completions, N latents of a batch in reading order, D width of the model.
"""

from typing import Any

import torch
from accelerate.utils import DistributedType
from torch import Tensor, nn
from trl import GRPOTrainer
from trl.trainer.utils import add_fused_lm_head

from mirage_core.errors import InputError
from mirage_core.model.latent import MirageForConditionalGeneration, states_before

MODEL_INPUTS = ("pixel_values", "image_grid_thw", "mm_token_type_ids")


class LatentGRPOTrainer(GRPOTrainer):
    """Stock trainer that leaves forced tokens out of the loss.

    `latent_pad` and `latent_end` are not sampled but forced; `latent_start` is sampled and optimised. `tool_mask` is
    TRL's own name for "completion tokens that the model did not choose"; it masks TRL's KL term too.

    TRL builds its reference from a class of transformers with the name of ours, which there is none of, so it is built
    with `beta` 0 and given the reference afterwards. With a `PeftModel` none is needed: TRL turns the adapter off.
    """

    def __init__(
        self,
        *args: Any,
        kl_weight: float = 0.0,
        reference: MirageForConditionalGeneration | None = None,
        latent_sigma: float | None = None,
        **kwargs: Any,
    ) -> None:
        """As of the stock trainer.

        Args:
            args: As of the stock trainer.
            kl_weight: Weight of the KL term (TRL's `beta`, which must be left at 0 in the arguments).
            reference: The model that the KL term is taken to; None with a `PeftModel`, whose base it then is.
            latent_sigma: Width of the Gaussian around a latent, see `_latent_loss`; None leaves latents to the gradient
                that flows through them.
            kwargs: As of the stock trainer.
        """
        super().__init__(*args, **kwargs)
        assert self.args.beta == 0.0, "give kl_weight instead"
        self.beta = kl_weight
        self.latent_sigma = latent_sigma
        self.extra_logs: dict[str, float] = {}
        """Goes into the next line of the log."""
        if reference is not None and kl_weight:
            if self.accelerator.distributed_type in (DistributedType.FSDP, DistributedType.DEEPSPEED):
                raise InputError("kl_weight without LoRA needs a reference model, which is not sharded here: use LoRA")
            add_fused_lm_head(reference, temperature=self.temperature)
            self.ref_model = self.accelerator.prepare_model(reference.requires_grad_(False), evaluation_mode=True)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        config, ids_BT = self.model.config, inputs["completion_ids"]
        inputs["tool_mask"] = ((ids_BT != config.latent_pad_id) & (ids_BT != config.latent_end_id)).long()
        latents_BT = (ids_BT == config.latent_pad_id) & inputs["completion_mask"].bool()
        if self.latent_sigma is None or not latents_BT.any():
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        if self.state.global_step % self.num_iterations == 0:  # the weights are still those that sampled
            inputs["old_latents"] = self._latents(inputs)
        old_ND = inputs["old_latents"]
        num_text_B = (inputs["completion_mask"] * inputs["tool_mask"]).sum(1)
        share_B = num_text_B / (num_text_B + latents_BT.sum(1))
        text = {**inputs, "advantages": inputs["advantages"] * share_B}
        with _Fed(self._backbone(), old_ND) as fed:
            loss = super().compute_loss(model, text, return_outputs, num_items_in_batch)
        hidden_BTD = fed.hidden_BSD[:, -ids_BT.shape[1] - 1 :]  # from the one before the completion on
        new_ND = states_before(hidden_BTD, nn.functional.pad(latents_BT, (1, 0)))
        return loss + self._latent_loss(new_ND, old_ND, latents_BT, num_text_B, inputs["advantages"])

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        logs.update(self.extra_logs)
        self.extra_logs.clear()
        super().log(logs, start_time)

    def _latent_loss(
        self, new_ND: Tensor, old_ND: Tensor, latents_BT: Tensor, num_text_B: Tensor, advantages_B: Tensor
    ) -> Tensor:
        """The latents' part of GRPO's loss, each a choice beside the sampled tokens.

        A latent of the rollout counts as a sample of N(the model's state there, sigma^2 I), so that its ratio is
        exp(-|old - new|^2 / (2 sigma^2)), clipped like that of a token. A rollout's loss is the mean over its sampled
        tokens and latents; the KL term stays one over tokens. As there, the model reads the rollout's latents as given
        inputs, so gradients of the text do not flow through them.

        On the first update after a rollout old = new: the ratio is 1 and its gradient (old - new) / sigma^2 is zero.
        It acts from the second update on the same rollouts on, where it pulls states back to latents of a positive
        advantage, and away, until clipped, from those of a negative one.

        Source: VLPO, Monet (arXiv 2511.21395), equations 7 and 8; sigma 10 and the reading of recorded latents from
        the published script and code (github.com/NOVAglow646/Monet, RL). There the KL term is on latents too.
        """
        assert self.latent_sigma is not None
        row_N = latents_BT.nonzero()[:, 0]
        ratio_N = torch.exp(-(old_ND - new_ND).square().sum(1) / (2 * self.latent_sigma**2))
        clipped_N = ratio_N.clamp(1 - self.epsilon_low, 1 + self.epsilon_high)
        advantage_N = advantages_B[row_N]
        loss_N = -torch.min(ratio_N * advantage_N, clipped_N * advantage_N)
        weight_N = 1 / (num_text_B + latents_BT.sum(1))[row_N]
        self.extra_logs["latent_ratio"] = ratio_N.detach().mean().item()
        return (loss_N * weight_N).sum() / len(latents_BT) / self.current_gradient_accumulation_steps

    @torch.no_grad()
    def _latents(self, inputs: dict[str, Any]) -> Tensor:
        """(N, D): what the model of now puts at the latent pads."""
        ids_BS = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], 1)
        mask_BS = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], 1)
        rest = {name: inputs[name] for name in MODEL_INPUTS}
        with self.accelerator.autocast():
            outputs = self._backbone()(input_ids=ids_BS, attention_mask=mask_BS, use_cache=False, **rest)
        latents: Tensor = outputs.latents
        return latents

    def _backbone(self) -> nn.Module:
        model = self.accelerator.unwrap_model(self.model)
        backbone: nn.Module = getattr(model, "get_base_model", lambda: model)().model
        return backbone


class _Fed:
    """Within it the backbone reads given latents, and its last hidden states are kept."""

    def __init__(self, backbone: nn.Module, latents_ND: Tensor) -> None:
        self.backbone, self.latents_ND = backbone, latents_ND

    def __enter__(self) -> "_Fed":
        self.handles = [
            self.backbone.register_forward_pre_hook(self._feed, with_kwargs=True),
            self.backbone.register_forward_hook(self._keep),
        ]
        return self

    def __exit__(self, *_: Any) -> None:
        for handle in self.handles:
            handle.remove()

    def _feed(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return args, {**kwargs, "latent_embeds": self.latents_ND}

    def _keep(self, module: nn.Module, args: Any, output: Any) -> None:
        self.hidden_BSD: Tensor = output.last_hidden_state
