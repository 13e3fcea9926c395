"""The official BLINK Jigsaw items as rows: from the folders of VisualSketchpad, or in the hub's Parquet form.

Folders: `val_Jigsaw_1/{image1,image2,image3}.jpg` and `request.json` (github Yushi-Hu/VisualSketchpad,
tasks/blink_jigsaw/processed). Parquet: `BLINK-Benchmark/BLINK`, configuration `Jigsaw`, split `val` (columns idx,
prompt, choices, answer, image_1 to image_3); that of the split `test` has no answers.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mirage_core.benchmark.official_row import SPLIT
from mirage_core.errors import InputError
from mirage_core.puzzles import jigsaw
from mirage_core.row import Row, decode_image

HUB_ID = "BLINK-Benchmark/BLINK"
HUB_CONFIGURATION, HUB_SPLIT = "Jigsaw", "val"
PICTURES = ("image1.jpg", "image2.jpg", "image3.jpg")
COLUMNS = ("image_1", "image_2", "image_3")
LEVEL = 1
"""As of generated puzzles whose wrong candidate is of the official kind."""


def read_official(source: str) -> Iterator[Row]:
    """Stream the official items.

    Args:
        source: A folder of item folders, a folder with Parquet files or such a file, or `hf://BLINK-Benchmark/BLINK`.

    Raises:
        InputError: There is nothing of these forms, or an item that cannot be used; the message names it.
    """
    if source.startswith("hf://"):
        return _hub_rows(source.removeprefix("hf://").removeprefix("datasets/").strip("/"))
    folder = Path(source)
    if found := _item_folders(folder):
        return map(_folder_row, found)
    if files := _parquet_files(folder):
        return (row for path in files for row in _parquet_rows(path))
    raise InputError(
        f"{source}: holds no jigsaw items; give the folder with val_Jigsaw_1, val_Jigsaw_2, ..., the hub's Parquet "
        f"file, or hf://{HUB_ID}"
    )


def official_files(source: Path) -> list[Path]:
    """The files that `read_official` would read there, in order; none where there are no jigsaw items."""
    if folders := _item_folders(source):
        return [folder / name for folder in folders for name in ("request.json", *PICTURES)]
    return _parquet_files(source)


def _parquet_files(source: Path) -> list[Path]:
    """Those of the split with answers, where they can be told apart by name."""
    found = [source] if source.suffix == ".parquet" and source.is_file() else sorted(source.rglob("*.parquet"))
    return [path for path in found if "test" not in path.name] or found


def _item_folders(folder: Path) -> list[Path]:
    """In the order of their numbers; a single item's folder too."""
    found = [path.parent for path in (*folder.glob("request.json"), *folder.glob("*/request.json"))]
    return sorted(
        found, key=lambda path: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name)]
    )


def _folder_row(folder: Path) -> Row:
    path = folder / "request.json"
    try:
        request = json.loads(path.read_text(encoding="utf-8"))
        answer, query = str(request["answer"]), str(request["query"])
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not an item's request ({error!r})") from error
    images = []
    for name in PICTURES:
        if not (folder / name).is_file():
            raise InputError(f"{folder}: its picture {name} is missing")
        images.append((folder / name).read_bytes())
    return _row(folder.name, str(path), re.sub(r"<img src='[^']*'>\s*", "", query), answer, images)


def _parquet_rows(path: Path) -> Iterator[Row]:
    try:
        file = pq.ParquetFile(path)
        if missing := [name for name in ("idx", "answer", *COLUMNS) if name not in file.schema_arrow.names]:
            raise InputError(
                f"{path}: lacks the columns {', '.join(missing)}; it should be the subset {HUB_CONFIGURATION}"
            )
        for batch in file.iter_batches(batch_size=16):
            for values in batch.to_pylist():
                yield _values_row(values, str(path))
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: not a readable Parquet file ({error})") from error


def _hub_rows(dataset: str) -> Iterator[Row]:
    from datasets import Image, load_dataset

    try:
        rows = load_dataset(dataset, HUB_CONFIGURATION, split=HUB_SPLIT)
        for column in COLUMNS:
            rows = rows.cast_column(column, Image(decode=False))
    except Exception as error:  # datasets and its HTTP stack raise some twenty kinds, none of them a common one
        told = " ".join(str(error).split())[:300]
        raise InputError(
            f"hf://{dataset}: its subset {HUB_CONFIGURATION} cannot be opened ({type(error).__name__}: {told}); is the "
            "id right and the hub reachable? A local folder of the items needs no hub"
        ) from error
    return (_values_row(dict(values), f"hf://{dataset}") for values in rows)


def _values_row(values: dict[str, Any], source: str) -> Row:
    name = f"{source}, item {values['idx']}"
    images = [data for column in COLUMNS if (data := (values[column] or {}).get("bytes"))]
    if len(images) < len(COLUMNS):
        raise InputError(f"{name}: lacks a picture")
    prompt = str(values.get("prompt") or jigsaw.PROMPT)
    return _row(str(values["idx"]), name, prompt, str(values["answer"]), images)


def _row(item_id: str, name: str, prompt: str, answer: str, images: list[bytes]) -> Row:
    """One item, of the published form.

    Raises:
        InputError: Another prompt, an answer that is none, or pictures whose sizes do not fit together.
    """
    letter = answer.strip().strip("()").upper()
    if letter not in jigsaw.CHOICES:
        told = "it is of the hidden test set" if "hidden" in answer.lower() or not letter else f"it is {answer!r}"
        raise InputError(f"{name}: field answer must be (A) or (B), but {told}")
    if prompt.split() != jigsaw.PROMPT.split():
        raise InputError(f"{name}: its prompt is not that of BLINK's Jigsaw")
    sizes = [decode_image(data, f"{name}, picture {place}").shape[:2] for place, data in enumerate(images, 1)]
    if sizes[1] != sizes[2] or (sizes[0][0] // 2, sizes[0][1] // 2) != sizes[1]:
        raise InputError(f"{name}: candidates must have half the sides of the first picture, not {sizes}")
    return Row(
        id=f"{jigsaw.TASK}-official-{re.sub('[^a-z0-9-]', '-', item_id.lower())}",
        task=jigsaw.TASK,
        split=SPLIT,
        level=LEVEL,
        question=jigsaw.QUESTION,
        images=images,
        helper_images=[],
        thought_before="",
        thought_after="",
        answer=letter,
        choices=list(jigsaw.CHOICES.values()),
        meta={"answer": letter},
        teacher="official",
    )
