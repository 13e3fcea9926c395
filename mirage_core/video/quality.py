"""How close a helper image comes to the true view: pixel error, structure, outlines."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from skimage.feature import hog
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from mirage_core.benchmark.interval import bootstrap

MAX_PSNR_DB = 100.0
"""Told for equal pictures, whose ratio has no bound."""
NUM_CELLS = 8
"""Cells along each side."""


class Quality(NamedTuple):
    """Likeness of two pictures; more is closer."""

    psnr_db: float
    """Peak signal-to-noise ratio of the colours in decibels, at most 100."""
    ssim: float
    """Structural similarity of the grey pictures (Wang et al. 2004), 1 for equal ones."""
    outlines: float
    """Correlation of histograms of oriented gradients (Dalal & Triggs 2005; cells of an eighth of the side), 1 for
    equal pictures, about 0 for noise: whether edges run as they should, with room for small shifts, which people
    forgive and the other two do not. Learned measures such as LPIPS need weights that no package holds."""


class QualityLine(NamedTuple):
    """One kind of helper image in the table."""

    name: str
    n: int
    mean: Quality
    low: Quality
    """Lower ends of the 95 % intervals of the means."""
    high: Quality


def quality(image: np.ndarray, true: np.ndarray) -> Quality:
    """Compare a picture with the true view; one of another size is brought to its size.

    Args:
        image: uint8 RGB.
        true: uint8 RGB, 16 pixels wide and high at least.
    """
    if image.shape != true.shape:
        image = cv2.resize(image, (true.shape[1], true.shape[0]), interpolation=cv2.INTER_AREA)
    same = np.array_equal(image, true)
    psnr = MAX_PSNR_DB if same else min(MAX_PSNR_DB, float(peak_signal_noise_ratio(true, image)))
    grey, true_grey = (cv2.cvtColor(one, cv2.COLOR_RGB2GRAY) for one in (image, true))
    ssim = structural_similarity(
        true_grey, grey, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
    )
    return Quality(psnr, float(ssim), _correlation(_outlines(grey), _outlines(true_grey)))


def quality_table(measured: Mapping[str, Sequence[Quality]]) -> list[QualityLine]:
    """Means and their 95 % bootstrap intervals over items, by the name of the kind of helper image."""
    lines = []
    for name, values in measured.items():
        columns = np.array(values, float).reshape(len(values), len(Quality._fields))
        if not len(columns):
            continue
        means = columns.mean(0).tolist()
        ends = [bootstrap(column) or (mean, mean) for column, mean in zip(columns.T, means, strict=True)]
        low, high = (Quality(*(end[side] for end in ends)) for side in (0, 1))
        lines.append(QualityLine(name, len(columns), Quality(*means), low, high))
    return lines


def quality_markdown(lines: Sequence[QualityLine]) -> str:
    """The table as markdown."""
    head = ["| helper image | n | PSNR, dB | SSIM | outlines |", "| --- | --- | --- | --- | --- |"]
    for line in lines:
        cells = [
            f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
            for mean, low, high, digits in zip(line.mean, line.low, line.high, (1, 3, 3), strict=True)
        ]
        head.append(f"| {line.name} | {line.n} | {' | '.join(cells)} |")
    return "\n".join(head)


def _outlines(grey: np.ndarray) -> np.ndarray:
    cells = grey.shape[0] // NUM_CELLS, grey.shape[1] // NUM_CELLS
    return hog(grey, orientations=9, pixels_per_cell=cells, cells_per_block=(2, 2), feature_vector=True)


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's; 0 where a picture has no outlines at all, unless neither has."""
    if np.array_equal(one, other):
        return 1.0
    one, other = one - one.mean(), other - other.mean()
    norms = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / norms if norms else 0.0
