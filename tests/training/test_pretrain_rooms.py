"""What the tiny model that sees rooms learns to read."""

import re
from itertools import combinations

import numpy as np
import pytest
import torch
from transformers import TrainingArguments, set_seed
from transformers.modeling_outputs import BaseModelOutputWithPooling

from mirage_core.model.base import resolve_base
from mirage_core.model.load import load_model, load_processor
from mirage_core.model.tiny import build_processor
from mirage_core.puzzles import sat
from mirage_core.puzzles.sat_marks import MIN_MARK_GAP
from mirage_core.recipe import Optimizer, ReadRooms, Rooms, SeeRooms
from mirage_core.synthesis.room_views import ROOM_PX, VIEWS_PER_ROOM, draw_room_views, read_room_views
from mirage_core.training.collate import Collator
from mirage_core.training.pretrain import READ_MAP
from mirage_core.training.pretrain_rooms import (
    COLUMNS,
    COLUMNS_WEIGHT,
    HELD_OUT_STREAM,
    LABELS,
    MIDDLE,
    Drawer,
    PlaceTrainer,
    examine,
    examine_sight,
    letter_ids,
    map_reading,
    place_reading,
    random_marks,
    read_rooms,
    see_rooms,
    start_from,
    start_reading,
    with_columns,
)
from mirage_core.training.readings import ReadingTrainer, encode_readings

pytestmark = [pytest.mark.train, pytest.mark.render]

ROOMS = {"seed": 3, "num_rooms": 4, "num_held_out_rooms": 2}
OPTIMIZER = Optimizer(num_updates=4, batch_size=4, lr=1e-3, warmup_updates=1, save_every=2)
SEE = SeeRooms(
    **ROOMS, hidden=64, layers=1, heads=4, vision_hidden=48, vision_depth=1, num_held_out=4, optimizer=OPTIMIZER
)
READ = ReadRooms(**ROOMS, num_held_out=12, optimizer=OPTIMIZER.model_copy(update={"lr": 1e-2}))


@pytest.fixture(scope="module")
def views_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("views")
    counts = draw_room_views(Rooms(**ROOMS), folder, folder / "scratch", workers=1)
    assert counts == {"rooms": 6, "pictures": 6 * VIEWS_PER_ROOM}
    return folder


@pytest.fixture(scope="module")
def views(views_folder):
    (shard,) = read_room_views(views_folder)
    return shard


def test_every_view_is_another(views):
    assert views.shape == (6, VIEWS_PER_ROOM, ROOM_PX, ROOM_PX, 3)
    assert len({picture.tobytes() for room in views for picture in room}) == 6 * VIEWS_PER_ROOM


def changed(reading, view):
    """Pixels in which the shown picture is neither the view nor its mirror image, whichever is nearer."""
    return min(((reading.images[0] != one).any(-1) for one in (view, view[:, ::-1])), key=np.count_nonzero)


def test_a_map_has_a_label_where_a_mark_stands(views):
    for index in range(30):
        view = views[index % 6, index % VIEWS_PER_ROOM]
        reading = map_reading(view, np.random.default_rng([0, index]))
        dots = changed(reading, view)
        assert 0 < dots.mean() < 0.05, "this is not the view with marks"
        cells = [(row, column) for row, line in enumerate(reading.answer.split("\n")) for column, letter in
                 enumerate(line) if letter != "F"]  # fmt: skip
        assert reading.question == READ_MAP and 6 <= len(cells) <= len(LABELS)
        for cell in cells:  # with what reaches over its edges
            box = tuple(slice(max(0, int(at * ROOM_PX / 6) - 4), int((at + 1) * ROOM_PX / 6) + 5) for at in cell)
            assert dots[box].sum() >= 15, reading.answer


def test_the_mark_that_is_asked_for_stands_where_is_told(views):
    told = set()
    for index in range(150):
        view = views[index % 6, index % VIEWS_PER_ROOM]
        reading = place_reading(view, np.random.default_rng([0, index]))
        dots = changed(reading, view)
        assert 0 < dots.mean() < 0.02
        assert re.search(r"near the mark [1-9X] in the image", reading.question)
        assert "{" not in reading.question.replace("\\boxed{}", "")
        if reading.answer in COLUMNS:
            place = (COLUMNS.index(reading.answer) + 0.5) / len(COLUMNS)
        else:
            chosen = reading.answer.removeprefix("\\boxed{").removesuffix("}")
            assert reading.question.count(f'"{chosen}"') == 1, "the right choice is offered, and another one"
            side, *_, share = ["at", "by", "0"] if chosen == MIDDLE else chosen.removesuffix(" percent").split()
            place = 0.5 + {"left": -1, "at": 0, "right": 1}[side] * int(share) / 200
            told.add(side)
        low, high = (int((place + by) * ROOM_PX) for by in (-0.11, 0.11))
        assert dots[:, max(0, low) : high].sum() >= 15
    assert told == {"left", "at", "right"}


