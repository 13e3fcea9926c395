"""What makes the arms of a study comparable: the same updates of as many rows, from the same base on the same rows."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from mirage_core.errors import InputError
from mirage_core.puzzles.vsp_helpers import HelperKind
from mirage_core.recipe import Optimizer, Recipe, Supervised, load_recipe
from mirage_core.spec import DatasetSpec

BASE, DIRECT, COT, BOTH, JOINT = "untrained base", "direct SFT", "CoT SFT", "both: stage 1, stage 2", "joint stage"
"""Names of arms in tables."""


class Variant(NamedTuple):
    """A recipe with one setting changed."""

    recipe: Recipe
    names: dict[str, str]
    """Arm -> its name in tables, for the arms that are trained so."""


def load_study(path: Path | str) -> Recipe:
    """Read the recipe of a study.

    Raises:
        InputError: See `load_settings`; or its arms would not be trained alike.
    """
    recipe = load_recipe(path)
    if problems := unequal_arms(recipe):
        raise InputError(f"{path}: arms of a study see as many rows in as many updates: {'; '.join(problems)}")
    return recipe


def unequal_arms(recipe: Recipe) -> list[str]:
    """What keeps the supervised arms of a recipe from being compared, field by field; empty if nothing does."""
    arms = {"stage2": recipe.stage2, "direct": recipe.direct, "cot": recipe.cot, "joint": recipe.joint}
    given = {name: optimizer for name, optimizer in arms.items() if optimizer}
    updates, rows = num_updates(recipe), _rows_per_update(recipe.stage1)
    problems = [
        f"`{name}.num_updates` is {optimizer.num_updates}, not stage1.num_updates + stage2.num_updates = {updates}"
        for name, optimizer in given.items()
        if name != "stage2" and optimizer.num_updates != updates
    ]
    return problems + [
        f"`{name}.batch_size` * accumulation is {_rows_per_update(optimizer)}, in stage1 {rows}"
        for name, optimizer in given.items()
        if _rows_per_update(optimizer) != rows
    ]


def num_updates(recipe: Recipe) -> int:
    """Of every supervised arm."""
    return recipe.stage1.num_updates + recipe.stage2.num_updates


def alone(recipe: Recipe, stage: Literal["stage1", "stage2"]) -> Supervised:
    """Settings of one stage that takes the place of both, with the updates of both."""
    settings = recipe.supervised(stage)
    optimizer = settings.optimizer.model_copy(update={"num_updates": num_updates(recipe)})
    return settings.model_copy(update={"optimizer": optimizer})


def ablations(
    recipe: Recipe,
    spec: DatasetSpec,
    latent_sizes: Sequence[int],
    gammas: Sequence[float],
    helper_images: Sequence[HelperKind],
) -> Iterator[tuple[DatasetSpec, list[Variant]]]:
    """Data sets and the recipes trained on each, one setting changed at a time; the unchanged ones come first.

    The last is the ceiling: the text-only arm that sees the helper image as a second input image. All data sets have
    the same boards.
    """
    latent = (BOTH, JOINT) if recipe.joint else (BOTH,)

    def variant(arms: Sequence[str], change: str, **settings: object) -> Variant:
        return Variant(recipe.model_copy(update=settings), {arm: arm + change for arm in arms})

    sizes = [variant(latent, f"; k = {size}", latent_size=size) for size in latent_sizes]
    weights = [variant((BOTH,), f"; gamma = {gamma}", gamma=gamma) for gamma in gammas]
    yield spec, [variant((DIRECT, *latent), ""), *sizes, *weights]
    for kind in helper_images:
        yield spec.model_copy(update={"helper_image": kind}), [variant(latent, f"; {kind}")]
    yield spec.model_copy(update={"helper_as_input": True}), [variant((DIRECT,), "; helper image as input")]


def _rows_per_update(optimizer: Optimizer) -> int:
    return optimizer.batch_size * optimizer.accumulation
