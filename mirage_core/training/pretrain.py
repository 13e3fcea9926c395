"""Teaches the tiny model to read: the recipe behind the embedded default's base weights.

A picture of a board is answered with its rows, a picture with a drawn route with its moves. Planning is not taught:
what a model can plan, it learns in the stages that follow. Boards are drawn without end, each from its own random
generator, none of them official.
"""

from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from transformers import TrainingArguments, set_seed

from mirage_core.model.latent import MirageForConditionalGeneration
from mirage_core.model.processor import MirageProcessor
from mirage_core.model.tiny import build_config, build_processor
from mirage_core.puzzles import vsp
from mirage_core.recipe import Pretrain
from mirage_core.training.collate import Collator
from mirage_core.training.readings import Reading, ReadingData, ReadingTrainer, read_out
from mirage_core.training.run import run_trainer, training_arguments

READ_MAP = "Read the map: <image>"
READ_ROUTE = "Read the route: <image>"
ROUTE_SHARE = 0.4
"""Share of pictures with a drawn route; so that the frozen vision tower knows helper images."""
HOLE_PROBABILITY = (0.05, 0.5)
"""Drawn per board; wider than any data set, so that no share of holes is strange to the model."""
HELD_OUT_STREAM = 1
"""Third part of the seed of the boards that examine the finished model."""


def draw_board(rng: np.random.Generator, levels: tuple[int, ...]) -> vsp.Board:
    """A board of a random level that is not an official one."""
    while True:
        board = vsp.sample(rng, int(rng.choice(levels)), rng.uniform(*HOLE_PROBABILITY))
        if board.content_hash not in vsp.official_hashes():
            return board


def read_map(board: vsp.Board) -> Reading:
    """The task of telling the cells of a board."""
    return Reading(READ_MAP, (vsp.render(board),), "\n".join(board.rows))


def reading(seed: int, index: int, levels: tuple[int, ...]) -> Reading:
    """The `index`-th thing to read."""
    rng = np.random.default_rng([seed, index])
    board = draw_board(rng, levels)
    if rng.random() < ROUTE_SHARE:
        plan = vsp.solve(board) or ""
        return Reading(READ_ROUTE, (vsp.helper_image(board, plan),), vsp.answer_text(plan))
    return read_map(board)


def reading_data(processor: MirageProcessor, settings: Pretrain) -> ReadingData:
    """All that is read in training."""
    return ReadingData(
        processor, lambda index: reading(settings.seed, index, settings.levels), settings.optimizer.batch_size
    )


def pretrain(settings: Pretrain, out: Path, scratch: Path) -> dict[str, Any]:
    """Train a tiny model from nothing, examine it and save it below `out`.

    Returns:
        Counts: parameters, updates, losses and the cells read right on held-out boards.
    """
    set_seed(settings.seed)
    processor = build_processor()
    model = MirageForConditionalGeneration(build_config(settings, processor.tokenizer))
    arguments = training_arguments(settings.optimizer, scratch, settings.seed, "fp32") | {"dataloader_num_workers": 1}
    trainer = ReadingTrainer(
        model=model,
        args=TrainingArguments(**arguments),
        train_dataset=reading_data(processor, settings),
        data_collator=Collator(processor.tokenizer.pad_token_id),
    )
    counts = run_trainer(trainer, processor, out)
    examined = read_cells(model.eval(), processor, held_out_boards(settings))
    return {"parameters": model.num_parameters(), **counts, "held_out": examined}


def held_out_boards(settings: Pretrain) -> list[vsp.Board]:
    """Boards that are nowhere in the training data, which is drawn anew to know: of 3x3 boards few are left."""
    num_readings = settings.optimizer.num_updates * settings.optimizer.batch_size * settings.optimizer.accumulation
    streams = (np.random.default_rng([settings.seed, index]) for index in range(num_readings))
    trained = {draw_board(rng, settings.levels).content_hash for rng in streams}
    rng = np.random.default_rng([settings.seed, 0, HELD_OUT_STREAM])
    boards: list[vsp.Board] = []
    while len(boards) < settings.num_held_out:
        board = draw_board(rng, settings.levels)
        if board.content_hash not in trained:
            boards.append(board)
    return boards


def read_cells(
    model: MirageForConditionalGeneration, processor: MirageProcessor, boards: list[vsp.Board], batch_size: int = 64
) -> dict[str, Any]:
    """Let a model read boards, greedily, and count cells.

    Returns:
        Boards, cells, the share of cells right, the share of boards without a mistake; by level too. A missing or
        surplus cell is a wrong one.
    """
    longest = max(board.size for board in boards)
    texts = read_out(model, processor, [read_map(board) for board in boards], longest * (longest + 1) + 1, batch_size)
    right: dict[int, list[float]] = {}
    for board, text in zip(boards, texts, strict=True):
        right.setdefault(board.size, []).append(_share_right(board, text))
    cells = {level: len(shares) * level**2 for level, shares in right.items()}
    shares = [share for level in right.values() for share in level]
    accuracy = {level: sum(values) / len(values) for level, values in sorted(right.items())}
    return {
        "boards": len(boards),
        "cells": sum(cells.values()),
        "cells_right": round(sum(accuracy[level] * cells[level] for level in cells) / sum(cells.values()), 5),
        "boards_right": round(sum(share == 1.0 for share in shares) / len(shares), 4),
        **{f"cells_right_level_{level}": round(value, 5) for level, value in accuracy.items()},
    }


def _share_right(board: vsp.Board, text: str) -> float:
    lines = zip_longest(board.rows, text.split("\n"), fillvalue="")
    pairs = [pair for row, line in lines for pair in zip_longest(row, line)]
    return sum(cell == letter for cell, letter in pairs) / len(pairs)
