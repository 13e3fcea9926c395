r"""Official test sets as rows: VSP's folders, Mirage's published JSONL, BLINK's jigsaws, SAT and CoMT.

Lines of the JSONL hold `text_input` and `image_input`; planning lines the board in `map_desc`, reasoning lines the plan
in `text_input` (`Full Action Plan: RIGHT, UP`) and the gold letter in a `\boxed{}` of `text_output`, their board being
read from the picture. Source: github UMass-Embodied-AGI/Mirage.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mirage_core.benchmark.comt_official import comt_file, comt_files, read_comt
from mirage_core.benchmark.official_jigsaw import official_files, read_official
from mirage_core.benchmark.official_row import official_board, official_row, planning_row
from mirage_core.benchmark.sat_official import read_official_sat, sat_files
from mirage_core.benchmark.vsp_layout import find_task, read_task, task_files
from mirage_core.errors import InputError
from mirage_core.photos.fingerprint import hub_commit
from mirage_core.published import MAP_LETTERS, find_picture
from mirage_core.puzzles import jigsaw, sat, vsp, vsp_reasoning
from mirage_core.row import Row, decode_image, write_rows

OFFICIAL_JIGSAWS = "official BLINK jigsaws"
"""Their name in tables."""


def import_test(source: Path, out: Path) -> dict[str, Any]:
    """Write an official test set as rows below `out`.

    Args:
        source: A `.jsonl` file of the published form, a folder that is or holds VSP's `task-main`, one of its folders
            `task1` to `task4`, a folder of BLINK's jigsaw items (see `official_jigsaw`) or `hf://OWNER/NAME` for these,
            a folder of CoMT (see `comt_official`), or Parquet files of SAT (see `sat_official`).
        out: Artifact folder.

    Returns:
        Counts: rows, by level too, and pictures of a row (3 where the prompt's two figures were found).

    Raises:
        InputError: Nothing of these layouts there, or an item that cannot be used; the message names the file.
    """
    read = list(_read(source))
    rows = [row for row in read if row.verdict == "ok"]
    if not rows:
        raise InputError(f"{source}: holds no test items")
    write_rows(rows, str(out / "rows"))
    levels = sorted({row.level for row in rows})
    by_level = {f"level {level}": sum(row.level == level for row in rows) for level in levels}
    counts = {"rows": len(rows), **by_level, "pictures of a row": len(rows[0].images)}
    reasons = Counter(row.verdict for row in read if row.verdict != "ok")
    return {**counts, "rejected": dict(reasons)} if reasons else counts


def fingerprint(source: Path) -> str:
    """sha256 over names and contents of the files that `import_test` would read, and the name of the task.

    Raises:
        InputError: There is nothing at `source`.
    """
    if (dataset := hub_name(source)) is not None:
        return hashlib.sha256(f"{jigsaw.TASK} {dataset} {hub_commit(dataset)}".encode()).hexdigest()
    if not source.exists():
        raise InputError(
            f"{source}: no such test set; give the folder that holds task-main, one of task1 to task4, or a .jsonl file"
        )
    digest = hashlib.sha256()
    for part in _content(source):
        digest.update(part)
    return digest.hexdigest()


def _content(source: Path) -> Iterator[bytes]:
    """Names and contents of what is read there, led by the task where names alone would not tell it."""
    if sats := sat_files(source):
        yield sat.TASK.encode()
        yield from (part for path in sats for part in (path.name.encode(), path.read_bytes()))
    elif jigsaws := official_files(source):
        yield jigsaw.TASK.encode()
        yield from (part for path in jigsaws for part in (path.parent.name.encode(), path.read_bytes()))
    elif comt := comt_file(source):
        yield from (part for path in comt_files(comt) for part in (path.name.encode(), path.read_bytes()))
    elif source.is_dir():
        folder = find_task(source)
        yield folder.task.encode()
        for path in task_files(folder):
            yield str(path.relative_to(folder.maps.parent)).encode()
            yield path.read_bytes()
    else:
        yield source.read_bytes()  # names its pictures
        yield from (item.picture.read_bytes() for item in _published_items(source))


def title_of_test(source: Path) -> str:
    """How an official test set is called in tables; the same wherever it lies and whatever its folder is called."""
    if comt_file(source):
        return "official CoMT creation"
    if source.suffix == ".jsonl":
        return "published items"
    if hub_name(source) is not None:
        return OFFICIAL_JIGSAWS
    if sats := sat_files(source):
        return "SAT-Real" if all("test" in path.stem.lower() for path in sats) else "published SAT"
    if official_files(source):
        return OFFICIAL_JIGSAWS
    task = find_task(source).task
    return "official VSP boards" if task == vsp.TASK else f"official VSP {task.removeprefix('vsp_')}"


class _Published(NamedTuple):
    """One line of the published JSONL."""

    number: int
    name: str
    """File and line, for messages."""
    fields: dict[str, Any]
    question: str
    picture: Path


def hub_name(source: Path) -> str | None:
    """OWNER/NAME of `hf://OWNER/NAME`, of which a path has lost a slash; None for files of this machine."""
    told = source.as_posix()
    return told.removeprefix("hf:").strip("/").removeprefix("datasets/") if told.startswith("hf:/") else None


def _read(source: Path) -> Iterator[Row]:
    if (dataset := hub_name(source)) is not None:
        return read_official(f"hf://{dataset}")
    if comt_file(source):
        return read_comt(source)
    if source.suffix == ".jsonl":
        return _read_jsonl(source)
    if sat_files(source):
        return read_official_sat(source)
    return read_official(str(source)) if official_files(source) else iter(read_task(find_task(source)))


def _read_jsonl(source: Path) -> Iterator[Row]:
    for item in _published_items(source):
        yield _reasoning_row(item) if "Full Action Plan:" in item.question else _planning_row(item)


def _published_items(source: Path) -> Iterator[_Published]:
    try:
        lines = source.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{source}: not a readable .jsonl file ({error})") from error
    for number, line in enumerate(lines, 1):
        name = f"{source}, line {number}"
        try:
            fields = json.loads(line)
            question, picture = str(fields["text_input"]), str(fields["image_input"])
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise InputError(f"{name}: not a published item ({error!r})") from error
        if question.count("<image>") != 1:
            raise InputError(f"{name}: field text_input must hold one <image> mark")
        found = find_picture(source, picture)
        if found is None:
            raise InputError(f"{name}: field image_input names {picture}, which is nowhere beside or above the file")
        yield _Published(number, name, fields, question, found)


def _planning_row(item: _Published) -> Row:
    try:
        letters = ["".join(MAP_LETTERS.get(value, "?") for value in row) for row in item.fields["map_desc"]]
        item_id = f"{item.fields['map_id']}-{item.number}"
    except (KeyError, TypeError) as error:
        raise InputError(f"{item.name}: not a published item ({error!r})") from error
    return planning_row(item_id, item.name, official_board(letters, item.name), item.question, item.picture)


def _reasoning_row(item: _Published) -> Row:
    png = item.picture.read_bytes()
    board = vsp.read_board(decode_image(png, str(item.picture)))
    if board is None:
        raise InputError(f"{item.picture}: does not show the first state of a maze")
    words = re.findall(r"Full Action Plan:(.*)", item.question)[0].split(",")
    plan = "".join(vsp_reasoning.MOVES_BY_NAME.get(word.strip(), "?") for word in words)
    letters = re.findall(r"\\boxed\{\s*([ABC])\s*\}", str(item.fields.get("text_output")))
    if "?" in plan:
        raise InputError(
            f"{item.name}: field text_input: a move of the plan is none of {', '.join(vsp_reasoning.MOVES_BY_NAME)}"
        )
    if not letters:
        raise InputError(f"{item.name}: field text_output must hold A, B or C in a box")
    return official_row(
        vsp_reasoning.TASK,
        f"{item.picture.parent.name}-{item.number}",
        item.name,
        board.size,
        item.question,
        [png],
        letters[-1],
        {"board": list(board.rows), "plan": plan},
        list(vsp_reasoning.OUTCOMES.values()),
    )
