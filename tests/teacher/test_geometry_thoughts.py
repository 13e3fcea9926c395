"""The geometry oracle tells the truth, and what is changed in its thoughts is found out."""

import re
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_core.puzzles import geometry
from mirage_core.teacher import Explanation
from mirage_core.teacher.geometry_oracle import SOLUTIONS, explain_geometry
from mirage_core.teacher.geometry_verify import EQUATION, STATED, geometry_findings, verify_geometry


@cache
def told(number: int = 400) -> list[tuple[dict, Explanation]]:
    metas = [geometry.to_meta(geometry.sample(4, index)) for index in range(number)]
    return [(meta, explain_geometry(meta, np.random.default_rng([1, n]))) for n, meta in enumerate(metas)]


def test_every_template_has_a_solution():
    assert set(SOLUTIONS) == {template.__name__ for template in geometry.TEMPLATES}


def test_the_oracle_tells_the_truth_and_claims_something():
    for meta, thought in told():
        assert not list(geometry_findings(meta, thought, meta["letter"])), (meta["template"], thought)
        assert STATED.search(thought.before) and EQUATION.search(thought.after), thought
        assert f"({meta['letter']})" in thought.after and meta["letter"] not in re.findall(r"\((.)\)", thought.before)


def test_the_value_is_not_told_ahead_of_the_figure():
    """Unless it is one of the givens by chance."""
    for meta, thought in told():
        if meta["value"] not in meta["given"].values():
            assert not re.search(rf"(?<![\d/]){re.escape(meta['value'])}(?![\d/])", thought.before)


def test_words_vary():
    assert len({thought.before.split(":")[0].split(" ")[0] for _, thought in told()}) >= 3
    assert len({re.sub(r"[\d/]+", "#", " ".join(thought)) for _, thought in told()}) > 200


def test_a_changed_number_is_found_out():
    """Each number of a thought in turn, as far as it is claimed; option letters and theorems' 90, 180 and 360 apart."""
    caught = asked = 0
    for meta, thought in told(60):
        for part in (0, 1):
            spans = [m.span() for p in (STATED, EQUATION) for m in p.finditer(thought[part])]
            for number in re.finditer(r"\d+", thought[part]):
                if not any(low <= number.start() < high for low, high in spans):
                    continue
                text = thought[part][: number.start()] + str(int(number[0]) + 1) + thought[part][number.end() :]
                changed = thought._replace(**{("before", "after")[part]: text})
                asked += 1
                caught += not verify_geometry(meta, changed, meta["letter"]).ok
    assert asked > 300 and caught == asked


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("So angle ACD = {BAC} + {ABC} = 1 degrees.", "wrong_sum"),
        ("Angle BAC is 1 degrees.", "wrong_angle"),
        ("AB is 99.", "wrong_length"),
        ("Angle BAX is 40 degrees.", "unknown_point"),
        ("ABB is 40 degrees.", "wrong_sum"),
        ("2 + 2 = 5.", "wrong_sum"),
        ("AB = 4 / 0 = 1", "wrong_sum"),
        ("That is ({wrong}).", "wrong_option"),
        ("", "empty_thought"),
    ],
)
def test_reasons(text, reason):
    meta = told()[0][0]
    wrong = next(letter for letter in "ABCD" if letter != meta["letter"])
    thought = Explanation("Let me draw.", text.format(**meta["given"], wrong=wrong))
    assert verify_geometry(meta, thought, meta["letter"]).reason == reason
    assert verify_geometry(meta, told()[0][1], wrong).reason == "answer_wrong_choice"


def test_true_statements_in_other_words_pass():
    meta = told()[0][0]
    a, b, value = meta["given"]["BAC"], meta["given"]["ABC"], meta["value"]
    after = f"The angles are {a}° + {b}° = {value}°. AB equals 4. In the triangle 180 - {a} - {b} = {180 - int(value)}."
    assert verify_geometry(meta, Explanation("Drawn.", after), meta["letter"]).ok


@given(st.text(alphabet="ABCDangle 0123456789=+-*/().°", max_size=60))
def test_reading_never_raises(text):
    assert isinstance(verify_geometry(told()[0][0], Explanation("Drawn.", text or "x"), "A").reason, str)
