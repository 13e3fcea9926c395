"""The latent tests with real models: one whose latents hold the whole answer, and one that never listens to them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mirage_core.benchmark.items import Exam, TestRows
from mirage_core.benchmark.latent_results import OWN, SWAPPED, ZEROS, LatentScores
from mirage_core.benchmark.latent_tests import (
    FIRST,
    NOISE,
    TRUE,
    TRUE_SCALED,
    examine_latents,
    replacements,
    sample_items,
)
from mirage_core.benchmark.scores import examine, score
from mirage_core.model import MirageForConditionalGeneration, latent_targets
from mirage_core.model.load import save
from mirage_core.model.tiny import build_config, build_processor
from mirage_core.puzzles import vsp
from mirage_core.recipe import Benchmark, LatentTests, Optimizer, Pretrain
from mirage_core.row import Row, decode_image, encode_png, write_rows
from mirage_core.training.collate import IGNORED, Collator, completion_text, encode
from mirage_core.training.targets import targets_of

pytestmark = pytest.mark.train

SIZE = Pretrain(hidden=64, layers=2, optimizer=Optimizer(num_updates=1))
SETTINGS = Benchmark(levels=(3, 7), batch_size=4, max_new_tokens=24, latent_tests=LatentTests(seed=1))
PLANS = {
    ("SFF", "FHF", "FFG"): "R,R,D,D", ("GFS", "FHF", "FFF"): "L,L", ("FGF", "FHF", "FFS"): "U,U,L",
    ("SHF", "FHF", "FFG"): "D,D,R,R", ("GHF", "FHS", "FFF"): "D,L,L,U,U",
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def processor():
    return build_processor()


@pytest.fixture(scope="module")
def items():
    """Five boards with five answers; the questions end differently, so that a model need not see to know them apart."""
    return [
        Row(
            id=f"item-{number}",
            task=vsp.TASK,
            split="test",
            level=3,
            question=f"{vsp.QUESTION}{'ABCDE'[number]}",
            images=[encode_png(vsp.render(vsp.Board(board)))],
            helper_images=[encode_png(vsp.helper_image(vsp.Board(board), answer.replace(",", "")))],
            thought_before="",
            thought_after="",
            answer=answer,
            meta={"board": list(board)},
        )
        for number, (board, answer) in enumerate(PLANS.items())
    ]


@pytest.fixture(scope="module")
def taught(processor, items):
    """A function from a loss of (model, batch, step) to a model that was shown the items until the loss is small."""

    def teach(loss_of):
        torch.manual_seed(0)
        model = MirageForConditionalGeneration(build_config(SIZE, processor.tokenizer)).train()
        images = [decode_image(row.images[0], row.id) for row in items]
        pictures = processor.image_processor(images, return_tensors="pt")
        rows = [
            encode(processor, row.question, grid[None], completion_text(row, 4, thoughts=False))
            for row, grid in zip(items, pictures["image_grid_thw"], strict=True)
        ]
        batch = Collator(processor.tokenizer.pad_token_id)(rows)
        with torch.no_grad():
            seen = model.model.get_image_features(**pictures)
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
        for step in range(400):
            loss = loss_of(model, batch | {"mm_encoder_outputs": {"image": seen}}, step)
            if loss < 0.01:
                return model
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        raise AssertionError(f"not learned: loss {loss.item()}")

    return teach


@pytest.fixture(scope="module")
def listener(taught):
    """Its answer is that of the item whose latents it is fed, whatever it is asked."""

    def loss_of(model, batch, step):
        own = model(**batch)
        others = (torch.arange(5) + 1 + step % 4) % 5
        latents = own.latents.unflatten(0, (5, 4))[others].flatten(0, 1)
        answer = batch["labels"].ne(IGNORED).any(0).int().argmax()  # its first column; questions are of one length
        ids = torch.cat([batch["input_ids"][:, :answer], batch["input_ids"][others, answer:]], 1)
        theirs = {key: batch[key][others] for key in ("attention_mask", "labels")}
        swapped = model(**batch | theirs | {"input_ids": ids}, latent_embeds=latents)
        return own.loss + swapped.loss

    return taught(loss_of)


@pytest.fixture(scope="module")
def deaf(taught):
    """It goes by the question alone: half of what it was fed as latents was noise or zeros, in turn."""

    def loss_of(model, batch, step):
        return model(**batch).loss + model(**batch, latent_embeds=torch.randn(20, 64) * 8 * (step % 2)).loss

    return taught(loss_of)


@pytest.fixture(scope="module")
def of_listener(listener, processor, items):
    lines = []
    tested = examine_latents(listener.train(), items, processor, SETTINGS, "arm", "set", lines.append)
    assert not listener.training
    return tested, lines


def answers_of(tested, name):
    return [answer.output.split("<|latent_end|>")[1] for answer in tested.by_name(name).answers]


def test_where_the_latents_hold_the_answer_it_goes_where_they_go(of_listener, items):
    """Swapped latents make every item get the answer of the item whose latents it was given."""
    tested, lines = of_listener
    assert (tested.model, tested.test_set, tested.n, tested.num_with_latents) == ("arm", "set", 5, 5)
    own, swapped = (answers_of(tested, name) for name in (OWN, SWAPPED))
    assert own == [rf"\boxed{{{row.answer}}}" for row in items]
    assert sorted(swapped) == sorted(own) and all(one != other for one, other in zip(swapped, own, strict=True))
    assert tested.by_name(OWN).overall.correct == 5 and tested.by_name(OWN).fall.difference == 0
    assert tested.by_name(SWAPPED).overall.correct == 0
    fall = tested.by_name(SWAPPED).fall
    assert (fall.a, fall.b, fall.n, fall.difference, fall.only_a) == (OWN, SWAPPED, 5, 1.0, 5)
    assert tested.by_name(ZEROS).overall.correct < 5
    assert lines[3] == "benchmark arm: latents replaced by another row's, 0/5 right"


def test_where_the_text_holds_the_answer_nothing_falls(deaf, processor, items):
    tested = examine_latents(deaf, items, processor, SETTINGS)
    assert [one.name for one in tested.replaced] == [OWN, ZEROS, NOISE, FIRST, SWAPPED, TRUE, TRUE_SCALED]
    for one in tested.replaced:
        assert one.overall.correct == 5 or one.name in (TRUE, TRUE_SCALED), one.name  # pictures it never met there


def test_own_latents_give_the_scores_of_the_benchmark(of_listener, listener, processor, items):
    assert of_listener[0].by_name(OWN).answers == score(listener, items, processor, SETTINGS).answers


def test_boards_that_need_planning_are_counted_apart(of_listener):
    own = of_listener[0].by_name(OWN)
    hard = [answer for answer in own.answers if answer.needs_planning]
    assert 0 < len(hard) < 5 and (own.where_walks_fail.n, own.where_walks_fail.correct) == (len(hard), len(hard))
    assert of_listener[0].by_name(SWAPPED).fall_where_walks_fail.only_a == len(hard)


def test_statistics_are_of_the_items_own_latents_and_pictures(of_listener):
    statistics = of_listener[0].statistics
    assert statistics.num_items == 5 and len(statistics.collapse.per_place) == 4
    assert statistics.collapse.overall < 0.99 and statistics.retrieval.chance_recall_at_1 == 0.2
    assert set(statistics.norms) == {"text tokens", "image features", "latents", "targets"}
    assert [len(places) for places in statistics.map.values()] == [200, 180, 20]  # 36 features of each picture


def test_without_helper_images_there_is_no_true_helper(listener, processor, items):
    bare = [replace(row, helper_images=[] if row is items[2] else row.helper_images) for row in items]
    tested = examine_latents(listener, bare, processor, SETTINGS)
    assert [one.name for one in tested.replaced] == [OWN, ZEROS, NOISE, FIRST, SWAPPED]
    assert tested.statistics.retrieval is None and tested.statistics.collapse_of_targets is None


def test_a_sample_is_in_order_and_the_same_with_one_seed(items):
    def ids(num_items, seed):
        return [row.id for row in sample_items(items, LatentTests(num_items=num_items, seed=seed))]

    assert ids(None, 3) == ids(9, 3) == [row.id for row in items]
    assert ids(2, 0) == ids(2, 0) and len({tuple(ids(2, seed)) for seed in range(40)}) == 10
    assert all(ids(3, seed) == sorted(set(ids(3, seed))) for seed in range(9))


def test_a_model_without_latents_is_not_tested(processor, items):
    torch.manual_seed(0)
    model = MirageForConditionalGeneration(build_config(SIZE, processor.tokenizer))
    assert examine_latents(model, items, processor, SETTINGS) is None


def test_an_examination_tests_latents_where_it_is_asked_to(listener, processor, items, tmp_path):
    save(listener, processor, tmp_path / "model")
    write_rows([*items, replace(items[0], id="large", level=7)], str(tmp_path / "data/rows"))
    exam = Exam(
        model="arm", tests=(TestRows(name="set", folder=tmp_path / "data", split="test"),), settings=SETTINGS
    )  # fmt: skip
    (tmp_path / "out").mkdir()
    counts = examine(str(tmp_path / "model"), exam, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"scores-0.json", "latents-0.json"}
    tested = LatentScores.model_validate_json((tmp_path / "out/latents-0.json").read_text())
    assert tested.n == 5 and tested.by_name(SWAPPED).overall.correct == 0  # level 7 is not in the headline
    shown = counts["set, latents replaced"]
    assert (shown["items"], shown["own"], shown["another row's"]) == (5, 1.0, 0.0)


# replacements, by hand


def made(*lengths):
    rng = np.random.default_rng(0)
    return [torch.from_numpy(rng.normal(2.0, 1.0, (length, 6))).float() for length in lengths]


def test_every_replacement_is_what_its_name_says():
    latents, targets = made(4, 8, 4), made(4, 8, 4)
    given = dict(replacements(latents, targets, 4, seed=0))
    assert all(embeds.shape == (3, 8, 6) for embeds in given.values())
    assert not given[ZEROS].any()
    assert torch.equal(given[FIRST][0], latents[0][:1].expand(8, 6))
    assert torch.equal(given[FIRST][1], latents[1][[0, 0, 0, 0, 4, 4, 4, 4]])  # of each span
    assert torch.equal(given[TRUE][1], targets[1]) and torch.equal(given[TRUE][0], targets[0].repeat(2, 1))
    own_norm = torch.stack([latents[0].repeat(2, 1), latents[1], latents[2].repeat(2, 1)]).norm(dim=-1)
    for name in (NOISE, TRUE_SCALED):
        torch.testing.assert_close(given[name].norm(dim=-1), own_norm)
    assert torch.nn.functional.cosine_similarity(given[TRUE_SCALED], given[TRUE], dim=-1).min() > 0.9999
    again, other = (dict(replacements(latents, None, 4, seed)) for seed in (0, 1))
    assert torch.equal(again[NOISE], given[NOISE]) and not torch.equal(other[NOISE], given[NOISE])
    assert TRUE not in again


def test_no_row_ever_gets_its_own_latents_and_all_are_given_to_somebody():
    lengths = [4, 0, 4, 4, 8, 0, 4]
    latents = made(*lengths)
    partners = set()
    for seed in range(50):
        swapped = dict(replacements(latents, None, 4, seed))[SWAPPED]
        donors = []
        for row in np.flatnonzero(lengths):
            (donor,) = [
                number for number in np.flatnonzero(lengths)
                if torch.equal(swapped[row, : lengths[number]], latents[number])
            ]  # fmt: skip
            assert donor != row
            donors.append(int(donor))
        assert sorted(donors) == [0, 2, 3, 4, 6]
        partners.add(donors[0])
    assert partners == {2, 3, 4, 6}  # anybody, near or far


def test_one_row_with_latents_has_nobody_to_swap_with():
    assert SWAPPED not in dict(replacements(made(0, 4), None, 4, 0))


def test_targets_are_those_of_the_training():
    image, helper = made(9, 9)
    raw = latent_targets(helper, 4)
    assert torch.equal(targets_of("raw", [image], [helper], 4)[0], raw)
    assert torch.equal(targets_of("helper-minus-input", [image], [helper], 4)[0], raw - latent_targets(image, 4))
