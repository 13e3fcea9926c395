"""SAT: every answer re-derived, nothing to be guessed from the text, the same puzzles from the same seed."""

import hashlib
import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import sat_audit
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from mirage_core.puzzles import sat, sat_camera, sat_questions
from mirage_core.puzzles.sat_marks import MIN_MARK_GAP

pytestmark = pytest.mark.render

SEED, NUM_MANY = 5, 500


@pytest.fixture(scope="module")
def renderer():
    return sat.process_renderer()


@pytest.fixture(scope="module")
def few(renderer):
    return [sat.sample(renderer, SEED, index)[0] for index in range(25)]


@pytest.fixture(scope="module")
def many(renderer):
    """Puzzles, and why others were rejected."""
    drawn = [sat.sample(renderer, SEED, index) for index in range(NUM_MANY)]
    return [puzzle for puzzle, _ in drawn], sum((rejected for _, rejected in drawn), Counter())


def agreement(puzzles, renderer):
    return sum(sat_audit.answer(puzzle, renderer) == puzzle.answer_text for puzzle in puzzles) / len(puzzles)


def words(text):
    return re.findall(r"[\w']+", text.lower())


def text_only_accuracy(puzzles):
    """Cross-validated accuracy of a logistic regression that sees the question, both choices, and no picture.

    A choice is described by its words, alone and together with each word of the question; the first choice minus the
    second is what is classified.
    """
    vocabulary, rows = {}, []
    for puzzle in puzzles:
        row = Counter()
        for sign, choice in zip((1, -1), puzzle.choices, strict=True):
            for word in words(choice):
                row[word] += sign
                for asked in set(words(puzzle.text)):
                    row[asked, word] += sign
        row["first"] = 1
        rows.append(row)
    for row in rows:
        for feature in row:
            vocabulary.setdefault(feature, len(vocabulary))
    features = np.zeros((len(rows), len(vocabulary)))
    for place, row in enumerate(rows):
        for feature, value in row.items():
            features[place, vocabulary[feature]] = value
    right_first = np.array([puzzle.answer == 0 for puzzle in puzzles])
    return float(cross_val_score(LogisticRegression(C=0.1, max_iter=300), features, right_first, cv=5).mean())


# geometry


def test_answers_agree_with_matrices_and_segmentation(few, renderer):
    assert agreement(few, renderer) == 1.0


@pytest.mark.render
def test_five_hundred_answers_agree_with_matrices_and_segmentation(many, renderer):
    puzzles, _ = many
    assert agreement(puzzles, renderer) == 1.0


def test_the_audit_sees_a_mirrored_answer(few, renderer):
    wrong = [replace(puzzle, answer=1 - puzzle.answer) for puzzle in few]
    assert agreement(wrong, renderer) == 0.0


def test_the_audit_sees_a_camera_that_turned_further(few, renderer):
    aims = [puzzle for puzzle in few if puzzle.question_type == "goal_aim"]
    first = sat_camera.turned(aims[0].layout.cameras[0], 12)
    turned = replace(aims[0], layout=replace(aims[0].layout, cameras=(first,)), marks=())
    camera = sat_audit.Camera(renderer, turned.room, first)
    kept = sat_audit.Camera(renderer, aims[0].room, aims[0].layout.cameras[0])
    point = kept.centres[aims[0].asked]
    assert camera.angle_to(point) - kept.angle_to(point) == pytest.approx(12)


# marks


def test_each_mark_lies_on_its_own_thing_and_apart_from_the_others(few, renderer):
    for puzzle in few:
        camera = puzzle.layout.cameras[0]
        labels = renderer.labels(puzzle.room, camera, sat.SIDE_PX)
        below = [int(labels[int(m.y * sat.SIDE_PX), int(m.x * sat.SIDE_PX)]) for m in puzzle.marks]
        assert all((number == -1) == (mark.label == "X") for number, mark in zip(below, puzzle.marks, strict=True))
        assert len(set(below)) == len(below)
        assert all(a.gap(b) >= MIN_MARK_GAP for a, b in combinations(puzzle.marks, 2))
        assert bool(puzzle.marks) == (len(puzzle.layout.cameras) == 1)


def test_marks_are_red_dots_with_something_white(few, renderer):
    puzzle = next(puzzle for puzzle in few if puzzle.marks)
    image = np.asarray(sat.pictures(puzzle, renderer)[0]).astype(int)
    for mark in puzzle.marks:
        x, y = int(mark.x * sat.SIDE_PX), int(mark.y * sat.SIDE_PX)
        patch = image[max(0, y - 6) : y + 7, max(0, x - 6) : x + 7].reshape(-1, 3)
        assert (np.abs(patch - (235, 20, 20)).max(1) < 12).mean() > 0.4
        assert (patch.min(1) > 170).any()


# text and answers


