import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mirage_core.errors import InputError
from mirage_core.photos.collect import collect_photos, read_listed, read_pixels
from mirage_core.photos.read import Photo, content_of
from mirage_core.photos.sources import read_photos
from mirage_core.photos.splits import Listed, assign
from mirage_core.puzzles import jigsaw


def picture(index, width=320, height=200):
    """Blotches of colour, as a photograph has them."""
    rng = np.random.default_rng([17, index])
    small = Image.fromarray(rng.integers(0, 256, (height // 20, width // 20, 3), dtype=np.uint8))
    return small.resize((width, height), Image.Resampling.BICUBIC)


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "photos"
    (root / "deep/er").mkdir(parents=True)
    picture(0).save(root / "b.jpg", quality=95)
    picture(1).save(root / "deep/er/a.PNG")
    picture(2).save(root / "deep/c.webp", lossless=True)
    (root / "README.txt").write_text("not tried")
    return root


def test_a_folder_is_searched_to_its_depths_in_a_fixed_order(folder):
    found = list(read_photos(str(folder)))
    assert [photo.name.rsplit("/", 1)[1] for photo in found] == ["b.jpg", "c.webp", "a.PNG"]
    assert all(isinstance(photo, Photo) for photo in found)


def test_a_bucket_is_read_like_a_folder(folder):
    memory = fsspec.filesystem("memory")
    for path in folder.rglob("*"):
        if path.is_file():
            memory.pipe(f"/bucket/shots/{path.relative_to(folder)}", path.read_bytes())
    try:
        found = list(read_photos("memory://bucket/shots"))
    finally:
        memory.rm("/bucket", recursive=True)
    assert [photo.content for photo in found] == [photo.content for photo in read_photos(str(folder))]


def test_what_cannot_be_used_is_rejected_by_name_and_counted(folder, tmp_path):
    (folder / "broken.jpg").write_bytes((folder / "b.jpg").read_bytes()[:900])
    (folder / "letter.jpg").write_text("Dear Sir")
    picture(3, 60, 40).save(folder / "small.png")
    Image.open(folder / "deep/er/a.PNG").save(folder / "copy of a.png")
    counts = collect_photos(read_photos(str(folder)), tmp_path / "out", (127, 83))
    rejected = {"truncated": 1, "not_a_picture": 1, "too_small": 1, "repeated": 1}
    assert counts == {"asked": 7, "kept": 3, "rejected": rejected}
    told = (tmp_path / "out/unusable.jsonl").read_text()
    assert all(name in told for name in ("broken.jpg", "letter.jpg", "small.png", "60 x 40"))


def test_collected_photographs_are_read_back(folder, tmp_path):
    collect_photos(read_photos(str(folder)), tmp_path / "out")
    by_content = {photo.content: photo.pixels for photo in read_photos(str(folder))}
    listed = read_listed(tmp_path / "out")
    assert [photo.content for photo in listed] == sorted(by_content)
    for photo in listed:
        difference = read_pixels(tmp_path / "out", photo).astype(int) - by_content[photo.content]
        assert np.abs(difference).mean() < 3


def test_sources_without_photographs_are_named(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: holds nothing, so no file named like a picture"):
        read_photos(str(tmp_path / "empty"))
    with pytest.raises(InputError, match=r"nowhere: no such folder of photographs"):
        read_photos(str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match=r"nosuch://bucket: cannot be listed"):
        read_photos("nosuch://bucket")
    for path in folder.rglob("*.*"):
        picture(3, 60, 40).save(path) if path.suffix != ".txt" else path.unlink()
    with pytest.raises(InputError, match=r"no photograph can be used of 3 found: .*b\.jpg is 60 x 40 pixels; 127 x 83"):
        collect_photos(read_photos(str(folder)), tmp_path / "out", (127, 83))


def test_a_data_set_of_the_hub_form_is_read(folder, tmp_path):
    paths = [path for path in sorted(folder.rglob("*.*")) if path.suffix != ".txt"]
    (tmp_path / "hub").mkdir()
    pictures = pa.array([{"bytes": path.read_bytes(), "path": None} for path in paths])
    pq.write_table(pa.table({"label": [1, 2, 3], "image": pictures}), tmp_path / "hub/train-00000.parquet")
    found = list(read_photos(f"hf://{tmp_path}/hub", limit=2))
    assert [photo.name.rsplit("#", 1)[1] for photo in found] == ["0", "1"]
    assert {photo.content for photo in found} < {photo.content for photo in read_photos(str(folder))}


@pytest.mark.server
def test_a_data_set_that_cannot_be_opened_is_named(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with pytest.raises(InputError, match=r"hf://nobody/no-such-photos, split train: cannot be opened .*local folder"):
        read_photos("hf://nobody/no-such-photos")


def test_the_embedded_photographs_are_many_disjoint_windows():
    pytest.importorskip("skimage")
    found = list(read_photos("embedded"))
    assert all(isinstance(photo, Photo) for photo in found)
    assert len({photo.content for photo in found}) == len(found) > 50
    assert len({photo.origin for photo in found}) == 14
    settings = jigsaw.JigsawCut()
    assert all(jigsaw.fits(photo.pixels.shape[1], photo.pixels.shape[0], settings) for photo in found)


def listed(number, parts=1):
    return [
        Listed(f"{n}", content_of(np.full((1, 1, 1), n)), 9, 9, content_of(np.full((1, 1, 1), n // parts)))
        for n in range(number)
    ]


@pytest.mark.parametrize("parts", [1, 3])
def test_a_photograph_belongs_to_one_split(parts):
    shares = {"train": 3000, "rl": 600, "validation": 400}
    dealt = assign(listed(120, parts), shares)
    origins = {split: {photo.origin for photo in photos} for split, photos in dealt.items()}
    assert sum(len(photos) for photos in dealt.values()) == 120
    assert len(set().union(*origins.values())) == sum(map(len, origins.values())) == 120 // parts
    assert [round(len(dealt[split]), -1) for split in shares] == [
        90 if parts == 1 else 80,
        20,
        10 if parts == 1 else 20,
    ]


def test_splits_follow_contents_and_not_names():
    renamed = [photo._replace(name=f"other {photo.name}") for photo in reversed(listed(50))]
    contents = [
        {split: [photo.content for photo in photos] for split, photos in assign(chosen, {"train": 9, "rl": 1}).items()}
        for chosen in (listed(50), renamed)
    ]
    assert contents[0] == contents[1]


def test_every_split_gets_a_photograph_or_the_user_is_told():
    dealt = assign(listed(3), {"train": 1000, "rl": 1, "validation": 1})
    assert [len(photos) for photos in dealt.values()] == [1, 1, 1]
    with pytest.raises(InputError, match="2 usable photographs cannot be dealt out to 3 splits"):
        assign(listed(2), {"train": 1, "rl": 1, "validation": 1})
