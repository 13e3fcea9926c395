"""How fast jigsaws are cut, and how like the official ones they are: `python benchmarks/jigsaw.py --help`.

Measured in one run: photographs read from their source, puzzles with their helper image as four JPEGs each, all on one
core; what a seam comparison and two statistics that ignore the seam reach on generated and official items; and whether
any photograph shows what an official item shows.
"""

import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from mirage_core.benchmark.interval import wilson
from mirage_core.benchmark.jigsaw_policies import colour_distance, jigsaw_pixels, jigsaw_policies, nearer
from mirage_core.benchmark.official_jigsaw import read_official
from mirage_core.photos.collect import collect_photos, read_listed, read_pixels
from mirage_core.photos.overlap import MIN_AGREEING, keypoints, known_pictures, num_agreeing
from mirage_core.photos.sources import read_photos
from mirage_core.photos.splits import assign
from mirage_core.puzzles import jigsaw
from mirage_core.row import Row, read_rows, write_rows
from mirage_core.synthesis.jigsaw_rows import Place, draw_jigsaws, places

SHARES = {"train": 8, "rl": 1, "validation": 1}


def main(
    photos: Annotated[str, typer.Option(help="source of photographs")] = "../shared/data/photos",
    official: Annotated[str, typer.Option(help="official items")] = "../shared/data/blink_jigsaw",
    puzzles: Annotated[int, typer.Option(help="puzzles to cut")] = 10_000,
    seed: Annotated[int, typer.Option()] = 1,
) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        settings = jigsaw.JigsawCut()
        started = (time.perf_counter(), time.process_time())
        counts = collect_photos(read_photos(photos), out / "photos", jigsaw.min_photo_px(settings))
        report_time("photographs", counts["kept"], started)
        print(counts)
        started = (time.perf_counter(), time.process_time())
        number = write_rows(cut(out / "photos", puzzles, settings, seed), str(out / "rows"), rows_per_shard=500)
        report_time("puzzles, four JPEGs each, as Parquet", number, started)
        megabytes = sum(path.stat().st_size for path in (out / "rows").iterdir()) / 1e6
        print(f"{megabytes:.0f} MB; peak resident {peak_mb():.0f} MB")
        items = list(read_official(official))
        compare(out / "rows", items)
        overlap(out / "photos", items)


def cut(folder: Path, number: int, settings: jigsaw.JigsawCut, seed: int) -> Iterator[Row]:
    """Rows of all splits."""
    listed = [photo for photo in read_listed(folder) if jigsaw.fits(photo.width_px, photo.height_px, settings)]
    for split, chosen in assign(listed, SHARES).items():
        dealt = places(chosen, split, number * SHARES[split] // sum(SHARES.values()), seed)
        for row in draw_jigsaws(dealt, lambda photo: read_pixels(folder, photo), settings, "random-piece", seed):
            if isinstance(row, Place):
                print(f"no puzzle in {row.photo.name}")
            else:
                yield row


def report_time(what: str, number: int, started: tuple[float, float]) -> None:
    """Wall time tells of the machine's other work too, so processor time stands beside it."""
    wall_s, cpu_s = time.perf_counter() - started[0], time.process_time() - started[1]
    print(f"{number} {what}: {number / wall_s:.0f}/s by the clock, {number / cpu_s:.0f}/s of processor time")


def peak_mb() -> float:
    """Of this process since it began; `ru_maxrss` would count what its parent had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def compare(rows: Path, items: Sequence[Row]) -> None:
    """One table of what needs no model."""
    right: Counter[str] = Counter()
    splits: dict[str, set[str]] = {}
    sizes: Counter[tuple[int, int]] = Counter()
    number = 0
    for row in read_rows(str(rows)):
        number += 1
        right.update(name for name, ok in policies([row]).items() if ok)
        splits.setdefault(row.split, set()).add(row.meta["photo"])
        sizes[row.meta["cut"]["width_px"], row.meta["cut"]["height_px"]] += 1
    shared = sum(map(len, splits.values())) - len(set().union(*splits.values()))
    print(
        f"photographs of a split: { {split: len(found) for split, found in splits.items()} }, in two splits: {shared}"
    )
    print(f"sizes: {dict(sizes.most_common())}")
    official: Counter[str] = Counter()
    for item in items:
        official.update(name for name, ok in policies([item]).items() if ok)
    print(f"{'policy':62} generated (n = {number})    official (n = {len(items)})")
    for name in policies(items[:1]):
        print(f"{name:62} {share(right[name], number)}    {share(official[name], len(items))}")


def policies(rows: Sequence[Row]) -> dict[str, bool]:
    """Whether each policy is right on the first row; without the majority, which one row does not tell."""
    row = rows[0]
    found = {
        name: answers[0] == row.answer for name, answers in jigsaw_policies(rows).items() if "majority" not in name
    }
    reference, *pieces = jigsaw_pixels(row)
    whole = reference.mean((0, 1))
    distances = [float(np.linalg.norm(piece.mean((0, 1)) - whole)) for piece in pieces]
    assert colour_distance(reference, pieces[0]) >= 0
    return found | {"the same, with the black hole counted as colour": nearer(*distances) == row.answer}


def share(correct: int, number: int) -> str:
    """In percent, with Wilson's interval."""
    low, high = wilson(number, correct / number)
    return f"{100 * correct / number:5.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def overlap(folder: Path, items: Sequence[Row]) -> None:
    """Look for official pictures in the photographs, whatever their scale and cut, by their keypoints."""
    cv2.setNumThreads(1)
    known = known_pictures(items)
    most: Counter[str] = Counter()
    for photo in read_listed(folder):
        found = keypoints(read_pixels(folder, photo))
        for item in known:
            most[f"{item.name} in {photo.name}"] = num_agreeing(item.keypoints, found)
    same = [(name, number) for name, number in most.most_common() if number >= MIN_AGREEING]
    print(f"official items in the photographs: {same or 'none'}; the most alike: {most.most_common(2)}")
    scaled = cv2.resize(jigsaw_pixels(items[0])[0].astype(np.uint8)[:, 20:], None, fx=1.3, fy=1.3)
    agreeing = num_agreeing(known[0].keypoints, keypoints(scaled))
    print(f"control, {known[0].name} cut and enlarged by 1.3: {agreeing} keypoints agree")


if __name__ == "__main__":
    typer.run(main)
