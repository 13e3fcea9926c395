from pathlib import Path

import pytest
import yaml

from mirage_core.errors import InputError
from mirage_core.recipe import Recipe, load_recipe
from mirage_core.spec import load_spec
from mirage_core.training.arms import BOTH, DIRECT, JOINT, ablations, alone, load_study, unequal_arms

REPO = Path(__file__).parents[2]
SMOKE = yaml.safe_load((REPO / "recipes/smoke.yaml").read_text())


@pytest.mark.parametrize("name", ["smoke", "study-tiny"])
def test_recipes_of_studies_have_equal_arms(name):
    recipe = load_study(REPO / f"recipes/{name}.yaml")
    assert recipe.joint and (recipe.cot is not None) == (name == "smoke")  # ten times an answer's tokens are hours


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"direct": {"num_updates": 15}}, r"`direct.num_updates` is 15, not stage1.num_updates \+ stage2.* = 16"),
        ({"stage1": {"num_updates": 9}}, "`direct.num_updates` is 16, not .* = 17; `cot.num_updates` is 16"),
        ({"joint": {"num_updates": 17}}, "`joint.num_updates` is 17"),
        ({"cot": {"num_updates": 1}}, "`cot.num_updates` is 1"),
        ({"stage2": {"batch_size": 8}}, r"`stage2.batch_size` \* accumulation is 8, in stage1 16"),
        ({"direct": {"accumulation": 2}}, r"`direct.batch_size` \* accumulation is 32"),
    ],
)  # fmt: skip
def test_unequal_arms_are_refused_by_their_fields(tmp_path, change, named):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({**SMOKE, **{stage: {**SMOKE[stage], **how} for stage, how in change.items()}}))
    with pytest.raises(InputError, match=rf"mine\.yaml: .*{named}"):
        load_study(path)


def test_accumulated_rows_count_as_rows_and_arms_that_are_left_out_do_not():
    parts = {"stage1": 16, "stage2": 16, "direct": 16}
    halves = {name: {**SMOKE[name], "batch_size": size // 2, "accumulation": 2} for name, size in parts.items()}
    assert unequal_arms(Recipe(**{**SMOKE, **halves, "cot": None, "joint": None})) == []


def test_a_stage_that_stands_alone_gets_the_updates_of_both():
    recipe = load_recipe(REPO / "recipes/study-tiny.yaml")
    for stage in ("stage1", "stage2"):
        settings, usual = alone(recipe, stage), recipe.supervised(stage)
        assert settings.optimizer.num_updates == recipe.direct.num_updates
        assert settings.model_copy(update={"optimizer": usual.optimizer}) == usual


def test_ablations_change_one_setting_at_a_time():
    recipe, spec = load_recipe(REPO / "recipes/study-tiny.yaml"), load_spec(REPO / "datasets_spec/vsp-study.yaml")
    sets = list(ablations(recipe, spec, (2, 8), (0.5,), ("field",)))
    changed = [{key for key, value in drawn if getattr(spec, key) != value} for drawn, _ in sets]
    assert changed == [set(), {"helper_image"}, {"helper_as_input"}]
    names = [list(variant.names.values()) for _, variants in sets for variant in variants]
    assert names == [
        [DIRECT, BOTH, JOINT], [f"{BOTH}; k = 2", f"{JOINT}; k = 2"], [f"{BOTH}; k = 8", f"{JOINT}; k = 8"],
        [f"{BOTH}; gamma = 0.5"], [f"{BOTH}; field", f"{JOINT}; field"], [f"{DIRECT}; helper image as input"],
    ]  # fmt: skip
    recipes = [variant.recipe for _, variants in sets for variant in variants]
    assert [(one.latent_size, one.gamma) for one in recipes] == [
        (4, 0.1),
        (2, 0.1),
        (8, 0.1),
        (4, 0.5),
        (4, 0.1),
        (4, 0.1),
    ]
    without_joint = ablations(recipe.model_copy(update={"joint": None}), spec, (), (), ("field",))
    arms = [list(variant.names) for _, variants in without_joint for variant in variants]
    assert arms == [[DIRECT, BOTH], [BOTH], [DIRECT]]
