"""Teaches the tiny model to read: the recipe behind the embedded default's base weights.

A picture of a board is answered with its rows, a picture with a drawn route with its moves. Planning is not taught:
what a model can plan, it learns in the stages that follow. Boards are drawn without end, each from its own random
generator, none of them official.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from mirage_core.model.processor import MirageProcessor
from mirage_core.puzzles import vsp
from mirage_core.training.collate import Example, encode

READ_MAP = "Read the map: <image>"
READ_ROUTE = "Read the route: <image>"
ROUTE_SHARE = 0.25
"""Share of pictures with a drawn route; so that the frozen vision tower knows helper images."""
HOLE_PROBABILITY = (0.05, 0.5)
"""Drawn per board; wider than any data set, so that no share of holes is strange to the model."""


def reading_example(seed: int, index: int, levels: tuple[int, ...]) -> Example:
    """The `index`-th picture to read."""
    rng = np.random.default_rng([seed, index])
    while True:
        board = vsp.sample(rng, int(rng.choice(levels)), rng.uniform(*HOLE_PROBABILITY))
        if board.content_hash not in vsp.official_hashes():
            break
    if rng.random() < ROUTE_SHARE:
        plan = vsp.solve(board) or ""
        return Example(READ_ROUTE, [vsp.helper_image(board, plan)], vsp.answer_text(plan))
    return Example(READ_MAP, [vsp.render(board)], "\n".join(board.rows))


class ReadingData(IterableDataset[dict[str, Tensor]]):
    """Endless encoded reading examples; workers take turns, so their number does not change the data."""

    def __init__(self, processor: MirageProcessor, seed: int, levels: tuple[int, ...], chunk: int = 32) -> None:
        self.processor, self.seed, self.levels, self.chunk = processor, seed, levels, chunk

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        torch.set_num_threads(1)
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        number = first
        while True:
            indices = range(number * self.chunk, (number + 1) * self.chunk)
            yield from encode(self.processor, [reading_example(self.seed, i, self.levels) for i in indices])
            number += step
