"""Publishing to a bucket and reading from it, against a real S3 server: atomic, checksummed, by several at once."""

import os
import threading
import time
from pathlib import Path

import faulty_proxy
import pytest
import s3_server
import s3fs

from mirage_core import bucket, local_cache, manifest
from mirage_core.errors import InputError

pytestmark = pytest.mark.server
NO_LIMIT = 1 << 40


def artifact(folder: Path, digest: str = "d1", **files: bytes) -> Path:
    """A finished folder."""
    for name, data in files.items():
        (path := folder / name.replace("__", "/")).parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    how = {"stage": "stage", "version": 1, "inputs": {}, "seed": None, "counts": {}, "wall_s": time.time() % 1000}
    manifest.write(folder, digest=digest, **how)
    return folder


@pytest.fixture
def uri(bucket_root):
    return f"{bucket_root}/stage/d1"


def objects(s3, uri: str) -> set[str]:
    fs = s3.client()
    return {path.removeprefix(uri.removeprefix("s3://") + "/") for path in fs.find(uri.removeprefix("s3://"))}


def test_what_was_published_is_read_back_byte_for_byte(uri, tmp_path):
    data = {"rows__0": os.urandom(1000), "large": os.urandom(40 << 20), "empty": b""}
    folder = artifact(tmp_path / "made", **data)
    assert bucket.publish(folder, uri)
    held = local_cache.hold(uri, tmp_path / "cache", NO_LIMIT)
    found = {
        path.relative_to(held.folder).as_posix(): path.read_bytes() for path in held.folder.rglob("*") if path.is_file()
    }
    assert found == {"rows/0": data["rows__0"], "large": data["large"], "empty": b""} | {
        "manifest.json": (folder / "manifest.json").read_bytes()
    }


def test_the_manifest_is_uploaded_last(s3, uri, tmp_path, monkeypatch):
    with faulty_proxy.before(s3.url) as proxy:
        s3_server.reach(monkeypatch, proxy.url)
        bucket.publish(artifact(tmp_path / "made", zzz=b"sorts after it", a=b"1", b=b"2"), uri)
    assert [path.rsplit("/", 1)[1].split("?")[0] for path in proxy.uploads][-1] == "manifest.json"


def test_an_upload_that_is_garbled_on_the_way_is_sent_again(s3, uri, tmp_path, monkeypatch):
    with faulty_proxy.before(s3.url) as proxy:
        s3_server.reach(monkeypatch, proxy.url)
        proxy.flip_uploads = 2
        bucket.publish(artifact(tmp_path / "made", a=b"a" * 5000), uri)
        assert proxy.flip_uploads == 0
    held = local_cache.hold(uri, tmp_path / "cache", NO_LIMIT)
    assert (held.folder / "a").read_bytes() == b"a" * 5000


def test_an_interrupted_upload_goes_on_where_it_stopped(s3, uri, tmp_path, monkeypatch):
    files = {f"f{number}": os.urandom(200_000) for number in range(12)}
    folder = artifact(tmp_path / "made", **files)
    with faulty_proxy.before(s3.url) as proxy:
        s3_server.reach(monkeypatch, proxy.url)
        proxy.quota_bytes = 1_300_000
        with pytest.raises(InputError, match=r"prefix/stage/d1: the bucket is full \(QuotaExceeded\); .*same command"):
            bucket.publish(folder, uri)
        assert bucket.find(uri) is None
        sent = len(proxy.uploads)
        assert 0 < sent <= 6
        proxy.quota_bytes = None
        assert bucket.publish(folder, uri)
        assert len(proxy.uploads) == len(files) + 1, "what was there is not sent again"


