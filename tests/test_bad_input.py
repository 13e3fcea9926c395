"""What a user gets wrong: one message that names file and field, nothing published."""

from pathlib import Path

import pytest
import yaml

from tasks.local import run_flow

pytestmark = pytest.mark.prefect

SPEC = {"task": "vsp_spatial_planning", "seed": 3, "level_shares": {3: 1}, "num_puzzles": {"train": 4, "validation": 2}}
RECIPE = {
    name: {"num_updates": 1, "batch_size": 2, "lr": 1e-3, "warmup_updates": 0}
    for name in ("stage1", "stage2", "direct", "grpo")
}


@pytest.fixture
def files(tmp_path):
    """Writes a spec and a recipe, with changes, and gives their paths."""

    def write(spec: dict | None = None, recipe: dict | None = None) -> dict[str, Path]:
        (tmp_path / "spec.yaml").write_text(yaml.safe_dump(SPEC | (spec or {})))
        (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(RECIPE | (recipe or {})))
        return {"spec": tmp_path / "spec.yaml", "recipe": tmp_path / "recipe.yaml"}

    return write


def complaint(capsys, flow, **parameters) -> str:
    """The one line that a failing run ends with."""
    with pytest.raises(SystemExit) as stop:
        run_flow(flow, **parameters)
    assert stop.value.code == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[-1].startswith("error: ")
    return lines[-1]


def published(root: Path) -> set[str]:
    return {path.parent.parent.name for path in root.glob("*/*/manifest.json")}


def test_an_unknown_key_in_a_spec(prefect_server, artifact_root, files, capsys):
    from flows.synth_vsp import synth_vsp

    spec = files(spec={"colour": 3})["spec"]
    message = complaint(capsys, synth_vsp, spec=spec)
    assert str(spec) in message and "`colour`" in message
    assert published(artifact_root) == set()


def test_a_wrong_type_in_a_recipe(prefect_server, artifact_root, files, capsys):
    from flows.end_to_end import end_to_end

    paths = files(recipe={"gamma": "much"})
    message = complaint(capsys, end_to_end, **paths)
    assert str(paths["recipe"]) in message and "`gamma`" in message and "'much'" in message
    assert published(artifact_root) == set()


def test_a_missing_test_folder_is_noticed_before_any_work(prefect_server, artifact_root, files, capsys, tmp_path):
    from flows.end_to_end import end_to_end

    message = complaint(capsys, end_to_end, **files(), tests=[tmp_path / "nowhere"])
    assert str(tmp_path / "nowhere") in message
    assert published(artifact_root) == set()


def test_a_truncated_picture_of_the_official_test(prefect_server, artifact_root, files, capsys, vsp_folder, boards):
    from flows.benchmark import benchmark

    folder = vsp_folder(*boards(2))
    picture = sorted(folder.glob("**/img/*.png"))[0]
    picture.write_bytes(picture.read_bytes()[:200])
    message = complaint(capsys, benchmark, model="tiny", **files(), tests=[folder])
    assert str(picture) in message
    assert "official-test" not in published(artifact_root)


def test_a_base_model_that_is_not_there(prefect_server, artifact_root, files, capsys):
    from flows.train_mirage import train_mirage

    message = complaint(capsys, train_mirage, **files(recipe={"base_model": "./no/such/folder"}))
    assert "base_model" in message and "./no/such/folder" in message
    assert published(artifact_root) == set()


@pytest.mark.train
def test_an_artifact_root_that_cannot_be_written(prefect_server, files, capsys, tmp_path):
    from prefect.settings import PREFECT_RESULTS_LOCAL_STORAGE_PATH, temporary_settings

    from flows.synth_vsp import synth_vsp

    (tmp_path / "file").write_text("not a folder")
    with temporary_settings(updates={PREFECT_RESULTS_LOCAL_STORAGE_PATH: tmp_path / "file" / "artifacts"}):
        message = complaint(capsys, synth_vsp, spec=files()["spec"])
    assert str(tmp_path / "file") in message


JIGSAW = {"task": "blink_jigsaw", "seed": 3, "num_puzzles": {"train": 4, "validation": 2}}


@pytest.fixture
def jigsaw_spec(tmp_path):
    """Writes a spec of jigsaws of a source of photographs, and gives its path."""

    def write(photos: Path | str, **changes) -> Path:
        path = tmp_path / "jigsaw.yaml"
        path.write_text(yaml.safe_dump(JIGSAW | {"photos": str(photos)} | changes))
        return path

    return write


def test_a_folder_of_photographs_that_is_empty_or_missing(prefect_server, artifact_root, jigsaw_spec, capsys, tmp_path):
    from flows.synth_jigsaw import synth_jigsaw

    (tmp_path / "photos").mkdir()
    message = complaint(capsys, synth_jigsaw, spec=jigsaw_spec(tmp_path / "photos"))
    assert f"{tmp_path / 'photos'}: holds nothing" in message
    message = complaint(capsys, synth_jigsaw, spec=jigsaw_spec(tmp_path / "nowhere"))
    assert f"{tmp_path / 'nowhere'}: no such folder" in message
    assert published(artifact_root) == set()


def test_photographs_that_are_too_small_for_a_puzzle(prefect_server, artifact_root, jigsaw_spec, capsys, tmp_path):
    from PIL import Image

    from flows.synth_jigsaw import synth_jigsaw

    (tmp_path / "photos").mkdir()
    Image.new("RGB", (90, 60)).save(tmp_path / "photos/icon.png")
    message = complaint(capsys, synth_jigsaw, spec=jigsaw_spec(tmp_path / "photos"))
    assert "no photograph can be used of 1 found" in message and "icon.png is 90 x 60 pixels" in message
    assert published(artifact_root) == set()


def test_a_data_set_of_the_hub_without_network(prefect_server, artifact_root, jigsaw_spec, capsys, monkeypatch):
    """Both as a source of photographs and as the official test."""
    import huggingface_hub.constants

    from flows.benchmark import benchmark
    from flows.synth_jigsaw import synth_jigsaw

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    message = complaint(capsys, synth_jigsaw, spec=jigsaw_spec("hf://no-one/no-photos"))
    assert "hf://no-one/no-photos: cannot be opened" in message and "A local folder needs neither" in message
    tests = [Path("hf://BLINK-Benchmark/BLINK")]
    message = complaint(
        capsys, benchmark, model="tiny", recipe=Path("recipes/smoke.yaml"), spec=jigsaw_spec("embedded"), tests=tests
    )
    assert "hf://BLINK-Benchmark/BLINK: cannot be opened" in message
    assert published(artifact_root) == set()


def test_a_maze_flow_refuses_the_spec_of_jigsaws(prefect_server, artifact_root, jigsaw_spec, capsys):
    from flows.synth_vsp import synth_vsp

    message = complaint(capsys, synth_vsp, spec=jigsaw_spec("embedded"))
    assert "`task`: must be vsp_spatial_planning or vsp_spatial_reasoning here (got 'blink_jigsaw')" in message
