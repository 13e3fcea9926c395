"""Verification: lies of every kind are found by name, the truth passes, and nothing makes it fail."""

import json
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mirage_core.puzzles import vsp
from mirage_core.teacher import Explanation, verify

NUM_CORRUPTED = 2000
BOARD = vsp.Board(("SFH", "HFF", "FFG"))
PLAN = "RDRD"
TRUTH = Explanation(
    "I start from [(0,0),Start]; the target is at [(2,2),Target]. Avoid [(0,2),Hole].",
    "Moving right to [(0,1),Ice] helps. Going down to [(1,1),Ice] helps. Then right to [(1,2),Ice]. "
    "I go down to [(2,2),Target], done.",
)
TILES = ("Start", "Ice", "Hole", "Target")
WORDS = ("up", "down", "left", "right")
LIES = {
    "A": ("The player falls into a hole.", "The plan fails.", "The target is not reached.", "The outcome is C."),
    "B": ("The plan reaches the target.", "The plan succeeds.", "The outcome is A.", "The player stays safe."),
    "C": ("The plan reaches the target.", "The player falls into a hole.", "The outcome is B.", "The plan succeeds."),
}
"""Outcome -> what is not true of it."""


# lies told on purpose, by patterns that share nothing with the verifier's


def other(rng, choices, true):
    return str(rng.choice([choice for choice in choices if choice != true]))


def replace_one(rng, text, pattern, change):
    """The text with one match of the pattern changed; None where there is none to change."""
    found = list(re.finditer(pattern, text))
    if not found:
        return None
    match = found[rng.integers(len(found))]
    new = change(match)
    return None if new is None else text[: match.start()] + new + text[match.end() :]


def wrong_tile(rng, text, board):
    return replace_one(rng, text, "|".join(f"{tile}(?=])" for tile in TILES), lambda m: other(rng, TILES, m[0]))


def wrong_place(rng, text, board):
    def move(match):
        cells = [
            (r, c) for r in range(board.size) for c in range(board.size) if (r, c) != (int(match[1]), int(match[2]))
        ]
        row, column = cells[rng.integers(len(cells))]
        # one hole instead of another may be beside the way as well
        return None if match[3] == "Hole" and board.rows[row][column] == "H" else f"({row},{column}),{match[3]}"

    return replace_one(rng, text, r"\((\d+),(\d+)\),(\w+)", move)


def wrong_direction(rng, text, board):
    return replace_one(rng, text, rf"\b({'|'.join(WORDS)})\b", lambda m: other(rng, WORDS, m[0]))


def sentences_with_moves(text):
    sentences = re.split(r"(?<=\.) ", text)
    leads = re.compile(r"(mov|go|step|head|walk|slid|stay|remain|edge)\w*\b[^.]*\[", re.IGNORECASE)
    return sentences, [n for n, sentence in enumerate(sentences) if leads.search(sentence) and " plan " not in sentence]


def dropped_move(rng, text, board):
    sentences, moves = sentences_with_moves(text)
    if not moves:
        return None
    del sentences[moves[rng.integers(len(moves))]]
    return " ".join(sentences)


def swapped_moves(rng, text, board):
    sentences, moves = sentences_with_moves(text)
    if len(moves) < 2:
        return None
    place = int(rng.integers(len(moves) - 1))
    one, two = moves[place : place + 2]
    squares = [re.findall(r"\(\d+,\d+\)", sentences[number])[0] for number in (one, two)]
    sentences[one], sentences[two] = sentences[two], sentences[one]
    return " ".join(sentences) if squares[0] != squares[1] else None


def wrong_way(rng, text, board):
    swaps = {
        "closer to the target": "further from the target",
        "brings the target closer": "leads away from the target",
        "shortens": "lengthens",
        "further from the target": "closer to the target",
        "widens": "reduces",
        "leads away from the target": "gets nearer to the target",
    }
    return replace_one(rng, text, "|".join(swaps), lambda m: swaps[m[0]])


def wrong_number(rng, text, board):
    pattern = r"\b\d+(?= (?:squares?|rows?|columns?|holes?|moves?)\b)"
    return replace_one(rng, text, pattern, lambda m: str(int(m[0]) + int(rng.integers(20, 50))))


