"""Do the latents do any work? The same items are answered greedily with something else in the place of the latents.

If accuracy does not fall when every item gets another item's latents, they say nothing about their item. Replacements:

- `zeros`: vectors of length 0.
- `noise`: normal random directions, each of the length of the latent it replaces.
- `first repeated`: the first latent of a span at all its places.
- `another row's`: latents that the model itself made for another item of the whole sample; see `_swapped`.
- `true helper`: what the latents were trained towards, from the row's true helper image, see `targets_of`.
- `true helper at own length`: the same directions, each as long as the latent it replaces. The alignment losses
  know directions only, so a target can be right and yet of a length the model never saw.

All spans of a row are replaced, by place: latents of a row are counted through all its spans. Where a changed answer
has more latents than the first one had, its latents come again from the first. Rows that make no latents answer always
the same; they stay in the accuracy.

Source: Ablate-to-Validate (arXiv 2605.21642), the swap as in CapImagine (arXiv 2602.22766).

Shapes: N items, P latents of a row (the most that any made), K latents of a span, D width, F vision features.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from mirage_core.benchmark.answering import Output, graded, model_inputs, read_outputs
from mirage_core.benchmark.latent_results import OWN, SWAPPED, ZEROS, LatentScores, LatentStatistics, compare
from mirage_core.benchmark.latent_statistics import latent_statistics
from mirage_core.model.latent import MirageForConditionalGeneration
from mirage_core.model.processor import MirageProcessor
from mirage_core.recipe import Benchmark, LatentTarget, LatentTests
from mirage_core.row import Row, decode_image
from mirage_core.training.collate import encoded_images
from mirage_core.training.targets import common_part, targets_of

NOISE, FIRST, TRUE, TRUE_SCALED = "noise", "first repeated", "true helper", "true helper at own length"


class _Batch(NamedTuple):
    """Rows that are answered together, prepared once for all replacements."""

    rows: Sequence[Row]
    inputs: dict[str, Any]
    """Of the model, vision features instead of pixels."""
    features: list[list[Tensor]]
    """Per row (F, D) of each input image."""


class _Made(NamedTuple):
    """What the model made of all items."""

    outputs: list[Output]
    latents: list[Tensor]
    """Per row (latents of the row, D)."""


@torch.no_grad()
def examine_latents(
    model: MirageForConditionalGeneration,
    items: Sequence[Row],
    processor: MirageProcessor,
    settings: Benchmark,
    name: str = "model",
    test_set: str = "test",
    progress: Callable[[str], None] = print,
) -> LatentScores | None:
    """Answer a sample of the items with own and with replaced latents.

    Args:
        model: The model, on its device; it is set to evaluation mode.
        items: Rows of one task that count in the headline.
        processor: The model's processor.
        settings: Batch size, longest output and `latent_tests`, which must be there.
        name: Stands in the result.
        test_set: Stands in the result.
        progress: Told a line after every replacement.

    Returns:
        None where the model made no latent.
    """
    model.eval()
    assert settings.latent_tests is not None
    rows = sample_items(items, settings.latent_tests)
    size, pad_id, length = settings.batch_size, model.config.latent_pad_id, settings.max_new_tokens
    batches = [_prepare(model, processor, rows[first : first + size]) for first in range(0, len(rows), size)]
    made = _answers(model, processor, batches, length)
    if not any(map(len, made.latents)):
        return None
    targets = _targets(model, processor, batches)
    own = [graded(row, told, pad_id) for row, told in zip(rows, made.outputs, strict=True)]
    replaced = [compare(OWN, own, own, rows[0].task, test_set)]
    for what, given_NPD in replacements(made.latents, targets, model.config.latent_size, settings.latent_tests.seed):
        told = _answers(model, processor, batches, length, given_NPD).outputs
        answers = [graded(row, output, pad_id) for row, output in zip(rows, told, strict=True)]
        replaced.append(compare(what, answers, own, rows[0].task, test_set))
        progress(f"benchmark {name}: latents replaced by {what}, {replaced[-1].overall.correct}/{len(rows)} right")
    return LatentScores(
        model=name,
        test_set=test_set,
        n=len(rows),
        num_with_latents=sum(len(latents) > 0 for latents in made.latents),
        replaced=tuple(replaced),
        statistics=_statistics(model, processor, batches, made.latents, targets, settings.latent_tests.seed),
    )


def replacements(
    latents: Sequence[Tensor], targets: Sequence[Tensor] | None, latent_size: int, seed: int
) -> Iterator[tuple[str, Tensor]]:
    """Names and (N, P, D) embeddings of all replacements that can be made.

    Args:
        latents: Per row (latents of the row, D), the model's own, not all empty.
        targets: Per row (latents of its helper images, D); None where a row has no helper image.
        latent_size: Latents of a span.
        seed: Random seed of noise and swap.
    """
    num_places = max(map(len, latents))
    own_NPD = torch.stack([_repeated(own, num_places) for own in latents])
    norm_NP1 = own_NPD.norm(dim=-1, keepdim=True)
    noise_NPD = torch.from_numpy(np.random.default_rng([seed, 1]).standard_normal(own_NPD.shape)).float()
    place_P = torch.arange(num_places)
    yield ZEROS, torch.zeros_like(own_NPD)
    yield NOISE, normalize(noise_NPD, dim=-1) * norm_NP1
    yield FIRST, own_NPD[:, place_P - place_P % latent_size]
    donors_N = _swapped([len(own) > 0 for own in latents], seed)
    if donors_N is not None:
        yield SWAPPED, own_NPD[donors_N]
    if targets is not None:
        true_NPD = torch.stack([_repeated(target, num_places) for target in targets])
        yield TRUE, true_NPD
        yield TRUE_SCALED, normalize(true_NPD, dim=-1) * norm_NP1


def sample_items(items: Sequence[Row], settings: LatentTests) -> list[Row]:
    """Items at random, in their order; all where there are no more."""
    order = np.random.default_rng([settings.seed, 0]).permutation(len(items))[: settings.num_items]
    return [items[number] for number in sorted(order)]


def _swapped(has_latents: Sequence[bool], seed: int) -> Tensor | None:
    """(N,), whose latents each row gets: one cycle through all rows that have some, in random order.

    So no row gets its own, and neighbours of the test set, which are of one level, are no likelier than others. None
    where fewer than two rows have latents; a row without any is its own.
    """
    order = np.random.default_rng([seed, 2]).permutation(np.flatnonzero(has_latents))
    if len(order) < 2:
        return None
    donors_N = np.arange(len(has_latents))
    donors_N[order] = np.roll(order, 1)
    return torch.from_numpy(donors_N)


def _repeated(latents_LD: Tensor, num_places: int) -> Tensor:
    """(P, D): the latents of a row again and again, zeros where it has none."""
    if not len(latents_LD):
        return latents_LD.new_zeros(num_places, latents_LD.shape[1])
    return latents_LD[torch.arange(num_places) % len(latents_LD)]


def _prepare(model: MirageForConditionalGeneration, processor: MirageProcessor, rows: Sequence[Row]) -> _Batch:
    inputs: dict[str, Any] = model_inputs(processor, rows, model.device)
    seen: Sequence[Tensor] = ()
    if "pixel_values" in inputs:
        seen = model.model.get_image_features(inputs.pop("pixel_values"), inputs["image_grid_thw"]).pooler_output
        inputs["mm_encoder_outputs"] = encoded_images(torch.cat(list(seen)))
    return _Batch(rows, inputs, _by_row([part.cpu() for part in seen], [len(row.images) for row in rows]))


def _answers(
    model: MirageForConditionalGeneration,
    processor: MirageProcessor,
    batches: Sequence[_Batch],
    max_new_tokens: int,
    given_NPD: Tensor | None = None,
) -> _Made:
    """Greedy answers to all rows, with the latents given or the model's own."""
    made, first = _Made([], []), 0
    for batch in batches:
        rows = slice(first, first + len(batch.rows))
        generated: Any = model.generate(
            **batch.inputs,
            do_sample=False,
            max_new_tokens=max_new_tokens,
            latent_replacement=None if given_NPD is None else given_NPD[rows].to(model.device),
            return_latents=True,
        )
        made.outputs.extend(read_outputs(processor, generated.sequences, batch.inputs["input_ids"].shape[1]))
        made.latents.extend(latents.float().cpu() for latents in generated.latents)
        first = rows.stop
    return made


