"""Jigsaw data from photographs to verified rows, without Prefect."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from mirage_core.benchmark.jigsaw_policies import SEAM, jigsaw_policies
from mirage_core.errors import InputError
from mirage_core.jigsaw_spec import JigsawSpec
from mirage_core.photos.collect import read_listed, read_pixels
from mirage_core.photos.fingerprint import fingerprint_photos
from mirage_core.photos.sources import shipped_files
from mirage_core.puzzles import jigsaw
from mirage_core.row import read_rows
from mirage_core.synthesis.jigsaw_dataset import build_dataset
from mirage_core.synthesis.jigsaw_photos import photos_of_splits, select_photos
from mirage_core.synthesis.jigsaw_reasoning import explain_rows
from mirage_core.synthesis.jigsaw_rows import draw_rows
from mirage_core.synthesis.shards import lines_name

pytestmark = pytest.mark.thorough

SPEC = JigsawSpec(
    task="blink_jigsaw", seed=3, num_puzzles={"train": 40, "rl": 12, "validation": 12}, puzzles_per_shard=10
)


class Built(NamedTuple):
    photographs: Path
    puzzles: Path
    thoughts: Path
    dataset: Path
    counts: dict


def build(spec: JigsawSpec, root: Path, workers: int = 1, photographs: Path | None = None) -> Built:
    made = [root / name for name in ("photographs", "puzzles", "thoughts", "dataset")]
    for folder in made:
        folder.mkdir(parents=True)
    if photographs is None:
        select_photos(spec.selection, spec.photos, spec.official or "", made[0])
    else:
        made[0] = photographs
    draw_rows(spec.puzzles, made[0], made[1], root / "scratch-1", workers)
    explain_rows(made[1], spec.seed, made[2], root / "scratch-2", workers)
    counts = build_dataset(spec, *made, root / "scratch-3", workers)
    return Built(*made, counts)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(SPEC, tmp_path_factory.mktemp("jigsaw"))


def rows_of(built: Built) -> list:
    return list(read_rows(str(built.dataset / "rows")))


def test_splits_are_as_large_as_asked_and_share_no_photograph(built):
    rows = rows_of(built)
    assert Counter(row.split for row in rows) == SPEC.num_puzzles
    origins = {photo.content: photo.origin for photo in read_listed(built.photographs)}
    by_split = {split: {origins[row.meta["photo"]] for row in rows if row.split == split} for split in SPEC.num_puzzles}
    assert sum(map(len, by_split.values())) == len(set().union(*by_split.values()))
    assert len({row.id for row in rows}) == len(rows)


def test_answers_are_balanced_and_pass_their_own_check(built):
    rows = rows_of(built)
    for split in SPEC.num_puzzles:
        answers = Counter(row.answer for row in rows if row.split == split)
        assert abs(answers["A"] - answers["B"]) <= 1
    assert all(jigsaw.check(row.meta, rf"\boxed{{{row.answer}}}").ok for row in rows)
    assert all(row.thought_before and row.thought_after and row.teacher == "oracle" for row in rows)


def test_a_comparison_of_edges_solves_nearly_all(built):
    rows = rows_of(built)
    right = [told == row.answer for row, told in zip(rows, jigsaw_policies(rows)[SEAM], strict=True)]
    assert np.mean(right) >= 0.95


def test_shards_and_processes_do_not_change_the_rows(built, tmp_path):
    other = build(SPEC.model_copy(update={"puzzles_per_shard": 1000}), tmp_path, 2, built.photographs)
    assert rows_of(other) == rows_of(built)


def test_a_thought_that_names_the_wrong_candidate_is_kept_apart_with_its_reason(built, tmp_path):
    told = tmp_path / "thoughts"
    (told / "thoughts").mkdir(parents=True)
    for path in sorted((built.thoughts / "thoughts").iterdir()):
        (told / "thoughts" / path.name).write_text(path.read_text())
    first = told / "thoughts" / lines_name(0)
    lines = [json.loads(line) for line in first.read_text().splitlines()]
    row = rows_of(built)[0]
    wrong = jigsaw.CHOICES["B" if row.answer == "A" else "A"]
    lines[0][3] = f"So {wrong} is the missing part."
    first.write_text("".join(json.dumps(line) + "\n" for line in lines))
    out = tmp_path / "dataset"
    out.mkdir()
    counts = build_dataset(SPEC, built.photographs, built.puzzles, told, out, tmp_path / "scratch", 1)
    assert counts["rejected"] == {"wrong_candidate": 1} and counts["kept"] == counts["asked"] - 1
    assert [one.id for one in read_rows(str(out / "rejected"))] == [row.id]
    assert "`wrong_candidate`: 1" in (out / "README.md").read_text()


def scenery(seed: int, width: int = 640, height: int = 420) -> Image.Image:
    """Blotches of many sizes, so that it has keypoints as a photograph has."""
    rng = np.random.default_rng([31, seed])
    layers = [rng.integers(0, 256, (height // size, width // size, 3), dtype=np.uint8) for size in (80, 20, 5)]
    resized = [np.asarray(Image.fromarray(one).resize((width, height), Image.Resampling.BICUBIC)) for one in layers]
    return Image.fromarray(np.mean(resized, axis=0).astype(np.uint8))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(5):
        scenery(seed).save(folder / f"{seed}.jpg", quality=95)
    return folder


def official_item(folder: Path, photo: Image.Image) -> Path:
    """An item cut of a photograph as the official ones are, in another size of it."""
    place = folder / "val_Jigsaw_1"
    place.mkdir(parents=True)
    cut = jigsaw.Cut(400, 220, 10.0, 5.0, 0.95, "tile", 400, 220, "A")
    pieces = jigsaw.cut_pieces(np.asarray(photo), cut)
    pictures = (jigsaw.with_hole(pieces.whole), pieces.right, pieces.wrong)
    for number, pixels in enumerate(pictures, 1):
        (place / f"image{number}.jpg").write_bytes(jigsaw.encode(pixels))
    (place / "request.json").write_text(json.dumps({"query": jigsaw.PROMPT, "images": [], "answer": "(A)"}))
    return folder


def test_the_photograph_of_an_official_item_is_kept_out_by_name(tmp_path):
    """With real photographs: their keypoints are what is compared. The copy is smaller and has lost an edge."""
    folder, out = tmp_path / "photos", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    shipped = [path for path in shipped_files() if path.stem in ("china", "flower", "coffee", "astronaut", "chelsea")]
    for path in shipped:
        with Image.open(path) as image:
            image.convert("RGB").save(folder / f"{path.stem}.jpg", quality=90)
            if path.stem == "china":
                smaller = image.convert("RGB").crop((15, 5, image.width, image.height)).resize((600, 403))
                official = official_item(tmp_path / "official", smaller)
    spec = SPEC.model_copy(update={"num_puzzles": {"train": 4, "validation": 4}})
    counts = select_photos(spec.selection, str(folder), str(official), out)
    assert counts["rejected"] == {"official_item": 1} and counts["kept"] == len(shipped) - 1 == 4
    rejected = json.loads((out / "unusable.jsonl").read_text())
    assert rejected["name"].endswith("china.jpg") and "official" in rejected["told"]
    names = [photo.name for split in photos_of_splits(out).values() for photo in split]
    assert len(names) == 4 and not any(name.endswith("china.jpg") for name in names)


def test_photographs_are_recognised_by_what_they_show_and_not_by_their_place(photos, tmp_path):
    copied = tmp_path / "elsewhere"
    copied.mkdir()
    for path in photos.iterdir():
        (copied / path.name).write_bytes(path.read_bytes())
    before = fingerprint_photos(str(photos))
    assert fingerprint_photos(str(copied)) == before
    scenery(9).save(copied / "0.jpg")
    assert fingerprint_photos(str(copied)) != before


def test_each_split_has_a_photograph_or_the_run_says_why_not(photos, tmp_path):
    for path in sorted(photos.iterdir())[2:]:
        path.unlink()
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(InputError, match="2 usable photographs cannot be dealt out to 3 splits"):
        select_photos(SPEC.selection, str(photos), "", out)


def test_a_plain_wall_yields_no_puzzle_and_is_counted(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("RGB", (640, 420), (120, 130, 140)).save(folder / "wall.png")
    scenery(1).save(folder / "scenery.png")
    spec = SPEC.model_copy(update={"photos": str(folder), "num_puzzles": {"train": 4, "validation": 4}})
    made = build(spec, tmp_path / "made")
    assert made.counts["kept"] == 4
    assert {row.split for row in rows_of(made)} < {"train", "validation"}


def test_contents_of_rows_match_the_photographs_on_disk(built):
    by_content = {photo.content: photo for photo in read_listed(built.photographs)}
    row = rows_of(built)[0]
    cut = jigsaw.Cut(**row.meta["cut"])
    pieces = jigsaw.cut_pieces(read_pixels(built.photographs, by_content[row.meta["photo"]]), cut)
    assert jigsaw.encode(pieces.whole) == row.helper_images[0]
    assert replace(row, answer=cut.answer) == row
