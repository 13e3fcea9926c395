"""How fast VSP rows are made, beside what a user would use instead: `python benchmarks/rows.py --help`.

Measured in one run on one core: rendering against gymnasium's own renderer, whole rows (puzzle, two PNGs, three
thoughts, their verification, Parquet) against nothing but the encoding of the same PNGs; then the same rows by two
processes, and the memory of the largest process. Needs `pip install pygame` for gymnasium's renderer.
"""

import io
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("SDL_AUDIODRIVER", "dummy")

import numpy as np
import typer
from PIL import Image

from mirage_core.puzzles import vsp
from mirage_core.puzzles.vsp_pictures import encode_palette_png
from mirage_core.row import decode_image, read_rows
from mirage_core.spec import DatasetSpec
from mirage_core.synthesis.dataset import build_dataset
from mirage_core.synthesis.helper_images import draw_rows
from mirage_core.synthesis.puzzles import sample_puzzles
from mirage_core.synthesis.reasoning import explain_puzzles

THOUGHTS = 3
NUM_RENDERED = 100
NUM_ENCODED = 400
REPEATS = 3


def main(
    task: Annotated[str, typer.Option(help="vsp_spatial_planning or vsp_spatial_reasoning")] = vsp.TASK,
    puzzles: Annotated[int, typer.Option(help="training puzzles; each gives three rows")] = 8000,
    rendering: Annotated[bool, typer.Option(help="compare with gymnasium's renderer")] = True,
) -> None:
    """Measure and print."""
    if rendering:
        compare_rendering()
    with tempfile.TemporaryDirectory() as folder:
        one_s = build(task, puzzles, Path(folder) / "one", workers=1)
        two_s = build(task, puzzles, Path(folder) / "two", workers=2)
        pngs = [png for row in sample_rows(Path(folder) / "one") for png in (*row.images, *row.helper_images)]
        size_mb = sum(path.stat().st_size for path in (Path(folder) / "one/data/rows").iterdir()) / 1e6
    rate = puzzles / one_s
    print(f"{task}: {puzzles} puzzles, {THOUGHTS * puzzles} rows, {size_mb:.0f} MB of Parquet")
    print(f"one process:   {rate:6.0f} puzzles/s = {THOUGHTS * rate:.0f} rows/s")
    print(f"two processes: {puzzles / two_s:6.0f} puzzles/s, {one_s / two_s:.2f} x one")
    for name, encode_s in encoders(pngs).items():
        print(
            f"encoding alone, {name}: {1 / (2 * encode_s):6.0f} puzzles/s; rows reach {rate * 2 * encode_s:.2f} of it"
        )
    peak_mb = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    print(f"largest process: {peak_mb:.0f} MB resident at its peak")


def compare_rendering() -> None:
    """The same 6x6 pictures by both renderers. Gymnasium needs an environment per board; a warm one draws again."""
    import gymnasium

    boards = [vsp.sample(np.random.default_rng(number), 6, 0.2) for number in range(NUM_RENDERED)]

    def environment(board: vsp.Board) -> gymnasium.Env:
        made = gymnasium.make("FrozenLake-v1", desc=list(board.rows), is_slippery=False, render_mode="rgb_array")
        made.reset()
        return made

    assert all(np.array_equal(environment(board).render(), vsp.render(board)) for board in boards), "pictures differ"
    ours_s = fastest(lambda: drop(vsp.render(board) for board in boards)) / NUM_RENDERED
    fresh_s = fastest(lambda: drop(environment(board).render() for board in boards)) / NUM_RENDERED
    warm = environment(boards[0])
    warm_s = fastest(lambda: drop(warm.render() for _ in boards)) / NUM_RENDERED
    print(f"rendering 6x6: ours {ours_s * 1e3:.3f} ms a board")
    print(f"gymnasium, a new board each time: {fresh_s * 1e3:.2f} ms, {fresh_s / ours_s:.0f} x ours")
    print(f"gymnasium, the same board again:  {warm_s * 1e3:.2f} ms, {warm_s / ours_s:.0f} x ours")


def build(task: str, puzzles: int, root: Path, workers: int) -> float:
    """Seconds that the four steps take."""
    spec = DatasetSpec(
        task=task,
        seed=1,
        level_shares={4: 2, 5: 3, 6: 4},  # 3x3 boards would run out
        num_puzzles={"train": puzzles},
        thoughts_per_puzzle=THOUGHTS,
        puzzles_per_shard=500,
    )
    out = [root / name for name in ("puzzles", "pictures", "thoughts", "data")]
    scratch = [root / f"scratch-{folder.name}" for folder in out]
    for folder in out + scratch:
        folder.mkdir(parents=True)
    started_s = time.perf_counter()
    sample_puzzles(spec, out[0], scratch[0], workers)
    draw_rows(out[0], out[1], scratch[1], workers)
    explain_puzzles(out[0], spec.seed, THOUGHTS, out[2], scratch[2], workers)
    counts = build_dataset(out[1], out[2], spec.teacher, out[3], scratch[3], workers)
    assert counts["kept"] == THOUGHTS * puzzles, counts
    return time.perf_counter() - started_s


def sample_rows(root: Path) -> list:
    """A spread of rows, one per puzzle."""
    rows = [row for row in read_rows(str(root / "data/rows")) if row.meta["thought"] == 0]
    return rows[:: max(1, len(rows) // (NUM_ENCODED // 2))]


def encoders(pngs: list[bytes]) -> dict[str, float]:
    """Seconds per picture of every lossless encoder at hand, pixels given as each likes them best."""
    arrays = [decode_image(png, "row") for png in pngs]
    palettes = [Image.open(io.BytesIO(png)) for png in pngs]
    for image in palettes:
        image.load()

    def pillow(image: Image.Image) -> None:
        image.save(io.BytesIO(), format="PNG", compress_level=1)

    found = {
        "Pillow, RGB": fastest(lambda: drop(pillow(Image.fromarray(array)) for array in arrays)),
        "Pillow, palette": fastest(lambda: drop(pillow(image) for image in palettes)),
        "ours (ISA-L), palette": fastest(lambda: drop(encode_palette_png(image) for image in palettes)),
    }
    try:
        import cv2
    except ImportError:
        return {name: seconds / len(pngs) for name, seconds in found.items()}
    fast = [cv2.IMWRITE_PNG_COMPRESSION, 1]
    cv2.setNumThreads(1)
    found["OpenCV, RGB"] = fastest(lambda: drop(cv2.imencode(".png", array[..., ::-1], fast) for array in arrays))
    return {name: seconds / len(pngs) for name, seconds in found.items()}


def drop(pictures: Iterable[object]) -> None:
    """Make them one after the other. Kept in a list, each would cost the kernel new pages, ten times our rendering."""
    for _ in pictures:
        pass


def fastest(work: Callable[[], object]) -> float:
    """Seconds of the fastest of a few runs: other work on the machine only adds."""
    times = []
    for _ in range(REPEATS):
        started_s = time.perf_counter()
        work()
        times.append(time.perf_counter() - started_s)
    return min(times)


if __name__ == "__main__":
    typer.run(main)
