"""The evaluation loop with real models: one that has learned nothing, and one that knows four boards by heart."""

from dataclasses import replace

import pytest
import torch

from mirage_core.benchmark.items import Exam, TestRows
from mirage_core.benchmark.results import Scores
from mirage_core.benchmark.scores import examine, score
from mirage_core.errors import InputError
from mirage_core.model import MirageForConditionalGeneration
from mirage_core.model.load import save
from mirage_core.model.tiny import build_config, build_processor
from mirage_core.puzzles import vsp, vsp_reasoning, vsp_tasks
from mirage_core.recipe import Benchmark, Optimizer, Pretrain, Sampling
from mirage_core.row import Row, decode_image, encode_png, write_rows
from mirage_core.training.collate import Collator, completion_text, encode

pytestmark = pytest.mark.train

SIZE = Pretrain(hidden=64, layers=2, optimizer=Optimizer(num_updates=1))
SETTINGS = Benchmark(levels=(3, 4), batch_size=4, max_new_tokens=24)
PLANS = {("SFF", "FHF", "FFG"): "R,R,D,D", ("GFS", "FHF", "FFF"): "L,L", ("FGF", "FHF", "FFS"): "U,U,L"}
LARGE = {("SFFF", "FHFH", "FFFH", "HFFG"): "D,D,R,D,R,R"}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def processor():
    return build_processor()


@pytest.fixture(scope="module")
def items():
    """Four boards of two sizes; the questions differ in length, so that batches are padded."""
    return [
        Row(
            id=f"item-{number}",
            task=vsp.TASK,
            split="test",
            level=len(board),
            question=vsp.QUESTION + "!" * (2 * number),
            images=[encode_png(vsp.render(vsp.Board(board)))],
            helper_images=[encode_png(vsp.helper_image(vsp.Board(board), answer.replace(",", "")))],
            thought_before="",
            thought_after="",
            answer=answer,
            meta={"board": list(board)},
        )
        for number, (board, answer) in enumerate((PLANS | LARGE).items())
    ]


def build(processor):
    torch.manual_seed(0)
    return MirageForConditionalGeneration(build_config(SIZE, processor.tokenizer))


@pytest.fixture(scope="module")
def restless(processor):
    """A random model that says something else to every item, every token hanging on all before it."""
    model = build(processor)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(10)
    return model


@pytest.fixture(scope="module")
def learned(processor, items):
    """A model that was shown the four items until it knew them."""
    model = build(processor).train()
    images = [decode_image(row.images[0], row.id) for row in items]
    pictures = processor.image_processor(images, return_tensors="pt")
    grids = pictures["image_grid_thw"]
    rows = [
        encode(processor, row.question, grid[None], completion_text(row, 4, thoughts=False))
        for row, grid in zip(items, grids, strict=True)
    ]
    batch = {**Collator(processor.tokenizer.pad_token_id)(rows), "pixel_values": pictures["pixel_values"]}
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(200):
        loss = model(**batch).loss
        if loss < 0.01:
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


def outputs_of(scores):
    return [answer.output for answer in scores.answers]


def test_every_item_is_answered_in_order(restless, processor, items):
    lines = []
    settings = SETTINGS.model_copy(update={"batch_size": 3})
    scores = score(restless.train(), items, processor, settings, "arm", "set", lines.append)
    assert [answer.id for answer in scores.answers] == [row.id for row in items]
    assert [answer.level for answer in scores.answers] == [3, 3, 3, 4]
    assert (scores.model, scores.test_set, scores.overall.n) == ("arm", "set", 4)
    assert lines == ["benchmark arm: 3/4 items", "benchmark arm: 4/4 items"]
    assert not restless.training


def test_the_batch_does_not_change_an_answer(restless, learned, processor, items):
    for model in (restless, learned):
        one, *others = [
            outputs_of(score(model, items, processor, SETTINGS.model_copy(update={"batch_size": size})))
            for size in (1, 3, 4)
        ]
        assert all(other == one for other in others)
        assert len(set(one)) == 4, "the model says the same to all"


