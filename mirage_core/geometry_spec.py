"""Data sets of planar geometry, in the manner of CoMT."""

from typing import Annotated, Literal

from pydantic import Field

from mirage_core.settings import Seed, Settings
from mirage_core.split import NumPuzzles


class GeometryPuzzleSpec(Settings):
    """Which problems there are; all that decides them."""

    task: Literal["comt_geometry"]
    """What is asked."""
    seed: Seed
    """Random seed; each draw has a random generator of its own, of this seed and its number."""
    num_puzzles: NumPuzzles
    """Problems per split; no two have the same text. Mirage trains on 820 and tests on 200 (Table 8)."""
    puzzles_per_shard: Annotated[int, Field(gt=0)] = 500
    """Problems in one Parquet file."""


class GeometrySpec(GeometryPuzzleSpec):
    """Identity of a data set of geometry. Released specs are never edited; a change is a new file."""

    thoughts_per_puzzle: Annotated[int, Field(gt=0)] = 1
    """Rows made of each training problem, every one with words of its own; other splits have one."""
    teacher: Literal["oracle"] = "oracle"
    """Who writes the reasoning: the theorem and its sum, checked against the figure. CoMT brings its own rationales, so
    the paper asks no model here."""
    figure_px: Annotated[int, Field(ge=112, le=1024)] = 336
    """Side of the figures in pixels; 336 is twelve of Qwen2.5-VL's patches of 28."""

    @property
    def puzzles(self) -> GeometryPuzzleSpec:
        """The part of it that decides the problems."""
        return GeometryPuzzleSpec(**self.model_dump(include=set(GeometryPuzzleSpec.model_fields)))
