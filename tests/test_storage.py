import fsspec
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


@pytest.fixture
def bucket():
    memory = fsspec.filesystem("memory")
    memory.makedirs("/bucket", exist_ok=True)
    yield "memory://bucket"
    memory.rm("/bucket", recursive=True)


def test_publish_moves_a_folder_in_place_of_the_old_one(finished, tmp_path):
    target = str(tmp_path / "stage" / "digest")
    (tmp_path / "stage" / "digest").mkdir(parents=True)
    (tmp_path / "stage" / "digest" / "stale").touch()

    storage.publish(finished, target)

    assert not finished.exists()
    assert storage.read_text(storage.join(target, "rows", "0.parquet")) == "rows"
    assert not storage.exists(storage.join(target, "stale"))


def test_publish_to_a_bucket_replaces_all_objects(finished, bucket):
    target = storage.join(bucket, "stage", "digest")
    fsspec.filesystem("memory").pipe(f"{target}/stale", b"")

    storage.publish(finished, target)

    assert not finished.exists()
    assert storage.read_text(storage.join(target, "rows", "0.parquet")) == "rows"
    assert not storage.exists(storage.join(target, "stale"))


def test_manifest_arrives_in_a_bucket_last(finished, bucket):
    (finished / "zzz").write_text("sorts after the manifest")
    target = storage.join(bucket, "stage", "digest")

    storage.publish(finished, target)

    created = {name: fsspec.filesystem("memory").created(name) for name in fsspec.filesystem("memory").find(target)}
    assert max(created, key=created.get).endswith("manifest.json")


def test_a_root_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=str(tmp_path / "file" / "artifacts")):
        storage.check_writable(str(tmp_path / "file" / "artifacts"))


def test_checking_a_root_leaves_no_trace_in_it(tmp_path, bucket):
    storage.check_writable(str(tmp_path / "new" / "root"))
    storage.check_writable(bucket)
    assert list((tmp_path / "new" / "root").iterdir()) == []


def test_a_remote_artifact_has_no_local_folder(tmp_path, bucket):
    assert storage.local_folder(str(tmp_path)) == tmp_path
    with pytest.raises(InputError, match="memory://bucket"):
        storage.local_folder(bucket)
