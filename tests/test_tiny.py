"""The vocabulary and the pictures of the tiny model; its weights are tested where models run."""

import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_core.model.tiny import SPECIALS, build_config, build_processor, build_tokenizer
from mirage_core.puzzles import vsp
from mirage_core.recipe import Optimizer, Pretrain
from mirage_core.teacher import oracle

SHIPPED = Path(str(files("mirage_core.model"))) / "tiny_base"


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer()


def vocabulary(tokenizer):
    return json.loads(tokenizer.backend_tokenizer.to_str())


def decode(tokenizer, text):
    return tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=False)


@given(st.text())
def test_any_text_survives(tokenizer, text):
    assert decode(tokenizer, text) == text


def test_our_own_texts_survive(tokenizer, boards):
    for index, board in enumerate(boards(50)):
        for text in oracle.explain(board, vsp.solve(board), np.random.default_rng(index)):
            assert decode(tokenizer, f"<think>{text}</think>") == f"<think>{text}</think>"
    assert decode(tokenizer, vsp.QUESTION) == vsp.QUESTION


def test_the_published_question_is_short(tokenizer):
    assert len(tokenizer(vsp.QUESTION)["input_ids"]) <= 16


@pytest.mark.parametrize("letter", "UDLRSFHG")
def test_moves_and_tiles_are_one_token_wherever_they_stand(tokenizer, letter):
    token = tokenizer.convert_tokens_to_ids(letter)
    plain = tokenizer(letter)["input_ids"]
    assert plain == [token]
    assert tokenizer(rf"\boxed{{{letter},{letter}}}")["input_ids"].count(token) == 2


def test_answers_grow_by_two_tokens_a_move(tokenizer):
    lengths = [
        len(tokenizer(rf"\boxed{{{vsp.answer_text('RDLU' * 3)[: 2 * n - 1]}}}")["input_ids"]) for n in (1, 2, 12)
    ]
    assert lengths == [3, 5, 25]


@pytest.mark.parametrize("special", SPECIALS)
def test_special_tokens_are_one_token(tokenizer, special):
    assert len(tokenizer(special)["input_ids"]) == 1


def test_the_vocabulary_is_the_same_every_time(tokenizer):
    assert vocabulary(build_tokenizer()) == vocabulary(tokenizer)


@pytest.mark.skipif(not SHIPPED.is_dir(), reason="no tiny model is shipped yet")
def test_the_shipped_model_has_this_vocabulary(tokenizer):
    """If it moved, the shipped weights read other ids than they learned: train them anew (flows/pretrain_tiny.py)."""
    assert json.loads((SHIPPED / "tokenizer.json").read_text()) == vocabulary(tokenizer)
    config = json.loads((SHIPPED / "config.json").read_text())
    for name in ("latent_pad", "latent_start", "latent_end"):
        assert config[f"{name}_id"] == tokenizer.convert_tokens_to_ids(f"<|{name}|>")
    assert config["text_config"]["vocab_size"] == len(tokenizer)


def test_every_board_is_seen_at_one_size(boards):
    processor = build_processor()
    pictures = processor.image_processor([vsp.render(board) for board in boards(12)], return_tensors="pt")
    assert pictures["image_grid_thw"].tolist() == [[1, 12, 12]] * 12


@pytest.mark.parametrize(("hidden", "heads"), [(64, 4), (96, 4), (128, 4), (128, 8)])
def test_rotary_channels_are_all_given_to_an_axis(tokenizer, hidden, heads):
    config = build_config(Pretrain(hidden=hidden, heads=heads, optimizer=Optimizer(num_updates=1)), tokenizer)
    time, rows, columns = config.text_config.rope_parameters["mrope_section"]
    assert time + rows + columns == hidden // heads // 2 and rows == columns > 0 and time > 0
