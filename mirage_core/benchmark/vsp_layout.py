"""VSP's folders: `maze/{task-main,task1,..,task4}/maps/level3/{img/N.png, table/N.txt, question/N.txt, answer/N.txt}`.

Level folders of task 4 are called `level_step1` and so on. The prompts of the smaller tasks lie beside `maps` in
`prompt-text/prompt-text.txt`, their two figures, where present, in `prompt-visual-images/system-figure-{1,2}.png`.

Source: github UCSB-NLP-Chang/Visual-Spatial-Planning; the way the slots are filled is that of its test.py.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mirage_core.benchmark.official_row import official_board, official_picture, official_row, planning_row
from mirage_core.errors import InputError
from mirage_core.puzzles import vsp, vsp_tasks
from mirage_core.row import Row, decode_image

TABLE_LETTERS = {"@": "S", "_": "F", "#": "H", "*": "G"}
PARTS = {
    vsp.TASK: ("table",),
    vsp_tasks.HOLE: ("table", "question", "answer"),
    vsp_tasks.POSITION: ("table",),
    vsp_tasks.MATCH: ("question", "answer"),
    vsp_tasks.SAFETY: ("table", "question", "answer"),
}
"""Texts of an item; the first one lists the items."""
YES_NO = {"Y": "Yes", "N": "No"}
NUM_FIGURES = 2


class TaskFolder(NamedTuple):
    """Where a task's items lie."""

    task: str
    maps: Path
    """Holds `level3`, ..."""

    @property
    def prompt(self) -> Path:
        return self.maps.parent / "prompt-text/prompt-text.txt"

    @property
    def figures(self) -> list[Path]:
        folder = self.maps.parent / "prompt-visual-images"
        return [folder / f"system-figure-{number}.png" for number in range(1, NUM_FIGURES + 1)]


def find_task(source: Path) -> TaskFolder:
    """Which task a folder holds: one of task1 to task4 if it is called so, else planning.

    Raises:
        InputError: It has another layout.
    """
    named = source.resolve()
    named = named.parent if named.name == "maps" else named
    if (task := f"vsp_{named.name}") in vsp_tasks.TASKS:
        candidates = [named / "maps"]
    else:
        task = vsp.TASK
        candidates = [source / "maze/task-main/maps", source / "task-main/maps", source / "maps", source]
    for maps in candidates:
        if any(maps.glob(f"level*/{PARTS[task][0]}")):
            return TaskFolder(task, maps)
    inner = "maps/level3/table/0.txt" if task == vsp.TASK else f"maps/level*/{PARTS[task][0]}/0.txt"
    inner = f"task-main/{inner}" if task == vsp.TASK else inner
    raise InputError(
        f"{source}: not VSP's layout; expected {inner} and so on below it (give a folder that is or holds task-main, "
        "or one of task1 to task4)"
    )


def task_files(folder: TaskFolder) -> list[Path]:
    """All that `read_task` reads."""
    texts = [path for part in PARTS[folder.task] for path in folder.maps.glob(f"level*/{part}/*.txt")]
    prompt = [] if folder.task == vsp.TASK else [folder.prompt, *folder.figures]
    return sorted([*texts, *folder.maps.glob("level*/img/*.png"), *(path for path in prompt if path.is_file())])


def read_task(folder: TaskFolder) -> Iterator[Row]:
    """Items by level and number.

    Raises:
        InputError: One cannot be used; the message names the file.
    """
    first = PARTS[folder.task][0]
    paths = folder.maps.glob(f"level*/{first}/*.txt")
    prompt = None if folder.task == vsp.TASK else _Prompt.read(folder)
    for path in sorted(paths, key=lambda path: (path.parent.parent.name, len(path.stem), path.stem)):
        level = path.parent.parent
        item = _Item(f"{level.name}-{path.stem}", path, level / "img" / f"{path.stem}.png")
        if prompt is None:
            board = official_board(_read_table(_text(path)), path)
            yield planning_row(item.id, path, board, vsp.QUESTION, item.picture)
        else:
            yield _READERS[folder.task](item, prompt)


class _Item(NamedTuple):
    id: str
    path: Path
    """The first of its texts; stands in messages."""
    picture: Path

    def text(self, part: str) -> str:
        return _text(self.path.parent.parent / part / self.path.name).strip()

    def board(self) -> vsp.Board:
        return official_board(_read_table(self.text("table")), self.path)


