"""The language model that feeds its own hidden states back at latent positions, with gradients.

A latent is the hidden state (after the final norm) of the position before it. Columns that hold a latent in any row
cut the sequence into chunks; each chunk runs the stock language model once, on the cache of the chunks before it, and
its last state becomes the first input of the next one. One span of k latents in the same columns costs k + 1 passes.

Source: Mirage (arXiv 2506.17218), stage 2; github.com/UMass-Embodied-AGI/Mirage, commit 53f26de. Deviations:

1. Rows of a batch are independent: any number of spans, at any column, under padding on either side.
2. Gradient checkpointing gives the right gradients or raises; there it is silently wrong.
3. Where FSDP2 shards the layers, every pass gathers weights from all processes, so all must run equally many: the
   greatest number is agreed on, and who needs fewer cuts its text too. Exact; without FSDP2 nothing is asked.

Shapes: B rows, T columns, S columns after alignment, D width of the model, P rows of position ids (3, or 4 with the
text positions that `generate` puts first).
"""

import functools
import itertools
from typing import Any, NamedTuple

import torch
from torch import Tensor, distributed, nn
from torch.distributed.fsdp import FSDPModule
from transformers import DynamicCache, Qwen2_5_VLTextConfig, Qwen2_5_VLTextModel
from transformers.cache_utils import Cache
from transformers.modeling_outputs import BaseModelOutputWithPast

from mirage_core.errors import InputError
from mirage_core.model.cache import replay_safe_cache
from mirage_core.model.sight import Sight


def fed_back(states: Tensor, latent_norm: float | None) -> Tensor:
    """Hidden states (..., D) as they are fed back: scaled to `config.latent_norm`, or unchanged where that is None.

    Source: GAP (arXiv 2605.12374), which finds that states after the final norm are much longer than embeddings.
    """
    return states if latent_norm is None else nn.functional.normalize(states, dim=-1) * latent_norm


