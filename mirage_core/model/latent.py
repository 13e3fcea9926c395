"""The latent model: Qwen2.5-VL that reads its own hidden states where the text says `<|latent_pad|>`.

Subclasses of the stock classes, nothing patched. The backbone decides by token ids, so every stock trainer that runs
the backbone trains latents: pads are filled with given embeddings (stage 1), or with the model's own preceding states
(stages 2 and 3, `recurrence.py`). A checkpoint opens in the stock class too.

Source: Mirage (arXiv 2506.17218); github.com/UMass-Embodied-AGI/Mirage, commit 53f26de.

Shapes: B rows, T columns, D width, V vocabulary, N latents of a batch in reading order (row by row), K latents of one
picture, F merged vision features of one picture.
"""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from transformers import (
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLModel,
    Qwen2_5_VLPreTrainedModel,
)
from transformers.conversion_mapping import (
    get_checkpoint_conversion_mapping,
    register_checkpoint_conversion_mapping,
)
from transformers.modeling_outputs import BaseModelOutputWithPast, BaseModelOutputWithPooling, CausalLMOutputWithPast
from transformers.modeling_utils import slice_logits_to_keep
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VisionTransformerPretrainedModel

from mirage_core.errors import InputError
from mirage_core.model.generation import LatentGeneration
from mirage_core.model.recurrence import LatentTextModel, fed_back
from mirage_core.model.sight import sight_of

LATENT_FIELDS = ("latent_start_id", "latent_pad_id", "latent_end_id", "latent_size")
"""What the configuration of a latent model has beyond the stock one."""

# Published checkpoints keep old names of their weights (`visual.`, `model.layers.`). The table that translates them
# goes by class name; without an entry for ours the language model would stay random, with only a printed report.
for _ours, _stock in (
    ("MirageForConditionalGeneration", "Qwen2_5_VLForConditionalGeneration"),
    ("MirageModel", "Qwen2_5_VLModel"),
):
    register_checkpoint_conversion_mapping(_ours, get_checkpoint_conversion_mapping(_stock), overwrite=True)


def latent_targets(features: Tensor, k: int) -> Tensor:
    """Means of equal, consecutive groups of vision features: what the latents of a helper image should be.

    Args:
        features: (F, D), merged vision features in raster order.
        k: Number of latents.

    Returns:
        (K, D). The last F % k features are dropped; F == k leaves them unchanged.

    Raises:
        InputError: There are fewer features than latents.

    Source: Mirage (arXiv 2506.17218), stage 1; grouping as in the published code.
    """
    group = len(features) // k
    if group == 0:
        raise InputError(f"a picture of {len(features)} vision features cannot make {k} latents: enlarge it or lower k")
    return features[: group * k].view(k, group, -1).mean(1)


def states_before(hidden_BTD: Tensor, mask_BT: Tensor) -> Tensor:
    """(N, D): the hidden states one position before those marked, which predict or become them."""
    return hidden_BTD[:, :-1][mask_BT[:, 1:]]


@dataclass
class LatentModelOutput(BaseModelOutputWithPast):
    """Stock output and `latents`: (N, D), what stood at the latent pads; None without pads."""

    latents: Tensor | None = None


@dataclass
class LatentCausalLMOutput(CausalLMOutputWithPast):
    """Stock output, `last_hidden_state`: (B, T, D) and `latents`: (N, D), what stood at the latent pads."""

    last_hidden_state: Tensor | None = None
    latents: Tensor | None = None


class MirageModel(Qwen2_5_VLModel):
    """Vision tower and language model; fills latent pads."""

    def __init__(self, config: Qwen2_5_VLConfig) -> None:
        if missing := [name for name in LATENT_FIELDS if not isinstance(config.to_dict().get(name), int)]:
            raise InputError(
                f"the configuration has no {', '.join(missing)}: a checkpoint without latent tokens; "
                "mirage_core.model.load.load_model adds them"
            )
        Qwen2_5_VLPreTrainedModel.__init__(self, config)  # the stock constructor would build stock parts first
        self.visual = Qwen2_5_VisionTransformerPretrainedModel._from_config(config.vision_config)
        self.language_model = LatentTextModel._from_config(config.text_config)
        self.rope_deltas = None
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        *,
        inputs_embeds: Tensor | None = None,
        pixel_values: Tensor | None = None,
        image_grid_thw: Tensor | None = None,
        mm_encoder_outputs: dict[str, BaseModelOutputWithPooling] | None = None,
        latent_embeds: Tensor | None = None,
        **kwargs: Any,
    ) -> LatentModelOutput:
        """Run the stock model with latent pads filled.

        Args:
            input_ids: (B, T).
            attention_mask: (B, T), 1 for real tokens, plus the columns of a cache before them.
            position_ids: (3 or 4, B, T); computed unless given.
            inputs_embeds: (B, T, D); latent pads are not looked for where it is given.
            pixel_values: Patches of all pictures, as of the stock model.
            image_grid_thw: (pictures, 3).
            mm_encoder_outputs: Vision features computed before, instead of `pixel_values`.
            latent_embeds: (N, D), fills the pads; without it the model's own preceding states do.
            kwargs: As of the stock model.

        Raises:
            InputError: Number of latent embeddings and of pads differ, a pad has no token before it, or an argument
                does not go with latents (see `LatentTextModel`).
        """
        latent_BT = None
        if input_ids is not None and inputs_embeds is None:
            latent_BT = input_ids == self.config.latent_pad_id
            if latent_embeds is not None:
                inputs_embeds = self._with_latents(input_ids, latent_BT, latent_embeds)
            elif latent_BT.any() or self.language_model.is_sharded():
                kwargs |= {"latent_mask": latent_BT, "latent_norm": self.latent_norm}
            if self.bottleneck:
                kwargs["sight"] = sight_of(input_ids, self.config)
        if pixel_values is not None and mm_encoder_outputs is None:  # here, or the vision tower would be given `kwargs`
            features = self.get_image_features(pixel_values, image_grid_thw, return_dict=True)
            pixel_values, mm_encoder_outputs = None, {"image": features}
        outputs = super().forward(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            inputs_embeds=inputs_embeds,
            pixel_values=pixel_values,
            image_grid_thw=image_grid_thw,
            mm_encoder_outputs=mm_encoder_outputs,
            **kwargs,
        )
        if "latent_mask" in kwargs:
            assert latent_BT is not None
            states_ND = states_before(outputs.last_hidden_state, latent_BT)
            latent_embeds = fed_back(states_ND, self.latent_norm) if len(states_ND) else None
        return LatentModelOutput(**outputs, latents=latent_embeds)

    @property
    def bottleneck(self) -> bool:
        """Whether text sees the image only through the latents; see `Sight`."""
        return getattr(self.config, "latent_bottleneck", False)

    @property
    def latent_norm(self) -> float | None:
        """Norm to which states are scaled when they are fed back; None, as published, leaves them as they are."""
        return getattr(self.config, "latent_norm", None)

    def _with_latents(self, ids_BT: Tensor, latent_BT: Tensor, latent_ND: Tensor) -> Tensor:
        if len(latent_ND) != latent_BT.sum():
            raise InputError(f"{len(latent_ND)} latent embeddings for {int(latent_BT.sum())} latent pads")
        embeds_BTD: Tensor = self.get_input_embeddings()(ids_BT)
        return embeds_BTD.masked_scatter(latent_BT[..., None], latent_ND.to(embeds_BTD))