@pytest.mark.render
def test_answers_are_balanced_within_each_type_and_each_pair_of_choices(many):
    puzzles, _ = many
    for question_type in sat.QUESTION_TYPES:
        own = [puzzle for puzzle in puzzles if puzzle.question_type == question_type]
        assert 0.45 <= np.mean([puzzle.answer == 0 for puzzle in own]) <= 0.55
        for phrase in ("left", "no objects moved", "did not move", "look straight", "yes", "Closer"):
            one_sided = [p for p in own if sum(phrase in choice for choice in p.choices) == 1]
            if len(one_sided) >= 30:
                assert 0.42 <= np.mean([phrase in puzzle.answer_text for puzzle in one_sided]) <= 0.58, phrase


@pytest.mark.render
def test_the_text_alone_tells_nothing(many):
    puzzles, _ = many
    assert text_only_accuracy(puzzles) < 0.6


def test_the_guesser_finds_a_leak_where_there_is_one(few):
    leaky = [replace(puzzle, text=f"{puzzle.text} {puzzle.answer_text}") for puzzle in few * 8]
    order = np.random.default_rng(0).permutation(len(leaky))
    assert text_only_accuracy([leaky[place] for place in order]) > 0.9


@pytest.mark.render
def test_rejects_are_counted_and_hardly_any_question_is_given_up(many):
    puzzles, rejected = many
    assert rejected["no_place_for_camera"] > 0 and rejected["thing_too_small"] > 0
    assert sum(count for reason, count in rejected.items() if reason.startswith("given_up")) <= 0.01 * len(puzzles)


@pytest.mark.parametrize("question_type", sat.QUESTION_TYPES)
def test_a_deck_holds_every_case_as_often_with_the_right_choice_first(question_type):
    cases = sat_questions.CASES[question_type]
    first = Counter()
    for number in range(2 * len(cases)):
        ask, right_first = sat_questions.draw_ask(np.random.default_rng(number), question_type, 3, number)
        first[right_first] += 1
        assert len(set(ask.choices)) == 2
    assert first[True] == first[False] == len(cases)


# seeds and files


def test_a_puzzle_depends_on_seed_and_index_alone(few, renderer):
    assert sat.sample(renderer, SEED, 17)[0] == few[17]
    assert sat.sample(renderer, SEED + 1, 17)[0] != few[17]


def test_another_process_draws_the_same_puzzle_and_pixels(few, renderer):
    code = (
        "import hashlib, json; from mirage_core.puzzles import sat; r = sat.process_renderer();"
        f"p = sat.sample(r, {SEED}, 4)[0];"
        "print(json.dumps([sat.to_meta(p), hashlib.sha256(sat.pictures(p, r)[0].tobytes()).hexdigest()]))"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    meta, digest = json.loads(out)
    assert sat.from_meta(meta) == few[4]
    assert digest == hashlib.sha256(sat.pictures(few[4], renderer)[0].tobytes()).hexdigest()


def test_a_puzzle_survives_json(few):
    for puzzle in few:
        assert sat.from_meta(json.loads(json.dumps(sat.to_meta(puzzle)))) == puzzle


# grading


def test_every_right_choice_passes_and_every_other_fails(few):
    for puzzle in few:
        for place, choice in enumerate(puzzle.choices):
            reason = "ok" if place == puzzle.answer else "wrong_choice"
            letter = "AB"[place]
            for said in (choice, choice.upper(), f'"{choice}".', letter, f"({letter})", f"{letter}. {choice}"):
                assert sat.check(puzzle, rf"So \boxed{{{said}}}").reason == reason, said
            assert sat.check(puzzle, rf"\boxed{{\text{{{choice}}}}}").reason == reason


@pytest.mark.parametrize(
    ("answer", "reason"),
    [("", "no_answer"), ("left", "no_answer"), (r"\boxed{}", "no_choice"), (r"\boxed{C}", "no_choice"),
     (r"\boxed{up}", "no_choice"), (r"\boxed{A. nonsense}", "no_choice")],
)  # fmt: skip
def test_what_is_no_choice_is_not_graded_as_one(few, answer, reason):
    assert sat.check(few[0], answer).reason == reason


def test_the_last_box_counts(few):
    puzzle = few[0]
    wrong = puzzle.choices[1 - puzzle.answer]
    assert sat.check(puzzle, rf"\boxed{{{wrong}}} no, \boxed{{{puzzle.answer_text}}}").ok


@given(text=st.text())
def test_grading_never_raises(few, text):
    for said in (text, rf"\boxed{{{text}}}"):
        assert sat.check(few[0], said).reason in {"ok", "wrong_choice", "no_choice", "no_answer"}


def test_a_question_has_one_image_mark_per_picture_and_both_choices(few, renderer):
    for puzzle in few:
        text = sat.question(puzzle)
        assert text.count("<image>") == len(sat.pictures(puzzle, renderer)) == len(puzzle.layout.cameras)
        assert all(f'"{choice}"' in text for choice in puzzle.choices)
        assert "{" not in puzzle.text + "".join(puzzle.choices)
