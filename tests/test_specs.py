from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mirage_core.errors import InputError
from mirage_core.geometry_spec import GeometrySpec
from mirage_core.jigsaw_spec import JigsawSpec
from mirage_core.recipe import (
    Alignment,
    Pretrain,
    PretrainPhotos,
    PretrainRooms,
    Recipe,
    load_pretrain,
    load_pretrain_photos,
    load_pretrain_rooms,
    load_recipe,
)
from mirage_core.sat_spec import SatSpec
from mirage_core.spec import DatasetSpec, apportion, load_spec, load_spec_of

REPO = Path(__file__).parents[1]
SPECS = sorted((REPO / "datasets_spec").glob("*"))
RECIPES = sorted(path for path in (REPO / "recipes").glob("*") if path.name != "accelerate")  # settings of its launcher
SMOKE = yaml.safe_load((REPO / "datasets_spec/vsp-smoke.yaml").read_text())


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_specs_load(path):
    family = path.stem.split("-")[0]
    families = {"vsp": DatasetSpec, "jigsaw": JigsawSpec, "sat": SatSpec, "comt": GeometrySpec}
    assert isinstance(load_spec(path), families[family])


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_load(path):
    if path.stem == "pretrain-tiny-photos":
        assert isinstance(load_pretrain_photos(path), PretrainPhotos)
    elif path.stem == "pretrain-tiny-rooms":
        assert isinstance(load_pretrain_rooms(path), PretrainRooms)
    elif path.stem.startswith("pretrain"):
        assert isinstance(load_pretrain(path), Pretrain)
    else:
        recipe = load_recipe(path)
        assert isinstance(recipe, Recipe)
        assert recipe.direct.num_updates == recipe.stage1.num_updates + recipe.stage2.num_updates, "unequal compute"
        assert recipe.grpo.batch_size * recipe.grpo.accumulation % recipe.grpo.num_generations == 0


def test_the_folders_hold_what_the_tests_look_at():
    assert {path.stem for path in SPECS} >= {"vsp-smoke", "vsp-planning", "vsp-tiny"}
    assert {path.stem for path in RECIPES} >= {"smoke", "tiny", "qwen2.5-vl-7b", "pretrain-tiny"}
    assert {path.suffix for path in SPECS + RECIPES} == {".yaml"}


def test_stage2_is_aligned_only_where_the_recipe_says_so():
    recipe = load_recipe(REPO / "recipes/smoke.yaml")
    assert recipe.supervised("stage2").alignment is None
    alignment = Alignment(target="centred")
    aligned = recipe.model_copy(update={"stage2_alignment": alignment}).supervised("stage2")
    assert (aligned.latents, aligned.alignment, aligned.text_weight) == ("own", alignment, 1.0)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"task": "chess"}, "task"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**32}, "seed"),
        ({"level_shares": {}}, "level_shares"),
        ({"level_shares": {2: 1}}, "level_shares.2"),
        ({"level_shares": {9: 1}}, "level_shares.9"),
        ({"level_shares": {3: 0}}, "level_shares.3"),
        ({"num_puzzles": {}}, "num_puzzles"),
        ({"num_puzzles": {"test": 3}}, "num_puzzles.test"),
        ({"num_puzzles": {"train": 0}}, "num_puzzles.train"),
        ({"holes": [0.4, 0.1]}, "holes"),
        ({"holes": [0.1, 0.95]}, "holes"),
        ({"holes": 0.2}, "holes"),
        ({"holes": "many"}, "holes"),
        ({"thoughts_per_puzzle": 0}, "thoughts_per_puzzle"),
        ({"teacher": "nobody"}, "teacher"),
        ({"puzzles_per_shard": 0}, "puzzles_per_shard"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_specs_that_make_no_sense_are_refused(tmp_path, change, field):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(SMOKE | change))
    with pytest.raises(InputError, match=rf"mine\.yaml: `{field}"):
        load_spec(path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("task: chess", r"`task`: is none of .*vsp_spatial_planning.*blink_jigsaw.* \(got 'chess'\)"),
        ("seed: 1", "`task` is missing"),
        ("{task: blink_jigsaw, seed: 1}", "`num_puzzles` is missing"),
        ("{task: blink_jigsaw, seed: 1, num_puzzles: {train: 2}, holes: test}", "`holes` is not a known field"),
        ("{task: blink_jigsaw, seed: 1, num_puzzles: {test: 2}}", r"`num_puzzles\.test"),
        ("{task: sat_dynamic, seed: 1, num_puzzles: {train: 2}, types: []}", "`types`: .*at least one type"),
        ("{task: sat_dynamic, seed: 1, num_puzzles: {train: 2}, helper_image: route}", "`helper_image`"),
        ("{task: blink_jigsaw, seed: 1, num_puzzles: {train: 2}, cut: {wrong: [odd]}}", r"`cut\.wrong\.0`"),
    ],
)
def test_the_task_decides_which_fields_there_are(tmp_path, text, told):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"mine\.yaml: {told}"):
        load_spec(path)


