"""The row: one training or test example of any task, and its Parquet files.

`datasets.load_dataset("parquet", data_files=...)` opens the files with the images decoded: the Arrow schema carries
the metadata by which `datasets` knows its image columns.
"""

import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from itertools import islice
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, UnidentifiedImageError

from mirage_core.errors import InputError


@dataclass(frozen=True)
class Row:
    """One example. Images are PNG bytes."""

    id: str
    """Hash of the puzzle's content, with the task as prefix."""
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


@cache
def arrow_schema() -> pa.Schema:
    """The one schema; `datasets` is imported late because it takes seconds."""
    from datasets import Features, Image, List, Value

    text, images = Value("string"), List(Image())
    return Features(
        {
            "id": text, "task": text, "split": text, "level": Value("int32"), "question": text, "images": images,
            "helper_images": images, "thought_before": text, "thought_after": text, "answer": text,
            "choices": List(text), "meta": text, "teacher": text, "verdict": text,
        }
    ).arrow_schema  # fmt: skip


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
        table = pa.Table.from_pylist([_to_arrow(row) for row in shard], schema=arrow_schema())
        with filesystem.open(f"{folder}/part-{num_shards:05d}.parquet", "wb") as file:
            pq.write_table(table, file, compression="zstd", row_group_size=100)
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
    filesystem, folder = fsspec.core.url_to_fs(uri)
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
                    for values in batch.to_pylist():
                        if split is None or values["split"] == split:
                            yield _from_arrow(values)
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{path}: not a readable shard ({error})") from error


def in_batches(rows: Iterator[Row], size: int) -> Iterator[list[Row]]:
    """Lists of `size` rows; the last one may be shorter."""
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


def _to_arrow(row: Row) -> dict[str, Any]:
    values = asdict(row)
    for name in ("images", "helper_images"):
        values[name] = [{"bytes": data, "path": None} for data in values[name]]
    values["meta"] = json.dumps(row.meta, sort_keys=True)
    return values


def _from_arrow(values: dict[str, Any]) -> Row:
    for name in ("images", "helper_images"):
        values[name] = [image["bytes"] for image in values[name]]
    values["meta"] = json.loads(values["meta"])
    return Row(**values)