class LatentTextModel(Qwen2_5_VLTextModel):
    """Stock language model; with a `latent_mask` it fills the marked positions with its own preceding states."""

    def __init__(self, config: Qwen2_5_VLTextConfig) -> None:
        super().__init__(config)
        for layer in self.layers:
            layer._can_checkpoint_with_cache = True  # true of the caches that `forward` hands out, see cache.py

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        use_cache: bool | None = None,
        latent_mask: Tensor | None = None,
        latent_norm: float | None = None,
        sight: Sight | None = None,
        **kwargs: Any,
    ) -> BaseModelOutputWithPast:
        """Run the stock model, or with a latent mask the recurrence.

        Args:
            input_ids: (B, T); None where `inputs_embeds` is given.
            attention_mask: (B, columns in the cache + T), 1 for real tokens.
            position_ids: (P, B, T).
            past_key_values: Cache of earlier columns.
            inputs_embeds: (B, T, D); with a latent mask what it holds at latent positions is ignored.
            use_cache: Return a cache. The recurrence does so only where it is True, not where it is None.
            latent_mask: (B, T), True where the preceding hidden state is the input; nowhere True in a batch without
                latents, which is given one where other processes may have some (see `is_sharded`).
            latent_norm: See `fed_back`.
            sight: Who may look at the image, where not everybody may; of all columns, those of the cache included.
            kwargs: Passed on by the stock path.

        Raises:
            InputError: A latent has no token before it, or the arguments do not go with latents.
        """
        checkpointing = self._checkpointing()
        if checkpointing and past_key_values is not None:
            raise InputError("gradient checkpointing cannot continue from past_key_values: turn one of them off")
        num_passes = None
        if latent_mask is not None and not latent_mask.any():
            num_passes = self._agreed_passes(1, latent_mask.device)
            latent_mask = latent_mask if num_passes > 1 else None
        if latent_mask is None:
            if sight is not None:
                assert inputs_embeds is not None
                attention_mask = sight.mask(attention_mask, inputs_embeds.dtype)
            return super().forward(
                input_ids=input_ids,
                attention_mask=attention_mask,
                position_ids=position_ids,
                past_key_values=past_key_values,
                inputs_embeds=inputs_embeds,
                use_cache=use_cache,
                **kwargs,
            )
        if unknown := [name for name, value in kwargs.items() if value is not None and value is not False]:
            raise InputError(f"not supported where input_ids holds latent pads: {', '.join(unknown)}")
        assert inputs_embeds is not None
        if sight is not None and past_key_values is not None and past_key_values.get_seq_length():
            raise InputError("bottleneck: latent pads in a prompt cannot be run on a cache of earlier columns")
        if checkpointing:
            self._check_replay()
        elif use_cache and past_key_values is None:
            past_key_values = DynamicCache(config=self.config)
        rows = _rows(inputs_embeds, latent_mask, attention_mask, position_ids, past_key_values)
        rows = rows._replace(sight=sight, latent_norm=latent_norm)
        if past_key_values is not None:  # its columns must stay where the caller's later masks expect them
            return BaseModelOutputWithPast(self._recur(rows, past_key_values, num_passes), past_key_values)
        shift_B = _shift(rows)
        hidden_BSD = self._recur(_moved(rows, shift_B), None, num_passes)
        return BaseModelOutputWithPast(_moved_back(hidden_BSD, shift_B, num_columns=latent_mask.shape[1]))

    def is_sharded(self) -> bool:
        """Whether passes must be as many as in the other processes."""
        return any(isinstance(layer, FSDPModule) for layer in self.layers)

    def _agreed_passes(self, num_passes: int, device: torch.device) -> int:
        """The greatest number of passes of any process; each asks once per forward pass, or all would wait."""
        if not self.is_sharded():
            return num_passes
        most = torch.tensor(num_passes, device=device)
        distributed.all_reduce(most, distributed.ReduceOp.MAX)
        return int(most)

    def _recur(self, rows: "_Rows", cache: Cache | None, num_passes: int | None) -> Tensor:
        """Hidden states (B, T, D); extends `cache` where one is given; passes are agreed on unless they were before."""
        own_cache = cache is None
        past = 0 if cache is None else int(cache.get_seq_length())
        num_columns = rows.latent_BT.shape[1]
        cuts = rows.latent_BT.any(0).nonzero().flatten().tolist()
        if num_passes is None:
            num_passes = self._agreed_passes(1 + len(cuts), rows.latent_BT.device)
        if num_passes > num_columns:
            if not own_cache:
                raise InputError(f"a prompt of {num_columns} tokens cannot be run in {num_passes} passes: lengthen it")
            rows = _lengthened(rows, num_passes)
        cuts = _with_text_cuts(cuts, num_passes)
        chunks: list[Tensor] = []
        for start, end in zip([0, *cuts], [*cuts, rows.latent_BT.shape[1]], strict=True):
            embeds_BCD = rows.embeds_BTD[:, start:end]
            if chunks:
                is_latent_B11 = rows.latent_BT[:, start, None, None]
                latent_B1D = fed_back(chunks[-1][:, -1:], rows.latent_norm).to(embeds_BCD)
                first_B1D = torch.where(is_latent_B11, latent_B1D, embeds_BCD[:, :1])
                embeds_BCD = torch.cat([first_B1D, embeds_BCD[:, 1:]], 1)
            if own_cache:
                cache = replay_safe_cache(len(self.layers), cache)
            outputs = super().forward(
                inputs_embeds=embeds_BCD,
                attention_mask=rows.attention_mask(past, start, end),
                position_ids=rows.positions_PBT[..., start:end],
                past_key_values=cache,
                use_cache=False,  # of a new one
            )
            chunks.append(outputs.last_hidden_state)
        return torch.cat(chunks, 1)[:, :num_columns]

    def _checkpointing(self) -> bool:
        return bool(self.gradient_checkpointing and self.training and torch.is_grad_enabled())

    def _check_replay(self) -> None:
        """Reentrant checkpointing cuts the gradient that flows through the cache, without an error."""
        checkpoint = self._gradient_checkpointing_func
        assert isinstance(checkpoint, functools.partial)
        if checkpoint.keywords.get("use_reentrant", True):
            raise InputError(
                "latents need gradient checkpointing with gradient_checkpointing_kwargs={'use_reentrant': False}"
            )


class _Rows(NamedTuple):
    """What the recurrence reads; the mask also covers the columns of the cache."""

    embeds_BTD: Tensor
    latent_BT: Tensor
    mask_BT: Tensor
    positions_PBT: Tensor
    sight: Sight | None = None
    latent_norm: float | None = None

    def attention_mask(self, past: int, start: int, end: int) -> Tensor:
        """Of the queries from `start` to `end`, behind `past` columns of a cache."""
        mask_BC = self.mask_BT[:, : past + end]
        return mask_BC if self.sight is None else self.sight.span(start, end).mask(mask_BC, self.embeds_BTD.dtype)


