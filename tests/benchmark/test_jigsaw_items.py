import io
import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mirage_core.benchmark.items import TestRows
from mirage_core.benchmark.jigsaw_policies import COLOUR, SEAM, jigsaw_policies, seam_cost
from mirage_core.benchmark.official import fingerprint, import_test, title_of_test
from mirage_core.benchmark.official_jigsaw import read_official
from mirage_core.benchmark.policies import benchmark_policies
from mirage_core.errors import InputError
from mirage_core.puzzles import jigsaw
from mirage_core.recipe import Benchmark
from mirage_core.row import Row, decode_image, read_rows, write_rows


def scenery(seed):
    small = np.random.default_rng([29, seed]).integers(0, 256, (33, 48, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((480, 330), Image.Resampling.BICUBIC))


def item(seed, answer="A"):
    _, pictures = jigsaw.draw(scenery(seed), answer, jigsaw.JigsawCut(), "assembled", (seed,))
    return list(pictures[:3])


@pytest.fixture
def folder(tmp_path):
    """Three items as VisualSketchpad lays them out."""
    for number, answer in ((1, "A"), (2, "B"), (10, "A")):
        place = tmp_path / f"items/val_Jigsaw_{number}"
        place.mkdir(parents=True)
        for name, data in zip(("image1", "image2", "image3"), item(number, answer), strict=True):
            (place / f"{name}.jpg").write_bytes(data)
        marks = " ".join(f"<img src='../tasks/val_Jigsaw_{number}/image{one}.jpg'>" for one in (1, 2, 3))
        request = {"query": f"{marks} {jigsaw.PROMPT}", "images": [], "answer": f"({answer})"}
        (place / "request.json").write_text(json.dumps(request))
    return tmp_path / "items"


def parquet(path, **changes):
    """The same as the hub's file has it."""
    pictures = [{"bytes": data, "path": f"{n}.jpg"} for n, data in enumerate(item(1))]
    values = {
        "idx": "val_Jigsaw_1",
        "question": "Which?",
        "sub_task": "Jigsaw",
        "prompt": jigsaw.PROMPT,
        "answer": "(A)",
    }
    values |= {f"image_{n}": pictures[n - 1] if n < 4 else None for n in (1, 2, 3, 4)} | changes
    pq.write_table(pa.Table.from_pylist([values]), path)
    return str(path)


def test_official_items_are_read_from_folders_in_the_order_of_their_numbers(folder, tmp_path):
    rows = list(read_official(str(folder)))
    assert [row.id for row in rows] == [f"blink_jigsaw-official-val-jigsaw-{number}" for number in (1, 2, 10)]
    assert [row.answer for row in rows] == ["A", "B", "A"]
    assert rows[1].images == item(2, "B")
    assert all(jigsaw.check(row.meta, f"({row.answer})").ok for row in rows)
    write_rows(rows, str(tmp_path / "rows"))
    assert list(read_rows(str(tmp_path / "rows"), "test")) == rows


def test_the_hubs_parquet_gives_the_same_rows(folder, tmp_path):
    from_folder = next(iter(read_official(str(folder))))
    file = parquet(tmp_path / "val-00000-of-00001.parquet")
    assert list(read_official(file)) == [from_folder]
    (tmp_path / "hub").mkdir()
    parquet(tmp_path / "hub/val-00000-of-00001.parquet")
    parquet(tmp_path / "hub/test-00000-of-00001.parquet", answer="hidden")
    assert list(read_official(str(tmp_path / "hub"))) == [from_folder]


def test_the_benchmark_imports_them_and_scores_what_needs_no_model(folder, tmp_path):
    assert import_test(folder, tmp_path / "test") == {"rows": 3, "level 1": 3, "pictures of a row": 3}
    assert title_of_test(folder) == "official BLINK jigsaws"
    before = fingerprint(folder)
    test = TestRows(name="jigsaws", folder=tmp_path / "test", split="test")
    counts = benchmark_policies([test], Benchmark(), tmp_path)["jigsaws"]
    assert (counts["items"], counts["majority answer (A)"], counts[SEAM]) == (3, 0.6667, 1.0)
    picture = folder / "val_Jigsaw_2/image2.jpg"
    picture.write_bytes(picture.read_bytes() + b"x")
    assert fingerprint(folder) != before


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"answer": "hidden"}, "answer must be .* hidden test set"),
        ({"answer": "(C)"}, r"answer must be .* '\(C\)'"),
        ({"prompt": "Which one?"}, "prompt is not that of BLINK's Jigsaw"),
        ({"image_2": None}, "lacks a picture"),
        ({"image_2": {"bytes": b"broken", "path": None}}, "picture 2: not a readable picture"),
        ({"image_3": {"bytes": item(1)[0], "path": None}}, "half the sides"),
    ],
)
def test_items_that_cannot_be_used_are_named(changes, told, tmp_path):
    with pytest.raises(InputError, match=f"item val_Jigsaw_1.*{told}"):
        list(read_official(parquet(tmp_path / "val.parquet", **changes)))


def test_folders_that_hold_no_items_are_named(folder, tmp_path):
    (folder / "val_Jigsaw_2/image3.jpg").unlink()
    with pytest.raises(InputError, match=r"val_Jigsaw_2: its picture image3\.jpg is missing"):
        list(read_official(str(folder)))
    (folder / "val_Jigsaw_1/request.json").write_text("{}")
    with pytest.raises(InputError, match=r"val_Jigsaw_1/request\.json: not an item's request"):
        list(read_official(str(folder)))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty: holds no jigsaw items"):
        read_official(str(tmp_path / "empty"))
    (tmp_path / "other.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match="not a readable Parquet file"):
        list(read_official(str(tmp_path / "other.parquet")))


def test_the_seam_tells_the_piece_and_the_majority_is_counted(folder):
    rows = list(read_official(str(folder)))
    policies = jigsaw_policies(rows)
    assert policies["majority answer (A)"] == ["A"] * 3
    assert policies[SEAM] == [row.answer for row in rows]
    turned = [replace(row, images=[row.images[0], row.images[2], row.images[1]]) for row in rows]
    for name in (SEAM, COLOUR):
        exchanged = {"A": "B", "B": "A"}
        assert jigsaw_policies(turned)[name] == [exchanged[answer] for answer in policies[name]]


def test_mean_colour_sees_what_the_crop_shows_and_not_its_hole():
    reference = np.full((220, 400, 3), 200, np.uint8)
    reference[110:, 200:] = 0
    bright, dark = np.full((110, 200, 3), 190, np.uint8), np.full((110, 200, 3), 140, np.uint8)
    buffers = []
    for pixels in (reference, dark, bright):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        buffers.append(buffer.getvalue())
    row = Row("x", jigsaw.TASK, "test", 1, "", buffers, [], "", "", "A", meta={"answer": "A"})
    assert jigsaw_policies([row])[COLOUR] == ["B"]  # with the hole, the mean is 150 and the darker one is nearer


def test_the_published_seam_baseline_is_reproduced(shared):
    rows = list(read_official(str(shared / "data/blink_jigsaw")))
    assert len(rows) == 20
    assert jigsaw_policies(rows)[SEAM] == [row.answer for row in rows]
    reference, first, _ = (decode_image(data, "x").astype(int) for data in rows[0].images)
    (height, width), (h, w) = reference.shape[:2], first.shape[:2]
    top = np.abs(reference[height - h - 1, width - w :] - first[0]).mean()
    left = np.abs(reference[height - h :, width - w - 1] - first[:, 0]).mean()
    assert seam_cost(reference, first) == pytest.approx(top + left)
