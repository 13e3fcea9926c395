"""What data exists: one YAML per data set under `datasets_spec/`, read into the spec of its task's family.

`DatasetSpec` is the family of mazes; the other families have files of their own.
"""

from pathlib import Path
from typing import Annotated, Literal, TypeVar, get_args

from pydantic import Field, TypeAdapter, ValidationError, field_validator, model_validator

from mirage_core.errors import InputError
from mirage_core.geometry_spec import GeometrySpec
from mirage_core.jigsaw_spec import JigsawSpec
from mirage_core.puzzles.vsp_helpers import HelperKind
from mirage_core.sat_spec import SatSpec
from mirage_core.settings import Seed, Settings, explain, read_yaml
from mirage_core.split import NumPuzzles, in_order
from mirage_core.teacher.settings import WithTeacher

Level = Annotated[int, Field(ge=3, le=8)]
Probability = Annotated[float, Field(ge=0.0, le=0.9)]


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
    num_puzzles: NumPuzzles
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
        return in_order(value, sorted(value))


class DatasetSpec(WithTeacher, PuzzleSpec):
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

    @property
    def puzzles(self) -> PuzzleSpec:
        """The part of it that decides the puzzles."""
        return PuzzleSpec(**self.model_dump(include=set(PuzzleSpec.model_fields)))

    @model_validator(mode="after")
    def _asked_with_settings(self) -> "DatasetSpec":
        drawn_otherwise = self.helper_image != "route" or self.helper_as_input
        if self.asks_model and self.task == "vsp_spatial_planning" and drawn_otherwise:
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


AnySpec = DatasetSpec | JigsawSpec | SatSpec | GeometrySpec
"""The spec of a family; `task` says whose."""
SpecOfFamily = TypeVar("SpecOfFamily", DatasetSpec, JigsawSpec, SatSpec, GeometrySpec)
_BY_TASK: TypeAdapter[AnySpec] = TypeAdapter(Annotated[AnySpec, Field(discriminator="task")])


def load_spec(path: Path | str) -> AnySpec:
    """Read a data set's YAML.

    Raises:
        InputError: As of `load_settings`; or `task` is missing or none that is known.
    """
    values = read_yaml(path)
    try:
        return _BY_TASK.validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "union_tag_not_found":
            raise InputError(f"{path}: `task` is missing") from error
        if first["type"] == "union_tag_invalid":
            known = first["ctx"]["expected_tags"].replace("'", "")
            raise InputError(f"{path}: `task`: is none of {known} (got {values['task']!r})") from error
        kind = next(kind for kind in get_args(AnySpec) if first["loc"][0] in tasks_of(kind))
        raise InputError(f"{path}: {explain(error, kind, num_skipped=1)}") from error


def load_spec_of(path: Path | str, family: type[SpecOfFamily]) -> SpecOfFamily:
    """Read a data set's YAML that has to be of one family; the task of another is an `InputError`."""
    spec = load_spec(path)
    if not isinstance(spec, family):
        raise InputError(f"{path}: `task`: must be {' or '.join(tasks_of(family))} here (got {spec.task!r})")
    return spec


def tasks_of(family: type[Settings]) -> tuple[str, ...]:
    """Tasks of a family's spec."""
    return get_args(family.model_fields["task"].annotation)


def apportion(total: int, shares: dict[int, int]) -> dict[int, int]:
    """Split `total` by whole-number shares; the largest remainders get what is left over."""
    whole = sum(shares.values())
    counts = {key: total * share // whole for key, share in shares.items()}
    by_remainder = sorted(shares, key=lambda key: (-(total * shares[key] % whole), key))
    for key in by_remainder[: total - sum(counts.values())]:
        counts[key] += 1
    return counts
