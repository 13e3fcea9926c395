"""The published CoMT as rows: `data.jsonl` beside `images/{creation,deletion,update,selection}/`.

Lines hold `id`, `question`, `option`, `image` (["[IMAGE0:NAME]", ...]), `rationale`, `answer` (a letter), `type` and
`annotations`. Mirage's "COMT geometry" is most probably the type `creation`, whose 1,020 items are its 820 + 200.

Source: github czhhzc/CoMT, README; the set itself, `czh-up/CoMT` on the Hugging Face hub, was not at hand. Pictures
that the question does not mark (`[IMAGE0]`) are taken to belong to the rationale, at its marks.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mirage_core.benchmark.official_row import SPLIT
from mirage_core.errors import InputError
from mirage_core.puzzles import geometry
from mirage_core.row import Row

DATA_FILE = "data.jsonl"
FIELDS = ("id", "question", "option", "image", "rationale", "answer", "type")
TYPES = ("creation", "deletion", "update", "selection")
GEOMETRY = "creation"
MARK = re.compile(r"\[?<?\bIMAGE(\d+)(?::[^\]>\s]*)?[\]>]?")
ENTRY = re.compile(r"\W*IMAGE(\d+):\s*([^\]]+?)\W*$")
"""An item of `image`: the number by which marks call it, and the name of its file without or with its ending."""
SUFFIXES = ("", ".png", ".jpg", ".jpeg")


def read_comt(source: Path, kind: str = GEOMETRY) -> Iterator[Row]:
    """Stream the items of a type as rows.

    Args:
        source: The folder that holds `data.jsonl`, or that file.
        kind: One of `TYPES`.

    Yields:
        Rows; one without its pictures ("no_picture") or whose answer is none of its options ("no_right_answer") says so
        in its verdict.

    Raises:
        InputError: No such file or type, or a line that is no item.
    """
    if kind not in TYPES:
        raise InputError(f"type {kind}: CoMT has {', '.join(TYPES)}")
    path = comt_file(source)
    if path is None:
        raise InputError(f"{source}: no {DATA_FILE} of CoMT there; give the folder that holds it and images/")
    for item in _items(path):
        if item["type"] == kind:
            yield _row(path, item)


def comt_file(source: Path) -> Path | None:
    """CoMT's file of items there; None where there is none, or a `.jsonl` of another set."""
    path = source / DATA_FILE if source.is_dir() else source
    if path.name != DATA_FILE or not path.is_file():
        return None
    with path.open(encoding="utf-8", errors="replace") as file:
        first = file.readline()
    return path if all(f'"{name}"' in first for name in FIELDS) else None


def comt_files(path: Path, kind: str = GEOMETRY) -> Iterator[Path]:
    """The file of items and the pictures of a type, in order, as far as they exist."""
    yield path
    for item in _items(path):
        if item["type"] == kind:
            yield from (found for found in _pictures(path, item).values() if found)


def _items(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                item = json.loads(line)
                missing = [name for name in FIELDS if name not in item]
            except (json.JSONDecodeError, TypeError) as error:
                raise InputError(f"{path}, line {number}: not an item of CoMT ({error})") from error
            if missing:
                raise InputError(f"{path}, line {number}: lacks the fields {', '.join(missing)}")
            yield item


def _row(path: Path, item: dict[str, Any]) -> Row:
    files = _pictures(path, item)
    pictures = {number: file.read_bytes() for number, file in files.items() if file}
    question, rationale = str(item["question"]).strip(), str(item["rationale"])
    shown = [int(number) for number in MARK.findall(question)]
    drawn = [number for number in pictures if number not in shown]
    before, after = _split(rationale)
    options = [str(option) for option in item["option"]]
    letter = str(item["answer"]).strip().strip("()").upper()
    whole = len(pictures) == len(files) and all(number in pictures for number in shown)
    right = letter in geometry.LETTERS[: len(options)] and letter != ""
    return Row(
        id=f"{geometry.TASK}-official-{re.sub('[^a-z0-9-]', '-', str(item['id']).lower())}",
        task=geometry.TASK,
        split=SPLIT,
        level=0,
        question=geometry.question_text(MARK.sub("<image>", question), options),
        images=[pictures[number] for number in shown if number in pictures],
        helper_images=[pictures[number] for number in drawn],
        thought_before=before,
        thought_after=after,
        answer=letter,
        choices=options,
        meta={"choices": options, "letter": letter, "type": item["type"]},
        teacher="official",
        verdict="ok" if whole and right else "no_picture" if right else "no_right_answer",
    )


def _split(rationale: str) -> tuple[str, str]:
    """The rationale ahead of its first picture, and the rest without marks."""
    first = MARK.search(rationale)
    if first is None:
        return "", rationale.strip()
    return rationale[: first.start()].strip(), " ".join(MARK.sub(" ", rationale[first.end() :]).split())


def _pictures(path: Path, item: dict[str, Any]) -> dict[int, Path | None]:
    """Number -> file of every picture that an item lists; None where it is missing."""
    found: dict[int, Path | None] = {}
    for entry in item["image"]:
        named = ENTRY.match(str(entry))
        if named is None:
            raise InputError(f"{path}, item {item['id']}: field image: {entry!r} is not of the form IMAGE0:NAME")
        places = [path.parent / "images" / str(item["type"]) / f"{named[2]}{suffix}" for suffix in SUFFIXES]
        found[int(named[1])] = next((place for place in places if place.is_file()), None)
    return found
