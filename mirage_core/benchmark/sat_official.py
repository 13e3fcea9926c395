"""The published SAT as rows, from its Parquet files (Hugging Face `array/SAT`: train, static, val, test).

Columns: `image_bytes` (list of pictures, as bytes or as `datasets` stores them), `question`, `answers`,
`question_type`, `correct_answer`. The authors shuffle the answers; SAT-Real (the test split) is asked in every rotation
of them, "circular evaluation", and a question counts only if all are right.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mirage_core.errors import InputError
from mirage_core.puzzles import sat
from mirage_core.row import Row

COLUMNS = ("image_bytes", "question", "answers", "question_type", "correct_answer")
STRAY_PHRASE = "in the first frame"
"""Of answers about moved things; a bug by the authors' own account, which their loader strips."""
SPLIT = "test"
BATCH_ROWS = 16


def read_sat(source: Path, split: str, circular: bool, seed: int = 0) -> Iterator[Row]:
    """Stream the items of one Parquet file as rows.

    Args:
        source: The file.
        split: Of the rows.
        circular: Every item once per rotation of its answers, ids ending in `-0`, `-1` and so on; else once, its
            answers shuffled by seed and place.
        seed: Of the shuffling.

    Yields:
        Rows; one whose right answer is not among its answers, or which has no picture, has that as its verdict.

    Raises:
        InputError: No such file, not Parquet, or a column is missing.
    """
    for number, item in enumerate(_items(source)):
        answers, right = [_strip(answer) for answer in item["answers"]], _strip(item["correct_answer"])
        if circular:
            orders = [answers[turn:] + answers[:turn] for turn in range(len(answers))]
        else:
            orders = [[answers[k] for k in np.random.default_rng([seed, number]).permutation(len(answers))]]
        for turn, choices in enumerate(orders):
            row_id = f"{sat.TASK}-{source.stem.lower()}-{number:06d}-{turn}"
            yield _row(row_id, split, item, choices, right)


def sat_files(source: Path) -> list[Path]:
    """Parquet files of the published SAT there, in order; none where there are none."""
    found = [source] if source.suffix == ".parquet" and source.is_file() else sorted(source.glob("**/*.parquet"))
    return [path for path in found if _is_sat(path)]


def read_official_sat(source: Path) -> Iterator[Row]:
    """Stream the items of all files there; those of a file named as SAT-Real, the split "test", in every rotation.

    Items that cannot be used are left out; see `read_sat`.
    """
    for path in sat_files(source):
        yield from (row for row in read_sat(path, SPLIT, circular="test" in path.stem.lower()) if row.verdict == "ok")


def circular_verdicts(graded: Iterable[tuple[str, bool]]) -> list[bool]:
    """Whether each item is right in all its rotations, of pairs of row id and whether it was right.

    Empty where no item has several rotations.
    """
    items: dict[str, list[bool]] = {}
    for row_id, right in graded:
        items.setdefault(item_of(row_id), []).append(right)
    if not any(len(rotations) > 1 for rotations in items.values()):
        return []
    return [all(rotations) for rotations in items.values()]


def item_of(row_id: str) -> str:
    """What the ids of an official item's rotations have in common."""
    return re.sub(r"(?<=-\d{6})-\d+$", "", row_id)


def _is_sat(path: Path) -> bool:
    try:
        return set(COLUMNS) <= set(pq.read_schema(path).names)
    except (pa.ArrowException, OSError):
        return False


def _row(row_id: str, split: str, item: dict[str, Any], choices: list[str], right: str) -> Row:
    images = [image["bytes"] if isinstance(image, dict) else image for image in item["image_bytes"] or []]
    verdict = (
        "no_picture" if not all(images) or not images else "ok" if choices.count(right) == 1 else "no_right_answer"
    )
    return Row(
        id=row_id,
        task=sat.TASK,
        split=split,
        level=sat.level(item["question_type"]),
        question=sat.question_text(item["question"].strip(), choices, len(images)),
        images=images,
        helper_images=[],
        thought_before="",
        thought_after="",
        answer=right,
        choices=choices,
        meta=sat.choice_meta(choices, choices.index(right) if right in choices else -1, item["question_type"]),
        teacher="official",
        verdict=verdict,
    )


def _items(source: Path) -> Iterator[dict[str, Any]]:
    try:
        with pq.ParquetFile(source) as file:
            if missing := [name for name in COLUMNS if name not in file.schema_arrow.names]:
                raise InputError(f"{source}: lacks the columns {', '.join(missing)} of the published SAT")
            for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=list(COLUMNS)):
                yield from batch.to_pylist()
    except FileNotFoundError as error:
        raise InputError(f"{source}: no such file; give a Parquet file of array/SAT") from error
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{source}: not a readable Parquet file ({error})") from error


def _strip(answer: str) -> str:
    return " ".join(answer.replace(STRAY_PHRASE, "").split())
