"""Likeness of helper image and true view falls with what is done to the picture."""

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from mirage_core.video.quality import Quality, quality, quality_markdown, quality_table

TRUE = cv2.resize(astronaut(), (128, 128), interpolation=cv2.INTER_AREA)
RNG = np.random.default_rng(0)


def noisy(levels):
    return np.clip(TRUE + RNG.normal(0, levels, TRUE.shape), 0, 255).astype(np.uint8)


def test_equal_pictures_are_closest_of_all():
    same = quality(TRUE, TRUE.copy())
    assert same.psnr_db == 100 and same.ssim == pytest.approx(1) and same.outlines == pytest.approx(1)


def test_more_noise_more_blur_and_a_larger_shift_are_less_alike():
    for worse in (
        [noisy(levels) for levels in (3, 15, 60)],
        [cv2.GaussianBlur(TRUE, (0, 0), sigma) for sigma in (0.6, 2, 6)],
        [np.roll(TRUE, shift, axis=1) for shift in (1, 4, 20)],
    ):
        for measure in zip(*(quality(image, TRUE) for image in worse), strict=True):
            assert list(measure) == sorted(measure, reverse=True)


def test_noise_is_worst_by_structure_and_outlines():
    noise = quality(RNG.integers(0, 256, TRUE.shape, np.uint8), TRUE)
    other = quality(np.roll(TRUE, 6, axis=1), TRUE)
    assert noise.ssim < 0.1 and noise.ssim < other.ssim and noise.outlines < 0.1 < 0.5 < other.outlines


def test_a_grey_picture_has_no_outlines():
    grey = np.full_like(TRUE, 128)
    assert quality(grey, TRUE).outlines == 0 and quality(grey, grey).outlines == 1


def test_another_size_is_brought_to_the_true_views():
    assert quality(cv2.resize(TRUE, (256, 256)), TRUE).ssim > 0.95


def test_the_table_holds_means_with_intervals():
    measured = {"imagined": [quality(noisy(20 + n), TRUE) for n in range(12)], "oracle": [quality(TRUE, TRUE)] * 3,
                "none": []}  # fmt: skip
    imagined, oracle = quality_table(measured)
    assert imagined.n == 12 and all(
        low < mean < high for low, mean, high in zip(imagined.low, imagined.mean, imagined.high, strict=True)
    )
    assert oracle.low == oracle.mean == oracle.high == Quality(100.0, pytest.approx(1), pytest.approx(1))
    text = quality_markdown([imagined, oracle]).splitlines()
    assert len(text) == 4 and text[3].startswith("| oracle | 3 | 100.0 (100.0 to 100.0) |")