def test_latents_are_counted_and_kept_in_the_output(restless, learned, processor, items):
    for model in (restless, learned):
        scores = score(model, items, processor, SETTINGS)
        for answer in scores.answers:
            assert answer.num_latents == answer.output.count("<|latent_pad|>")
        assert scores.emission_rate == sum(answer.num_latents > 0 for answer in scores.answers) / 4
    assert scores.emission_rate == 1.0


def test_a_model_that_knows_the_answers_gets_them_all_right(learned, processor, items):
    scores = score(learned, items, processor, SETTINGS)
    assert outputs_of(scores) == [completion_text(row, 4, thoughts=False) for row in items]
    assert (scores.overall.correct, scores.overall_vsp.correct, scores.invalid) == (4, 4, 0.0)
    assert {level: (right.correct, right.n) for level, right in scores.by_level.items()} == {3: (3, 3), 4: (1, 1)}


def test_answers_are_graded_on_the_board_of_their_item(learned, processor, items):
    """The same pictures and answers, but the boards of two items swapped."""
    swapped = [
        replace(items[0], meta=items[1].meta), replace(items[1], meta=items[0].meta), *items[2:]
    ]  # fmt: skip
    scores = score(learned, swapped, processor, SETTINGS)
    assert [answer.reason == "ok" for answer in scores.answers] == [False, False, True, True]


def test_an_unreadable_picture_is_named_by_its_item(learned, processor, items):
    broken = [items[0], replace(items[1], images=[items[1].images[0][:200]])]
    with pytest.raises(InputError, match="image of row item-1: not a readable picture"):
        score(learned, broken, processor, SETTINGS)


@pytest.fixture
def exam_of(tmp_path, items):
    """A function from levels to an exam of two test sets, all items and the first two."""
    for name, rows in (("all", items), ("two", items[:2])):
        write_rows([*rows, replace(items[0], id="other", split="validation")], str(tmp_path / name / "rows"))

    def build(*levels, split="test"):
        tests = tuple(TestRows(name=name, folder=tmp_path / name, split=split) for name in ("all", "two"))
        return Exam(model="arm", tests=tests, settings=SETTINGS.model_copy(update={"levels": levels}))

    return build


@pytest.fixture
def folder(learned, processor, tmp_path):
    save(learned, processor, tmp_path / "model")
    return str(tmp_path / "model")


def test_an_examination_leaves_scores_per_test_set(learned, processor, items, exam_of, folder, tmp_path):
    (tmp_path / "out").mkdir()
    counts = examine(folder, exam_of(3, 4), tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"scores-0.json", "scores-1.json"}
    alone = score(learned, items, processor, SETTINGS)
    for number, (name, size) in enumerate((("all", 4), ("two", 2))):
        scores = Scores.model_validate_json((tmp_path / f"out/scores-{number}.json").read_text())
        assert (scores.model, scores.test_set) == ("arm", name)
        assert scores.answers == alone.answers[:size]
        assert counts[name]["items"] == counts[name]["right"] == size and counts[name]["accuracy"] == 1.0
        assert 0 < counts[name]["interval_95_low"] < counts[name]["interval_95_high"] == 1.0


def test_only_the_asked_levels_are_examined(exam_of, folder, tmp_path):
    exam = exam_of(4)
    exam = exam.model_copy(update={"tests": exam.tests[:1]})
    assert examine(folder, exam, tmp_path)["all"]["items"] == 1
    scores = Scores.model_validate_json((tmp_path / "scores-0.json").read_text())
    assert [answer.level for answer in scores.answers] == [4] == list(scores.by_level)


@pytest.mark.parametrize(("levels", "split"), [((5, 6), "test"), ((3, 4), "rl")])
def test_an_examination_needs_items(exam_of, folder, tmp_path, levels, split):
    with pytest.raises(InputError, match=rf"all: no rows of split {split} at levels \[{levels[0]}, {levels[1]}\]$"):
        examine(folder, exam_of(*levels, split=split), tmp_path)


