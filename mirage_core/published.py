r"""Mirage's published JSONL as rows; `mirage_core.export` writes the form.

A line holds `text_input`, `text_output`, `image_input`, `image_output` and perhaps `map_id` and `map_desc`. Planning
answers `\boxed{RIGHT, DOWN}`; reasoning answers
`<think> .. </think><output_image><think> .. </think>The answer is \boxed{A}.`, the second thought left out when empty.

Source: github UMass-Embodied-AGI/Mirage: `train_direct.jsonl` at e24a33e (1,000 planning rows without their pictures)
and ten reasoning examples. Deviations:

1. Pictures are drawn, not copied. One that is there must show the same pixels, but for the route of the planning rows,
   whose exact look was never published.
2. Planning with thoughts was not published either; it is read and written in the form of the reasoning rows.
"""

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from PIL import Image
from pydantic import ConfigDict, ValidationError

from mirage_core.errors import InputError
from mirage_core.grading import grade
from mirage_core.puzzles import vsp, vsp_reasoning
from mirage_core.puzzles.vsp_board import official_sets
from mirage_core.puzzles.vsp_pictures import encode_palette_png, picture, route_picture
from mirage_core.row import Row, decode_image, write_rows
from mirage_core.settings import Settings, explain
from mirage_core.teacher import Explanation, verify

MAP_LETTERS = {1: "S", 0: "F", -1: "H", 2: "G"}
"""Number in `map_desc` -> letter of the board."""
PLAN = re.compile(r"^Full Action Plan: (.*)$", re.MULTILINE)
STEP = re.compile(r"step_(\d+)\.\w+$")
MAP_ID = re.compile(r"/(\d+)/[^/]*$")
OUTPUT = re.compile(
    r"(?:(?:<think>(?P<before>.*?)</think>)?<output_image>(?:<think>(?P<after>.*?)</think>)?)?"
    r"[^<\\]*\\boxed\{(?P<answer>[^{}]*)\}\.?\s*",
    re.DOTALL,
)
OFFICIAL = "official_test_board"
"""Verdict on a row whose board stands in an official VSP test: training on it would spoil that test."""
LEAKS_FILE = "leaks.json"


class PublishedLine(Settings):
    """One line as it stands in the file."""

    model_config = ConfigDict(extra="ignore")  # the file is not ours: further fields are no mistake

    text_input: str
    """The question."""
    text_output: str
    """Thoughts, the mark of the helper image, and the answer in a box."""
    image_input: str | list[str]
    """Path of the picture of the board, from the root of the repository."""
    image_output: str
    """Path of the helper image."""
    map_id: int | None = None
    """Number of the board within its level; without it the folder of the picture tells it."""
    map_desc: list[list[Literal[-1, 0, 1, 2]]] | None = None
    """The board: 0 safe, -1 hole, 1 start, 2 goal; without it the picture tells it."""


class Output(NamedTuple):
    """A `text_output`, taken apart."""

    explanation: Explanation
    answer: str
    """What stands in the box."""


class Item(NamedTuple):
    """What a line says, read and checked."""

    line: int
    task: str
    map_id: int
    question: str
    board: vsp.Board
    plan: str
    step: int | None
    """Reasoning: moves told before the helper image."""
    explanation: Explanation
    answer: str


def import_published(source: Path, out: Path, keep_leaks: bool = False) -> dict[str, Any]:
    """Write the published rows under `rows/`, those that do not stand under `rejected/`, and `leaks.json`.

    A row is rejected with the reason of `mirage_core.teacher.verify`, of its grade where it has no thoughts, or with
    "official_test_board". `leaks.json` lists every official board: line, map_id, board, and VSP's sets that hold it.

    Args:
        source: The `.jsonl` file; pictures that are there are looked for beside and above it.
        out: Artifact folder.
        keep_leaks: Keep official boards among the rows.

    Returns:
        Counts: asked, kept, kept by split and level, official boards (rows, distinct boards, rows by set), rejected
        by reason.

    Raises:
        InputError: The file holds no rows, or one that cannot be used; the message names file, line and field.
    """
    leaks: list[dict[str, Any]] = []
    rejected: dict[int, str] = {}
    kept_by: Counter[str] = Counter()

    def kept() -> Iterator[Row]:
        for item in _items(source):
            if sets := official_sets(item.board):
                leaks.append({"line": item.line, "map_id": item.map_id, "board": item.board.rows, "sets": sets})
            row = _row(item, keep_leaks)
            if row.verdict == "ok":
                kept_by[f"{row.split} level {row.level}"] += 1
                yield row
            else:
                rejected[item.line] = row.verdict

    num_kept = write_rows(kept(), str(out / "rows"))
    if not num_kept + len(rejected):
        raise InputError(f"{source}: holds no rows")
    # read a second time, so that no number of rejects fills the memory
    write_rows((_row(item, keep_leaks) for item in _items(source, rejected)), str(out / "rejected"))
    (out / LEAKS_FILE).write_text(json.dumps(leaks, indent=1) + "\n", encoding="utf-8")
    return {
        "asked": num_kept + len(rejected),
        "kept": num_kept,
        **dict(sorted(kept_by.items())),
        "official boards": _count_leaks(leaks),
        "rejected": dict(Counter(rejected.values())),
    }