def test_the_spec_of_another_family_is_refused():
    with pytest.raises(InputError, match=r"jigsaw-smoke\.yaml: `task`: must be vsp_.* here \(got 'blink_jigsaw'\)"):
        load_spec_of(REPO / "datasets_spec/jigsaw-smoke.yaml", DatasetSpec)


def test_the_order_of_levels_and_splits_in_the_file_means_nothing():
    """A stage's digest does not see it, so the data must not either."""
    turned = {key: dict(reversed(value.items())) if isinstance(value, dict) else value for key, value in SMOKE.items()}
    spec, other = DatasetSpec(**SMOKE), DatasetSpec(**turned)
    assert list(spec.num_puzzles) == list(other.num_puzzles) == ["train", "rl", "validation"]
    assert list(spec.level_shares) == list(other.level_shares) == [3, 4]


@pytest.mark.parametrize("text", ["grpo: {num_generations: 1}", "seed: -1", "stage3: {}", "latent_size: 0"])
def test_recipes_that_make_no_sense_are_refused(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"mine\.yaml: .*`{text.split(':')[0]}"):
        load_recipe(path)


def test_arms_differ_in_where_the_latents_come_from_their_loss_and_in_steps_only():
    recipe = load_recipe(REPO / "recipes/tiny.yaml")
    arms = {stage: recipe.supervised(stage) for stage in ("stage1", "stage2", "direct")}
    assert [arm.optimizer for arm in arms.values()] == [recipe.stage1, recipe.stage2, recipe.direct]
    assert [(arm.text_weight, arm.alignment) for arm in arms.values()] == [(0.1, Alignment()), (1.0, None), (1.0, None)]
    rest = [arm.model_dump(exclude={"latents", "optimizer", "text_weight", "alignment"}) for arm in arms.values()]
    assert rest[0] == rest[1] == rest[2]
    assert recipe.reinforced().max_new_tokens == recipe.benchmark.max_new_tokens


@given(st.integers(0, 10_000), st.dictionaries(st.integers(3, 8), st.integers(1, 50), min_size=1))
def test_apportion_gives_all_away_and_nobody_is_off_by_one(total, shares):
    counts = apportion(total, shares)
    assert sum(counts.values()) == total and list(counts) == list(shares)
    for key, share in shares.items():
        assert abs(counts[key] - total * share / sum(shares.values())) < 1


def test_apportion_rounds_the_largest_remainders_up():
    assert apportion(1000, {3: 1, 4: 2, 5: 3, 6: 4}) == {3: 100, 4: 200, 5: 300, 6: 400}
    assert apportion(10, {3: 1, 4: 1, 5: 1}) == {3: 4, 4: 3, 5: 3}
    assert apportion(7, {3: 1, 4: 2, 5: 3}) == {3: 1, 4: 2, 5: 4}
    assert apportion(1, {3: 1, 6: 9}) == {3: 0, 6: 1}


def test_worse_sketches_are_for_planning_only(tmp_path):
    path = tmp_path / "mine.yaml"
    spec = {**SMOKE, "task": "vsp_spatial_reasoning", "helper_image": "field"}
    path.write_text(yaml.safe_dump(spec))
    with pytest.raises(InputError, match=r"mine\.yaml.*helper_image: field is for vsp_spatial_planning"):
        load_spec(path)
    path.write_text(yaml.safe_dump({**SMOKE, "task": "vsp_spatial_reasoning", "helper_as_input": True}))
    with pytest.raises(InputError, match=r"mine\.yaml.*helper_as_input is for vsp_spatial_planning"):
        load_spec(path)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("packing: true", "`packing` is refused: rows packed into one sequence would read each other's states"),
        ("stage2: {num_updates: 1, padding_free: true}", "`stage2.padding_free` is refused: rows packed"),
        ("use_liger_kernel: true", "`use_liger_kernel` is refused: a fused loss takes over the model's forward pass"),
        ("grpo: {num_updates: 1, use_liger_loss: true}", "`grpo.use_liger_loss` is refused: a fused loss"),
        ("benchmark: {max_new_tokens: 6}", "latent_size = 4: a span .* no room for an answer in benchmark.max_new_tok"),
        ("lora: {rank: 0}", "`lora.rank`: .*got 0"),
        ("lora: {r: 8}", "`lora.r` is not a known field"),
    ],
)
def test_what_would_bypass_the_latents_is_refused_with_the_reason(tmp_path, line, reason):
    stages = {stage: f"{stage}: {{num_updates: 1}}" for stage in ("stage1", "stage2", "grpo", "direct")}
    stages[line.split(":")[0]] = line
    (tmp_path / "recipe.yaml").write_text("\n".join(stages.values()))
    with pytest.raises(InputError, match=f"recipe.yaml: {reason}"):
        load_recipe(tmp_path / "recipe.yaml")
