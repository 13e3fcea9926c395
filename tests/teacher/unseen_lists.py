"""Lists of sentences that were written before the checks met them, and how the checks take each sentence.

`unseen/`: leaks ("P: " marks those that tell of a plan, which only a planning thought may not), ends of a walk behind
the outcomes in which they are true, things said of BOARD (true "+", false "-"), and innocent sentences.
`python tests/teacher/unseen_lists.py 1` counts list 1.
"""

import sys
from collections.abc import Iterator
from math import sqrt
from pathlib import Path
from typing import NamedTuple

from mirage_core.puzzles import vsp, vsp_reasoning
from mirage_core.teacher import Explanation, said
from mirage_core.teacher.leaks import leak_in

FOLDER = Path(__file__).parent / "unseen"
BOARD = vsp.Board(("SFFH", "FHFF", "FFFH", "HFFG"))
ANSWER = "D,D,R,R,D,R"
PLANNING = Explanation(
    "I start from [(0,0),Start]; the target is at [(3,3),Target]. {} Let me trace the way.",
    "Moving down to [(1,0),Ice] brings me closer to the target. Then I go down to [(2,0),Ice]. A step right to "
    "[(2,1),Ice] helps. Then right to [(2,2),Ice]. I go down to [(3,2),Ice]. Moving right to [(3,3),Target] reaches "
    "the target.",
)
WALKS = {
    "A": (
        "DDRRDR",
        "Moving to [(2,0),Ice] is fine. Next, moving to [(2,1),Ice] helps. Next, moving to [(2,2),Ice] too. Next, "
        "moving to [(3,2),Ice] helps. Next, moving to [(3,3),Target] is the last move. {}",
    ),
    "B": ("DDD", "Moving to [(2,0),Ice] is fine. Next, moving to [(3,0),Hole] is the last move. {}"),
    "C": ("DDR", "Moving to [(2,0),Ice] is fine. Next, moving to [(2,1),Ice] is the last move. {}"),
}
"""Outcome -> a plan that has it, and the rest of a true thought after its first move."""


class Tried(NamedTuple):
    """A sentence in its place, and what came of it."""

    kind: str
    sentence: str
    rejected: bool


def read(name: str, number: int) -> list[str]:
    return (FOLDER / f"{name}_{number}.txt").read_text().splitlines()


def rejected_planning(sentence: str) -> bool:
    thought = PLANNING._replace(before=PLANNING.before.format(sentence))
    meta = {"board": BOARD.rows, "plan": ANSWER.replace(",", "")}
    return said.review(vsp.TASK, meta, thought, ANSWER).reason != "ok"


def rejected_reasoning(outcome: str, sentence: str) -> bool:
    plan, after = WALKS[outcome]
    before = "Moving down to [(1,0),Ice] keeps me safe. Picture the map from above."
    meta = {"board": BOARD.rows, "plan": plan, "step": 1}
    return said.review(vsp_reasoning.TASK, meta, Explanation(before, after.format(sentence)), outcome).reason != "ok"


def tried(number: int) -> Iterator[Tried]:
    """Every sentence of a list in every place where it is a lie, a leak or the truth."""
    for line in read("leaks", number):
        sentence = line.removeprefix("P: ")
        yield Tried("leak", sentence, leak_in(vsp.TASK, sentence) is not None)
        if sentence == line:
            yield Tried("leak", sentence, leak_in(vsp_reasoning.TASK, sentence) is not None)
    for line in read("outcomes", number):
        letters, sentence = line.split(": ", 1)
        for outcome in WALKS:
            kind = "true end" if outcome in letters else "false end"
            yield Tried(kind, sentence, rejected_reasoning(outcome, sentence))
    for line in read("prose", number):
        yield Tried("true prose" if line[0] == "+" else "false prose", line[2:], rejected_planning(line[2:]))
    for sentence in read("innocent", number):
        yield Tried("innocent", sentence, rejected_planning(sentence))


def wilson(count: int, total: int) -> tuple[float, float]:
    """Interval of 95 % in percent."""
    z = 1.96
    share, width = count / total, z * z / total
    half = z * sqrt(share * (1 - share) / total + width / (4 * total))
    return 100 * (share + width / 2 - half) / (1 + width), 100 * (share + width / 2 + half) / (1 + width)


def counts(number: int) -> dict[str, tuple[int, int]]:
    """Kind -> sentences rejected, and of how many."""
    found: dict[str, list[bool]] = {}
    for one in tried(number):
        found.setdefault(one.kind, []).append(one.rejected)
    return {kind: (sum(rejected), len(rejected)) for kind, rejected in found.items()}


if __name__ == "__main__":
    number = int(sys.argv[1])
    for kind, (rejected, total) in counts(number).items():
        low, high = wilson(rejected, total)
        print(f"{kind}: {rejected} of {total} rejected, {100 * rejected / total:.1f} % ({low:.1f} to {high:.1f})")
    if len(sys.argv) > 2:
        wrong = {
            (one.kind, one.sentence)
            for one in tried(number)
            if one.rejected == (one.kind in ("innocent", "true end", "true prose"))
        }
        print(*(f"{kind}: {sentence}" for kind, sentence in sorted(wrong)), sep="\n")
