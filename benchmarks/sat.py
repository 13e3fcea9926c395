"""How fast SAT scenes are drawn and whether memory stays flat: `python benchmarks/sat.py --help`.

A scene is a puzzle (rooms, cameras and visibility, rejected tries included), its pictures, the target view, the nine
frames of the path and the frame picked from them, at 256 px, each picture encoded as PNG. CPU seconds are given beside
wall seconds because the machine may be shared; processes stand for shards, each with one GL context.
"""

import multiprocessing
import time
from collections import Counter
from typing import Annotated, NamedTuple

import numpy as np
import psutil
import typer

from mirage_core.puzzles import sat
from mirage_core.puzzles.sat_helpers import given_views, helper_image, path_frames, pick_frame
from mirage_core.row import encode_png

WARM_UP_SCENES = 20
"""After which memory is looked at first."""


class Shard(NamedTuple):
    """What one process measured."""

    num_scenes: int
    sampling_s: float
    drawing_s: float
    encoding_s: float
    """CPU seconds, like the two before."""
    wall_s: float
    memory_mb: list[float]
    """After the warm-up, half-way, and at the end."""
    num_files: tuple[int, int]
    """Open files after the warm-up and at the end."""
    rejected: Counter[str]


def draw_shard(seed: int, first: int, num_scenes: int) -> Shard:
    """Draw scenes `first` to `first + num_scenes` - 1."""
    process, renderer = psutil.Process(), sat.process_renderer()
    spent, rejected, memory, files = np.zeros(3), Counter[str](), list[float](), list[int]()
    start = time.time()
    for number in range(num_scenes):
        marks = [time.process_time()]
        puzzle, reasons = sat.sample(renderer, seed, first + number)
        rejected += reasons
        marks.append(time.process_time())
        frames = path_frames(puzzle, renderer)
        picked = frames[pick_frame(frames, given_views(puzzle, renderer))]
        images = [*sat.pictures(puzzle, renderer), helper_image(puzzle, "target", renderer)]
        marks.append(time.process_time())
        for image in [*images, *frames, picked]:
            encode_png(np.asarray(image))
        marks.append(time.process_time())
        spent += np.diff(marks)
        if number in (WARM_UP_SCENES, num_scenes // 2, num_scenes - 1):
            memory.append(process.memory_info().rss / 1e6)
            files.append(process.num_fds())
    return Shard(num_scenes, *spent.tolist(), time.time() - start, memory, (files[0], files[-1]), rejected)


def main(
    scenes: Annotated[int, typer.Option(help="more than 40 per process")] = 60,
    processes: Annotated[int, typer.Option()] = 1,
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Measure and print."""
    each = scenes // processes
    tasks = [(seed, number * each, each) for number in range(processes)]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        shards = pool.starmap(draw_shard, tasks)
    for shard in shards:
        parts = [1000 * value / shard.num_scenes for value in (shard.sampling_s, shard.drawing_s, shard.encoding_s)]
        print(
            f"{shard.num_scenes} scenes in {shard.wall_s:.0f} s of wall clock; CPU per scene {sum(parts):.0f} ms: "
            f"puzzle {parts[0]:.0f}, drawing {parts[1]:.0f}, PNG {parts[2]:.0f}; "
            f"memory {' -> '.join(f'{value:.0f}' for value in shard.memory_mb)} MB; open files {shard.num_files}"
        )
    cpu_s = sum(shard.sampling_s + shard.drawing_s + shard.encoding_s for shard in shards) / (each * processes)
    wall_s = max(shard.wall_s for shard in shards) / (each * processes)
    print(f"1,000 scenes: {1000 * cpu_s / 60:.1f} CPU minutes; as measured here {1000 * wall_s / 60:.1f} minutes")
    print("rejected:", dict(sum((shard.rejected for shard in shards), Counter[str]()).most_common()))


if __name__ == "__main__":
    typer.run(main)
