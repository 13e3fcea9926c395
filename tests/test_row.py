import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from mirage_core.errors import InputError
from mirage_core.row import ARROW_SCHEMA, Row, decode_image, encode_png, in_batches, read_rows, write_rows


def picture(index, height=6, width=8):
    return np.random.default_rng(index).integers(0, 256, (height, width, 3), dtype=np.uint8)


def make(index, split="train"):
    return Row(
        id=f"task-{index}",
        task="task",
        split=split,
        level=3 + index % 4,
        question="Ünïcode <image>\nand <image>",
        images=[encode_png(picture(index)), encode_png(picture(index + 1))],
        helper_images=[encode_png(picture(index + 2, 4, 4))],
        thought_before="",
        thought_after="so",
        answer="R,D",
        choices=["A", "B"] if index % 2 else [],
        meta={"board": ["SG", "FF"], "index": index, "nested": {"camera": [0.5, None]}},
        teacher="oracle",
        verdict="ok",
    )


ROWS = [make(index, split=("train", "rl")[index % 2]) for index in range(10)]


def test_what_is_written_is_read(tmp_path):
    assert write_rows(iter(ROWS), str(tmp_path), rows_per_shard=3) == 10
    assert [path.name for path in sorted(tmp_path.iterdir())] == [f"part-0000{n}.parquet" for n in range(4)]
    assert list(read_rows(str(tmp_path))) == ROWS


def test_the_schema_is_the_one_that_datasets_would_write():
    from datasets import Features, Image, List, Value

    kinds = {"level": Value("int32"), "choices": List(Value("string"))}
    kinds |= {name: List(Image(mode="RGB")) for name in ("images", "helper_images")}
    expected = Features({name: kinds.get(name, Value("string")) for name in Row.__dataclass_fields__}).arrow_schema
    assert ARROW_SCHEMA.equals(expected, check_metadata=True)


def test_a_picture_that_rows_share_is_stored_once(tmp_path):
    shared = [replace(ROWS[0], id=str(number), images=[encode_png(picture(1, 99, 99))]) for number in range(50)]
    write_rows(shared, str(tmp_path))
    assert (tmp_path / "part-00000.parquet").stat().st_size < 2 * len(shared[0].images[0])
    assert list(read_rows(str(tmp_path))) == shared


def test_one_split_is_read_in_order(tmp_path):
    write_rows(ROWS, str(tmp_path), rows_per_shard=4)
    assert list(read_rows(str(tmp_path), split="rl")) == ROWS[1::2]
    assert list(read_rows(str(tmp_path), split="validation")) == []


def test_no_rows_still_leave_the_schema(tmp_path):
    assert write_rows([], str(tmp_path)) == 0
    assert list(read_rows(str(tmp_path))) == []
    assert set(pq.read_schema(tmp_path / "part-00000.parquet").names) == set(Row.__dataclass_fields__)


def test_rows_are_streamed(tmp_path):
    write_rows(ROWS, str(tmp_path), rows_per_shard=2)
    (tmp_path / "part-00004.parquet").write_bytes(b"broken, but nobody reads so far")
    rows = read_rows(str(tmp_path))
    assert [next(rows) for _ in range(8)] == ROWS[:8]


def test_datasets_opens_the_files_with_pictures_decoded(tmp_path):
    from datasets import load_dataset

    write_rows(ROWS, str(tmp_path / "rows"), rows_per_shard=4)
    files = sorted(str(path) for path in (tmp_path / "rows").iterdir())
    table = load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path / "cache"))
    assert table.num_rows == 10 and table[3]["id"] == "task-3" and table[3]["choices"] == ["A", "B"]
    assert json.loads(table[3]["meta"]) == ROWS[3].meta
    assert [image.size for image in table[3]["images"]] == [(8, 6), (8, 6)]
    assert np.array_equal(np.asarray(table[3]["images"][1]), picture(4))
    assert table[3]["helper_images"][0].size == (4, 4)


def test_rows_go_to_any_file_system():
    write_rows(ROWS, "memory://row-tests/data", rows_per_shard=6)
    assert list(read_rows("memory://row-tests/data")) == ROWS


@pytest.mark.parametrize("keep", [0, 3, 100, -1])
def test_truncated_shards_are_named(tmp_path, keep):
    write_rows(ROWS, str(tmp_path), rows_per_shard=5)
    shard = tmp_path / "part-00001.parquet"
    shard.write_bytes(shard.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"part-00001\.parquet: not a readable shard"):
        list(read_rows(str(tmp_path)))


def test_files_that_are_no_shards_are_named(tmp_path):
    (tmp_path / "part-00000.parquet").write_text("id,task\n1,vsp\n")
    with pytest.raises(InputError, match=r"part-00000\.parquet"):
        list(read_rows(str(tmp_path)))


@pytest.mark.parametrize("column", ["meta", "question", "verdict"])
def test_missing_columns_are_named(tmp_path, column):
    write_rows(ROWS, str(tmp_path))
    shard = tmp_path / "part-00000.parquet"
    pq.write_table(pq.read_table(shard).drop_columns([column]), shard)
    with pytest.raises(InputError, match=rf"part-00000\.parquet: lacks the columns {column}"):
        list(read_rows(str(tmp_path)))


def test_a_folder_without_shards_is_named(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match=str(folder)):
            next(read_rows(str(folder)))


def test_batches_hold_all_rows_in_order():
    assert [len(batch) for batch in in_batches(iter(ROWS), 4)] == [4, 4, 2]
    assert [row for batch in in_batches(iter(ROWS), 4) for row in batch] == ROWS


def test_pictures_survive_encoding():
    assert np.array_equal(decode_image(encode_png(picture(0)), "it"), picture(0))


def test_broken_pictures_are_named():
    png = encode_png(picture(0, 64, 64))
    for data in [b"", b"no picture", *(png[:length] for length in range(0, len(png) - 40, 101))]:
        with pytest.raises(InputError, match="picture of row 7: not a readable picture"):
            decode_image(data, "picture of row 7")
