"""What jigsaw data exists: a YAML with `task: blink_jigsaw`, read into a `JigsawSpec`."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mirage_core.puzzles.jigsaw import HelperKind, JigsawCut
from mirage_core.settings import Operational, Seed, Settings
from mirage_core.split import NumPuzzles
from mirage_core.teacher.settings import WithTeacher


class Selection(Settings):
    """Which photographs of a source are used, and for what."""

    split: str
    """Of a data set of the hub."""
    limit: int | None
    """Photographs read of a data set of the hub."""
    cut: JigsawCut
    """They must have room for such puzzles."""
    num_puzzles: NumPuzzles
    """Splits get photographs in proportion to their puzzles."""


class JigsawPuzzles(Settings):
    """Which puzzles there are; all that decides them beside the photographs."""

    seed: Seed
    """Random seed; each draw has a random generator of its own, of this seed, its photograph's content and its number
    among that photograph's puzzles."""
    num_puzzles: NumPuzzles
    """Puzzles per split; splits never share a photograph, and each has photographs in proportion to its puzzles."""
    cut: JigsawCut = JigsawCut()
    """How they are cut."""
    helper_image: HelperKind = "assembled"
    """What the helper image shows. "assembled": the right candidate in the hole (the paper's teacher prompt).
    "random-piece": either one (its appendix). "beside": the right one beside the crop (its section 4)."""
    puzzles_per_shard: Annotated[int, Field(gt=0)] = 250
    """Puzzles in one Parquet file, four JPEGs each; those of one photograph stay together."""


class JigsawSpec(WithTeacher, JigsawPuzzles):
    """Identity of a data set of jigsaws. Released specs are never edited; a change is a new file."""

    task: Literal["blink_jigsaw"]
    """What is asked."""
    photos: Annotated[str, Operational()] = "embedded"
    """Where the photographs come from: "embedded" (those that scikit-image and scikit-learn ship), a folder, an fsspec
    URL such as `s3://bucket/prefix`, or `hf://OWNER/NAME`. Their contents decide the data, not this place."""
    photos_split: str = "train"
    """Split of a data set of the hub."""
    max_photos: Annotated[int, Field(gt=0)] | None = None
    """Photographs read of a data set of the hub, which may have millions; None reads all."""
    official: Annotated[str | None, Operational()] = None
    """Official items whose photographs are kept out: a folder of BLINK's jigsaws. Their contents count, not the
    place."""
    thoughts_per_puzzle: ClassVar[int] = 1
    """Rows made of each puzzle; no setting, as other families have it: a photograph gives any number of puzzles."""

    @property
    def puzzles(self) -> JigsawPuzzles:
        """The part of it that decides the puzzles."""
        return JigsawPuzzles(**self.model_dump(include=set(JigsawPuzzles.model_fields)))

    @property
    def selection(self) -> Selection:
        """The part of it that decides which photographs are used."""
        return Selection(split=self.photos_split, limit=self.max_photos, cut=self.cut, num_puzzles=self.num_puzzles)