def _targets(
    model: MirageForConditionalGeneration, processor: MirageProcessor, batches: Sequence[_Batch]
) -> list[Tensor] | None:
    """Per row (latents of its helper images, D); None unless every row has a helper image."""
    if not all(row.helper_images for batch in batches for row in batch.rows):
        return None
    target: LatentTarget = getattr(model.config, "latent_target", "raw")
    k = model.config.latent_size
    targets = []
    for batch in batches:
        for images, helpers in zip(batch.features, _helper_features(model, processor, batch.rows), strict=True):
            targets.append(torch.cat(targets_of(target, images, helpers, k)).float())
    if target == "centred":  # training took off the mean over its own rows
        common_KD = common_part(targets, k)
        targets = [row - common_KD.repeat(len(row) // k, 1) for row in targets]
    return targets


def _helper_features(
    model: MirageForConditionalGeneration, processor: MirageProcessor, rows: Sequence[Row]
) -> list[list[Tensor]]:
    """Per row (F, D) of each helper image."""
    images = [decode_image(png, f"helper image of row {row.id}") for row in rows for png in row.helper_images]
    pictures = processor.image_processor(images, return_tensors="pt").to(model.device)
    seen = model.model.get_image_features(**pictures).pooler_output
    return _by_row([part.cpu() for part in seen], [len(row.helper_images) for row in rows])


def _by_row(parts: list[Tensor], counts: Sequence[int]) -> list[list[Tensor]]:
    """Parts of all rows in order, row by row."""
    ends = np.cumsum(counts)
    return [parts[end - count : end] for end, count in zip(ends, counts, strict=True)]


def _statistics(
    model: MirageForConditionalGeneration,
    processor: MirageProcessor,
    batches: Sequence[_Batch],
    latents: Sequence[Tensor],
    targets: Sequence[Tensor] | None,
    seed: int,
) -> LatentStatistics | None:
    k = model.config.latent_size
    whole = [number for number, own in enumerate(latents) if len(own) >= k]
    if len(whole) < 2:
        return None
    features = [part for batch in batches for row in batch.features for part in row]
    special = set(processor.tokenizer.all_special_ids)
    text_ids = torch.tensor([number for number in range(len(processor.tokenizer)) if number not in special])
    return latent_statistics(
        torch.stack([latents[number][:k] for number in whole]),
        None if targets is None else torch.stack([targets[number][:k] for number in whole]),
        model.get_input_embeddings().weight.detach().cpu()[text_ids],
        torch.cat(features),
        seed,
    )
