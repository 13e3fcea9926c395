"""From a picture and a movement in words to frames."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from mirage_core.errors import InputError
from mirage_core.puzzles.sat_camera import Action
from mirage_core.video.pipeline import load_pipeline
from mirage_core.video.settings import ACTIONS_FIELD, ImaginedVideo

WORDS: dict[Action, str] = {
    "turn left": "turns left on the spot",
    "turn right": "turns right on the spot",
    "move forward": "moves forward",
}
STILL = "The camera stands still"


class Imaginer:
    """A loaded image-to-video model. See `load_pipeline` for its errors."""

    def __init__(self, settings: ImaginedVideo) -> None:
        self.settings = settings
        self._pipeline: Any = load_pipeline(settings)

    def imagine(self, picture: np.ndarray, actions: Sequence[Action], seed: Sequence[int]) -> list[np.ndarray]:
        """What the camera might see while it moves.

        Args:
            picture: uint8 RGB (height, width, 3): the first view.
            actions: What the camera does, one after the other; none: it stands still.
            seed: Of the noise; the same on a CPU and a GPU, whose sums differ a little all the same.

        Returns:
            `num_frames` frames of the picture's size.

        Raises:
            InputError: The model does not take the settings.
        """
        import torch

        settings, (height, width) = self.settings, picture.shape[:2]
        size = (settings.width_px, settings.height_px)
        number = int(np.random.default_rng(seed).integers(2**63))
        try:
            video = self._pipeline(
                image=Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS),
                prompt=settings.prompt.replace(ACTIONS_FIELD, in_words(actions)),
                negative_prompt=settings.negative_prompt,
                width=settings.width_px,
                height=settings.height_px,
                num_frames=settings.num_frames,
                num_inference_steps=settings.num_steps,
                guidance_scale=settings.guidance,
                generator=torch.Generator("cpu").manual_seed(number),
                output_type="np",
            ).frames[0]
        except ValueError as error:  # what diffusers says of sizes and numbers that a model does not take
            raise InputError(f"video: {type(self._pipeline).__name__} refuses the settings ({error})") from error
        pixels = np.rint(np.nan_to_num(np.asarray(video, np.float32)).clip(0, 1) * 255).astype(np.uint8)
        resample = Image.Resampling.LANCZOS
        return [np.asarray(Image.fromarray(frame).resize((width, height), resample)) for frame in pixels]


def in_words(actions: Sequence[Action]) -> str:
    """A movement as a prompt says it."""
    return "The camera " + ", then ".join(WORDS[action] for action in actions) if actions else STILL


def evenly_spaced(frames: Sequence[np.ndarray], number: int) -> list[np.ndarray]:
    """So many of the frames, the first and the last among them."""
    return [frames[place] for place in np.linspace(0, len(frames) - 1, number).round().astype(int)]
