"""The lazy reader: filters equal a reading of all rows, and only what is shown is read."""

import io
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirage_core.browse.data import choices, counts, fetch, read_index, select
from mirage_core.errors import InputError
from mirage_core.row import ROW_GROUP_SIZE, read_rows, write_rows


@pytest.fixture(scope="module")
def folder(data, tmp_path_factory):
    """250 kept rows in two shards, and seven rejects."""
    out = tmp_path_factory.mktemp("browse")
    few = list(read_rows(str(data / "rows")))
    rows = [replace(few[n % len(few)], id=f"row-{n}", level=3 + n % 4) for n in range(250)]
    write_rows(rows, str(out / "rows"), rows_per_shard=150)
    write_rows([replace(row, verdict=f"wrong_{n % 2}") for n, row in enumerate(rows[:7])], str(out / "rejected"))
    return out


@pytest.fixture(scope="module")
def every_row(folder):
    return [*read_rows(str(folder / "rows")), *read_rows(str(folder / "rejected"))]


@settings(max_examples=60)
@given(
    levels=st.sets(st.integers(3, 7)),
    verdicts=st.sets(st.sampled_from(["ok", "wrong_0", "wrong_1", "nothing"])),
    splits=st.sets(st.sampled_from(["train", "rl"])),
    text=st.sampled_from(["", "row-12", "TARGET", "hole]", "R,D", "(", "nowhere"]),
)
def test_filters_equal_a_reading_of_all_rows(folder, every_row, levels, verdicts, splits, text):
    wanted = {"level": sorted(levels), "verdict": sorted(verdicts), "split": sorted(splits)}
    index = read_index(folder)

    def passes(row):
        said = [row.id, row.thought_before, row.thought_after, row.answer, *row.meta["board"], row.meta["plan"]]
        fields = ((row.level, levels), (row.verdict, verdicts), (row.split, splits))
        return all(value in allowed or not allowed for value, allowed in fields) and (
            not text or any(text.lower() in part.lower() for part in said)
        )

    found = select(index, wanted, text).to_pylist()
    assert found == [number for number, row in enumerate(every_row) if passes(row)]


def test_every_row_is_fetched_whole(folder, every_row):
    index = read_index(folder)
    for number in (0, ROW_GROUP_SIZE - 1, ROW_GROUP_SIZE, 149, 150, 249, 250, 256):
        assert fetch(index, number) == every_row[number]


def test_only_the_row_group_on_show_is_read(folder, every_row, tmp_path):
    """A broken page of pictures in another row group goes unseen; asked for, it is named."""
    write_rows(every_row[:250], str(tmp_path / "rows"), rows_per_shard=250)
    path = tmp_path / "rows/part-00000.parquet"
    footer = pq.ParquetFile(path).metadata
    numbers = [
        n for n in range(footer.num_columns) if footer.row_group(1).column(n).path_in_schema.startswith("images")
    ]
    pages = footer.row_group(1).column(numbers[0])
    content = bytearray(path.read_bytes())
    content[pages.dictionary_page_offset : pages.dictionary_page_offset + 40] = b"\xff" * 40
    path.write_bytes(content)
    index = read_index(tmp_path)
    assert fetch(index, 5) == every_row[5] and fetch(index, 249) == every_row[249]
    with pytest.raises(InputError, match=rf"^{path}: not a readable shard"):
        fetch(index, 120)


def test_counts_and_choices(folder, every_row):
    index = read_index(folder)
    assert choices(index, "level") == [3, 4, 5, 6] and choices(index, "verdict") == ["ok", "wrong_0", "wrong_1"]
    table = counts(index).to_pydict()
    assert list(table) == ["level", "ok", "wrong_0", "wrong_1"]
    for place, level in enumerate(table.pop("level")):
        for verdict, numbers in table.items():
            assert numbers[place] == sum(row.level == level and row.verdict == verdict for row in every_row)


def test_a_folder_without_rows_is_named(tmp_path):
    with pytest.raises(InputError, match=rf"^{tmp_path}: no rows/part-"):
        read_index(tmp_path)


@pytest.mark.parametrize("keep", [0, 100, 5000])
def test_a_truncated_shard_is_named(folder, tmp_path, keep):
    (tmp_path / "rows").mkdir()
    broken = tmp_path / "rows/part-00000.parquet"
    broken.write_bytes((folder / "rows/part-00000.parquet").read_bytes()[:keep])
    with pytest.raises(InputError, match=rf"^{broken}: not a readable shard"):
        read_index(tmp_path)


def test_a_shard_of_something_else_is_named(tmp_path):
    (tmp_path / "rows").mkdir()
    sink = io.BytesIO()
    pq.write_table(pa.table({"colour": ["red"]}), sink)
    (tmp_path / "rows/part-00000.parquet").write_bytes(sink.getvalue())
    with pytest.raises(InputError, match="part-00000.parquet: not a readable shard"):
        read_index(tmp_path)
