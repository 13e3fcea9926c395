"""One photograph from a picture file, upright, in RGB and of a modest size, or the reason why it cannot be used.

Memory is bounded whatever the file: JPEGs are decoded at a half, a quarter or an eighth of their size where that is
enough; all others are decoded whole, up to a number of pixels.
"""

import hashlib
import warnings
from collections.abc import Iterator
from typing import IO, NamedTuple

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

MAX_SIDE_PX = 1200
"""Photographs are reduced to it: a puzzle's window is 600 pixels wide, and cut from no less than half a photograph."""
MAX_PIXELS = 2 * 89_478_485
"""Above it Pillow itself refuses to open a file, whatever its format."""
MAX_BYTES_WHOLE = 640_000_000
"""What a file may take that cannot be decoded in parts: 160 megapixels of RGB, 80 with alpha, 106 of progressive JPEG,
whose coefficients are all kept."""
BYTES_PER_PIXEL = {"1": 5, "L": 1, "P": 5, "I;16": 5, "RGB": 4, "YCbCr": 4, "CMYK": 4}
"""By mode, as Pillow keeps them, with the copy that is made where the mode cannot be resized."""
BYTES_PER_PIXEL_ELSE = 8
"""Alpha is multiplied in, in a second copy; so are real and 32-bit numbers turned to bytes."""
BYTES_PER_PIXEL_PROGRESSIVE = 6
FULL_RANGES = (255, 65535)
"""Highest grey levels of what is stored in more than eight bits."""
ROWS_AT_ONCE = 64
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation -> what makes it upright; `ImageOps.exif_transpose` would do it on the whole, before reducing."""
MIN_OPAQUE_SHARE = 0.99
"""Of the pixels; what is cut out of its background is no photograph."""
OPAQUE = 250
"""Alpha from which on a pixel counts as opaque."""


class Photo(NamedTuple):
    """A photograph that can be cut."""

    name: str
    """Where it comes from, for people."""
    content: str
    """Hash of its pixels: the same photograph under two names, or in two lossless files, has one."""
    pixels: np.ndarray
    """uint8 RGB (height, width, 3), at most `MAX_SIDE_PX` long, upright."""
    origin: str
    """Content of the photograph that this one is a part of; its own where it is whole."""


class Unusable(NamedTuple):
    """A file that no puzzle is cut from."""

    name: str
    reason: str
    """Short and stable; rejects are counted under it."""
    told: str
    """What is wrong, in a few words."""


def read_photo(file: IO[bytes], name: str) -> Photo | Unusable:
    """Read a picture file.

    Greyscale, palette, CMYK and 16-bit pictures become 8-bit RGB, EXIF orientation is applied, and alpha is laid on
    white if the picture is opaque but for 1 % of its pixels.

    Returns:
        The photograph, or "not_a_picture", "truncated", "too_large", "several_frames", "transparent".
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(file)
    except Image.DecompressionBombError:
        return Unusable(name, "too_large", f"has more than {MAX_PIXELS / 1e6:.0f} megapixels")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, TypeError) as error:
        return Unusable(name, "not_a_picture", f"is no picture that Pillow can open ({error})")
    with image:
        try:
            if problem := _refuse(image, name):
                return problem
            upright = _reduced_upright(image)
        except (OSError, SyntaxError, ValueError, IndexError, EOFError) as error:
            return Unusable(name, "truncated", f"cannot be decoded to its end ({error})")
    return photo_of(upright, name)


def photo_of(image: Image.Image, name: str) -> Photo | Unusable:
    """A photograph from a decoded picture of any mode, reduced to `MAX_SIDE_PX`."""
    image = _reduced(image)
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        alpha = np.asarray(image.getchannel("A"))
        if (alpha >= OPAQUE).mean() < MIN_OPAQUE_SHARE:
            return Unusable(name, "transparent", "is transparent in places; photographs are not")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    pixels = np.ascontiguousarray(image.convert("RGB"))
    content = content_of(pixels)
    return Photo(name, content, pixels, content)


def content_of(pixels: np.ndarray) -> str:
    """Hash of a picture's pixels and size."""
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()


def windows(photo: Photo, least_px: tuple[int, int]) -> Iterator[Photo]:
    """Cut a photograph into as many disjoint windows as fit, all of one size and at least `least_px` wide and high."""
    height_px, width_px = photo.pixels.shape[:2]
    across, down = max(1, width_px // least_px[0]), max(1, height_px // least_px[1])
    width, height = width_px // across, height_px // down
    for top in range(0, down * height, height):
        for left in range(0, across * width, width):
            part = np.ascontiguousarray(photo.pixels[top : top + height, left : left + width])
            yield Photo(f"{photo.name}[{left},{top},{width},{height}]", content_of(part), part, photo.origin)


def _refuse(image: Image.Image, name: str) -> Unusable | None:
    """What the header alone tells."""
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":  # a camera's JPEG with a preview behind it
        return Unusable(name, "several_frames", "holds several pictures; a photograph is one")
    each = BYTES_PER_PIXEL.get(image.mode, BYTES_PER_PIXEL_ELSE)
    if image.format in ("JPEG", "MPO"):
        each = BYTES_PER_PIXEL_PROGRESSIVE if image.info.get("progressive") else 0
    if image.width * image.height * each > MAX_BYTES_WHOLE:
        megapixels, readable = image.width * image.height / 1e6, MAX_BYTES_WHOLE / each / 1e6
        told = f"has {megapixels:.0f} megapixels, where {readable:.0f} can be read"
        return Unusable(name, "too_large", told)
    return None


def _reduced_upright(image: Image.Image) -> Image.Image:
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    image.draft(image.mode, (MAX_SIDE_PX, MAX_SIDE_PX))  # JPEG only, and never below this size
    image.load()
    reduced = _reduced(image)
    turn = TURNS.get(orientation)
    return reduced if turn is None else reduced.transpose(turn)


def _reduced(image: Image.Image) -> Image.Image:
    """No longer than `MAX_SIDE_PX`, in a mode that can be averaged and converted."""
    if image.mode.startswith(("I", "F")):
        image = _eight_bits(image)
    elif image.mode in ("P", "1", "PA"):
        image = image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB")
    longest = max(image.size)
    if longest <= MAX_SIDE_PX:
        return image
    width, height = (max(1, round(side * MAX_SIDE_PX / longest)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=2.0)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey levels of 16 or 32 bits, or real numbers, as bytes: the full range of their kind, or else their own."""
    values = np.asarray(image)
    highest = float(values.max(initial=0))
    full = 1.0 if image.mode == "F" and highest <= 1 else next((one for one in FULL_RANGES if highest <= one), highest)
    parts = np.array_split(values, max(1, len(values) // ROWS_AT_ONCE))
    return Image.fromarray(np.concatenate([np.clip(part * (255 / full), 0, 255).astype(np.uint8) for part in parts]))