CORRUPTIONS = {
    "tile": wrong_tile,
    "place": wrong_place,
    "direction": wrong_direction,
    "dropped move": dropped_move,
    "swapped moves": swapped_moves,
    "nearer or farther": wrong_way,
    "number": wrong_number,
    "outcome": None,
}


def corrupted(rng, case, kind):
    """The case with a lie of that kind, none if there is no room for one."""
    if kind == "letter":
        return case._replace(answer=other(rng, "ABC", case.answer))
    if kind == "outcome":  # where the story ends
        lie = rng.choice(LIES["A" if case.step is None else case.answer])
        part = "after" if case.thought.after else "before"
        return case._replace(thought=case.thought._replace(**{part: f"{getattr(case.thought, part)} {lie}"}))
    part = "after" if case.thought.after and (rng.integers(3) or "move" in kind) else "before"
    text = CORRUPTIONS[kind](rng, getattr(case.thought, part), case.board)
    return None if text is None else case._replace(thought=case.thought._replace(**{part: text}))


@pytest.mark.parametrize("task", ["planning", "reasoning"])
def test_corrupted_thoughts_are_caught(request, task):
    kinds = [*CORRUPTIONS, "letter"] if task == "reasoning" else list(CORRUPTIONS)
    made, missed = Counter(), {}
    for index, case in enumerate(request.getfixturevalue(task) * 2):
        rng = np.random.default_rng([8, index])
        kind = kinds[index % len(kinds)]
        lie = corrupted(rng, case, kind)
        if lie is None:
            continue
        made[kind] += 1
        if lie.verify().ok:
            missed.setdefault(kind, []).append(lie)
        if made.total() > NUM_CORRUPTED:
            break
    assert made.total() > NUM_CORRUPTED and min(made.values()) > 100, made
    shares = {kind: 1 - len(missed.get(kind, [])) / number for kind, number in made.items()}
    print(task, made, shares)
    assert min(shares.values()) >= 0.99, (shares, {kind: lies[:3] for kind, lies in missed.items()})


# by hand