class _Prompt(NamedTuple):
    """The wording of a task's question."""

    path: Path
    text: str
    """With `<image>` for the figures that are present and for the item's picture."""
    figures: list[bytes]

    @classmethod
    def read(cls, folder: TaskFolder) -> "_Prompt":
        """The prompt of a task; the line of a figure that is not there is left out.

        Raises:
            InputError: There is none, or it has no slot for the picture.
        """
        text, figures = _text(folder.prompt), []
        for number, path in enumerate(folder.figures, 1):
            if path.is_file():
                figures.append(path.read_bytes())
                decode_image(figures[-1], str(path))
            text = re.sub(rf"<IMAGE-{number}>\n*", "<image>\n\n" if path.is_file() else "", text)
        if text.count("<TEST-IMAGE>") != 1:
            raise InputError(f"{folder.prompt}: must hold one slot <TEST-IMAGE>")
        return cls(folder.prompt, text.replace("<TEST-IMAGE>", "<image>").strip(), figures)

    def fill(self, slot: str, text: str) -> str:
        if self.text.count(slot) != 1:
            raise InputError(f"{self.path}: must hold one slot {slot}")
        return self.text.replace(slot, text)


def _hole_row(item: _Item, prompt: _Prompt) -> Row:
    board, asked = item.board(), item.text("question")
    cell = vsp_tasks.asked_cell(asked)
    if cell is None or not all(1 <= number <= board.size for number in cell):
        raise InputError(f"{item.path}: its question {asked!r} names no cell of a board of size {board.size}")
    meta = {"board": list(board.rows), "cell": list(cell)}
    images = [*prompt.figures, official_picture(item.picture, board, item.path)]
    question, answer = prompt.fill("<QUESTION>", asked), _yes_no(item)
    return official_row(vsp_tasks.HOLE, item.id, item.path, board.size, question, images, answer, meta)


def _position_row(item: _Item, prompt: _Prompt) -> Row:
    board = item.board()
    images = [*prompt.figures, official_picture(item.picture, board, item.path)]
    answer, meta = vsp_tasks.position_answer(board), {"board": list(board.rows)}
    return official_row(vsp_tasks.POSITION, item.id, item.path, board.size, prompt.text, images, answer, meta)


def _match_row(item: _Item, prompt: _Prompt) -> Row:
    """The board is that of the right table; the comparison with the picture tells whether that is the right one."""
    asked = item.text("question")
    tables = [table.strip() for table in re.split(r"^\([A-D]\)$", asked, flags=re.MULTILINE)[1:]]
    gold = item.text("answer").rsplit("\n", 1)[-1]
    if len(tables) != len(vsp_tasks.CHOICES) or gold not in ("0", "1", "2", "3"):
        raise InputError(f"{item.path}: needs four tables (A) to (D) and an answer that ends in a number from 0 to 3")
    board = official_board(_read_table(tables[int(gold)]), item.path)
    images = [*prompt.figures, official_picture(item.picture, board, item.path)]
    answer = vsp_tasks.CHOICES[int(gold)]
    meta, question = {"board": list(board.rows), "choice": answer}, prompt.fill("<CANDIDATES>", asked)
    return official_row(vsp_tasks.MATCH, item.id, item.path, board.size, question, images, answer, meta, tables)


def _safety_row(item: _Item, prompt: _Prompt) -> Row:
    """The level is the number of moves: all boards are 5 x 5."""
    board, plan = item.board(), item.text("question")
    if not plan or not set(plan) <= set(vsp.MOVES):
        raise InputError(f"{item.path}: its question {plan!r} is no plan of the letters {', '.join(vsp.MOVES)}")
    question = prompt.fill("<ACTION-SEQ>", ", ".join(vsp_tasks.PLAN_WORDS[move] for move in plan))
    meta, answer = {"board": list(board.rows), "plan": plan}, _yes_no(item)
    images = [*prompt.figures, official_picture(item.picture, board, item.path)]
    return official_row(vsp_tasks.SAFETY, item.id, item.path, len(plan), question, images, answer, meta)


_READERS = {
    vsp_tasks.HOLE: _hole_row,
    vsp_tasks.POSITION: _position_row,
    vsp_tasks.MATCH: _match_row,
    vsp_tasks.SAFETY: _safety_row,
}


def _yes_no(item: _Item) -> str:
    if (letter := item.text("answer")) not in YES_NO:
        raise InputError(f"{item.path}: its answer is {letter!r}, which should be Y or N")
    return YES_NO[letter]


def _read_table(text: str) -> list[str]:
    """Rows of letters S, F, H, G; a "?" for what is none of a table's signs."""
    lines = [line.split("|")[2:-1] for line in text.splitlines() if "| Row" in line]
    return ["".join(TABLE_LETTERS.get(cell.strip(), "?") for cell in line) for line in lines]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