def _rows(
    embeds_BTD: Tensor,
    latent_BT: Tensor,
    mask_BT: Tensor | None,
    positions_PBT: Tensor | None,
    cache: Cache | None,
) -> _Rows:
    """Check the inputs and fill in the mask and the positions of text where they are missing."""
    num_rows, num_columns = latent_BT.shape
    past = 0 if cache is None else int(cache.get_seq_length())
    if mask_BT is None:
        mask_BT = latent_BT.new_ones(num_rows, past + num_columns, dtype=torch.long)
    if not isinstance(mask_BT, Tensor) or mask_BT.ndim != 2:
        raise InputError("latent pads in the prompt need a dynamic cache (cache_implementation=None)")
    if positions_PBT is None:
        positions_PBT = (mask_BT.long().cumsum(1) - 1).clamp(min=0)[None, :, past:].expand(3, -1, -1)
    is_real_BT = mask_BT[:, past:].bool()
    if latent_BT[:, 0].any() or (latent_BT[:, 1:] & ~is_real_BT[:, :-1]).any():
        raise InputError("a latent pad at the start of a row has no hidden state before it")
    return _Rows(embeds_BTD, latent_BT, mask_BT, positions_PBT)


# ---- equal passes: exact, whatever the text that is cut
def _with_text_cuts(cuts: list[int], num_passes: int) -> list[int]:
    """Columns at which a pass begins, as many as asked for.

    New ones stand at the first columns: each pass makes a copy of the cache up to its end, and these are short. The
    next input of every pass reads its last state, with weight 0 where it is text, so the backward passes of all
    processes are in step too.
    """
    others = (column for column in itertools.count(1) if column not in cuts)
    return sorted([*cuts, *itertools.islice(others, num_passes - 1 - len(cuts))])


def _lengthened(rows: _Rows, num_columns: int) -> _Rows:
    """Padding on the right, for a batch with fewer columns than passes."""
    more = num_columns - rows.latent_BT.shape[1]
    sight = rows.sight and Sight(*(nn.functional.pad(part, (0, more)) for part in rows.sight))
    return rows._replace(
        embeds_BTD=nn.functional.pad(rows.embeds_BTD, (0, 0, 0, more)),
        latent_BT=nn.functional.pad(rows.latent_BT, (0, more)),
        mask_BT=nn.functional.pad(rows.mask_BT, (0, more)),
        positions_PBT=nn.functional.pad(rows.positions_PBT, (0, more)),
        sight=sight,
    )


# ---- alignment: rows move so that their first latents share columns. Exact; it only saves passes.
def _shift(rows: _Rows) -> Tensor:
    """By how many columns each row moves to the right; its padding is dropped."""
    start_B = rows.mask_BT.int().argmax(1)
    lead_B = torch.where(rows.latent_BT.any(1), rows.latent_BT.int().argmax(1) - start_B, -1)
    return torch.where(lead_B >= 0, lead_B.max() - lead_B, 0) - start_B


def _moved(rows: _Rows, shift_B: Tensor) -> _Rows:
    if not shift_B.any():
        return rows
    num_columns = rows.mask_BT.shape[1]
    end_B = num_columns - rows.mask_BT.flip(1).int().argmax(1)
    source_BS = torch.arange(int((end_B + shift_B).max()), device=shift_B.device)[None] - shift_B[:, None]
    inside_BS = (source_BS >= 0) & (source_BS < num_columns)
    source_BS = source_BS.clamp(0, num_columns - 1)
    return _Rows(
        torch.take_along_dim(rows.embeds_BTD, source_BS[..., None], 1),
        rows.latent_BT.gather(1, source_BS) & inside_BS,
        rows.mask_BT.gather(1, source_BS) * inside_BS,
        torch.take_along_dim(rows.positions_PBT, source_BS[None], 2),
        rows.sight and rows.sight.moved(source_BS, inside_BS),
        rows.latent_norm,
    )


def _moved_back(hidden_BSD: Tensor, shift_B: Tensor, num_columns: int) -> Tensor:
    if not shift_B.any():
        return hidden_BSD
    source_BT = torch.arange(num_columns, device=shift_B.device)[None] + shift_B[:, None]
    return torch.take_along_dim(hidden_BSD, source_BT.clamp(0, hidden_BSD.shape[1] - 1)[..., None], 1)