def test_the_truth_passes():
    assert verify.verify(BOARD, TRUTH, "R,D,R,D") == (True, "ok")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("[(0,1),Ice] helps", "[(0,1),Hole] helps", "wrong_tile"),
        ("[(0,1),Ice] helps", "[(0,1),Lava] helps", "wrong_tile"),
        ("[(0,1),Ice] helps", "[(0,7),Ice] helps", "square_outside"),
        ("Moving right", "Moving left", "wrong_move"),
        ("Then right to [(1,2),Ice]. ", "", "wrong_move"),
        (" I go down to [(2,2),Target], done.", "", "moves_not_answer"),
        ("helps. Going", "brings me further from the target. Going", "wrong_distance"),
        ("helps. Going", "brings me closer to the target. Going", "ok"),
        ("helps. Going", "does not bring me closer to the target. Going", "wrong_distance"),
        ("helps. Going", "is 3 squares from the target. Going", "ok"),
        ("helps. Going", "is 2 squares from the target. Going", "wrong_distance"),
        ("helps. Going", "is safe, with a hole next to it. Going", "ok"),
        ("helps. Going", "is safe, with no hole next to it. Going", "wrong_neighbours"),
        ("helps. Going", "falls into a hole. Going", "wrong_outcome"),
        ("helps. Going", "might fall into a hole. Going", "ok"),
        ("helps. Going", "slightly increases the likelihood of success. Going", "ok"),
        ("helps. Going", "does not reach the target yet. Going", "ok"),
        ("helps. Going", "keeps me at a distance of 3 squares. Going", "ok"),
        ("helps. Going", "would bring me further from the target. Going", "ok"),
        ("helps. Going", "leaves me no closer to the target. Going", "wrong_distance"),
        ("helps. Going", "keeps me safe without reaching the target. Going", "ok"),
        ("helps. Going", "is far from the target. Going", "ok"),
        ("helps. Going", "moves me away from the start. Going", "ok"),
        ("helps. Going", "moves me closer to the left edge. Going", "wrong_distance"),
        ("helps. Going", "is next to [(0,2),Hole]. Going", "ok"),
        ("helps. Going", "is next to [(2,2),Target]. Going", "wrong_neighbours"),
        ("helps. Going", "has 2 holes next to it. Going", "ok"),
        ("helps. Going", "touches no hole. Going", "wrong_neighbours"),
        ("helps. Going", "does not fall into a hole. Going", "ok"),
        ("helps. Going", "is a square already visited. Going", "wrong_visit"),
        ("helps. Going", "runs into the edge. Going", "wrong_move"),
        ("helps. Going", "eliminates the risk of falling into a hole. Going", "ok"),
        ("helps. Going", "ensures success. Going", "wrong_outcome"),
        ("done.", "so the target is reached.", "ok"),
        ("done.", "so the plan fails.", "wrong_outcome"),
    ],
)
def test_planning_claims(old, new, reason):
    assert old in TRUTH.after
    said = TRUTH._replace(after=TRUTH.after.replace(old, new))
    assert verify.verify(BOARD, said, "R,D,R,D").reason == reason


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ("The board has 3 rows and 2 holes.", "ok"),
        ("The board has 4 rows.", "wrong_count"),
        ("There are 3 holes on the board.", "wrong_count"),
        ("The target lies 2 rows below and 2 columns to the right.", "ok"),
        ("The target lies 1 row below and 2 columns to the right.", "wrong_position"),
        ("No hole lies beside the way.", "wrong_neighbours"),
        ("Beside the way lie [(0,2),Hole] and [(1,0),Hole].", "ok"),
        ("The way takes 4 moves.", "ok"),
        ("The way takes 5 moves.", "wrong_count"),
        ("I avoid [(1,1),Hole].", "wrong_tile"),
        (" ", "empty_thought"),
    ],
)
def test_claims_about_the_board(before, reason):
    assert verify.verify(BOARD, TRUTH._replace(before=before), "R,D,R,D").reason == reason


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("R,D,R", "answer_not_at_goal"),
        ("", "answer_no_moves"),
        ("D,R,R,D", "answer_hole"),
        ("R,D,D,R", "moves_not_answer"),
    ],
)
def test_wrong_answers_and_other_answers(answer, reason):
    assert verify.verify(BOARD, TRUTH, answer) == (False, reason)


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        ("Moving right, I reach [(0,1),Ice]. Then down to [(1,1),Ice]. I go right to (1,2). Down to [(2,2),Target].",
         "ok"),
        ("I move right from [(0,0),Start] to [(0,1),Ice], then down to [(1,1),Ice], then right to [(1,2),Ice] and "
         "finally down to [(2,2),Target].", "ok"),
        ("[(0,0),Start] -> [(0,1),Ice] -> [(1,1),Ice] -> [(1,2),Ice] -> [(2,2),Target]", "ok"),
        ("[(0,0),Start] -> [(1,1),Ice] -> [(1,2),Ice] -> [(2,2),Target]", "wrong_move"),
        ("Moving to [(0,1), Ice]. Next, Moving to [ (1, 1), ICE ]. Next, I move to [(1,2),Ice], avoiding [(0,2),Hole]. "
         "Next, Moving to [(2,2),goal].", "ok"),
        ("I must not go right to [(0,2),Hole]. I go right to [(0,1),Ice], down to [(1,1),Ice], right to [(1,2),Ice], "
         "down to [(2,2),Target].", "ok"),
        ("I go right to [(0,1),Ice], down to [(1,1),Ice], down to [(2,1),Ice], right to [(2,2),Target].",
         "moves_not_answer"),
        ("I go right to [(1,0),Hole].", "wrong_move"),
        ("It is easy.", "moves_not_answer"),
    ],
)  # fmt: skip
def test_moves_are_read_in_many_wordings(after, reason):
    assert verify.verify(BOARD, TRUTH._replace(after=after), "RIGHT, DOWN, RIGHT, DOWN").reason == reason


WALK = Explanation(
    "Moving to [(0,1),Ice] keeps me safe. Visualize the board.",
    'Moving to [(0,2),Hole] makes "fail in hole" certain.',
)


