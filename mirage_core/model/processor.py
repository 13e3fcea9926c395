"""Tokenizer and image processor in one object, without torchvision.

The stock `Qwen2_5_VLProcessor` insists on a video processor, which needs torchvision; nothing here shows videos to
the model. `ProcessorMixin` reads the parts of a processor from the signature of `__init__`, so leaving the video
processor out of it is enough.
"""

from typing import Any

from transformers import PreTrainedTokenizerBase, Qwen2_5_VLProcessor
from transformers.image_processing_utils import BaseImageProcessor
from transformers.processing_utils import ProcessorMixin

LATENT_START = "<|latent_start|>"
LATENT_PAD = "<|latent_pad|>"
LATENT_END = "<|latent_end|>"
LATENT_TOKENS = (LATENT_PAD, LATENT_START, LATENT_END)
"""In the order in which the published code adds them (ids 151665, 151666, 151667 of Qwen2.5-VL)."""


class MirageProcessor(Qwen2_5_VLProcessor):
    """Qwen2.5-VL's processor for text and images.

    Load it with `MirageProcessor.from_pretrained(folder)`; `AutoProcessor` silently returns only the tokenizer where
    torchvision is missing.
    """

    def __init__(
        self,
        image_processor: BaseImageProcessor | None = None,
        tokenizer: PreTrainedTokenizerBase | None = None,
        chat_template: str | None = None,
        **kwargs: Any,
    ) -> None:
        assert tokenizer is not None
        self.image_token, self.video_token = "<|image_pad|>", "<|video_pad|>"
        self.image_token_id = tokenizer.convert_tokens_to_ids(self.image_token)
        self.video_token_id = tokenizer.convert_tokens_to_ids(self.video_token)
        ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=chat_template)
