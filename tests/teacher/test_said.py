"""What is wrong with a thought that a model wrote gets a stable name and a sentence that can be fed back."""

import pytest

from mirage_core.puzzles import vsp, vsp_reasoning
from mirage_core.teacher import Explanation, said
from mirage_core.teacher.chat import Png
from mirage_core.teacher.judge import PROMPT, judge_messages, read_judgement
from mirage_core.teacher.prompting import load_prompt

BOARD = vsp.Board(("SFH", "HFF", "FFG"))
META = {"board": BOARD.rows, "plan": "RDRD"}
TRUTH = Explanation(
    "I start from [(0,0),Start]; the target is at [(2,2),Target]. Let me trace the way.",
    "Moving right to [(0,1),Ice] avoids the hole below. Going down to [(1,1),Ice] helps. Then right to [(1,2),Ice]. "
    "I go down to [(2,2),Target].",
)


def review(thought):
    return said.review(vsp.TASK, META, thought, "R,D,R,D")


def test_the_truth_has_no_objection():
    assert review(TRUTH).objections == () and review(TRUTH).reason == "ok"


@pytest.mark.parametrize(
    ("part", "old", "new", "reason"),
    [
        ("after", "helps", "follows the red line", "leak"),
        ("before", "Let me", "I was told the way. Let me", "leak"),
        ("after", "[(2,2),Target].", r"[(2,2),Target]. \boxed{R,D,R,D}", "boxed_answer"),
        ("after", "[(2,2),Target].", r"[(2,2),Target]. \boxed{R,R}", "other_answer"),
        ("after", "[(2,2),Target].", "[(2,2),Target]. The answer is D, D, R.", "other_answer"),
        ("before", "Let me trace the way.", "", "no_cue"),
        ("after", "helps", "**helps**", "markup"),
        ("after", "helps.", "helps. It is cold. It is cold. It is cold.", "repeats_itself"),
        ("after", "helps", "helps" + " very much" * 200, "too_long"),
        ("after", "helps.", "helps. The verdict on the target is fine.", "unclear"),
        ("after", "[(1,1),Ice]", "[(1,1),Hole]", "wrong_tile"),
        ("after", "Then right to [(1,2),Ice]. ", "", "wrong_move"),
        ("after", "avoids the hole below", "avoids the hole above", "wrong_neighbours"),
    ],
)
def test_what_is_wrong_has_a_name_and_the_sentence(part, old, new, reason):
    assert old in getattr(TRUTH, part)
    found = review(TRUTH._replace(**{part: getattr(TRUTH, part).replace(old, new)})).objections
    assert reason in {one.reason for one in found}
    for one in found:
        assert one.told and "\N{WHITE SQUARE}" not in one.told
        assert not one.sentence or one.sentence in " ".join(TRUTH).replace(old, new)


def test_a_short_text_before_the_picture_is_too_short():
    assert "too_short" in {one.reason for one in review(TRUTH._replace(before="Picture it.")).objections}


def test_a_wrong_claim_is_told_with_the_truth_and_shown_in_its_sentence():
    (one,) = review(TRUTH._replace(after=TRUTH.after.replace("helps", "is farther from the target"))).objections
    assert one.sentence == "Going down to [(1,1),Ice] is farther from the target."
    assert (
        one.told
        == 'Your text says "farther from the target", but on this board: 3 squares before the move, 2 after it.'
    )


def test_the_plan_of_a_reasoning_puzzle_may_be_spoken_of():
    meta = {"board": BOARD.rows, "plan": "RD", "step": 1}
    thought = Explanation(
        "According to the plan, moving to [(0,1),Ice] keeps me safe. Picture the board.",
        "Moving to [(1,1),Ice] keeps me on the ice, and the target is not reached.",
    )
    assert said.review(vsp_reasoning.TASK, meta, thought, "C").objections == ()
    assert "other_answer" in {
        one.reason
        for one in said.review(
            vsp_reasoning.TASK, meta, thought._replace(after=thought.after + " The answer is B."), "C"
        ).objections
    }


def test_unread_sentences_are_counted():
    assert review(TRUTH).num_unread == 1  # the cue
    chatty = TRUTH._replace(after="What a nice day. " + TRUTH.after)
    assert (review(chatty).num_sentences, review(chatty).num_unread) == (review(TRUTH).num_sentences + 1, 2)


# the judge


def test_the_judge_sees_picture_question_and_thought_but_no_answer():
    question = vsp.question(BOARD)
    _, user = judge_messages(question, [b"map"], TRUTH, load_prompt(PROMPT))
    assert [part.data for part in user.content if isinstance(part, Png)] == [b"map"]
    text = " ".join(part.text for part in user.content if not isinstance(part, Png))
    assert TRUTH.before in text and TRUTH.after in text and "<image>" not in text and "R,D,R,D" not in text


@pytest.mark.parametrize(
    ("reply", "verdict", "reason"),
    [
        ("VERDICT: YES\nREASON: All is so.", True, "All is so."),
        ("**Verdict:** no\n**Reason:** The hole is\nelsewhere.", False, "The hole is elsewhere."),
        ("<think>VERDICT: YES?</think>VERDICT: NO\nREASON: x", False, "x"),
        ("```\nVERDICT: YES\nREASON: x\n```", True, "x"),
        ("No, the hole is elsewhere.", False, "the hole is elsewhere."),
        ("VERDICT: YES ... VERDICT: NO", None, "the judge gave two verdicts"),
        ("I am not sure.", None, "the judge gave no verdict"),
        ("", None, "the judge gave no verdict"),
    ],
)
def test_judgements_are_read(reply, verdict, reason):
    assert read_judgement(reply) == (verdict, reason)
