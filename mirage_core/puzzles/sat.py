"""SAT: what moves when the camera or a thing does, asked about furnished rooms (arXiv 2412.07755).

The front door of the family: puzzles are drawn by `sample`, pictured by `pictures`, asked by `question` and graded by
`check`. Helper images are in `sat_helpers`.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

import numpy as np
from PIL import Image

from mirage_core.puzzles.sat_camera import Action, Pose, project
from mirage_core.puzzles.sat_kinds import KINDS
from mirage_core.puzzles.sat_marks import MIN_MARK_GAP, Mark, draw_marks
from mirage_core.puzzles.sat_placing import Layout, count, markable, place, room_after, why_hidden
from mirage_core.puzzles.sat_questions import CASES, Ask, QuestionType, Video, draw_ask
from mirage_core.puzzles.sat_questions import fixed_phrases as question_phrases
from mirage_core.puzzles.sat_render import Renderer, process_renderer
from mirage_core.puzzles.sat_rooms import Room, Thing, sample_room
from mirage_core.puzzles.verdict import OK, Verdict

__all__ = [
    "CASES", "QUESTION_TYPES", "TASK", "Puzzle", "QuestionType", "check", "check_choice", "check_meta", "choice_meta",
    "fixed_phrases", "from_meta", "level",
    "pictures", "process_renderer", "question", "question_text", "sample", "second_room", "text_of", "to_meta",
]  # fmt: skip

TASK = "sat"
QUESTION_TYPES: tuple[QuestionType, ...] = get_args(QuestionType)
NUM_THINGS = (8, 11)
"""In a room, both included."""
SIDE_PX = 256
ROOMS_PER_PUZZLE = 300
TRIES_PER_ROOM = 100
LOOKS_PER_ROOM = 4
"""Layouts of a room that are right by geometry and then looked at."""
NUM_OTHER_MARKS = 2
LETTERS = "abcdefgh"
"""By which an answer may name a choice."""

ANSWER_LINE = (
    " Answer the question using a single word or phrase. Choose between the following options: {options}.\n"
    "The final answer MUST BE put in \\boxed{{}}."
)
"""As SAT's script for LLaVA asks, and as Mirage's prompts end."""


@dataclass(frozen=True)
class Puzzle:
    """A question about one or two pictures of a room."""

    question_type: QuestionType
    room: Room
    asked: int
    """Number of the thing asked about."""
    layout: Layout
    marks: tuple[Mark, ...]
    text: str
    choices: tuple[str, ...]
    answer: int
    """Place of the right choice."""
    actions: tuple[Action, ...]
    """The camera's movement as a video model would be told it."""

    @property
    def answer_text(self) -> str:
        """The right choice."""
        return self.choices[self.answer]


def sample(
    renderer: Renderer, seed: int, index: int, types: Sequence[QuestionType] = QUESTION_TYPES, side_px: int = SIDE_PX
) -> tuple[Puzzle, Counter[str]]:
    """Draw the `index`-th puzzle of a seed; its type is the next of `types`.

    Text, choices and the kind of thing are drawn first, then rooms and cameras until one makes the wanted choice right
    by a clear margin, with everything asked about in sight.

    Returns:
        The puzzle, and how often which reason rejected a room or a camera.
    """
    rng, rejected = np.random.default_rng([seed, index]), Counter[str]()
    question_type, number = types[index % len(types)], index // len(types)
    while True:
        ask, right_first = draw_ask(rng, question_type, seed, number)
        kinds = [name for name, kind in KINDS.items() if kind.movable or not isinstance(ask.plan, Video)]
        wanted = kinds[int(rng.integers(len(kinds)))]
        for _ in range(ROOMS_PER_PUZZLE):
            found = _try_room(rng, renderer, wanted, ask, side_px, rejected)
            if found is not None:
                return _puzzle(rng, question_type, ask, right_first, *found), rejected
        rejected[f"given_up_{question_type}"] += 1


def pictures(puzzle: Puzzle, renderer: Renderer, side_px: int = SIDE_PX) -> list[Image.Image]:
    """The question's pictures, with its marks on the first."""
    rooms = [puzzle.room, second_room(puzzle)]
    views = [
        Image.fromarray(renderer.picture(room, pose, side_px))
        for room, pose in zip(rooms, puzzle.layout.cameras, strict=False)
    ]
    draw_marks(views[0], puzzle.marks)
    return views


def question(puzzle: Puzzle) -> str:
    """The question in SAT's wording, after one `<image>` per picture."""
    return question_text(puzzle.text, puzzle.choices, len(puzzle.layout.cameras))


def question_text(text: str, choices: Sequence[str], num_images: int) -> str:
    """The whole question of any SAT item."""
    options = " or ".join(f'"{choice}"' for choice in choices)
    return "<image>" * num_images + f"\n{text}" + ANSWER_LINE.format(options=options)


def text_of(question: str) -> str:
    """What a question of `question_text` asks, without its choices."""
    return question.removeprefix("<image>" * question.count("<image>")).partition(ANSWER_LINE[:36])[0].strip()


def fixed_phrases() -> list[str]:
    """All that whole questions are put together from, besides names and numbers."""
    return [*ANSWER_LINE.format(options="\0").split("\0"), '" or "', *question_phrases(), *KINDS]


def level(question_type: str) -> int:
    """Number of a question type, from 1; 0 for others, which the published static questions are."""
    return 1 + QUESTION_TYPES.index(question_type) if question_type in QUESTION_TYPES else 0


def check(puzzle: Puzzle, answer: str) -> Verdict:
    """Grade a model's whole output text; see `check_choice`."""
    return check_choice(puzzle.choices, puzzle.answer, answer)


