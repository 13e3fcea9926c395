"""The row: one training or test example of any task, and its Parquet files.

`datasets.load_dataset("parquet", data_files=...)` opens the files with the images decoded: the Arrow schema carries
the metadata by which `datasets` knows its image columns.
"""

import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, UnidentifiedImageError

from mirage_core import storage
from mirage_core.errors import InputError

Item = TypeVar("Item")
IMAGE_COLUMNS = ("images", "helper_images")
ROW_GROUP_SIZE = 100
"""Rows that a reader takes into memory at once."""
DICTIONARY_BYTES = 16 << 20
"""Room for every picture of a row group."""


@dataclass(frozen=True)
class Row:
    """One example. Images are the bytes of PNG files, of JPEG files where the puzzle is made of those."""

    id: str
    """Task, hash of the puzzle's content and, where a puzzle has several thoughts, the number of the thought."""
    task: str
    split: str
    level: int
    question: str
    """Holds one `<image>` mark per image."""
    images: list[bytes]
    helper_images: list[bytes]
    thought_before: str
    thought_after: str
    answer: str
    choices: list[str] = field(default_factory=list)
    meta: dict[str, Any] = field(default_factory=dict)
    """What the checker needs (board, plan, camera, ...); JSON in the file."""
    teacher: str = ""
    verdict: str = "ok"
    """Reason of the verification's verdict; "ok" for kept rows."""


def _arrow_schema() -> pa.Schema:
    """The one schema, with the note by which `datasets` decodes the images; `datasets` itself takes seconds to load."""
    text, image = pa.string(), pa.struct({"bytes": pa.binary(), "path": pa.string()})
    columns = {column.name: text for column in fields(Row)} | {"level": pa.int32(), "choices": pa.list_(text)}
    columns |= {name: pa.list_(image) for name in IMAGE_COLUMNS}
    features: dict[str, Any] = {name: {"dtype": str(kind), "_type": "Value"} for name, kind in columns.items()}
    features["choices"] = {"feature": features["id"], "_type": "List"}
    features |= {name: {"feature": {"mode": "RGB", "_type": "Image"}, "_type": "List"} for name in IMAGE_COLUMNS}
    return pa.schema(columns, metadata={"huggingface": json.dumps({"info": {"features": features}})})


ARROW_SCHEMA = _arrow_schema()


def rows_to_table(rows: Iterable[Row]) -> pa.Table:
    """Rows in the one schema."""
    chosen = list(rows)
    columns = {column.name: [getattr(row, column.name) for row in chosen] for column in fields(Row)}
    for name in IMAGE_COLUMNS:
        columns[name] = [[{"bytes": data, "path": None} for data in pictures] for pictures in columns[name]]
    columns["meta"] = [json.dumps(meta, sort_keys=True) for meta in columns["meta"]]
    return pa.table(columns, schema=ARROW_SCHEMA)


def table_to_rows(table: pa.Table | pa.RecordBatch) -> list[Row]:
    """The rows of a table in the one schema."""
    rows = []
    for values in table.to_pylist():
        pictures = {name: [image["bytes"] for image in values[name]] for name in IMAGE_COLUMNS}
        rows.append(Row(**{**values, **pictures, "meta": json.loads(values["meta"])}))
    return rows


def write_table(table: pa.Table, file: Any) -> None:
    """Write one shard.

    Pictures are compressed already. A dictionary keeps those that several rows of a row group share only once.
    """
    pq.write_table(
        table,
        file,
        row_group_size=ROW_GROUP_SIZE,
        compression={path: "none" if path.startswith(IMAGE_COLUMNS) else "zstd" for path in _leaf_columns()},
        dictionary_pagesize_limit=DICTIONARY_BYTES,
    )


@cache
def _leaf_columns() -> tuple[str, ...]:
    """Parquet's names of the columns, nested ones by their paths."""
    sink = io.BytesIO()
    pq.write_table(ARROW_SCHEMA.empty_table(), sink)
    schema = pq.ParquetFile(sink).schema
    return tuple(schema.column(number).path for number in range(len(schema)))


def shard_name(number: int) -> str:
    """File name of a shard."""
    return f"part-{number:05d}.parquet"


def num_row_shards(folder: Path) -> int:
    """Shards of rows in a local folder."""
    return len(list(folder.glob("part-*.parquet")))


def write_rows(rows: Iterable[Row], uri: str, rows_per_shard: int = 1000) -> int:
    """Write rows as `part-00000.parquet`, ... below `uri` while holding one shard in memory.

    Returns:
        Number of rows written. With no rows one empty shard is written, so that a reader finds the schema.
    """
    filesystem, folder = fsspec.core.url_to_fs(uri)
    filesystem.makedirs(folder, exist_ok=True)
    shard: list[Row] = []
    num_shards, num_rows = 0, 0

    def flush() -> None:
        nonlocal num_shards
        with filesystem.open(f"{folder}/{shard_name(num_shards)}", "wb") as file:
            write_table(rows_to_table(shard), file)
        num_shards += 1
        shard.clear()

    for row in rows:
        shard.append(row)
        num_rows += 1
        if len(shard) == rows_per_shard:
            flush()
    if shard or not num_shards:
        flush()
    return num_rows


def read_rows(uri: str, split: str | None = None) -> Iterator[Row]:
    """Stream rows from all shards below `uri`, in order, optionally of one split.

    Raises:
        InputError: No shards there, a shard is truncated or not Parquet, or lacks a column.
    """
    filesystem, folder = storage.open_root(uri)
    paths = sorted(filesystem.glob(f"{folder}/part-*.parquet"))
    if not paths:
        raise InputError(f"{uri}: no part-*.parquet files")
    columns = [column.name for column in fields(Row)]
    for path in paths:
        try:
            with filesystem.open(path, "rb") as file:
                shard = pq.ParquetFile(file)
                if missing := [name for name in columns if name not in shard.schema_arrow.names]:
                    raise InputError(f"{path}: lacks the columns {', '.join(missing)}")
                for batch in shard.iter_batches(batch_size=100, columns=columns):
                    yield from (row for row in table_to_rows(batch) if split is None or row.split == split)
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{path}: not a readable shard ({error})") from error


def read_rows_of_shard(folder: Path, number: int) -> list[Row]:
    """The rows of one shard in a local folder."""
    return table_to_rows(pq.read_table(folder / shard_name(number)))


def in_batches(rows: Iterator[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` items; the last one may be shorter."""
    while batch := list(islice(rows, size)):
        yield batch


def encode_png(image: np.ndarray) -> bytes:
    """Lossless PNG of a uint8 RGB array; lowest compression, since speed matters more than a few percent of size."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()


def decode_image(data: bytes, name: str) -> np.ndarray:
    """uint8 RGB (height, width, 3) of an image file's bytes.

    Raises:
        InputError: The bytes are truncated or no picture; `name` says whose they are.
    """
    try:
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{name}: not a readable picture ({error})") from error
