"""Generation of latents, through hooks of the stock `generate`.

After a step the last hidden state is kept; where the token chosen then is `<|latent_pad|>`, it becomes the next input
embedding. Whether a row is in a latent span is read from its tokens alone, so rows enter and leave latent mode
independently, any number of times, and nothing has to be reset.

Source for the mode `free`: the inference of github.com/UMass-Embodied-AGI/Mirage, commit 53f26de. Deviations:

1. One latent mode per row and span; there one per batch, whose cap is spent by the first span.
2. A prompt may end inside a span; there only a generated `<|latent_start|>` opens one.
3. `<|latent_pad|>` and `<|latent_end|>` cannot be sampled outside spans.

Latents can be returned, and others given in their place: what they are worth shows when they are missing.

Shapes: B rows, T columns, P latents given for a row, D width of the model, V vocabulary.
"""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from transformers import GenerationConfig, GenerationMixin, LogitsProcessor, LogitsProcessorList, Qwen2_5_VLConfig
from transformers.generation import GenerateDecoderOnlyOutput, GenerationMode

from mirage_core.errors import InputError
from mirage_core.model.recurrence import fed_back
from mirage_core.model.sight import sight_of

PUBLISHED_CAP = 8
"""Most latent pads in a span of the published inference code, whatever number the model was trained with."""

LatentMode = Literal["fixed", "free"]


@dataclass
class LatentGenerateOutput(GenerateDecoderOnlyOutput):
    """Stock output and `latents`: per row (latents of the row, D), what was fed at its generated latent pads."""

    latents: tuple[Tensor, ...] | None = None