@pytest.mark.parametrize(
    ("changed", "step", "answer", "reason"),
    [
        ({}, 1, "B", "ok"),
        ({}, None, "B", "ok"),
        ({}, 2, "B", "wrong_split"),
        ({}, 1, "A", "answer_wrong_choice"),
        ({"before": "Visualize the board."}, 1, "B", "wrong_move"),
        ({"after": "It ends."}, 1, "B", "moves_not_plan"),
        ({"after": ""}, 1, "B", "empty_thought"),
        ({"after": "Moving to [(0,2),Hole] ensures success."}, 1, "B", "wrong_outcome"),
        ({"after": WALK.after + " So the player stays safe."}, 1, "B", "wrong_outcome"),
        ({"after": WALK.after + " The outcome is C."}, 1, "B", "wrong_outcome"),
        ({"after": WALK.after + " The target is not reached."}, 1, "B", "ok"),
        ({"before": "Moving to [(0,1),Ice]. Moving to [(0,2),Hole]. Visualize the board.", "after": "It ends."}, 1, "B",
         "wrong_split"),
    ],
)  # fmt: skip
def test_reasoning_claims(changed, step, answer, reason):
    found = verify.verify_outcome(BOARD, "RR", step, WALK._replace(**changed), answer)
    assert found.reason == reason


def test_findings_name_the_words_and_what_is_true():
    said = TRUTH._replace(after=TRUTH.after.replace("helps. Going", "brings me further from the target. Going"))
    (found,) = verify.findings(BOARD, said, "R,D,R,D")
    assert found.reason == "wrong_distance" and "further from the target" in found.words
    assert "4 squares before the move, 3 after" in found.truth


@settings(max_examples=200, deadline=None)
@given(st.text(), st.text(), st.text(alphabet="RDLU, x"))
def test_any_text_gets_a_verdict(before, after, answer):
    explanation = Explanation(before, f"{TRUTH.after[:40]}{after}[({len(after)},0),Ice]")
    assert not verify.verify(BOARD, explanation, answer).ok
    assert isinstance(verify.verify_outcome(BOARD, "RD", 1, explanation, answer).ok, bool)


# what was published

CONTRADICTIONS = {
    "343": ["wrong_tile", "wrong_outcome"],  # names a hole at (2,2), which is ice
    "371": ["wrong_tile", "wrong_outcome"],  # names a hole at (1,4), which is ice
    "231": ["wrong_tile"],  # calls (3,5) the start, which is ice, and the hole it falls into ice
    "116": ["wrong_tile", "wrong_distance", "wrong_neighbours"],  # calls the start and the hole ice, sees holes in vain
    "96": ["wrong_distance"],  # "further from the target": from 5 squares to 4
    "665": ["wrong_distance"],  # "no change in proximity to the target": from 3 squares to 4
}
TRUE = {"339", "23", "163", "316"}
"""By hand: "due to a detour" in 23, whose plan is straight, and "closer to danger" in 316 are opinions."""


def published(shared):
    """Number -> (board, plan, step, thought, answer) of the ten examples."""
    folder = shared / "data/mirage/examples"
    for line in (folder / "sample.jsonl").read_text().splitlines():
        item = json.loads(line)
        picture = folder / item["image_input"].split("examples/")[1]
        board = vsp.read_board(np.asarray(Image.open(picture).convert("RGB")))
        moves = re.search(r"Full Action Plan: (.*)\n", item["text_input"])[1].split(", ")
        before, after = item["text_output"].split("<output_image>")
        thought = Explanation(*(re.sub(r"</?think>|The answer is.*", "", part).strip() for part in (before, after)))
        step = int(re.search(r"step_(\d+)", item["image_output"])[1])
        letter = re.search(r"boxed\{(\w)\}", item["text_output"])[1]
        yield picture.parent.name, (board, "".join(move[0] for move in moves), step, thought, letter)


def test_the_published_thoughts_that_contradict_their_boards_are_flagged(shared):
    found = {}
    for number, (board, plan, step, thought, answer) in published(shared):
        wrong = list(verify.findings_outcome(board, plan, step, thought, answer))
        assert wrong == list(verify.findings_outcome(board, plan, None, thought, answer))
        assert all(finding.words and finding.truth for finding in wrong)
        found[number] = list(dict.fromkeys(finding.reason for finding in wrong))
    assert found == CONTRADICTIONS | {number: [] for number in TRUE}


def test_a_published_walk_told_in_other_parts_is_a_wrong_split(shared):
    for number, (board, plan, step, thought, answer) in published(shared):
        if number in TRUE and thought.after:
            assert verify.verify_outcome(board, plan, step + 1, thought, answer) == (False, "wrong_split")
