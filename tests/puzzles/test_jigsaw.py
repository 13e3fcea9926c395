import io
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mirage_core.errors import InputError
from mirage_core.photos.splits import Listed
from mirage_core.puzzles import jigsaw
from mirage_core.synthesis.jigsaw_rows import Place, draw_jigsaws, places


def marked(width=480, height=320):
    """Red counts columns, green rows and blue their halves, so that every pixel tells where it lies."""
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    shades = [across * 255 // width, down * 255 // height, (across // 3 + down // 3) % 2 * 255]
    return np.stack(shades, axis=2).astype(np.uint8)


def noise(seed, width=480, height=320):
    small = np.random.default_rng(seed).integers(0, 256, (height // 10, width // 10, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def opened(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def draw(photo, seed, helper="assembled", answer="A", **settings):
    return jigsaw.draw(photo, answer, jigsaw.JigsawCut(**settings), helper, (seed,))


@pytest.mark.parametrize("answer", ["A", "B"])
def test_a_puzzle_has_the_published_form(answer):
    for seed in range(20):
        cut, pictures = draw(noise(seed), seed, answer=answer)
        reference, *candidates = (opened(data) for data in pictures[:3])
        height, width = reference.shape[:2]
        assert (width, height) in jigsaw.SIZES
        assert [piece.shape for piece in candidates] == [(height // 2, width // 2, 3)] * 2
        hole = reference[height // 2 :, width // 2 :]
        assert np.median(hole) == 0 and hole[4:, 4:].max() <= 33  # the official items' JPEG noise
        assembled = opened(pictures.helper)
        right, wrong = candidates if answer == "A" else candidates[::-1]
        assert np.abs(assembled[height // 2 :, width // 2 :] - right).mean() < 6
        assert np.abs(assembled[height // 2 :, width // 2 :] - wrong).mean() > 12
        assert cut.answer == pictures.helper_shows == answer


@pytest.mark.parametrize("wrong", jigsaw.WRONG_KINDS)
def test_the_wrong_candidate_is_never_seen_in_the_crop(wrong):
    """Its pixels come from the right of, or below, whatever the crop shows."""
    for seed in range(200):
        rng = np.random.default_rng(seed)
        cut = jigsaw.draw_cut(480, 320, "A", jigsaw.JigsawCut(wrong=(wrong,)), rng)
        width, height = cut.width_px // 2, cut.height_px // 2
        assert 0 <= cut.wrong_left <= 2 * width and 0 <= cut.wrong_top <= 2 * height
        outside_crop = cut.wrong_left >= 2 * width or cut.wrong_top >= 2 * height
        behind_hole = cut.wrong_left >= width and cut.wrong_top >= height
        assert outside_crop or behind_hole
        assert outside_crop or wrong in ("near", "mirrored")
        assert cut.left >= 0 and cut.left + 3 * width * cut.scale <= 480.01
        assert cut.top >= 0 and cut.top + 3 * height * cut.scale <= 320.01


def test_pixels_of_the_candidates_lie_where_the_cut_says():
    photo = marked()
    for seed in range(20):
        rng = np.random.default_rng(seed)
        cut = jigsaw.draw_cut(480, 320, "A", jigsaw.JigsawCut(), rng)
        pieces = jigsaw.cut_pieces(photo, cut)
        if pieces is None:
            continue
        for piece, left, top in (
            (pieces.right, cut.width_px // 2, cut.height_px // 2),
            (pieces.wrong, cut.wrong_left, cut.wrong_top),
        ):
            x = cut.left + (left + piece.shape[1] / 2) * cut.scale
            y = cut.top + (top + piece.shape[0] / 2) * cut.scale
            expected = [x * 255 / 480, y * 255 / 320]
            assert np.abs(piece[..., :2].mean((0, 1)) - expected).max() < 2


def test_official_wrong_candidates_lie_on_all_five_tiles():
    draws = [jigsaw.draw_cut(480, 320, "A", jigsaw.JigsawCut(), np.random.default_rng(seed)) for seed in range(400)]
    tiles = Counter((2 * cut.wrong_left // cut.width_px, 2 * cut.wrong_top // cut.height_px) for cut in draws)
    assert set(tiles) == {(2, 0), (2, 1), (0, 2), (1, 2), (2, 2)}
    assert min(tiles.values()) > 50


def test_harder_candidates_are_what_their_names_say():
    photo = noise(3)
    for kind in ("mirrored", "colour-matched", "near"):
        settings = jigsaw.JigsawCut(wrong=(kind,))
        cut = jigsaw.draw_cut(480, 320, "A", settings, np.random.default_rng(4))
        pieces = jigsaw.cut_pieces(photo, cut)
        if kind == "mirrored":
            assert np.array_equal(pieces.wrong, pieces.right[:, ::-1])
        elif kind == "colour-matched":
            assert np.abs(pieces.wrong.mean((0, 1)) - pieces.right.mean((0, 1))).max() < 4
        else:
            shift = (cut.wrong_left - cut.width_px // 2, cut.wrong_top - cut.height_px // 2)
            overlap = pieces.right[shift[1] :, shift[0] :]
            assert np.array_equal(pieces.wrong[: overlap.shape[0], : overlap.shape[1]], overlap)
            assert 0 < overlap.size < pieces.right.size


def test_composites_show_what_their_names_say():
    shown = Counter()
    for seed in range(40):
        photo = noise(seed)
        cut, assembled = draw(photo, seed)
        height, width = cut.height_px, cut.width_px
        _, composed = draw(photo, seed, helper="random-piece")
        shown[composed.helper_shows] += 1
        candidate = opened(composed.candidate_a if composed.helper_shows == "A" else composed.candidate_b)
        assert np.abs(opened(composed.helper)[height // 2 :, width // 2 :] - candidate).mean() < 6
        _, beside = draw(photo, seed, helper="beside")
        picture = opened(beside.helper)
        assert picture.shape[0] == height and picture.shape[1] > width + width // 2
        assert np.abs(picture[:, :width] - opened(beside.reference)).mean() < 3
        assert np.abs(picture[height // 2 :, -width // 2 :] - opened(beside.candidate_a)).mean() < 6
        assert assembled[:3] == composed[:3] == beside[:3], "the helper changes the puzzle"
    assert min(shown["A"], shown["B"]) > 10


def test_a_puzzle_follows_from_its_seed_alone():
    assert draw(noise(1), 5) == draw(noise(1), 5)
    assert draw(noise(1), 5)[0] != draw(noise(1), 6)[0]


def test_candidates_that_look_alike_are_no_puzzle():
    assert draw(np.full((320, 480, 3), 90, np.uint8), 0) is None
    stripes = np.repeat(np.arange(320, dtype=np.uint8)[:, None, None] % 200, 480, 1).repeat(3, 2)
    assert draw(stripes, 0, wrong=("mirrored",)) is None


def test_photographs_without_room_are_known_beforehand():
    settings = jigsaw.JigsawCut(max_upscale=1.5)
    least = jigsaw.min_photo_px(settings)
    assert least == (254, 166)
    assert not jigsaw.fits(253, 2000, settings) and not jigsaw.fits(2000, 165, settings)
    assert jigsaw.fits(400, 220, settings) and jigsaw.fits(254, 332, settings)
    for width, height in ((400, 220), (254, 332), (1200, 166)):
        if jigsaw.fits(width, height, settings):
            assert jigsaw.draw(noise(0, width, height), "A", settings, "assembled", (1,)) is not None


def listed(index):
    return Listed(f"{index}", f"{index:064x}", 480, 320, f"{index:064x}")


def drawn(photos, number, seed=7, **settings):
    chosen = places(photos, "train", number, seed)
    return list(
        draw_jigsaws(chosen, lambda photo: noise(int(photo.content, 16)), jigsaw.JigsawCut(**settings), "beside", seed)
    )


def test_rows_are_balanced_and_all_different_and_pass_their_own_check():
    rows = drawn([listed(index) for index in range(7)], 50)
    assert Counter(row.answer for row in rows) == {"A": 25, "B": 25}
    assert len({row.id for row in rows}) == 50
    assert all(jigsaw.check(row.meta, rf"\boxed{{{row.answer}}}").ok for row in rows)
    assert all(row.question.count("<image>") == len(row.images) == 3 for row in rows)
    assert max(Counter(row.meta["photo"] for row in rows).values()) == 8


def test_a_row_does_not_depend_on_the_other_photographs():
    together = {row.id for row in drawn([listed(1), listed(2)], 8)}
    alone = {row.id for row in drawn([listed(1)], 4)}
    assert alone < together


def test_a_photograph_without_puzzles_is_handed_back():
    chosen = places([listed(1)], "rl", 2, 0)
    plain = list(draw_jigsaws(chosen, lambda _: np.zeros((320, 480, 3), np.uint8), jigsaw.JigsawCut(), "beside", 0))
    assert plain == chosen and all(isinstance(place, Place) for place in plain)
    with pytest.raises(InputError, match="split rl: no photographs"):
        places([], "rl", 2, 0)


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (r"\boxed{A}", "ok"),
        (r"\boxed{(A)}", "ok"),
        (r"\boxed{\text{A}}", "ok"),
        (r"\boxed{A. the second image}", "ok"),
        (r"\boxed{the second image}", "ok"),
        (r"Option (B) looks off, its sky breaks. \boxed{a}", "ok"),
        (r"\boxed{B} no, \boxed{A}", "ok"),
        ("(A)", "ok"),
        ("(A) the second image", "ok"),
        ("A", "ok"),
        ("A.", "ok"),
        ("The answer is (A).", "ok"),
        ("**Answer:** A", "ok"),
        ("(B) does not continue the road. The correct answer is (A).", "ok"),
        ("The second image is the missing part.", "ok"),
        (r"\boxed{B}", "wrong_choice"),
        ("The answer is option B", "wrong_choice"),
        ("the third image", "wrong_choice"),
        (r"\boxed{C}", "no_choice"),
        (r"\boxed{}", "no_choice"),
        (r"\boxed{second image or third image}", "no_choice"),
        ("Either (A) or (B).", "no_answer"),
        ("The second image or the third image.", "no_answer"),
        ("I'm sorry, but I can't assist with that.", "no_answer"),
        ("A road runs through the picture.", "no_answer"),
        ("", "no_answer"),
    ],
)
def test_answers_are_read_as_published(output, reason):
    assert jigsaw.check({"answer": "A"}, output).reason == reason


@given(st.text(max_size=80))
def test_no_output_breaks_the_grading(output):
    verdict = jigsaw.check({"answer": "B"}, output)
    assert verdict.ok == (verdict.reason == "ok")
    assert verdict.reason in ("ok", "no_answer", "no_choice", "wrong_choice")


def test_the_question_is_the_official_prompt(shared):
    import json

    for path in (shared / "data/blink_jigsaw").glob("*/request.json"):
        query = json.loads(path.read_text())["query"]
        assert query.endswith(jigsaw.PROMPT)
        assert jigsaw.QUESTION.startswith(jigsaw.PROMPT)


def test_jpegs_are_saved_as_the_official_ones(shared):
    _, pictures = draw(noise(1), 1)
    ours = Image.open(io.BytesIO(pictures.reference))
    for path in (shared / "data/blink_jigsaw").glob("*/*.jpg"):
        official = Image.open(path)
        assert (official.quantization, official.layer) == (ours.quantization, ours.layer)