def check_choice(choices: Sequence[str], right: int, answer: str) -> Verdict:
    r"""Grade a model's whole output text by its last `\boxed{...}`, which holds a choice or its letter.

    Args:
        choices: In the order in which the question offers them.
        right: Place of the right one.
        answer: The output.

    Returns:
        Verdict with reason "ok", "no_answer" (no box), "no_choice" (none of the choices is in it) or "wrong_choice".
    """
    boxes = re.findall(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}", answer)
    if not boxes:
        return Verdict(False, "no_answer")
    said = _plain(boxes[-1])
    names = [_plain(choice) for choice in choices]
    for number, (letter, name) in enumerate(zip(LETTERS, names, strict=False)):
        if said in (name, letter, f"{letter} {name}"):
            return OK if number == right else Verdict(False, "wrong_choice")
    return Verdict(False, "no_choice")


def choice_meta(choices: Sequence[str], right: int, question_type: str) -> dict[str, Any]:
    """What grading needs, of any SAT row; see `check_meta`."""
    return {"choices": list(choices), "right": right, "question_type": question_type}


def check_meta(meta: dict[str, Any], answer: str) -> Verdict:
    """Grade a model's whole output text by the `meta` of a row, generated or official; see `check_choice`."""
    return check_choice(meta["choices"], meta["right"], answer)


def to_meta(puzzle: Puzzle) -> dict[str, Any]:
    """A puzzle as JSON values."""
    return asdict(puzzle)


def from_meta(meta: dict[str, Any]) -> Puzzle:
    """The puzzle of `to_meta`, also after JSON has made lists of its tuples."""
    room, layout = meta["room"], meta["layout"]
    things = tuple(Thing(**thing) for thing in room["things"])
    flat = {name: _tuples(value) for name, value in room.items() if name != "things"}
    return Puzzle(
        meta["question_type"], Room(**flat, things=things), meta["asked"],
        Layout(
            tuple(Pose(**pose) for pose in layout["cameras"]), Pose(**layout["target"]),
            Thing(**layout["moved"]) if layout["moved"] else None, _tuples(layout["spot"]),
        ),
        tuple(Mark(**mark) for mark in meta["marks"]), meta["text"], tuple(meta["choices"]), meta["answer"],
        tuple(meta["actions"]),
    )  # fmt: skip


def second_room(puzzle: Puzzle) -> Room:
    """The room as the second picture shows it."""
    return room_after(puzzle.room, puzzle.asked, puzzle.layout.moved)


def _try_room(
    rng: np.random.Generator, renderer: Renderer, wanted: str, ask: Ask, side_px: int, rejected: Counter[str]
) -> tuple[Room, int, Layout, tuple[Mark, ...]] | None:
    """A room with cameras and marks for a question, unless a number of tries fail; their reasons are counted."""
    room = sample_room(rng, wanted, int(rng.integers(NUM_THINGS[0], NUM_THINGS[1] + 1)))
    if room is None:
        rejected["room_too_full"] += 1
        return None
    asked = next(number for number, thing in enumerate(room.things) if thing.kind == wanted)
    looks = 0
    for _ in range(TRIES_PER_ROOM):
        layout = place(rng, room, asked, ask)
        if isinstance(layout, str):
            rejected[layout] += 1
            continue
        looks += 1
        marks: tuple[Mark, ...] | str = why_hidden(renderer, room, asked, ask, layout, side_px) or _marks(
            rng, renderer, room, asked, layout, side_px
        )
        if not count(rejected, marks):
            assert not isinstance(marks, str)
            return room, asked, layout, marks
        if looks == LOOKS_PER_ROOM:
            break
    return None


def _marks(
    rng: np.random.Generator, renderer: Renderer, room: Room, asked: int, layout: Layout, side_px: int
) -> tuple[Mark, ...] | str:
    """The mark of the thing asked about, those of a few others, and the X on the floor; none for two pictures."""
    if len(layout.cameras) == 2:
        return ()
    sights = renderer.sights(room, layout.cameras[0], side_px)
    labels = iter(rng.permutation(np.arange(1, 10)).tolist())
    marks = [Mark(str(next(labels)), sights[asked].x, sights[asked].y)]
    if layout.spot is not None:
        spot = project(layout.cameras[0], (*layout.spot, 0.0))
        assert spot is not None
        marks.append(Mark("X", *spot))
        if marks[0].gap(marks[1]) < MIN_MARK_GAP:
            return "marks_overlap"
    for number in rng.permutation(markable(sights)).tolist():
        mark = Mark(str(next(labels)), sights[number].x, sights[number].y)
        if number != asked and all(mark.gap(other) >= MIN_MARK_GAP for other in marks):
            marks.append(mark)
        if sum(other.label != "X" for other in marks) == 1 + NUM_OTHER_MARKS:
            break
    return tuple(marks)


def _puzzle(
    rng: np.random.Generator, question_type: QuestionType, ask: Ask, right_first: bool, room: Room, asked: int,
    layout: Layout, marks: tuple[Mark, ...],
) -> Puzzle:  # fmt: skip
    words = {"name": room.things[asked].phrase, "mark": marks[0].label if marks else ""}
    choices = tuple(choice.format(**words) for choice in ask.choices)
    return Puzzle(
        question_type, room, asked, layout, marks, ask.text.format(**words), choices if right_first else choices[::-1],
        0 if right_first else 1, ask.actions,
    )  # fmt: skip


def _plain(text: str) -> str:
    r"""Lower-case words without quotes, LaTeX's `\text` and punctuation at the ends."""
    inner = re.sub(r"\\(?:text|mathrm)\s*\{([^{}]*)\}", r"\1", text)
    return " ".join(re.sub(r"[\"'().,:]", " ", inner).lower().split())


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value