class MirageForConditionalGeneration(LatentGeneration, Qwen2_5_VLForConditionalGeneration):
    """The latent model with its head; `generate` is that of `LatentGeneration`."""

    def __init__(self, config: Qwen2_5_VLConfig) -> None:
        Qwen2_5_VLPreTrainedModel.__init__(self, config)  # the stock constructor would build stock parts first
        self.model = MirageModel(config)
        self.lm_head = nn.Linear(config.text_config.hidden_size, config.text_config.vocab_size, bias=False)
        self.post_init()

    def save_pretrained(self, *args: Any, save_original_format: bool = False, **kwargs: Any) -> None:
        """As of the stock model, but weights keep their present names unless said otherwise.

        The stock trainer resumes by present names; of old ones it would load none, with only a printed warning.
        """
        super().save_pretrained(*args, save_original_format=save_original_format, **kwargs)

    def forward(  # `generate` checks its arguments against these names
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Any = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        pixel_values: Tensor | None = None,
        image_grid_thw: Tensor | None = None,
        mm_token_type_ids: Tensor | None = None,
        mm_encoder_outputs: dict[str, BaseModelOutputWithPooling] | None = None,
        latent_embeds: Tensor | None = None,
        logits_to_keep: int | Tensor = 0,
        **kwargs: Any,
    ) -> LatentCausalLMOutput:
        """Logits, states, latents, and with labels the mean cross-entropy of the text.

        Args:
            input_ids: (B, T).
            attention_mask: (B, T), 1 for real tokens, plus the columns of a cache before them.
            position_ids: (3 or 4, B, T); computed unless given.
            past_key_values: Cache of earlier columns.
            inputs_embeds: (B, T, D); latent pads are not looked for where it is given.
            labels: (B, T), the ids themselves, not shifted; -100 where there is no loss.
            use_cache: Return a cache.
            pixel_values: Patches of all pictures, as of the stock model.
            image_grid_thw: (pictures, 3).
            mm_token_type_ids: (B, T), 1 at image tokens; without it positions are those of plain text.
            mm_encoder_outputs: Vision features computed before, instead of `pixel_values`:
                `{"image": BaseModelOutputWithPooling(pooler_output=(features of each picture, ...))}`.
            latent_embeds: (N, D), fills the pads; without it the model's own preceding states do.
            logits_to_keep: As of the stock model: the last so many columns, all if 0; or a mask (B, T), for which
                logits are (marked, V). The loss covers the logits that are kept: `labels_to_predict(labels) != -100`
                is the mask that loses nothing and computes nothing more.
            kwargs: As of the stock model.
        """
        outputs = self.model(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            use_cache=use_cache,
            pixel_values=pixel_values,
            image_grid_thw=image_grid_thw,
            mm_token_type_ids=mm_token_type_ids,
            mm_encoder_outputs=mm_encoder_outputs,
            latent_embeds=latent_embeds,
            **kwargs,
        )
        logits = self.lm_head(slice_logits_to_keep(outputs.last_hidden_state, logits_to_keep))
        loss = None
        if labels is not None:
            next_BT1 = labels_to_predict(labels)[..., None]
            kept = slice_logits_to_keep(next_BT1, logits_to_keep)[..., 0]
            loss = self.loss_function(
                logits=logits, labels=None, shift_labels=kept, vocab_size=self.config.text_config.vocab_size
            )
        return LatentCausalLMOutput(
            loss=loss,
            logits=logits,
            past_key_values=outputs.past_key_values,
            hidden_states=outputs.hidden_states,
            attentions=outputs.attentions,
            last_hidden_state=outputs.last_hidden_state,
            latents=outputs.latents,
        )


def labels_to_predict(labels_BT: Tensor) -> Tensor:
    """(B, T): the label of the next position, which is what the logits at a position are scored against."""
    return nn.functional.pad(labels_BT[:, 1:], (0, 1), value=-100)  # ignored by the loss
