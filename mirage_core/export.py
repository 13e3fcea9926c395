"""Rows as Mirage's published JSONL with its pictures: `python -m mirage_core.export ROWS OUT`.

`mirage_core.published` describes the form and reads it back.
"""

import json
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import typer

from mirage_core.errors import InputError
from mirage_core.published import MAP_LETTERS, Output, read_output
from mirage_core.puzzles import vsp, vsp_reasoning
from mirage_core.row import Row, read_rows
from mirage_core.teacher import Explanation

MAP_NUMBERS = {letter: number for number, letter in MAP_LETTERS.items()}


def export_rows(rows: Path, out: Path) -> dict[str, int]:
    """Write rows as `data/<task>/<split>.jsonl` with their pictures below `data/<task>/img/`, paths from `out`.

    Rows that are thoughts of one puzzle share its pictures. Nothing but the current row is held in memory.

    Args:
        rows: Folder of `part-*.parquet`: the `rows/` or `rejected/` of a data set.
        out: New or empty folder.

    Returns:
        Counts: rows by split, and pictures.

    Raises:
        InputError: `out` is not empty, or a row cannot be written in the published form.
    """
    if out.exists() and any(out.iterdir()):
        raise InputError(f"{out}: is not empty; give a new folder")
    counts: Counter[str] = Counter()
    files: dict[Path, IO[str]] = {}
    with ExitStack() as stack:
        for row in read_rows(str(rows)):
            line, pictures = _published_form(row)
            for name, png in pictures.items():
                counts["pictures"] += _write_picture(out / name, png, row.id)
            path = out / "data" / row.task / f"{row.split}.jsonl"
            if path not in files:
                files[path] = stack.enter_context(path.open("w", encoding="utf-8"))
            files[path].write(json.dumps(line) + "\n")
            counts[row.split] += 1
    return dict(counts)


def _published_form(row: Row) -> tuple[dict[str, Any], dict[str, bytes]]:
    """A row's line, and its pictures by their path from the root."""
    map_id = row.meta.get("map_id", row.meta.get("number"))
    if map_id is None or len(row.images) != 1 or len(row.helper_images) != 1:
        raise InputError(f"row {row.id}: only generated or imported rows with a helper image have a published form")
    folder = f"data/{row.task}/img/level_{row.level}/{map_id}"
    size = f"{row.level}x{row.level}"
    first = f"{folder}/map_{size}_step_0.png"
    planning = row.task == vsp.TASK
    helper = f"{folder}/map_reasoning_path.png" if planning else f"{folder}/map_{size}_step_{row.meta['step']}.png"
    line = {
        "text_input": row.question,
        "image_input": f"./{first}",
        "image_output": f"./{helper}",
        "text_output": _text_output(row),
        "map_id": map_id,
        "map_desc": [[MAP_NUMBERS[letter] for letter in letters] for letters in row.meta["board"]],
    }
    return line, {first: row.images[0], helper: row.helper_images[0]}


def _text_output(row: Row) -> str:
    answer = row.answer
    if row.task == vsp.TASK:
        answer = ", ".join(vsp_reasoning.MOVE_NAMES[move] for move in row.meta["plan"])
    before, after = (f"<think> {said} </think>" if said else "" for said in (row.thought_before, row.thought_after))
    if not before and not after:
        return rf"\boxed{{{answer}}}"
    text = rf"{before}<output_image>{after}The answer is \boxed{{{answer}}}."
    if read_output(text) != Output(Explanation(row.thought_before, row.thought_after), answer):
        raise InputError(f"row {row.id}: its thoughts hold tags of the published form and could not be read back")
    return text


def _write_picture(path: Path, png: bytes, row_id: str) -> bool:
    """Whether the picture is new.

    Raises:
        InputError: Another picture has its name: the rows are of several data sets, which number their puzzles anew.
    """
    if path.exists():
        if path.read_bytes() != png:
            raise InputError(f"row {row_id}: another puzzle has the picture {path}; export one data set at a time")
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png)
    return True


def main(rows: Path, out: Path) -> None:
    """Write ROWS, a folder of part-*.parquet, as Mirage's JSONL with pictures below OUT, a new folder."""
    try:
        for name, number in export_rows(rows, out).items():
            print(f"{name}: {number:,}")
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    typer.run(main)