def test_marks_are_apart_and_none_twice():
    numbers = set()
    for seed in range(100):
        marks = random_marks(np.random.default_rng(seed), 3, 10)
        assert len({mark.label for mark in marks}) == len(marks)
        assert all(one.gap(other) >= MIN_MARK_GAP for one, other in combinations(marks, 2))
        numbers.add(len(marks))
    assert numbers == {*range(3, 11)}


def test_a_new_model_knows_the_words_of_the_model_of_mazes():
    """And new ones lie near their mean."""
    model, processor = start_from(SEE)
    folder = resolve_base(SEE.words_of).ref
    old, known = load_model(folder).get_input_embeddings().weight, load_processor(folder).tokenizer.get_vocab()
    new, words = model.get_input_embeddings().weight, processor.tokenizer.get_vocab()
    assert model.lm_head.weight is new and len(words) == len(new) > len(old)
    assert all(torch.equal(new[words[word]], old[number]) for word, number in known.items())
    strange = torch.stack([new[number] for word, number in words.items() if word not in known])
    assert (strange - old.mean(0)).norm(dim=1).max() < 0.3 * (old - old.mean(0)).norm(dim=1).mean()


def test_questions_of_sat_are_short_to_this_model():
    """Whole phrases are tokens and are decoded unchanged."""
    tokenizer, renderer = build_processor(*sat.fixed_phrases()).tokenizer, sat.process_renderer()
    for index in range(10):
        puzzle, _ = sat.sample(renderer, 11, index, side_px=96)
        ids = tokenizer(sat.question(puzzle))["input_ids"]
        assert len(ids) < 60 and tokenizer.decode(ids) == sat.question(puzzle)


def test_held_out_rooms_are_those_that_training_does_not_show(views, views_folder):
    draw = Drawer(Rooms(**ROOMS), views_folder, map_reading)
    for stream, rooms in ((0, views[:4]), (HELD_OUT_STREAM, views[4:])):
        for index in range(20):
            assert min(changed(draw(index, stream), view).mean() for room in rooms for view in room) < 0.06
    assert draw.held_out_readings(3)[2].answer == draw(2, HELD_OUT_STREAM).answer


@torch.no_grad()
def test_features_are_compared_with_words_cell_by_cell(views_folder):
    """A tower that shows the word of each cell sees every mark; one feature that is wrong costs one."""
    model, processor = start_from(SEE)
    draw = Drawer(Rooms(**ROOMS), views_folder, map_reading)
    readings = [draw(index) for index in range(3)]
    words, letters = model.get_input_embeddings().weight, dict(zip((*LABELS, "F"), letter_ids(processor), strict=True))
    words[list(letters.values())] = torch.nn.functional.normalize(words[list(letters.values())]) * 10
    right_VD = torch.stack([words[letters[letter]] for one in readings for letter in one.answer.replace("\n", "")])

    class Told(torch.nn.Module):
        spatial_merge_size, dtype = model.model.visual.spatial_merge_size, model.model.visual.dtype

        def forward(self, *inputs, **options):
            return BaseModelOutputWithPooling(pooler_output=told_VD)

    model.model.visual, told_VD = Told(), right_VD
    assert examine_sight(model, processor, readings) == {"readings": 3, "marks_found": 1.0, "labels_right": 1.0}
    marks = [at for at, letter in enumerate("".join(one.answer.replace("\n", "") for one in readings)) if letter != "F"]
    told_VD = right_VD.clone()
    told_VD[marks[-1]] = words[letters["F"]]
    seen = examine_sight(model, processor, readings)
    assert seen["marks_found"] == seen["labels_right"] == round(1 - 1 / len(marks), 4)


def test_the_tower_learns_first(views_folder, tmp_path):
    """Of the language model only the words change, which the features are compared with."""
    (tmp_path / "out").mkdir()
    counts = see_rooms(SEE, views_folder, tmp_path / "out", tmp_path / "scratch")
    assert counts["updates"] == 4 and counts["held_out"]["readings"] == 4 and counts["last_loss"] < counts["first_loss"]
    set_seed(SEE.seed)
    before, after = start_from(SEE)[0].state_dict(), load_model(tmp_path / "out/model").state_dict()
    changed = {name for name, weight in before.items() if not torch.equal(weight, after[name])}
    assert {name for name in changed if ".visual." not in name} <= {
        "model.language_model.embed_tokens.weight", "lm_head.weight"
    }  # fmt: skip
    assert sum(".visual." in name for name in changed) > 10


