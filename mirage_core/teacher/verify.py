"""Proof of a thought: every claim it makes is checked against the simulator, whoever wrote it.

Read are squares with their tiles in the published form `[(row,col),Tile]`, the moves told, what is said about
distances, neighbours, counts and visits, and how it ends (`claims` lists them all). Mirage published thoughts that
contradict their own board in 6 of 10 samples, so no text is trusted, the oracle's neither.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from mirage_core.puzzles import vsp_reasoning
from mirage_core.puzzles.verdict import OK, Verdict
from mirage_core.puzzles.vsp import MOVES, Board, Cell, check
from mirage_core.teacher import Explanation
from mirage_core.teacher.read_facts import read_facts
from mirage_core.teacher.read_verdict import verdict
from mirage_core.teacher.reading import read_walk
from mirage_core.teacher.scene import PUZZLES_REMEMBERED, TILE_NAMES, Scene, manhattan, scene_of
from mirage_core.teacher.story import SQUARE_FORM, Finding, Square, Story, Told


def verify(board: Board, explanation: Explanation, answer: str) -> Verdict:
    """Check a planning thought: the answer, every square and claim, and that `after` tells the answer's moves.

    Returns:
        Verdict with the reason of the first of `findings`, or "ok".
    """
    return _verdict(findings(board, explanation, answer))


def verify_outcome(board: Board, plan: str, step: int | None, explanation: Explanation, answer: str) -> Verdict:
    """Check a reasoning thought: the answer, every square and claim, and that the moves told are the walk.

    Args:
        board: The maze.
        plan: Move letters of the plan in question.
        step: Number of moves that `before` tells; None if unknown.
        explanation: The thought.
        answer: "A", "B" or "C".

    Returns:
        Verdict with the reason of the first of `findings_outcome`, or "ok".
    """
    return _verdict(findings_outcome(board, plan, step, explanation, answer))


def verify_row(task: str, board: Board, meta: dict[str, Any], explanation: Explanation, answer: str) -> Verdict:
    """Check the thought of a row; `task` and `meta` are those of the `Row`."""
    return _verdict(findings_row(task, board, meta, explanation, answer))


def findings_row(
    task: str, board: Board, meta: dict[str, Any], explanation: Explanation, answer: str, free: bool = False
) -> Iterator[Finding]:
    """Yield every contradiction in the thought of a row, by the rules of its task; for `free` see `findings`."""
    if task == vsp_reasoning.TASK:
        return findings_outcome(board, meta["plan"], meta["step"], explanation, answer, free)
    return findings(board, explanation, answer, free)


def findings(board: Board, explanation: Explanation, answer: str, free: bool = False) -> Iterator[Finding]:
    """Yield every contradiction in a planning thought, the gravest kinds first.

    In a `free` text, a model's, facts of the board and the end are read in more forms than the oracle has, which takes
    several times as long.

    The moves of `after` may name the squares they reach or directions alone ("right twice, then down").

    Reasons: "answer_<reason of check>", "empty_thought", "square_outside", "wrong_tile", "wrong_move" (a told move does
    not lead to the square it names), "moves_not_answer" (the moves told are not the plan), then those of `claims`:
    "wrong_distance", "wrong_position", "wrong_neighbours", "wrong_count", "wrong_outcome", "wrong_visit".
    """
    graded = _graded(board, answer)
    if not graded.ok:
        yield Finding(f"answer_{graded.reason}", answer, "not a way to the target")
    if not explanation.before.strip() or not explanation.after.strip():
        yield Finding("empty_thought", "", "both parts of the thought say something")
        return
    plan = "".join(letter for letter in answer.upper() if letter in MOVES)
    scene = scene_of(board, plan, stop_at_goal=False)
    before, after = Story(scene, free=free, looking=True), Story(scene, free=free)
    before.hear(explanation.before)
    after.hear(explanation.after)
    wrong = list(_wrong_moves(scene, after.told, "moves_not_answer", len(plan)))
    if wrong:
        in_words = Story(scene, in_words=True, free=free)
        in_words.hear(explanation.after)
        wrong_in_words = list(_wrong_moves(scene, in_words.told, "moves_not_answer", len(plan)))
        if not wrong_in_words or not after.told:
            after, wrong = in_words, wrong_in_words
    yield from _wrong_squares(scene, before.squares + after.squares)
    yield from _wrong_moves(scene, before.told, "moves_not_answer", len(before.told))
    yield from wrong
    yield from before.wrong_claims
    yield from after.wrong_claims
    if free:
        yield from _wrong_verdicts(scene, explanation.after)


def findings_outcome(
    board: Board, plan: str, step: int | None, explanation: Explanation, answer: str, free: bool = False
) -> Iterator[Finding]:
    """Yield every contradiction in a reasoning thought, the gravest kinds first.

    Reasons: those of `findings`, with "moves_not_plan" for "moves_not_answer", and "wrong_split" where `before` tells
    more or fewer moves than `step`.
    """
    graded = _graded_outcome(board, plan, answer)
    scene = scene_of(board, plan, stop_at_goal=True)
    if not graded.ok:
        yield Finding(f"answer_{graded.reason}", answer, f"the walk ends on {scene.square(scene.cells[-1])}")
    num_moves = len(scene.cells) - 1
    split = None if step is None else min(step, num_moves)
    if _says_nothing(explanation, split, num_moves):
        yield Finding("empty_thought", "", "each part tells its moves")
        return
    story = Story(scene, free=free)
    story.hear(explanation.before)
    num_before = len(story.told)
    story.hear(explanation.after)
    yield from _wrong_squares(scene, story.squares)
    wrong = list(_wrong_moves(scene, story.told, "moves_not_plan", num_moves))
    yield from wrong
    if not wrong and split is not None and num_before != split:
        yield Finding("wrong_split", f"{num_before} moves before the picture", f"the picture shows move {split}")
    yield from story.wrong_claims
    if free:  # a walk that ends ahead of the picture has its end before the cue, which is the last sentence there
        yield from _wrong_verdicts(scene, explanation.after or " ".join(_sentences(explanation.before)[:-1]))


@lru_cache(maxsize=PUZZLES_REMEMBERED)
def _graded(board: Board, answer: str) -> Verdict:
    return check(board, rf"\boxed{{{answer}}}")


@lru_cache(maxsize=PUZZLES_REMEMBERED)
def _graded_outcome(board: Board, plan: str, answer: str) -> Verdict:
    return vsp_reasoning.check(board, plan, rf"\boxed{{{answer}}}")


def _verdict(found: Iterator[Finding]) -> Verdict:
    first = next(found, None)
    return Verdict(False, first.reason) if first else OK


def _says_nothing(explanation: Explanation, split: int | None, num_moves: int) -> bool:
    """Whether a part with moves to tell is empty; where the split is unknown, either part may tell them all."""
    if split is None:
        return not f"{explanation.before}{explanation.after}".strip()
    return not explanation.before.strip() or (split < num_moves and not explanation.after.strip())


def verdicts_in(text: str) -> list[str]:
    """The sentences behind the last one that names a square or tells a move: they speak of the end."""
    found: list[str] = []
    for sentence in reversed(_sentences(text)):
        if SQUARE_FORM.search(sentence) or read_walk(sentence).letters:
            break
        found.insert(0, sentence)
    return found


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+|\n+", text.strip())


def _wrong_verdicts(scene: Scene, text: str) -> Iterator[Finding]:
    """Yield the sentences about the end that another end contradicts."""
    for sentence in verdicts_in(text):
        if scene.tiles[-1] not in verdict(sentence) and not read_facts(sentence.rstrip(".!? ")).facts:
            yield Finding("wrong_outcome", sentence.rstrip(".!? "), f"the walk ends on {scene.square(scene.cells[-1])}")


def _wrong_squares(scene: Scene, squares: list[Square]) -> Iterator[Finding]:
    for cell, letter, words in squares:
        if not scene.inside(cell):
            yield Finding("square_outside", words, f"the board has {scene.size} rows and columns")
        elif letter and scene.tile(cell) != letter:
            yield Finding("wrong_tile", words, f"it is {TILE_NAMES[scene.tile(cell)]}")


def _wrong_moves(scene: Scene, told: list[Told], reason: str, number: int) -> Iterator[Finding]:
    """Yield the first move that cannot be made as told, else whether the first `number` moves are told."""
    cells = scene.cells[1 : number + 1]
    for (cell, direction), true, letter in zip(told, cells, scene.plan, strict=False):
        if cell != true or (direction is not None and direction != letter):
            break
    else:
        if len(told) == number == len(cells):
            return
    here = scene.start
    for place, (cell, direction) in enumerate(told, 1):
        if not _leads(scene, here, cell, direction):
            truth = (
                f"move {place} leads to {scene.cells[place]}" if place < len(scene.cells) else "there is no such move"
            )
            yield Finding("wrong_move", f"move {place} from {here} to {cell}", truth)
            return
        here = cell
    yield Finding(reason, f"moves to {[cell for cell, _ in told]}", f"moves to {cells}")


def _leads(scene: Scene, here: Cell, cell: Cell, direction: str | None) -> bool:
    if direction is not None:
        return scene.step(here, direction) == cell
    last = scene.size - 1
    return manhattan(here, cell) == 1 or (here == cell and not (0 < here[0] < last and 0 < here[1] < last))
