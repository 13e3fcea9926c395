"""The tiny Qwen2.5-VL of the embedded default: the same classes as the 7B, a few hundred thousand parameters.

Everything is built from nothing: a byte-level tokenizer whose merges were learned from the oracle's prose, the stock
image processor at 168 x 168 pixels (36 merged tokens, so one per cell of a 6x6 board), and a random model.
"""

import re
from importlib.resources import files

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen2_5_VLConfig, Qwen2VLImageProcessorPil

from mirage_core.model.processor import LATENT_TOKENS, MirageProcessor
from mirage_core.puzzles import jigsaw, vsp
from mirage_core.recipe import TinySize

IMAGE_PX = 168
PATCH_PX = 14
PHOTO_PX, PHOTO_PATCH_PX = (56, 28), 7
PHOTO_AREA_PX = 1760
"""Upper bound of a picture's area: with it a crop of 400 x 220 comes to 56 x 28."""
MEASURE = "Measure the seams: "
"""What it is asked in its first training; one token."""
SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>",
            "<|video_pad|>", *LATENT_TOKENS)  # fmt: skip
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def build_tokenizer(*more_questions: str) -> PreTrainedTokenizerFast:
    """Byte-level BPE: any text is encodable, move and tile letters stay single tokens.

    The merges lie beside this file, so that other wordings of the oracle don't change the model. The published question
    is one fixed text of 350 words, which a model that reads 5 pictures a second cannot afford: each paragraph of it is
    one token, decoded unchanged.

    Args:
        more_questions: Fixed texts whose paragraphs are tokens too.
    """
    lines = files("mirage_core.model").joinpath("tiny_merges.txt").read_text(encoding="utf-8").splitlines()
    merges = [(first, second) for first, second in (line.split() for line in lines)]
    tokens = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *(first + second for first, second in merges)]
    tokenizer = Tokenizer(models.BPE({token: number for number, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fixed = [part for question in (vsp.QUESTION, *more_questions) for part in _paragraphs(question)]
    phrases = [*fixed, "<think>", "</think>", r"\boxed{"]
    tokenizer.add_tokens([AddedToken(phrase, normalized=False) for phrase in phrases])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<|endoftext|>",
        eos_token="<|im_end|>",
        additional_special_tokens=[t for t in SPECIALS if t not in ("<|endoftext|>", "<|im_end|>")],
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def build_processor(*more_questions: str) -> MirageProcessor:
    """For mazes, or with fixed texts of other questions; see `build_tokenizer`."""
    image_processor = Qwen2VLImageProcessorPil(
        size={"shortest_edge": IMAGE_PX**2, "longest_edge": IMAGE_PX**2}, patch_size=PATCH_PX, merge_size=2
    )
    return MirageProcessor(image_processor, build_tokenizer(*more_questions), chat_template=CHAT_TEMPLATE)


def build_photo_processor() -> MirageProcessor:
    """For photographs: 56 x 28 pixels in 8 merged tokens, so that a crop's hole is two of them.

    At that size a comparison of edges still solves 98 % of generated jigsaws and all of 20 official ones.
    """
    image_processor = Qwen2VLImageProcessorPil(
        size={"shortest_edge": PHOTO_PX[0] * PHOTO_PX[1], "longest_edge": PHOTO_AREA_PX},
        patch_size=PHOTO_PATCH_PX,
        merge_size=2,
    )
    tokenizer = build_tokenizer(jigsaw.QUESTION, MEASURE)
    return MirageProcessor(image_processor, tokenizer, chat_template=CHAT_TEMPLATE)


def build_config(
    size: TinySize, tokenizer: PreTrainedTokenizerFast, latent_size: int = 4, patch_px: int = PATCH_PX
) -> Qwen2_5_VLConfig:
    """Configuration of a tiny model in the vocabulary of `tokenizer`."""
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in SPECIALS}
    half = size.hidden // size.heads // 2
    spatial = (half - half // 4) // 2  # mrope: a quarter of the rotary channels for time, the rest for rows, columns
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [half - 2 * spatial, spatial, spatial]}
    return Qwen2_5_VLConfig(
        text_config=dict(
            vocab_size=len(tokenizer), hidden_size=size.hidden, intermediate_size=size.hidden * 8 // 3 // 8 * 8,
            num_hidden_layers=size.layers, num_attention_heads=size.heads, num_key_value_heads=size.heads // 2,
            max_position_embeddings=2048, rope_parameters=rope, bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
        ),
        vision_config=dict(
            depth=size.vision_depth, hidden_size=size.vision_hidden, intermediate_size=size.vision_hidden * 2,
            num_heads=4, out_hidden_size=size.hidden, patch_size=patch_px, spatial_merge_size=2,
            temporal_patch_size=2, window_size=112, fullatt_block_indexes=[size.vision_depth - 1],
        ),
        image_token_id=ids["<|image_pad|>"], video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"], vision_end_token_id=ids["<|vision_end|>"],
        latent_pad_id=ids["<|latent_pad|>"], latent_start_id=ids["<|latent_start|>"],
        latent_end_id=ids["<|latent_end|>"], latent_size=latent_size, tie_word_embeddings=True,
    )  # fmt: skip


def _paragraphs(question: str) -> list[str]:
    """Paragraphs of a question, split around the picture, white space kept at their ends."""
    halves = question.split("<image>")
    return [part for half in halves for part in re.findall(r"\n*[^\n](?:[^\n]|\n(?!\n))*", half)]