def test_a_new_language_model_stands_behind_the_tower(views_folder, tmp_path):
    """It tells columns from the first update on, and attends to some things more than to others."""
    (tmp_path / "out").mkdir()
    see_rooms(SEE, views_folder, tmp_path / "out", tmp_path / "scratch")
    set_seed(0)
    (model, _), seen = start_reading(tmp_path / "out/model"), load_model(tmp_path / "out/model").state_dict()
    new = model.state_dict()
    assert new.keys() == seen.keys()
    kept = {name for name, weight in seen.items() if torch.equal(weight, new[name])}
    assert kept == {name for name in new if ".visual." in name or "embed_tokens" in name or "lm_head" in name or
                    "norm" in name or "bias" in name}  # fmt: skip
    assert not any(weight.requires_grad for weight in model.model.visual.parameters())
    rope = model.config.text_config.rope_parameters
    angles = model.model.language_model.rotary_emb.inv_freq
    assert len(angles) == sum(rope["mrope_section"]) and 5 * angles.min() > 0.4, "radians from first to last column"
    (states,) = (layer.self_attn.q_proj(torch.randn(100, 64)) for layer in model.model.language_model.layers)
    assert 0.5 < states.std() < 2


def test_picture_tokens_say_their_columns():
    """Two pictures of two rows, in which no text stands; what text says next stays."""
    picture = torch.tensor([[0, 1, 1, 1, 1, 1, 1, 0, 0], [1, 1, 1, 0, 1, 1, 1, 0, 0]], dtype=torch.bool)
    said = torch.tensor([[-100] * 7 + [7, 8], [-100] * 8 + [9]])
    assert with_columns(said, picture, torch.tensor([20, 21, 22])).tolist() == [
        [-100, 20, 21, 22, 20, 21, 22, 7, 8],
        [20, 21, 22, -100, 20, 21, 22, -100, 9],
    ]


def test_answers_weigh_as_much_as_the_columns_beside_them(views_folder, tmp_path):
    """However many picture tokens there are: the loss is that of answers alone and a share of that of columns."""
    model, processor = start_from(SEE)
    draw = Drawer(Rooms(**ROOMS), views_folder, place_reading)
    batch = Collator(processor.tokenizer.pad_token_id)(encode_readings(processor, [draw(index) for index in range(4)]))
    place = {"model": model, "args": TrainingArguments(tmp_path, use_cpu=True, report_to=[])}
    answers, both = (
        kind(**place, processing_class=processor).compute_loss(model, dict(batch)).item()
        for kind in (ReadingTrainer, PlaceTrainer)
    )
    with torch.no_grad():
        logits = model(**batch).logits[batch["input_ids"] == model.config.image_token_id]
    words = processor.tokenizer.convert_tokens_to_ids(list(COLUMNS))
    columns = -logits.log_softmax(-1).view(-1, len(COLUMNS), logits.shape[-1])[:, range(len(COLUMNS)), words].mean()
    assert both == pytest.approx(answers + COLUMNS_WEIGHT * columns.item(), rel=1e-4)


def test_a_resumed_run_ends_where_an_undisturbed_one_does(views_folder, tmp_path):
    (tmp_path / "seeing").mkdir()
    see_rooms(SEE, views_folder, tmp_path / "seeing", tmp_path / "scratch-seeing")
    counts = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        place = (tmp_path / name, tmp_path / "scratch")
        counts.append(read_rooms(READ, tmp_path / "seeing/model", views_folder, *place))
    assert counts[0]["updates"] == 4 and counts[1] == {**counts[0], "resumed_at": 2}
    assert counts[0]["held_out"]["readings"] == 12 and counts[0]["last_loss"] < counts[0]["first_loss"]
    seeing, first, second = (
        load_model(tmp_path / name / "model").state_dict() for name in ("seeing", "first", "second")
    )
    assert all(torch.equal(weight, first[name]) for name, weight in seeing.items() if ".visual." in name)
    assert all(torch.equal(weight, second[name]) for name, weight in first.items())


@torch.no_grad()
def test_the_packaged_model_reads_new_rooms(views_folder):
    """Of another seed than it was trained on: another machine may draw even those otherwise."""
    folder = resolve_base("tiny-rooms").ref
    model, processor = load_model(folder).eval(), load_processor(folder)
    draw = {reading: Drawer(Rooms(**ROOMS), views_folder, reading) for reading in (map_reading, place_reading)}
    seen = examine_sight(model, processor, [draw[map_reading](index) for index in range(60)])
    read = examine(model, processor, [draw[place_reading](index) for index in range(100)])
    assert seen["marks_found"] > 0.85 and seen["labels_right"] > 0.4, "words have moved on since the tower learned them"
    assert read["columns_near"] > 0.65 and read["choices_right"] > 0.7, "by chance 0.44 and 0.5"
