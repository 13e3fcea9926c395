"""Planar geometry: theorem, coordinates, options and figure agree."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from mirage_core.puzzles import geometry
from mirage_core.puzzles.geometry_figures import draw_figure

pytestmark = pytest.mark.thorough

PUZZLES = [geometry.sample(2, index) for index in range(72)]
OPTIONS = ("35 degrees", "70 degrees", "110 degrees", "145 degrees")


def measured(problem):
    """The asked angle or length from floating-point coordinates."""
    ends = [np.array([float(value) for value in problem.points[name]]) for name in problem.asked]
    if len(ends) == 2:
        return np.linalg.norm(ends[0] - ends[1])
    one, other = ends[0] - ends[1], ends[2] - ends[1]
    return np.degrees(np.arccos(one @ other / np.linalg.norm(one) / np.linalg.norm(other)))


def test_every_answer_is_what_the_figure_says():
    for puzzle in PUZZLES:
        assert geometry.is_true(puzzle.problem), puzzle.problem.text
        assert measured(puzzle.problem) == pytest.approx(float(puzzle.problem.answer)), puzzle.problem.text


def test_a_wrong_answer_is_found_out():
    for puzzle in PUZZLES[:12]:
        assert not geometry.is_true(replace(puzzle.problem, answer=puzzle.problem.answer + sp.Rational(1, 1000)))


def test_what_the_text_gives_is_what_the_figure_has():
    for puzzle in PUZZLES:
        figure = puzzle.problem.figure
        for name, text in (*figure.angles, *figure.lengths):
            if text != "?":
                given = replace(puzzle.problem, asked=name)
                assert measured(given) == pytest.approx(float(text.rstrip("°"))), (puzzle.problem.text, name)
                assert text.rstrip("°") in puzzle.problem.text


def test_options_are_four_different_positive_values_and_one_is_right():
    for puzzle in PUZZLES:
        values = [sp.Rational(option.split()[0]) for option in puzzle.options]
        assert len(set(values)) == 4 and min(values) > 0
        assert [value == puzzle.problem.answer for value in values].index(True) == puzzle.answer
        assert len({option.endswith("degrees") for option in puzzle.options}) == 1


def test_right_letters_are_balanced_and_puzzles_come_out_alike():
    counts = Counter(puzzle.letter for puzzle in PUZZLES)
    assert set(counts) == set("ABCD") and max(counts.values()) - min(counts.values()) <= 6
    assert geometry.sample(2, 5) == PUZZLES[5] != geometry.sample(3, 5)
    assert len({puzzle.problem.text for puzzle in PUZZLES}) > 50


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("(A) is wrong, so (c)", "C"), ("It is 70 degrees", "B"), ("35 degrees or 145 degrees", "D"), ("D", "D"),
        ("The answer is B.", "B"), ("the answer is b.", "B"), ("", None), ("forty", None),
    ],
)  # fmt: skip
def test_letters_are_read_as_the_published_script_reads_them(text, letter):
    assert geometry.judge(text, OPTIONS) == letter


def test_gold_answers_pass_and_others_fail():
    for puzzle in PUZZLES[:24]:
        for place, letter in enumerate("ABCD"):
            reason = "ok" if place == puzzle.answer else "wrong_choice"
            for said in (letter, f"({letter})"):
                assert geometry.check(puzzle, rf"\boxed{{{said}}}").reason == reason
            assert geometry.check(puzzle, f"So the answer is ({letter})").reason == reason
    assert geometry.check(PUZZLES[0], "").reason == "no_choice"


@given(st.text())
def test_grading_never_raises(text):
    assert geometry.check(PUZZLES[0], text).reason in {"ok", "wrong_choice", "no_choice"}


def test_figures_have_ink_a_red_question_mark_and_no_ink_at_the_edge():
    for puzzle in PUZZLES[:24]:
        image = np.asarray(draw_figure(puzzle.problem.points, puzzle.problem.figure)).astype(int)
        assert image.shape == (336, 336, 3)
        assert ((image[..., 0] > 150) & (image[..., 1] < 90)).any() and (image.max(-1) < 60).sum() > 300
        edge = np.concatenate([image[:3].ravel(), image[-3:].ravel(), image[:, :3].ravel(), image[:, -3:].ravel()])
        assert edge.min() > 200, puzzle.problem.template


def test_the_place_of_an_option_by_size_does_not_tell_the_answer():
    """A guesser that knows the theorem's most frequent place stays near a quarter."""
    places = {}
    for index in range(1200):
        puzzle = geometry.sample(11, index)
        values = [sp.Rational(option.split()[0]) for option in puzzle.options]
        place = sorted(values).index(values[puzzle.answer])
        places.setdefault(puzzle.problem.template, Counter())[place] += 1
    assert max(sum(places.values(), Counter()).values()) / 1200 < 0.3
    assert sum(max(counts.values()) for counts in places.values()) / 1200 < 0.35
