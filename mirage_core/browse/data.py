"""What the page shows, read from the shards as it is asked for.

Only columns of a few bytes are held for all rows; pictures and texts are read for the rows on show, by row group.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mirage_core.errors import InputError
from mirage_core.row import Row, table_to_rows

SMALL_COLUMNS = ("id", "task", "split", "level", "teacher", "verdict")
SEARCHED_COLUMNS = ("id", "thought_before", "thought_after", "answer", "meta")
PARTS = ("rows", "rejected")
"""Folders of a data set."""


@dataclass(frozen=True)
class Index:
    """The small columns of all rows, kept ones first."""

    paths: tuple[Path, ...]
    """Shards, in order."""
    table: pa.Table
    """`SMALL_COLUMNS`, and where each row lies: `shard`, its place in `paths`, and `place`, its number therein."""


def read_index(folder: Path) -> Index:
    """Read the small columns of a data set.

    Args:
        folder: A data set's folder, which holds `rows/` and perhaps `rejected/`.

    Raises:
        InputError: No shards there, or one cannot be read; the message names the file.
    """
    paths = tuple(path for part in PARTS for path in sorted((folder / part).glob("part-*.parquet")))
    if not paths:
        raise InputError(f"{folder}: no rows/part-*.parquet; give the folder of a data set")
    tables = []
    for shard, path in enumerate(paths):
        table = _read(path, SMALL_COLUMNS)
        table = table.append_column("shard", pa.repeat(pa.scalar(shard, pa.int32()), len(table)))
        tables.append(table.append_column("place", pa.array(range(len(table)), pa.int32())))
    return Index(paths, pa.concat_tables(tables))


def choices(index: Index, column: str) -> list[str | int]:
    """Values of a small column, sorted."""
    return sorted(pc.unique(index.table[column]).to_pylist())


def counts(index: Index) -> pa.Table:
    """Number of rows by level and verdict: a line per level, a column per verdict."""
    groups = index.table.group_by(["level", "verdict"]).aggregate([("id", "count")]).to_pylist()
    number = {(group["level"], group["verdict"]): group["id_count"] for group in groups}
    verdicts = sorted({verdict for _, verdict in number}, key=lambda verdict: (verdict != "ok", verdict))
    levels = sorted({level for level, _ in number})
    columns = {verdict: [number.get((level, verdict), 0) for level in levels] for verdict in verdicts}
    return pa.table({"level": levels, **columns})


def select(index: Index, wanted: dict[str, list[str | int]], text: str = "") -> pa.Array:
    """Numbers of the rows that pass every filter.

    Args:
        index: The data set.
        wanted: Small column -> values that pass; an empty list lets all pass.
        text: Found in the id, a thought, the answer or the meta, whatever its case; read shard by shard.
    """
    passes = pa.repeat(pa.scalar(True), len(index.table))
    for column, values in wanted.items():
        if values:
            allowed = pa.array(values, index.table.schema.field(column).type)
            passes = pc.and_(passes, pc.is_in(index.table[column], value_set=allowed))
    if text:
        passes = pc.and_(passes, pa.chunked_array(_matches(index, text), pa.bool_()))
    if isinstance(passes, pa.ChunkedArray):
        passes = passes.combine_chunks()
    return pc.indices_nonzero(passes)


def fetch(index: Index, number: int) -> Row:
    """One row with its pictures; reads the row group that holds it.

    Raises:
        InputError: Its shard cannot be read.
    """
    path, place = index.paths[index.table["shard"][number].as_py()], index.table["place"][number].as_py()
    try:
        shard = pq.ParquetFile(path)
        for group in range(shard.num_row_groups):
            num_rows = shard.metadata.row_group(group).num_rows
            if place < num_rows:
                return table_to_rows(shard.read_row_group(group).slice(place, 1))[0]
            place -= num_rows
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: not a readable shard ({error})") from error
    raise InputError(f"{path}: has changed since the page was opened; reload it")


def _matches(index: Index, text: str) -> Iterator[pa.Array]:
    for path in index.paths:
        table = _read(path, SEARCHED_COLUMNS)
        found = pa.repeat(pa.scalar(False), len(table))
        for column in SEARCHED_COLUMNS:
            here = pc.match_substring(table[column].combine_chunks(), text, ignore_case=True)
            found = pc.or_(found, here)
        yield found


def _read(path: Path, columns: tuple[str, ...]) -> pa.Table:
    try:
        return pq.read_table(path, columns=list(columns))
    except (pa.ArrowException, OSError, KeyError) as error:
        raise InputError(f"{path}: not a readable shard ({error})") from error
