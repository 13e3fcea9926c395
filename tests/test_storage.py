import pytest

from mirage_core import storage
from mirage_core.errors import InputError


@pytest.fixture
def finished(tmp_path):
    folder = tmp_path / ".digest.123"
    (folder / "rows").mkdir(parents=True)
    (folder / "rows" / "0.parquet").write_text("rows")
    (folder / "manifest.json").write_text("{}")
    return folder


def test_publish_moves_a_folder_in_place_of_the_old_one(finished, tmp_path):
    target = tmp_path / "stage" / "digest"
    target.mkdir(parents=True)
    (target / "stale").touch()

    storage.publish(finished, target)

    assert not finished.exists()
    assert storage.read_text(f"{target}/rows/0.parquet") == "rows"
    assert not storage.exists(f"{target}/stale")


def test_a_root_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=str(tmp_path / "file" / "artifacts")):
        storage.check_writable(str(tmp_path / "file" / "artifacts"))


def test_checking_a_root_leaves_no_trace_in_it(tmp_path):
    storage.check_writable(str(tmp_path / "new" / "root"))
    assert list((tmp_path / "new" / "root").iterdir()) == []
