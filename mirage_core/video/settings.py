"""What may be set about a model that imagines the view after a movement."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from mirage_core.settings import Operational, Settings
from mirage_core.teacher.settings import ServerTeacher

ACTIONS_FIELD = "{actions}"
EXAMPLES = "THUDM/CogVideoX-5b-I2V, Wan-AI/Wan2.1-I2V-14B-480P-Diffusers or Lightricks/LTX-Video"
"""Models that take a picture and words; the first is the paper's."""

Pixels = Annotated[int, Field(ge=32, le=2048, multiple_of=16)]


class ImaginedVideo(Settings):
    """Which model imagines, how, and which frame becomes the helper image.

    The defaults are diffusers' own for CogVideoX-5B-I2V, which the paper used (Mirage, appendix A.1). Wan 2.1 and 2.2:
    832 x 480, 81 frames, guidance 5. LTX-Video: 704 x 512, 161 frames, guidance 3; sides are multiples of 32 there.
    """

    model: Annotated[str, Field(min_length=1), Operational()] = "THUDM/CogVideoX-5b-I2V"
    """Name on the Hugging Face hub, or the folder of a downloaded or saved pipeline, whose content counts and not where
    it lies (see `fingerprint`)."""
    width_px: Pixels = 720
    """Width of the video. Square pictures are stretched to it, and frames back: what is in sight stays the same."""
    height_px: Pixels = 480
    """Height of the video."""
    num_frames: Annotated[int, Field(ge=2)] = 49
    """Frames of the video, 4k + 1 of CogVideoX and Wan, 8k + 1 of LTX-Video."""
    num_steps: Annotated[int, Field(gt=0)] = 50
    """Denoising steps."""
    guidance: Annotated[float, Field(ge=1.0, le=30.0)] = 6.0
    """Classifier-free guidance; 1 turns it off."""
    prompt: str = "A camera in a furnished room. {actions}. Nothing in the room moves. Sharp and realistic."
    """What the model is told; `{actions}` stands for the movement in words. The paper's words are not published."""
    negative_prompt: str = ""
    """What the video should not show."""
    num_shown: Annotated[int, Field(ge=2)] = 9
    """Frames, evenly spaced, from which one is picked; the paper samples 9."""
    picker: Literal["measure", "teacher"] = "measure"
    """Who picks the helper image. "measure": the frame that is newest against what the question shows, and sharp (see
    `pick_frame`). "teacher": the model that `server` names, as in the paper; where it names no frame, the measure."""
    server: ServerTeacher | None = None
    """The model that picks and how it is asked, if one picks; None takes the defaults. For its address see `access`."""
    precision: Literal["bfloat16", "float16", "float32"] = "bfloat16"
    """Of weights and sums. CogVideoX-5B was trained in bfloat16, CogVideoX-2B in float16."""
    vae_tiling: bool = False
    """Whether frames are coded in tiles, which saves memory and blends their seams."""
    offload: Annotated[Literal["none", "model", "sequential"], Operational()] = "none"
    """Parts of the model that wait in the computer's memory while a GPU does not need them: none, all but the one at
    work (CogVideoX-5B in about 20 GB), or single layers (in about 5 GB, several times slower; diffusers' numbers)."""

    @field_validator("prompt")
    @classmethod
    def _tells_actions(cls, value: str) -> str:
        if ACTIONS_FIELD not in value:
            raise ValueError(f"must hold {ACTIONS_FIELD}, or the model is not told how the camera moves")
        return value

    @model_validator(mode="after")
    def _enough_frames(self) -> "ImaginedVideo":
        if self.num_shown > self.num_frames:
            raise ValueError(f"num_shown: {self.num_shown} frames can't be taken of num_frames: {self.num_frames}")
        return self
