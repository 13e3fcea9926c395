"""Prompts are files that fill, say what they must and show examples that pass; replies of all manners are read."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirage_core.errors import InputError
from mirage_core.puzzles import vsp, vsp_reasoning
from mirage_core.teacher import Explanation, said
from mirage_core.teacher.chat import Png, Text
from mirage_core.teacher.facts import NUMBERS, facts
from mirage_core.teacher.prompting import (
    MAX_REPLY_CHARACTERS,
    Rejection,
    Unusable,
    load_prompt,
    messages,
    parse_prompt,
    read_explanation,
)

BOARD = vsp.Board(("SFH", "HFF", "FFG"))
PLANNING = {"board": BOARD.rows, "plan": "RDRD"}
REASONING = {"board": BOARD.rows, "plan": "RDDR", "step": 3}
BEFORE = "I start from [(0,0),Start], with [(1,0),Hole] below me. Visualize the way."
REPLY = """BEFORE: I start from [(0,0),Start], with [(1,0),Hole] below me.
CUE: Visualize the way.
AFTER: Moving right to [(0,1),Ice]. Moving down to [(1,1),Ice]."""
READ = Explanation(BEFORE, "Moving right to [(0,1),Ice]. Moving down to [(1,1),Ice].")


def ask(task, meta, rejections=()):
    return messages(facts(task, meta), [b"map"], [b"helper"], load_prompt(task), rejections)


def words(message):
    return message.content if isinstance(message.content, str) else "\n".join(str(part[0]) for part in message.content)


def test_the_planning_prompt_shows_both_pictures_and_the_way():
    system, user = ask(vsp.TASK, PLANNING)
    assert [part.data for part in user.content if isinstance(part, Png)] == [b"map", b"helper"]
    text = "\n".join(part.text for part in user.content if isinstance(part, Text))
    for told in ("SFH\nHFF\nFFG", "right, down, right, down", "4 moves", "1. right to [(0,1),Ice]", "[(2,2),Target]"):
        assert told in text
    assert "maze guide" in words(system) and "Never mention the second picture" in " ".join(text.split())


def test_the_reasoning_prompt_is_text_with_two_worked_examples():
    chat = ask(vsp_reasoning.TASK, REASONING)
    assert all(isinstance(message.content, str) for message in chat)
    assert [message.role for message in chat] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert "1 0 -1\n-1 0 0\n0 0 2" in chat[-1].content
    assert "first: 1. RIGHT to (0,1) 2. DOWN to (1,1) 3. DOWN to (2,1)\nthen: 4. RIGHT to (2,2)" in chat[-1].content
    assert "0 ice, -1 a hole, 2 the target" in " ".join(chat[0].content.split())
    assert ask(vsp_reasoning.TASK, {**REASONING, "step": 4})[-1].content.endswith("then: none")


def test_the_worked_examples_pass_the_checks():
    letters = {number: letter for letter, number in NUMBERS.items()}
    _, *examples, _ = ask(vsp_reasoning.TASK, REASONING)
    for asked, replied in zip(examples[::2], examples[1::2], strict=True):
        numbers = re.search(r"Map:\n((?:[-\d ]+\n)+)", asked.content)[1]
        rows = tuple("".join(letters[number] for number in line.split()) for line in numbers.splitlines())
        first, then = asked.content.split("then:")
        moves = [re.findall("UP|DOWN|LEFT|RIGHT", part) for part in (first, then)]
        meta = {"board": rows, "plan": "".join(move[0] for part in moves for move in part), "step": len(moves[0])}
        answer = vsp_reasoning.outcome(vsp.Board(rows), meta["plan"])
        assert said.review(vsp_reasoning.TASK, meta, read_explanation(replied.content), answer).objections == ()


@pytest.mark.parametrize(("task", "meta"), [(vsp.TASK, PLANNING), (vsp_reasoning.TASK, REASONING)])
def test_objections_are_fed_back_with_the_reply_they_are_about(task, meta):
    rejection = Rejection("BEFORE: $5 <image> nonsense", ('Your text says "a", but b.', "And c."))
    *_, question, replied, again = ask(task, meta, [rejection])
    assert (question.role, replied.role, again.role) == ("user", "assistant", "user")
    assert replied.content == rejection.reply
    assert '- Your text says "a", but b.\n- And c.' in again.content


def test_every_field_is_filled_for_every_puzzle():
    for seed in range(40):
        rng = np.random.default_rng(seed)
        board = vsp.sample(rng, 3 + seed % 6, 0.2)
        meta = {"board": board.rows, "plan": vsp.solve(board), "step": 1}
        for task in (vsp.TASK, vsp_reasoning.TASK):
            assert not any(
                "$" in words(message) for message in ask(task, meta) if not isinstance(message.content, tuple)
            )


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("hello", "first line must be a heading"),
        ("# System\nx", "last part must be # User"),
        ("# User\nx\n# Again\ny\n# Again\nz", "last part must be # User"),
    ],
)
def test_a_broken_prompt_file_is_named(text, error):
    with pytest.raises(InputError, match=f"mine.md.*{error}"):
        parse_prompt(text, "mine.md")


def test_an_unknown_field_or_a_bare_dollar_sign_names_the_file():
    for text, error in (
        ("# User\n$nme", r"mine.md: field \$nme is unknown; known are name"),
        ("# User\n5 $", "mine.md.*\\$\\$"),
    ):
        with pytest.raises(InputError, match=error):
            messages({"name": "x"}, [], [], parse_prompt(text, "mine.md"))


def test_a_prompt_of_the_users_own_folder_is_read(tmp_path):
    (tmp_path / "mine.md").write_text("# User\nCosts $$5, $name: <image>")
    (user,) = messages({"name": "x"}, [b"1", b"2"], [], load_prompt("mine", tmp_path))
    assert user.content == (Text("Costs $5, x:"), Png(b"1"), Png(b"2"))
    with pytest.raises(InputError, match=r"other\.md: there is no such prompt file"):
        load_prompt("other", tmp_path)


# replies

MANNERS = [
    REPLY,
    f"<think>BEFORE: hm. CUE: so.</think>\n{REPLY}",
    f"I have to think first.\n</think>\n\n{REPLY}",
    f"```\n{REPLY}\n```",
    f"```markdown\n{REPLY}\n```\n",
    f"Sure! Here are the three parts:\n\n{REPLY}",
    re.sub(r"^(\w+):", r"**\1:**", REPLY, flags=re.MULTILINE),
    re.sub(r"^(\w+):", r"**\1**:", REPLY, flags=re.MULTILINE),
    re.sub(r"^(\w+): ", r"### \1\n\n", REPLY, flags=re.MULTILINE),
    re.sub(r"^(\w+): ", r"[\1]\n", REPLY, flags=re.MULTILINE),
    re.sub(r"^(\w+): (.*)$", lambda m: f"<{m[1].lower()}>{m[2]}</{m[1].lower()}>", REPLY, flags=re.MULTILINE),
    re.sub(r"^(\w+): (.*)$", r'\1: "\2"', REPLY, flags=re.MULTILINE),
    re.sub(r"^(\w+):", lambda m: f"- {m[1].title()}:", REPLY, flags=re.MULTILINE),
    REPLY.replace("\n", "\r\n"),
    REPLY.replace("way.", "way"),
]


@pytest.mark.parametrize("reply", MANNERS)
def test_replies_of_all_manners_are_read(reply):
    assert read_explanation(reply) == READ


def test_a_part_with_nothing_left_to_tell_is_empty():
    for nothing in ("NONE", "None.", "(none)", "**NONE**"):
        assert read_explanation(f"BEFORE: I move to [(0,1),Ice].\nCUE: Picture it.\nAFTER: {nothing}").after == ""


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "no_reply"),
        ("```\n```", "no_reply"),
        ("<think>and so on", "unfinished_thinking"),
        ("I go right and down.", "no_markers"),
        (REPLY.replace("CUE:", "Hint:"), "no_markers"),
        (f"{REPLY}\n{REPLY}", "no_markers"),
        ("AFTER: x\nCUE: y\nBEFORE: z", "no_markers"),
        (REPLY.replace("Visualize the way.", ""), "empty_part"),
        ("BEFORE:\nCUE: Picture it.\nAFTER: So.", "empty_part"),
        (REPLY.replace("Visualize", "<image> Visualize"), "stray_mark"),
        (REPLY + "<|im_end|>", "stray_mark"),
        ("BEFORE: Ich stehe oben links und das Ziel liegt unten rechts, das Loch ist daneben.\n"
         "CUE: Stell dir den Weg vor.\nAFTER: Ich gehe nach rechts und dann nach unten.", "not_english"),
        ("BEFORE: 玩家在左上角。\nCUE: 想象路线。\nAFTER: 向右走到 [(0,1),Ice]。", "not_english"),
        ("x" * (MAX_REPLY_CHARACTERS + 1), "reply_too_long"),
    ],
)  # fmt: skip
def test_a_reply_without_a_thought_has_a_reason(reply, reason):
    found = read_explanation(reply)
    assert isinstance(found, Unusable) and found.reason == reason and found.told.endswith(".")


@settings(max_examples=200, deadline=None)
@given(st.text(), st.text(), st.text())
def test_any_reply_is_read_or_has_a_reason(before, cue, after):
    found = read_explanation(f"BEFORE: {before}\nCUE: {cue}\nAFTER: {after}")
    assert isinstance(found, Explanation | Unusable)
    assert isinstance(read_explanation(before), Unusable)