@pytest.mark.parametrize("seed", range(2))
def test_two_that_publish_at_once_leave_one_whole_artifact(s3, uri, tmp_path, monkeypatch, seed):
    """Same digest, other bytes: what a run depends on beside its inputs (times) differs."""
    makers = [artifact(tmp_path / f"made{n}", **{f"f{i}": os.urandom(3000) for i in range(6)}) for n in range(4)]
    with faulty_proxy.before(s3.url, share=0.1, seed=seed) as proxy:
        s3_server.reach(monkeypatch, proxy.url)
        won: list[int] = []
        threads = [
            threading.Thread(target=lambda n=n: bucket.publish(makers[n], uri) and won.append(n)) for n in range(4)
        ]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
    assert len(won) == 1
    winner = makers[won[0]]
    assert bucket.find(uri).raw == (winner / "manifest.json").read_bytes()
    held = local_cache.hold(uri, tmp_path / "cache", NO_LIMIT)
    assert all((held.folder / f"f{i}").read_bytes() == (winner / f"f{i}").read_bytes() for i in range(6))
    attempt = bucket.find(uri).attempt
    assert objects(s3, uri) == {"manifest.json", *(f"{attempt}/f{i}" for i in range(6))}, "losers clear up"


def test_a_replaced_artifact_leaves_nothing_behind_and_readers_get_the_new_one(s3, uri, tmp_path):
    bucket.publish(artifact(tmp_path / "old", a=b"old", b=b"only there"), uri)
    local_cache.hold(uri, tmp_path / "cache", NO_LIMIT)
    assert not bucket.publish(artifact(tmp_path / "other", a=b"other"), uri), (
        "the first one stays unless told otherwise"
    )
    bucket.publish(artifact(tmp_path / "new", a=b"new"), uri, replace=True)
    assert (local_cache.hold(uri, tmp_path / "cache", NO_LIMIT).folder / "a").read_bytes() == b"new"
    assert objects(s3, uri) == {"manifest.json", f"{bucket.find(uri).attempt}/a"}


def test_damage_in_the_bucket_is_told_and_the_artifact_no_longer_counts(s3, uri, tmp_path):
    bucket.publish(artifact(tmp_path / "made", a=b"content"), uri)
    s3.client().pipe_file(f"{bucket.find(uri).place}/a", b"CONTENT")
    with pytest.raises(InputError, match=r"stage/d1: damaged files \(a, ...\); run the flow again"):
        local_cache.hold(uri, tmp_path / "cache", NO_LIMIT)
    assert bucket.find(uri) is None
    bucket.publish(artifact(tmp_path / "again", a=b"content"), uri)
    assert (local_cache.hold(uri, tmp_path / "cache", NO_LIMIT).folder / "a").read_bytes() == b"content"
    assert objects(s3, uri) == {"manifest.json", f"{bucket.find(uri).attempt}/a"}


def test_an_artifact_that_lost_a_file_is_set_aside(s3, uri, tmp_path):
    bucket.publish(artifact(tmp_path / "made", a=b"1", b=b"2"), uri)
    assert bucket.set_damage_aside(uri, "d1", lambda record: True) == []
    s3.client().rm_file(f"{bucket.find(uri).place}/b")
    assert bucket.set_damage_aside(uri, "d1", lambda record: True) == ["b"]
    assert bucket.find(uri) is None


# ---- the cache ------------------------------------------------------------------------------------------------------


def test_the_cache_deletes_what_was_unused_for_longest_and_never_what_is_held(bucket_root, tmp_path):
    cache, size = tmp_path / "cache", 100_000
    uris = [f"{bucket_root}/stage/d{number}" for number in range(5)]
    for number, place in enumerate(uris):
        bucket.publish(artifact(tmp_path / f"made{number}", f"d{number}", a=os.urandom(size)), place)
    limit = 3 * size + 20_000
    held = [local_cache.hold(place, cache, limit) for place in uris[:3]]
    os.close(held[1].lock)
    os.close(held[2].lock)
    os.utime(held[1].folder, (time.time() + 10,) * 2)  # used again since
    local_cache.hold(uris[3], cache, limit)
    assert sorted(path.name[:8] for path in cache.iterdir()) == ["stage-d0", "stage-d1", "stage-d3"]
    local_cache.hold(uris[4], cache, limit)
    assert sorted(path.name[:8] for path in cache.iterdir()) == ["stage-d0", "stage-d3", "stage-d4"]
    assert not manifest.verify(held[0].folder)


