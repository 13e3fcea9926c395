"""Official test sets as rows: VSP's folder layout and Mirage's published JSONL.

VSP: `maze/task-main/maps/level{3..8}/{img/N.png, table/N.txt}`, github UCSB-NLP-Chang/Visual-Spatial-Planning.
Mirage: JSONL with `text_input`, `image_input`, `map_desc`, github UMass-Embodied-AGI/Mirage.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mirage_core.errors import InputError
from mirage_core.puzzles import vsp
from mirage_core.row import Row, decode_image, write_rows

TABLE_LETTERS = {"@": "S", "_": "F", "#": "H", "*": "G"}
MAP_LETTERS = {1: "S", 0: "F", -1: "H", 2: "G"}
SPLIT = "test"


def import_test(source: Path, out: Path) -> dict[str, Any]:
    """Write an official test set as rows below `out`.

    Args:
        source: A `.jsonl` file of the published form, or a folder that is or holds VSP's `task-main`.
        out: Artifact folder.

    Returns:
        Counts: rows, by level too.

    Raises:
        InputError: Nothing of either layout there, or an item that cannot be used; the message names the file.
    """
    rows = list(_read_jsonl(source) if source.suffix == ".jsonl" else _read_folder(source))
    if not rows:
        raise InputError(f"{source}: holds no test items")
    write_rows(rows, str(out / "rows"))
    levels = sorted({row.level for row in rows})
    return {"rows": len(rows), **{f"level {level}": sum(row.level == level for row in rows) for level in levels}}


def fingerprint(source: Path) -> str:
    """sha256 over names and contents of the files that `import_test` would read.

    Raises:
        InputError: There is nothing at `source`.
    """
    if not source.exists():
        raise InputError(f"{source}: no such test set; give the folder that holds task-main, or a .jsonl file")
    digest = hashlib.sha256()
    if source.is_dir():
        for path in _folder_files(source):
            digest.update(str(path.relative_to(source)).encode())
            digest.update(path.read_bytes())
    else:
        digest.update(source.read_bytes())  # names its pictures
        for item in _published_items(source):
            digest.update(item.picture.read_bytes())
    return digest.hexdigest()


def _folder_files(source: Path) -> list[Path]:
    maps = _maps_folder(source)
    return sorted([*maps.glob("level*/table/*.txt"), *maps.glob("level*/img/*.png")])


def _maps_folder(source: Path) -> Path:
    candidates = [source / "maze/task-main/maps", source / "task-main/maps", source / "maps", source]
    for folder in candidates:
        if any(folder.glob("level*/table")):
            return folder
    raise InputError(f"{source}: not VSP's layout; expected task-main/maps/level3/table/0.txt and so on below it")


def _read_folder(source: Path) -> Iterator[Row]:
    tables = _maps_folder(source).glob("level*/table/*.txt")
    for table in sorted(tables, key=lambda path: (path.parent.parent.name, len(path.stem), path.stem)):
        picture = table.parent.parent / "img" / f"{table.stem}.png"
        lines = [line.split("|")[2:-1] for line in table.read_text(encoding="utf-8").splitlines() if "| Row" in line]
        letters = ["".join(TABLE_LETTERS.get(cell.strip(), "?") for cell in line) for line in lines]
        yield _row(f"{table.parent.parent.name}-{table.stem}", letters, table, picture, vsp.QUESTION)


class _Published(NamedTuple):
    """One line of the published JSONL."""

    id: str
    name: str
    letters: list[str]
    question: str
    picture: Path


def _read_jsonl(source: Path) -> Iterator[Row]:
    for item in _published_items(source):
        yield _row(item.id, item.letters, item.name, item.picture, item.question)


def _published_items(source: Path) -> Iterator[_Published]:
    try:
        lines = source.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{source}: not a readable .jsonl file ({error})") from error
    for number, line in enumerate(lines, 1):
        name = f"{source}, line {number}"
        try:
            item = json.loads(line)
            letters = ["".join(MAP_LETTERS.get(value, "?") for value in row) for row in item["map_desc"]]
            question, picture, map_id = str(item["text_input"]), str(item["image_input"]), item["map_id"]
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise InputError(f"{name}: not a published item ({error!r})") from error
        if question.count("<image>") != 1:
            raise InputError(f"{name}: field text_input must hold one <image> mark")
        yield _Published(f"{map_id}-{number}", name, letters, question, _find_picture(source, picture, name))


def _find_picture(source: Path, written: str, name: str) -> Path:
    """Published paths start at the repository's root; look upwards from the JSONL for the folder they fit."""
    parts = Path(written).parts
    beside = source.resolve().parent
    for folder in (beside, *beside.parents):
        shortest = 1 if folder == beside else 2  # further up a bare `0.png` could be anything
        for first in range(len(parts) - shortest + 1):
            if (path := folder.joinpath(*parts[first:])).is_file():
                return path
    raise InputError(f"{name}: field image_input names {written}, which is nowhere beside or above the file")


def _row(item_id: str, letters: list[str], name: Path | str, picture: Path, question: str) -> Row:
    try:
        board = vsp.Board(tuple(letters))
    except ValueError as error:
        raise InputError(f"{name}: {error}") from error
    if not picture.is_file():
        raise InputError(f"{name}: its picture {picture} is missing")
    png = picture.read_bytes()
    decode_image(png, str(picture))
    plan = vsp.solve(board)
    if plan is None:
        raise InputError(f"{name}: the goal cannot be reached")
    return Row(
        id=f"{vsp.TASK}-official-{re.sub('[^a-z0-9-]', '-', item_id.lower())}",
        task=vsp.TASK,
        split=SPLIT,
        level=board.size,
        question=question,
        images=[png],
        helper_images=[],
        thought_before="",
        thought_after="",
        answer=vsp.answer_text(plan),
        meta={"board": list(board.rows), "plan": plan},
        teacher="official",
    )
