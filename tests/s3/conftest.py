"""One S3 server for all tests of this folder; a bucket, an artifact root in it and a local folder for each."""

import uuid
from pathlib import Path

import pytest
import s3_server


@pytest.fixture(scope="session")
def s3(tmp_path_factory):
    with s3_server.running(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="session")
def bucket_name(s3: s3_server.Server) -> str:
    """One bucket: SeaweedFS sets several volumes apart for each."""
    s3.client().mkdir("mirage-tests")
    return "mirage-tests"


@pytest.fixture
def bucket_root(s3: s3_server.Server, bucket_name: str, monkeypatch: pytest.MonkeyPatch, artifact_root: Path) -> str:
    """An artifact root in a bucket, empty; `artifact_root` is the local folder beside it."""
    root = f"s3://{bucket_name}/{uuid.uuid4().hex[:12]}/prefix"
    monkeypatch.setenv("MIRAGE_ROOT", root)
    s3_server.reach(monkeypatch, s3.url)
    return root
