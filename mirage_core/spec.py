"""What data exists: one YAML per data set under `datasets_spec/`, read into a `DatasetSpec`."""

from pathlib import Path
from typing import Annotated, Literal, TypeVar, get_args

from pydantic import Field, ValidationError, field_validator, model_validator

from mirage_core.errors import InputError
from mirage_core.puzzles.vsp_helpers import HelperKind
from mirage_core.settings import Seed, Settings, explain, load_settings
from mirage_core.teacher.settings import ServerTeacher

Split = Literal["train", "rl", "validation"]
TeacherKind = Literal["oracle", "server", "mixed"]
Level = Annotated[int, Field(ge=3, le=8)]
Probability = Annotated[float, Field(ge=0.0, le=0.9)]
AnyKey = TypeVar("AnyKey", int, str)


class PuzzleSpec(Settings):
    """Which puzzles there are; all that decides them, so that other words and pictures leave them as they are."""

    task: Literal["vsp_spatial_planning", "vsp_spatial_reasoning"]
    """What is asked."""
    seed: Seed
    """Random seed; each draw has a random generator of its own, of this seed and the puzzle's number."""
    level_shares: dict[Level, Annotated[int, Field(gt=0)]]
    """Board size in cells -> its share of every split; Mirage trains on 3:4:5:6 = 1:2:3:4 (Table 8)."""
    holes: Literal["test", "paper"] | tuple[Probability, Probability] = "test"
    """"test": as many holes as the official test has at each level. "paper": at most 20 % of the cells, as the paper
    says (the published rows do not keep to it). Or the lowest and highest chance of a cell, drawn per board."""
    planning_share: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    """Share of each split's puzzles, level by level, on which both hole-blind walks fail; None leaves it to chance. Of
    the official test they are 15 %."""
    num_puzzles: dict[Split, Annotated[int, Field(gt=0)]]
    """Puzzles per split; splits never share a board."""
    symmetries: bool = False
    """Whether training boards come in their eight orientations; then official boards and those of other splits are
    kept out in every orientation too."""
    puzzles_per_shard: Annotated[int, Field(gt=0)] = 1000
    """Puzzles in one Parquet file."""

    @field_validator("holes")
    @classmethod
    def _ordered(cls, value: str | tuple[float, float]) -> str | tuple[float, float]:
        if not isinstance(value, str) and value[0] > value[1]:
            raise ValueError("the lowest probability comes first")
        return value

    @field_validator("level_shares")
    @classmethod
    def _sorted_levels(cls, value: dict[int, int]) -> dict[int, int]:
        return _in_order(value, sorted(value))

    @field_validator("num_puzzles")
    @classmethod
    def _sorted_splits(cls, value: dict[str, int]) -> dict[str, int]:
        return in_order_of_splits(value)


class DatasetSpec(PuzzleSpec):
    """Identity of a data set. Released specs are never edited; a change is a new file."""

    thoughts_per_puzzle: Annotated[int, Field(gt=0)] = 1
    """Rows made of each training puzzle, every one with words of its own; Mirage makes 3. Other splits have one."""
    helper_image: HelperKind = "route"
    """What the helper images of planning show; see `vsp_helpers.planning_helpers`. "route" is the paper's, "field" an
    arrow on every square, "search" several pictures of how that comes about, the others are worse on purpose. Reasoning
    shows the board after some moves."""
    helper_as_input: bool = False
    """Whether planning shows the helper image as a second input image too, in every split: what could be won at best if
    the model knew the sketch (Mirage's ablation; close to 100 % there)."""
    teacher: TeacherKind = "oracle"
    """Who writes the reasoning. "oracle" composes it from the solver's trace. "server": a model behind an
    OpenAI-compatible server (the paper's teacher is Qwen2.5-VL-32B). "mixed": that model, and the oracle for thoughts
    that it did not get right in its tries; `meta.fallback_for` of such rows says why."""
    server: ServerTeacher | None = None
    """Which model writes and how it is asked, unless the oracle writes; None takes the defaults."""

    @property
    def puzzles(self) -> PuzzleSpec:
        """The part of it that decides the puzzles."""
        return PuzzleSpec(**self.model_dump(include=set(PuzzleSpec.model_fields)))

    def told_by(self, teacher: TeacherKind) -> "DatasetSpec":
        """The same data set with another teacher.

        Raises:
            InputError: That teacher cannot tell about it.
        """
        try:
            return DatasetSpec(**{**self.model_dump(), "teacher": teacher})
        except ValidationError as error:
            raise InputError(f"teacher {teacher}: {explain(error, DatasetSpec)}") from error

    @model_validator(mode="after")
    def _asked_with_settings(self) -> "DatasetSpec":
        if self.teacher == "oracle":
            return self
        if self.task == "vsp_spatial_planning" and (self.helper_image != "route" or self.helper_as_input):
            raise ValueError(
                f"teacher: {self.teacher} is shown one helper image with the whole route, which its prompt speaks of; "
                "leave out helper_image and helper_as_input, or let the oracle write"
            )
        return self

    @model_validator(mode="after")
    def _helper_of_the_task(self) -> "DatasetSpec":
        if self.task != "vsp_spatial_planning" and self.helper_image != "route":
            raise ValueError(f"helper_image: {self.helper_image} is for vsp_spatial_planning; leave it out")
        if self.task != "vsp_spatial_planning" and self.helper_as_input:
            raise ValueError("helper_as_input is for vsp_spatial_planning; leave it out")
        return self


def in_order_of_splits(value: dict[str, int]) -> dict[str, int]:
    """Numbers per split in the order of `Split`.

    Raises:
        ValueError: There are none.
    """
    return _in_order(value, [split for split in get_args(Split) if split in value])


def _in_order(value: dict[AnyKey, int], keys: list[AnyKey]) -> dict[AnyKey, int]:
    """One order whatever the file's: puzzles are drawn in it, and a stage's digest does not see it."""
    if not value:
        raise ValueError("needs at least one entry")
    return {key: value[key] for key in keys}


def load_spec(path: Path | str) -> DatasetSpec:
    """Read a data set's YAML; see `load_settings` for the errors."""
    return load_settings(path, DatasetSpec)


def apportion(total: int, shares: dict[int, int]) -> dict[int, int]:
    """Split `total` by whole-number shares; the largest remainders get what is left over."""
    whole = sum(shares.values())
    counts = {key: total * share // whole for key, share in shares.items()}
    by_remainder = sorted(shares, key=lambda key: (-(total * shares[key] % whole), key))
    for key in by_remainder[: total - sum(counts.values())]:
        counts[key] += 1
    return counts
