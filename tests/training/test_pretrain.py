"""What the tiny model learns to read, and how well the packaged one does."""

from importlib.resources import files
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from mirage_core.benchmark.official import import_test
from mirage_core.model.load import load_model, load_processor
from mirage_core.puzzles import vsp
from mirage_core.recipe import Optimizer, Pretrain
from mirage_core.row import read_rows
from mirage_core.training.collate import IGNORED, Collator
from mirage_core.training.pretrain import (
    READ_MAP,
    READ_ROUTE,
    _share_right,
    draw_board,
    pretrain,
    read_cells,
    read_map,
    reading,
    reading_data,
)
from mirage_core.training.readings import encode_readings

pytestmark = pytest.mark.train

PACKAGED = Path(str(files("mirage_core.model"))) / "tiny_base"
LEVELS = (3, 4)
BOARD = vsp.Board(("SFF", "FHF", "FFG"))
needs_packaged = pytest.mark.skipif(not (PACKAGED / "README.md").is_file(), reason="the packaged model has no card yet")


def settings_of(**optimizer):
    return Pretrain(
        hidden=48, layers=1, vision_hidden=32, levels=LEVELS, num_held_out=3,
        optimizer=Optimizer(**{"num_updates": 2, "batch_size": 4, "lr": 2e-3, "warmup_updates": 1, **optimizer}),
    )  # fmt: skip


# what is read


def test_readings_are_decided_by_seed_and_index_alone():
    one, other = ([reading(0, index, LEVELS) for index in order] for order in (range(20), range(19, -1, -1)))
    for first, again in zip(one, other[::-1], strict=True):
        assert (first.question, first.answer) == (again.question, again.answer)
        assert np.array_equal(first.images[0], again.images[0])
    assert len({read.images[0].tobytes() for read in one}) == 20
    assert [read.answer for read in one] != [reading(1, index, LEVELS).answer for index in range(20)]


def test_answers_are_what_the_picture_shows():
    asked = set()
    for index in range(40):
        rng = np.random.default_rng([0, index])
        board = draw_board(rng, LEVELS)
        question, (image,), answer = reading(0, index, LEVELS)
        asked.add(question)
        if question == READ_MAP:
            assert answer == "\n".join(board.rows) and np.array_equal(image, vsp.render(board))
        else:
            plan = answer.replace(",", "")
            assert vsp.check(board, rf"\boxed{{{answer}}}").ok
            assert np.array_equal(image, vsp.helper_image(board, plan))
    assert asked == {READ_MAP, READ_ROUTE}


def test_official_boards_are_never_read():
    official = vsp.official_hashes()

    def first_draw(index):
        rng = np.random.default_rng([0, index])
        return vsp.sample(rng, int(rng.choice((3,))), rng.uniform(0.05, 0.5))

    drawn = [index for index in range(3000) if first_draw(index).content_hash in official]
    assert len(drawn) > 5, "no official board was drawn, so nothing is tested"
    for index in drawn:
        assert draw_board(np.random.default_rng([0, index]), (3,)).content_hash not in official


def test_workers_do_not_change_what_is_read(processor):
    settings = settings_of()

    def batches(num_workers):
        data = reading_data(processor, settings)
        collate = Collator(processor.tokenizer.pad_token_id)
        return list(islice(DataLoader(data, batch_size=4, num_workers=num_workers, collate_fn=collate), 4))

    plain = batches(0)
    for number in (1, 2):
        for batch, again in zip(plain, batches(number), strict=True):
            assert all(torch.equal(batch[key], again[key]) for key in batch) and batch.keys() == again.keys()
    assert not torch.equal(plain[0]["pixel_values"], plain[1]["pixel_values"])


def test_the_answer_is_what_is_trained(processor):
    (row,) = encode_readings(processor, [read_map(BOARD)])
    said = processor.tokenizer.decode(row["labels"][row["labels"] != IGNORED], skip_special_tokens=False)
    assert said == "SFF\nFHF\nFFG<|im_end|>"
    (prompt,) = encode_readings(processor, [read_map(BOARD)], answered=False)
    assert "labels" not in prompt and torch.equal(prompt["input_ids"], row["input_ids"][: len(prompt["input_ids"])])


# how reading is graded


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("SFF\nFHF\nFFG", 1.0),
        ("SFF\nFHF\nFFG\n", 1.0),
        ("SFF\nFFF\nFFG", 8 / 9),
        ("SFF\nFHF\nFF", 8 / 9),
        ("SFF\nFHF", 6 / 9),
        ("SFF\n\nFFG", 6 / 9),
        ("SFFF\nFHF\nFFG", 9 / 10),
        ("SFF\nFHF\nFFG\nFFF", 9 / 12),
        ("HHH\nHSH\nHHH", 0.0),
        ("", 0.0),
    ],
)
def test_missing_and_surplus_cells_are_wrong_ones(text, share):
    assert _share_right(BOARD, text) == pytest.approx(share)


def test_shares_are_weighted_by_cells_whatever_the_batches(base, processor):
    model = load_model(base).eval()
    boards = [draw_board(np.random.default_rng([1, index]), LEVELS) for index in range(6)]
    counts = read_cells(model, processor, boards)
    assert counts["boards"] == 6 and counts["cells"] == sum(board.size**2 for board in boards)
    assert {key for key in counts if "level" in key} == {f"cells_right_level_{board.size}" for board in boards}
    assert counts["boards_right"] == 0.0, "a model that has learned nothing"
    assert read_cells(model, processor, boards, batch_size=4) == counts


# a run


def test_a_resumed_run_ends_where_an_undisturbed_one_does(tmp_path):
    counts = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        counts.append(pretrain(settings_of(num_updates=4, save_every=2), tmp_path / name, tmp_path / "scratch"))
    assert counts[0]["resumed_at"] == 0 and counts[0]["updates"] == 4
    assert counts[1] == {**counts[0], "resumed_at": 2}
    assert counts[0]["held_out"]["boards"] == 3 and counts[0]["last_loss"] < counts[0]["first_loss"]
    first, second = (load_model(tmp_path / name / "model").state_dict() for name in ("first", "second"))
    assert all(torch.equal(weight, second[name]) for name, weight in first.items())


# the packaged model


@pytest.fixture(scope="module")
def packaged():
    return load_model(PACKAGED).eval(), load_processor(PACKAGED)


@needs_packaged
def test_the_packaged_model_reads_new_boards(packaged):
    boards = [draw_board(np.random.default_rng([2026, index]), (3, 4, 5, 6)) for index in range(100)]
    counts = read_cells(*packaged, boards)
    assert counts["boards"] == 100 and counts["cells_right"] >= 0.99, counts


@needs_packaged
def test_the_packaged_model_reads_official_boards(packaged, shared, tmp_path):
    import_test(shared / "data/vsp", tmp_path)
    rows = [row for row in read_rows(str(tmp_path / "rows")) if row.level in (3, 4, 5, 6)]
    assert {row.level for row in rows} == {3, 4, 5, 6}
    counts = read_cells(*packaged, [vsp.Board(tuple(row.meta["board"])) for row in rows])
    assert counts["cells_right"] >= 0.99, counts