def test_a_held_artifact_stays_though_another_process_needs_room(bucket_root, tmp_path):
    """The lock of a process that was killed is gone with it."""
    import subprocess
    import sys

    cache = tmp_path / "cache"
    for number in range(2):
        folder = artifact(tmp_path / f"made{number}", f"d{number}", a=os.urandom(50_000))
        bucket.publish(folder, f"{bucket_root}/stage/d{number}")
    code = f"""
import sys, time
from pathlib import Path
from mirage_core import local_cache
print(local_cache.hold({bucket_root!r} + "/stage/d0", Path({str(cache)!r}), 1 << 40).folder, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as reader:
        place = Path(reader.stdout.readline().strip())
        local_cache.hold(f"{bucket_root}/stage/d1", cache, 60_000)
        assert place.is_dir()
        reader.kill()
    local_cache.make_room(cache, 60_000)
    assert not place.is_dir()


def test_a_damaged_copy_is_downloaded_again(uri, tmp_path):
    bucket.publish(artifact(tmp_path / "made", a=b"content", b=b"2"), uri)
    held = local_cache.hold(uri, tmp_path / "cache", NO_LIMIT)
    os.close(held.lock)
    (held.folder / "a").write_bytes(b"CONTENT")
    (held.folder / "stray").touch()
    again = local_cache.hold(uri, tmp_path / "cache", NO_LIMIT)
    assert (again.folder / "a").read_bytes() == b"content" and not (again.folder / "stray").exists()
    assert bucket.find(uri)


def test_what_a_killed_download_left_is_removed_and_nothing_that_is_being_filled(uri, tmp_path):
    cache = tmp_path / "cache"
    (cache / ".left" / "half").mkdir(parents=True)
    with local_cache._unfinished(cache) as filling:
        local_cache.make_room(cache, NO_LIMIT)
        assert filling.is_dir()
    assert list(cache.iterdir()) == []


# ---- errors ---------------------------------------------------------------------------------------------------------


def told(root: str) -> str:
    started_s = time.monotonic()
    with pytest.raises(InputError) as error:
        bucket.check(root)
    assert time.monotonic() - started_s < 20
    assert not any(secret in str(error.value) for _, secret in (s3_server.USER, s3_server.ADMIN))
    return str(error.value)


def test_a_wrong_key_or_bucket_is_told(s3, bucket_root, monkeypatch):
    bucket.check(bucket_root)
    assert told("s3://absent-bucket/p").startswith("s3://absent-bucket/p: there is no such bucket")
    s3_server.reach(monkeypatch, s3.url, (s3_server.USER[0], "wrong-secret"))
    assert told(bucket_root).startswith(f"{bucket_root}: refused by the server (SignatureDoesNotMatch)")
    s3_server.reach(monkeypatch, s3.url, ("wrong-key", "wrong-secret"))
    assert told(bucket_root).startswith(f"{bucket_root}: refused by the server (InvalidAccessKeyId)")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    s3fs.S3FileSystem.clear_instance_cache()
    assert told(bucket_root).startswith(f"{bucket_root}: no keys for it")


def test_a_server_that_is_not_there_is_told(bucket_root, monkeypatch):
    s3_server.reach(monkeypatch, "http://127.0.0.1:9")
    assert "the server does not answer (EndpointConnectionError)" in told(bucket_root)


@pytest.mark.parametrize("answer", [(403, "QuotaExceeded"), (507, "XMinioStorageFull")])
def test_a_full_bucket_is_told(s3, bucket_root, monkeypatch, answer):
    with faulty_proxy.before(s3.url) as proxy:
        proxy.quota_bytes, proxy.quota_answer = -1, answer
        s3_server.reach(monkeypatch, proxy.url)
        assert told(bucket_root).startswith(f"{bucket_root}: the bucket is full ({answer[1]}); free some space")


@pytest.mark.parametrize("root", ["gs://bucket", "s3://", "/a/folder", "s3://key:secret@bucket/prefix"])
def test_a_root_that_is_no_bucket_is_refused(root):
    with pytest.raises(InputError, match="MIRAGE_ROOT: must") as error:
        bucket.checked_root(root)
    assert "secret@" not in str(error.value)


def test_a_bucket_takes_no_trace_of_the_check(s3, bucket_root):
    bucket.check(bucket_root)
    assert not [path for path in s3.client().find(bucket_root) if ".probe" in path]
