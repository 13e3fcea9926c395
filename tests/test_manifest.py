import pytest

from mirage_core import manifest
from mirage_core.errors import InputError


@pytest.fixture
def artifact(tmp_path):
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "0.parquet").write_text("rows")
    (tmp_path / "scores.json").write_text("{}")
    write(tmp_path)
    return tmp_path


def write(folder):
    return manifest.write(
        folder,
        stage="rows",
        version=2,
        digest="abc",
        inputs={"pictures": {"stage": "pictures", "digest": "d1"}, "arms": [{"stage": "train", "digest": "d2"}]},
        seed=7,
        counts={"kept": 9, "accuracy": 0.5, "rejected": {"hits_hole": 1}},
        wall_s=1.25,
    )


def test_what_is_written_is_read(tmp_path):
    assert write(tmp_path) == manifest.read(str(tmp_path))


def test_whole_numbers_stay_whole(artifact):
    counts = manifest.read(str(artifact)).counts
    assert counts == {"kept": 9, "accuracy": 0.5, "rejected": {"hits_hole": 1}}
    assert isinstance(counts["kept"], int)


def test_every_file_but_the_records_is_listed(artifact):
    (artifact / "_prefect.json").write_text("{}")
    assert set(write(artifact).files) == {"rows/0.parquet", "scores.json"}


def test_a_whole_artifact_verifies(artifact):
    (artifact / "_prefect.json").write_text("{}")
    assert manifest.verify(artifact) == []


def test_missing_and_altered_files_are_named(artifact):
    (artifact / "rows" / "0.parquet").write_text("other rows")
    (artifact / "scores.json").unlink()
    assert manifest.verify(artifact) == ["rows/0.parquet", "scores.json"]


def test_parents_are_found_at_any_depth(artifact):
    assert manifest.parents(manifest.read(str(artifact))) == [("pictures", "d1"), ("train", "d2")]


def test_versions_and_machine_are_recorded(artifact):
    record = manifest.read(str(artifact))
    assert record.libraries["numpy"] and record.libraries["python"]
    assert record.device.cores > 0 and record.device.cpu


def test_gpu_names_come_from_the_driver(tmp_path):
    for number, model in enumerate(["NVIDIA A100-SXM4-80GB", "NVIDIA H100"]):
        card = tmp_path / f"0000:0{number}:00.0"
        card.mkdir()
        (card / "information").write_text(f"Model: \t\t {model}\nIRQ:   \t\t 1\n")
    assert manifest.gpu_names(tmp_path) == ("NVIDIA A100-SXM4-80GB", "NVIDIA H100")
    assert manifest.gpu_names(tmp_path / "no-driver") == ()


def test_a_folder_without_manifest_is_not_an_artifact(tmp_path):
    with pytest.raises(InputError, match=str(tmp_path)):
        manifest.read(str(tmp_path))


def test_a_foreign_manifest_is_refused(artifact):
    (artifact / "manifest.json").write_text('{"stage": "rows", "surprise": 1}')
    with pytest.raises(InputError, match="manifest.json"):
        manifest.read(str(artifact))