class LatentGeneration(GenerationMixin):
    """What `MirageForConditionalGeneration` adds to the stock `generate`; stands before the stock class."""

    _supported_generation_modes = [GenerationMode.GREEDY_SEARCH, GenerationMode.SAMPLE]

    def generate(
        self,
        *args: Any,
        latent_mode: LatentMode = "fixed",
        max_latents: int | None = None,
        latent_replacement: Tensor | None = None,
        return_latents: bool = False,
        **kwargs: Any,
    ) -> GenerateDecoderOnlyOutput | Tensor:
        """Generate as the stock models do, thinking in latents after every `<|latent_start|>`.

        Args:
            args: As of the stock `generate`.
            latent_mode: `fixed`: `config.latent_size` pads, then `<|latent_end|>`. `free`: pads until the model chooses
                `<|latent_end|>`, at most `max_latents`; the published inference.
            max_latents: Most pads in a span of the mode `free`, 8 unless given.
            latent_replacement: (B, P, D), fed instead of the model's own latents. The first latent pad of a row, prompt
                included, is place 0, and so on through all its spans; after place P - 1 comes place 0 again. Pads in
                the prompt keep the model's own latents. Rows without latents don't look at theirs.
            return_latents: Return a `LatentGenerateOutput`.
            kwargs: As of the stock `generate`. Pictures computed before go into `mm_encoder_outputs`.

        Raises:
            InputError: The mode is unknown, `max_latents` is no positive number or given in the mode `fixed`, or
                latents are to be replaced or returned without a cache.
        """
        if latent_mode not in ("fixed", "free"):
            raise InputError(f"latent_mode must be 'fixed' or 'free', not {latent_mode!r}")
        if max_latents is not None and (latent_mode == "fixed" or max_latents < 1):
            raise InputError(f"max_latents={max_latents}: a positive number, for latent_mode='free' only")
        given = {"latent_mode": latent_mode, "max_latents": max_latents, "latent_replacement": latent_replacement}
        if not return_latents:
            return super().generate(*args, **given, **kwargs)
        fed: list[tuple[Tensor, Tensor]] = []
        outputs = super().generate(*args, **given, latents_fed=fed, **(kwargs | {"return_dict_in_generate": True}))
        return LatentGenerateOutput(**outputs, latents=self._by_row(fed, outputs.sequences))

    def _get_logits_processor(
        self,
        generation_config: GenerationConfig,
        logits_processor: LogitsProcessorList | None = None,
        model_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> LogitsProcessorList:
        assert model_kwargs is not None
        free = model_kwargs["latent_mode"] == "free"
        cap: int = (model_kwargs["max_latents"] or PUBLISHED_CAP) if free else self.config.latent_size
        processors = super()._get_logits_processor(
            generation_config=generation_config,
            logits_processor=[*(logits_processor or []), LatentSpans(self.config, cap, free)],
            model_kwargs=model_kwargs,
            **kwargs,
        )
        if free:  # after temperature and the like: what is drawn decides, as in the published code
            processors.append(LatentEnd(self.config, bool(generation_config.do_sample)))
        return processors

    def _update_model_kwargs_for_generation(
        self, outputs: Any, model_kwargs: dict[str, Any], *args: Any, **kwargs: Any
    ) -> dict[str, Any]:
        model_kwargs = super()._update_model_kwargs_for_generation(outputs, model_kwargs, *args, **kwargs)
        model_kwargs["last_hidden_B1D"] = outputs.last_hidden_state[:, -1:]
        return model_kwargs

    def prepare_inputs_for_generation(  # the stock check of arguments wants the last one to be named `kwargs`
        self,
        input_ids: Tensor,
        last_hidden_B1D: Tensor | None = None,
        latent_mode: str | None = None,
        max_latents: int | None = None,
        latent_replacement: Tensor | None = None,
        latents_fed: list[tuple[Tensor, Tensor]] | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        inputs: dict[str, Any] = super().prepare_inputs_for_generation(input_ids, **kwargs)
        without_cache = inputs["input_ids"] is None or inputs["input_ids"].shape[1] > 1  # `forward` finds its latents
        touched = latent_replacement is not None or latents_fed is not None
        if last_hidden_B1D is not None and without_cache and touched:
            raise InputError("latents can only be replaced or returned with a cache (use_cache=True)")
        if last_hidden_B1D is not None and not without_cache:
            if self.model.bottleneck:
                inputs["sight"] = sight_of(input_ids, self.config, num_queries=1)
            ids_B1 = inputs.pop("input_ids")
            embeds_B1D = self.get_input_embeddings()(ids_B1)
            is_latent_B11 = (ids_B1 == self.config.latent_pad_id)[..., None]
            latent_B1D = fed_back(last_hidden_B1D, self.model.latent_norm).to(embeds_B1D)
            if latent_replacement is not None:
                latent_B1D = self._given_latents(input_ids, latent_replacement).to(embeds_B1D)
            if latents_fed is not None and is_latent_B11.any():
                latents_fed.append((is_latent_B11[:, 0, 0], latent_B1D[:, 0]))
            inputs["inputs_embeds"] = torch.where(is_latent_B11, latent_B1D, embeds_B1D)
        return inputs

    def _given_latents(self, ids_BT: Tensor, given_BPD: Tensor) -> Tensor:
        """(B, 1, D): what each row is given at the place of its last latent pad; any, where it has none."""
        place_B = (ids_BT == self.config.latent_pad_id).sum(1) - 1
        place_B = place_B.to(given_BPD.device) % given_BPD.shape[1]  # of a row without pads the last
        return given_BPD.take_along_dim(place_B[:, None, None], 1)

    def _by_row(self, fed: list[tuple[Tensor, Tensor]], ids_BT: Tensor) -> tuple[Tensor, ...]:
        """Latents of each row from those of each step that had any."""
        if not fed:
            none_0D = self.get_input_embeddings().weight.new_empty(0, self.config.text_config.hidden_size)
            return (none_0D,) * len(ids_BT)
        is_latent_SB, latent_SBD = (torch.stack(part) for part in zip(*fed, strict=True))
        return tuple(latent_SBD[:, row][is_latent_SB[:, row]] for row in range(len(ids_BT)))


class LatentSpans(LogitsProcessor):
    """Forces what must come within spans and bans what may not come outside.

    Runs at every step: one copy of the scores, and from then on columns of it.
    """

    def __init__(self, config: Qwen2_5_VLConfig, cap: int, free: bool) -> None:
        self.start, self.pad, self.end = config.latent_start_id, config.latent_pad_id, config.latent_end_id
        self.cap, self.free = cap, free

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        open_B = _in_span(input_ids, self.start, self.pad)
        full_B = (input_ids[:, -self.cap :] == self.pad).sum(1) == self.cap
        scores = scores.masked_fill((full_B if self.free else open_B)[:, None], -torch.inf)
        outside_B = ~open_B
        pad_B, end_B = scores[:, self.pad], scores[:, self.end]  # views
        pad_B.masked_fill_(outside_B, -torch.inf)
        end_B.masked_fill_(outside_B, -torch.inf).masked_fill_(full_B, 0.0)
        if not self.free:
            pad_B.masked_fill_(open_B & ~full_B, 0.0)
        return scores


class LatentEnd(LogitsProcessor):
    """Within spans any choice other than `<|latent_end|>` is one more latent.

    Drawing from the result equals drawing from the scores and replacing what is not the end by a pad.
    """

    def __init__(self, config: Qwen2_5_VLConfig, do_sample: bool) -> None:
        self.start, self.pad, self.end = config.latent_start_id, config.latent_pad_id, config.latent_end_id
        self.do_sample = do_sample

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        open_B = _in_span(input_ids, self.start, self.pad)
        choice_BV = scores.clone()
        choice_BV[:, self.end] = -torch.inf
        others_B = choice_BV.logsumexp(1) if self.do_sample else choice_BV.amax(1)
        choice_BV.masked_fill_(open_B[:, None], -torch.inf)
        choice_BV[:, self.pad] = torch.where(open_B, others_B, scores[:, self.pad])
        choice_BV[:, self.end] = scores[:, self.end]
        return choice_BV


def _in_span(ids_BT: Tensor, start_id: int, pad_id: int) -> Tensor:
    """(B,), True where the next token belongs to a latent span."""
    last_B = ids_BT[:, -1]
    open_B: Tensor = (last_B == start_id) | (last_B == pad_id)
    return open_B
