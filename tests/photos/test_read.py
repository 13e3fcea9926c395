import io
import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from mirage_core.photos.read import MAX_SIDE_PX, Photo, Unusable, read_photo, windows

EXIF_ORIENTATION = 0x0112


def scene(width=240, height=160):
    """Colours that tell left from right and top from bottom, smooth enough for JPEG."""
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return np.stack([across, down, np.full_like(across, 60)], axis=2).astype(np.uint8)


def saved(image, form="JPEG", **options):
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def read(data, name="photo"):
    return read_photo(io.BytesIO(data), name)


def difference(photo, pixels):
    assert isinstance(photo, Photo), photo
    assert photo.pixels.shape == pixels.shape
    return np.abs(photo.pixels.astype(int) - pixels).mean()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_upright(orientation):
    upright = scene()
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1], 5: upright.swapaxes(0, 1),
        6: np.rot90(upright, 1), 7: upright[::-1, ::-1].swapaxes(0, 1), 8: np.rot90(upright, -1),
    }[orientation]  # fmt: skip
    image = Image.fromarray(np.ascontiguousarray(stored))
    exif = image.getexif()
    exif[EXIF_ORIENTATION] = orientation
    assert difference(read(saved(image, exif=exif, quality=95)), upright) < 3


def test_a_large_photograph_is_turned_upright_too():
    upright = scene(3000, 2000)
    image = Image.fromarray(np.ascontiguousarray(np.rot90(upright, 1)))
    exif = image.getexif()
    exif[EXIF_ORIENTATION] = 6
    photo = read(saved(image, exif=exif))
    assert difference(photo, scene(MAX_SIDE_PX, MAX_SIDE_PX * 2 // 3)) < 3


def test_modes_become_rgb():
    image = Image.fromarray(scene())
    grey = np.asarray(image.convert("L").convert("RGB"))
    assert difference(read(saved(image.convert("L"))), grey) < 3
    assert difference(read(saved(image.convert("CMYK"), quality=95)), scene()) < 6
    assert difference(read(saved(image.convert("P", palette=Image.Palette.ADAPTIVE), "PNG")), scene()) < 12
    deep = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    assert difference(read(saved(deep, "PNG")), grey) < 1
    real = Image.fromarray(np.asarray(image.convert("L")).astype(np.float32) / 255)
    assert difference(read(saved(real, "TIFF")), grey) < 2


def test_opaque_alpha_is_dropped_and_cut_out_pictures_are_rejected():
    image = Image.fromarray(scene())
    image.putalpha(255)
    assert difference(read(saved(image, "PNG")), scene()) == 0
    image.paste((0, 0, 0, 0), (0, 0, 120, 80))
    assert read(saved(image, "PNG")).reason == "transparent"


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_truncated_photograph_is_rejected(form):
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    data = saved(Image.fromarray(noise), form)
    assert isinstance(read(data), Photo)
    for share in (0.3, 0.6, 0.9):
        found = read(data[: int(len(data) * share)])
        assert isinstance(found, Unusable)
        assert found.reason in ("truncated", "not_a_picture")


@pytest.mark.parametrize("data", [b"", b"no picture", b"\xff\xd8\xff", b"%PDF-1.7", os.urandom(4096), b"GIF89a"])
def test_what_is_no_picture_is_rejected_by_name(data):
    found = read(data, "notes.jpg")
    assert (found.name, found.reason) == ("notes.jpg", "not_a_picture")


def test_several_frames_are_no_photograph():
    frames = [Image.fromarray(scene()), Image.fromarray(scene()[::-1])]
    assert read(saved(frames[0], "GIF", save_all=True, append_images=frames[1:])).reason == "several_frames"


def test_a_lie_about_the_size_is_not_believed_with_memory():
    """A PNG whose header claims 100,000 x 100,000 pixels and holds none."""
    chunks = {b"IHDR": struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0), b"IDAT": zlib.compress(b"")}
    framed = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks.items()
    ]
    assert read(b"\x89PNG\r\n\x1a\n" + b"".join(framed)).reason == "too_large"


HUGE = """
import sys
from mirage_core.photos.read import read_photo
with open(sys.argv[1], "rb") as file:
    found = read_photo(file, "huge")
peak_mb = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024
print(type(found).__name__, found.pixels.shape if hasattr(found, "pixels") else found.reason, round(peak_mb))
"""


@pytest.mark.server
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize(
    ("form", "options"), [("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {"compress_level": 1})]
)
def test_a_hundred_megapixels_are_read_in_less_than_a_gigabyte(form, options, tmp_path):
    path = tmp_path / "huge"
    Image.fromarray(scene(1200, 840)).resize((12000, 8400), Image.Resampling.NEAREST).save(path, form, **options)
    found = subprocess.run([sys.executable, "-c", HUGE, str(path)], capture_output=True, text=True, check=True).stdout
    kind, *_, peak_mb = found.split()
    assert kind == "Photo", found
    assert int(peak_mb) < 1024, found
    assert f"({MAX_SIDE_PX * 7 // 10}, {MAX_SIDE_PX}, 3)" in found


def test_windows_share_no_pixel_and_know_their_origin():
    noise = np.random.default_rng(1).integers(0, 256, (430, 650, 3), dtype=np.uint8)
    photo = read(saved(Image.fromarray(noise), "PNG"))
    parts = list(windows(photo, (300, 165)))
    assert [part.pixels.shape for part in parts] == [(215, 325, 3)] * 4
    assert {part.origin for part in parts} == {photo.content}
    assert len({part.content for part in parts} | {photo.content}) == 5
    rows = [np.concatenate([part.pixels for part in row], axis=1) for row in (parts[:2], parts[2:])]
    assert np.array_equal(np.concatenate(rows), noise)