def _count_leaks(leaks: list[dict[str, Any]]) -> dict[str, int]:
    sets = Counter(name for leak in leaks for name in leak["sets"])
    return {"rows": len(leaks), "boards": len({leak["board"] for leak in leaks}), **dict(sorted(sets.items()))}


def read_output(text: str) -> Output | None:
    """Thoughts and answer of a published output; None if it has another form.

    The one space that stands on either side of a thought, between it and its tags, is no part of it.
    """
    found = OUTPUT.fullmatch(text)
    if found is None:
        return None
    before, after = ((found[name] or "").removeprefix(" ").removesuffix(" ") for name in ("before", "after"))
    return Output(Explanation(before, after), found["answer"])


def fingerprint(source: Path) -> str:
    """sha256 over the file and those of its pictures that are there: all that `import_published` reads.

    Raises:
        InputError: The file cannot be read, or a line is none of the published form.
    """
    digest = hashlib.sha256()
    for _, name, line in _lines(source):
        digest.update(line.model_dump_json().encode())
        for written in (_input_picture(line, name), line.image_output):
            found = find_picture(source, written)
            digest.update(hashlib.sha256(found.read_bytes()).digest() if found else b"missing")
    return digest.hexdigest()


def _lines(source: Path) -> Iterator[tuple[int, str, PublishedLine]]:
    """Number, name for messages, and fields of every line."""
    try:
        with source.open("rb") as file:
            for number, line in enumerate(file, 1):
                name = f"{source}, line {number}"
                yield number, name, _parse_line(line, name)
    except OSError as error:
        raise InputError(f"{source}: cannot be read ({error.strerror})") from error


def _parse_line(line: bytes, name: str) -> PublishedLine:
    try:
        return PublishedLine.model_validate(json.loads(line))
    except ValidationError as error:
        raise InputError(f"{name}: {explain(error, PublishedLine)}") from error
    except ValueError as error:
        raise InputError(f"{name}: not JSON ({error})") from error


def _items(source: Path, chosen: Container[int] | None = None) -> Iterator[Item]:
    """The chosen lines, by number; all of them if None."""
    for number, name, line in _lines(source):
        if chosen is None or number in chosen:
            yield _item(source, number, name, line)


def _item(source: Path, number: int, name: str, line: PublishedLine) -> Item:
    if line.text_input.count("<image>") != 1:
        raise InputError(f"{name}: field text_input must hold one <image> mark")
    output = read_output(line.text_output)
    if output is None:
        raise InputError(f"{name}: field text_output is not of the published form, thoughts and \\boxed{{answer}}")
    written = _input_picture(line, name)
    map_id = line.map_id
    if map_id is None:
        found = MAP_ID.search(written)
        map_id = int(found[1]) if found else number
    board = _read_map(source, name, line)
    told = PLAN.search(line.text_input)
    if told is None:
        plan = _read_moves(output.answer, name, "text_output")
        if vsp.solve(board) is None:
            raise InputError(f"{name}: field map_desc: the goal cannot be reached")
        task, step, answer = vsp.TASK, None, vsp.answer_text(plan)
    else:
        plan = _read_moves(told[1], name, "text_input")
        task, step, answer = vsp_reasoning.TASK, _read_step(line.image_output, plan, name), output.answer
        _check_picture(source, line.image_output, vsp_reasoning.step_picture(board, plan, step), name, "image_output")
    return Item(number, task, map_id, line.text_input, board, plan, step, output.explanation, answer)