def test_boards_of_the_items_are_solved_by_their_answers(items):
    for row in items:
        assert vsp.check(vsp.Board(tuple(row.meta["board"])), rf"\boxed{{{row.answer}}}").ok


# sampled decoding


def drawn(model, processor, items, **changes):
    sampling = Sampling(**({"num_samples": 3, "temperature": 2.0, "top_p": 1.0} | changes))
    scores = score(model, items, processor, SETTINGS.model_copy(update={"sampling": sampling}), progress=lambda _: None)
    return scores, [[sample.tail for sample in answer.samples] for answer in scores.answers]


def test_samples_are_the_same_with_one_seed_and_others_with_another(learned, processor, items):
    one, again, other = (drawn(learned, processor, items, seed=seed)[1] for seed in (0, 0, 1))
    assert one == again != other
    assert all(len(tails) == 3 for tails in one)
    assert any(len(set(tails)) > 1 for tails in one), "the draws of an item are one draw"


def test_fewer_samples_are_the_first_of_more(learned, processor, items):
    _, more = drawn(learned, processor, items)
    _, one = drawn(learned, processor, items, num_samples=1)
    assert one == [tails[:1] for tails in more]


def test_sampling_leaves_the_greedy_answers_and_the_random_stream_alone(learned, processor, items):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    scores, _ = drawn(learned, processor, items)
    assert torch.equal(torch.rand(3), expected)
    alone = score(learned, items, processor, SETTINGS)
    assert outputs_of(scores) == outputs_of(alone) and scores.overall == alone.overall and alone.sampled is None


def test_samples_are_graded_and_averaged(learned, processor, items):
    scores, tails = drawn(learned, processor, items, temperature=0.01)  # as good as greedy
    assert (scores.sampled.correct, scores.sampled.n, scores.sampled.num_samples) == (12, 4, 3)
    assert tails == [[answer.output[-80:]] * 3 for answer in scores.answers]
    wild, tails = drawn(learned, processor, items, temperature=5.0)
    right = [
        vsp.check(vsp.Board(tuple(row.meta["board"])), tail).ok
        for row, told in zip(items, tails, strict=True)
        for tail in told
    ]
    assert wild.sampled.correct == sum(right) < 12


def test_the_transformers_default_of_top_50_is_off(restless, processor, items):
    """At a huge temperature all tokens are as likely; with a cut at 50 there would be few different ones."""
    _, tails = drawn(restless, processor, items, temperature=1e6, num_samples=4)
    ids = {token for told in tails for tail in told for token in processor.tokenizer(tail)["input_ids"]}
    assert len(ids) > 60


# other tasks


def of_task(row, task, **meta):
    return replace(row, task=task, meta=row.meta | meta)


def test_every_item_is_graded_by_the_rule_of_its_task(learned, processor, items):
    reasoning = [of_task(row, vsp_reasoning.TASK, plan="R") for row in items]
    scores = score(learned, reasoning, processor, SETTINGS)
    assert (scores.task, scores.overall.correct, scores.invalid) == (vsp_reasoning.TASK, 0, 1.0)
    assert scores.overall_vsp is None and scores.where_walks_fail is None
    assert scores.reasons == {"no_choice": 4}  # a box, but no A, B or C in it
    safety = [of_task(row, vsp_tasks.SAFETY, plan="R") for row in items]
    assert score(learned, safety, processor, SETTINGS).reasons == {"no_answer": 4}


def test_prompts_with_figures_are_answered(restless, processor, items):
    figure = items[0].images[0]
    rows = [
        replace(of_task(row, vsp_tasks.POSITION), images=[figure, *row.images], question="<image>" + row.question)
        for row in items
    ]
    assert [answer.reason for answer in score(restless, rows, processor, SETTINGS).answers] == ["no_answer"] * 4
