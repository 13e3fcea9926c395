"""The splits of a data set, and how many puzzles each has."""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar, get_args

from pydantic import AfterValidator, Field

Split = Literal["train", "rl", "validation"]
AnyKey = TypeVar("AnyKey", bound=int | str)


def in_order(value: dict[AnyKey, int], keys: Sequence[AnyKey]) -> dict[AnyKey, int]:
    """One order whatever the file's: puzzles are drawn in it, and a stage's digest does not see it."""
    if not value:
        raise ValueError("needs at least one entry")
    return {key: value[key] for key in keys}


def _in_order_of_splits(value: dict[Split, int]) -> dict[Split, int]:
    return in_order(value, [split for split in get_args(Split) if split in value])


NumPuzzles = Annotated[dict[Split, Annotated[int, Field(gt=0)]], AfterValidator(_in_order_of_splits)]
"""Puzzles per split."""