def _input_picture(line: PublishedLine, name: str) -> str:
    paths = [line.image_input] if isinstance(line.image_input, str) else line.image_input
    if len(paths) != 1:
        raise InputError(f"{name}: field image_input must name one picture, not {len(paths)}")
    return paths[0]


def _read_map(source: Path, name: str, line: PublishedLine) -> vsp.Board:
    written = _input_picture(line, name)
    if line.map_desc is not None:
        try:
            board = vsp.Board(tuple("".join(MAP_LETTERS[value] for value in row) for row in line.map_desc))
        except ValueError as error:
            raise InputError(f"{name}: field map_desc: {error}") from error
        _check_picture(source, written, picture(board), name, "image_input")
        return board
    path = find_picture(source, written)
    if path is None:
        raise InputError(
            f"{name}: field image_input names {written}, which is nowhere beside or above the file, and without a "
            "field map_desc nothing else tells the board"
        )
    shown = vsp.read_board(decode_image(path.read_bytes(), f"{name}: field image_input: {path}"))
    if shown is None:
        raise InputError(f"{name}: field image_input: {path} does not show the first state of a maze")
    return shown


def _read_moves(words: str, name: str, field: str) -> str:
    try:
        return "".join(vsp_reasoning.MOVES_BY_NAME[word.strip()] for word in words.split(","))
    except KeyError as error:
        raise InputError(
            f"{name}: field {field}: {error} is none of {', '.join(vsp_reasoning.MOVES_BY_NAME)}"
        ) from error


def _read_step(written: str, plan: str, name: str) -> int:
    found = STEP.search(written)
    if found is None or int(found[1]) > len(plan):
        raise InputError(
            f"{name}: field image_output names {written}, which should end in step_N.png, N at most the "
            f"{len(plan)} moves of the plan"
        )
    return int(found[1])


def _check_picture(source: Path, written: str, ours: Image.Image, name: str, field: str) -> None:
    path = find_picture(source, written)
    if path is None:
        return
    theirs = decode_image(path.read_bytes(), f"{name}: field {field}: {path}")
    if not np.array_equal(theirs, np.asarray(ours.convert("RGB"))):
        raise InputError(f"{name}: field {field}: {path} does not show what the line says")


def find_picture(source: Path, written: str) -> Path | None:
    """Published paths start at the repository's root; look upwards from the JSONL for the folder they fit.

    Returns:
        None where the picture is nowhere.
    """
    parts = Path(written).parts
    beside = source.resolve().parent
    for folder in (beside, *beside.parents):
        shortest = 1 if folder == beside else 2  # further up a bare `0.png` could be anything
        for first in range(len(parts) - shortest + 1):
            path = os.path.join(folder, *parts[first:])
            if os.path.isfile(path):  # Path.is_file raises for names that are too long for the disk
                return Path(path)
    return None


def _row(item: Item, keep_leaks: bool) -> Row:
    board, planning = item.board, item.step is None
    meta = {"board": list(board.rows), "plan": item.plan, "map_id": item.map_id, "published": True}
    if item.step is not None:
        meta["step"] = item.step
    return Row(
        id=f"{item.task}-{board.content_hash[:16]}-line{item.line}",
        task=item.task,
        split="train",
        level=board.size,
        question=item.question,
        images=[encode_palette_png(picture(board))],
        helper_images=[encode_palette_png(_helper(item))],
        thought_before=item.explanation.before,
        thought_after=item.explanation.after,
        answer=item.answer,
        choices=[] if planning else list(vsp_reasoning.OUTCOMES.values()),
        meta=meta,
        teacher="published",
        verdict=OFFICIAL if official_sets(board) and not keep_leaks else _verdict(item, meta),
    )


def _helper(item: Item) -> Image.Image:
    if item.step is None:
        return route_picture(item.board, item.plan)
    return vsp_reasoning.step_picture(item.board, item.plan, item.step)


def _verdict(item: Item, meta: dict[str, Any]) -> str:
    if not any(item.explanation):
        graded = grade(item.task, meta, rf"\boxed{{{item.answer}}}")
        return graded.reason if graded.ok else f"answer_{graded.reason}"
    return verify.verify_row(item.task, item.board, meta, item.explanation, item.answer).reason
