"""Which SAT data exists: furnished rooms, questions about them, and what their helper images show."""

from typing import Annotated, Literal, get_args

from pydantic import Field, field_validator, model_validator

from mirage_core.puzzles.sat_helpers import HelperKind
from mirage_core.puzzles.sat_questions import QuestionType
from mirage_core.settings import Seed, Settings
from mirage_core.split import NumPuzzles
from mirage_core.teacher.settings import WithTeacher
from mirage_core.video.settings import ImaginedVideo

ALL_TYPES: tuple[QuestionType, ...] = get_args(QuestionType)


class SatPuzzleSpec(Settings):
    """All that decides rooms and questions, so that other helper images and words leave them as they are."""

    task: Literal["sat_dynamic"]
    """SAT's questions about what moves."""
    seed: Seed
    """Random seed. Each split has a seed of its own, made of it, and each puzzle a room of its own: what is held out
    was never seen."""
    types: tuple[QuestionType, ...] = ALL_TYPES
    """Types of questions, asked equally often; Mirage takes goal_aim and obj_movement (section 4)."""
    num_puzzles: NumPuzzles
    """Puzzles per split; no two have the same room."""
    side_px: Annotated[int, Field(ge=64, le=512)] = 256
    """Width and height of every picture in pixels."""
    puzzles_per_shard: Annotated[int, Field(gt=0)] = 100
    """Puzzles in one Parquet file; a process draws one file at a time."""

    @field_validator("types")
    @classmethod
    def _sorted_types(cls, value: tuple[QuestionType, ...]) -> tuple[QuestionType, ...]:
        if not value:
            raise ValueError("needs at least one type")
        return tuple(name for name in ALL_TYPES if name in value)


class SatSpec(WithTeacher, SatPuzzleSpec):
    """Identity of a SAT data set. Released specs are never edited; a change is a new file."""

    helper_image: HelperKind = "target"
    """What the helper image shows. "target": the true view that the action leads to. "path-frame": the most informative
    of nine frames of a camera that does as the action's words say, picked by a rule that needs pixels only. "noise":
    random pixels, worse on purpose."""
    video: ImaginedVideo | None = None
    """An image-to-video model that imagines the helper image, as in the paper; `helper_image` then stays "target", the
    true view, with which the imagined one is compared. None imagines nothing."""
    thoughts_per_puzzle: Annotated[int, Field(gt=0)] = 1
    """Rows made of each training puzzle, every one with words of its own. Other splits have one."""

    @model_validator(mode="after")
    def _asked_with_a_view(self) -> "SatSpec":
        if self.asks_model and self.helper_image == "noise":
            raise ValueError(f"teacher: {self.teacher} is shown the helper image as a view; noise is for the oracle")
        return self

    @model_validator(mode="after")
    def _compared_with_the_true_view(self) -> "SatSpec":
        if self.video and self.helper_image != "target":
            raise ValueError("video: what it imagines is compared with the true view; leave out helper_image")
        return self

    @property
    def puzzles(self) -> SatPuzzleSpec:
        """The part of it that decides the puzzles."""
        return SatPuzzleSpec(**self.model_dump(include=set(SatPuzzleSpec.model_fields)))
