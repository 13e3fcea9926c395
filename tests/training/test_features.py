"""What is stored of a picture is what the vision tower says of it alone."""

import numpy as np
import pytest
import torch

from mirage_core.errors import InputError
from mirage_core.model.load import load_model
from mirage_core.puzzles import vsp
from mirage_core.row import decode_image, encode_png, read_rows
from mirage_core.training import features as module
from mirage_core.training.features import FeatureStore, compute_features, picture_key

pytestmark = pytest.mark.train

TALL = np.concatenate([vsp.render(vsp.Board(("SFF", "FHF", "FFG")))] * 2)


@pytest.fixture(scope="module")
def model(base):
    return load_model(base).eval()


def features_of(store, row, kind):
    return store.get([picture_key(png) for png in getattr(row, kind)])


@torch.no_grad()
def seen_alone(model, processor, png):
    batch = processor.image_processor([decode_image(png, "picture")], return_tensors="pt")
    return model.model.get_image_features(**batch).pooler_output[0], batch["image_grid_thw"][0]


def test_stored_features_are_those_of_each_picture_alone(house, model, processor):
    store = FeatureStore(house.features)
    rows = list(read_rows(str(house.data / "rows"), split="train"))
    for row in rows[::5]:
        for kind, png in (("images", row.images[0]), ("helper_images", row.helper_images[0])):
            stored = store.get([picture_key(png)])
            expected, grid = seen_alone(model, processor, png)
            assert torch.allclose(stored.features, expected, atol=1e-5), (row.id, kind)
            assert torch.equal(stored.grid_thw, grid[None])
    pictures = [features_of(store, row, kind).features for row in rows for kind in ("images", "helper_images")]
    apart = min((a - b).abs().max() for n, a in enumerate(pictures) for b in pictures[:n])
    assert apart > 1e-3, "two pictures look alike, so a swap would go unseen"


def test_every_training_row_has_its_features_whatever_the_shards(house, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ROWS_PER_SHARD", 10)
    monkeypatch.setattr(module, "PICTURES_PER_BATCH", 4)
    counts = compute_features(house.base, house.data, tmp_path)
    assert counts == {"rows": 24, "pictures": 48} and len(list(tmp_path.glob("part-*"))) == 3
    few, one = FeatureStore(tmp_path), FeatureStore(house.features)
    for row in read_rows(str(house.data / "rows"), split="train"):
        for kind in ("images", "helper_images"):
            assert torch.allclose(features_of(few, row, kind).features, features_of(one, row, kind).features, atol=1e-5)
            assert features_of(few, row, kind).grid_thw.tolist() == [[1, 12, 12]]


def test_pictures_of_a_row_stand_in_order_with_their_own_grids(changed_data, model, processor, base, tmp_path):
    square = encode_png(TALL[: len(TALL) // 2])
    compute_features(base, folder := changed_data("train", images=[encode_png(TALL), square]), tmp_path)
    row = next(read_rows(str(folder / "rows")))
    stored = features_of(FeatureStore(tmp_path), row, "images")
    (tall, tall_grid), (small, small_grid) = (seen_alone(model, processor, png) for png in row.images)
    assert stored.grid_thw.tolist() == [tall_grid.tolist(), small_grid.tolist()] and tall_grid[1] > tall_grid[2]
    assert torch.allclose(stored.features, torch.cat([tall, small]), atol=1e-5)


def test_rows_that_share_a_picture_share_its_features(changed_data, data, base, tmp_path):
    first, second, *_ = read_rows(str(data / "rows"), split="train")
    folder = changed_data("train", images=second.images)
    assert compute_features(base, folder, tmp_path) == {"rows": 24, "pictures": 47}
    changed, other, *_ = read_rows(str(folder / "rows"))
    one, two = (features_of(FeatureStore(tmp_path), row, "images") for row in (changed, other))
    assert torch.equal(one.features, two.features)


def test_rows_without_a_helper_image_keep_the_features_of_their_question(changed_data, base, tmp_path):
    folder = changed_data("train", helper_images=[])
    assert compute_features(base, folder, tmp_path) == {"rows": 24, "pictures": 47}
    first, second, *_ = read_rows(str(folder / "rows"))
    store = FeatureStore(tmp_path)
    assert (
        len(features_of(store, first, "images").features)
        == len(features_of(store, second, "helper_images").features)
        == 36
    )


@pytest.mark.parametrize("kind", ["images", "helper_images"])
def test_a_broken_picture_is_named_by_its_row(changed_data, data, base, tmp_path, kind):
    row = next(read_rows(str(data / "rows"), split="train"))
    broken = changed_data("train", **{kind: [getattr(row, kind)[0][:300]]})
    with pytest.raises(InputError, match=f"^{kind} of row {row.id}: not a readable picture"):
        compute_features(base, broken, tmp_path)
