"""One S3 server for all tests of this folder; a bucket, an artifact root in it and a local folder for each."""

import uuid
from pathlib import Path

import pytest
import s3_server


@pytest.fixture(scope="session")
def s3(tmp_path_factory):
    with s3_server.running(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def bucket_root(s3: s3_server.Server, monkeypatch: pytest.MonkeyPatch, artifact_root: Path) -> str:
    """The artifact root in an empty bucket; `artifact_root` is the local folder beside it."""
    name = f"b-{uuid.uuid4().hex[:12]}"
    s3.client().mkdir(name)
    monkeypatch.setenv("MIRAGE_ROOT", f"s3://{name}/some/prefix")
    s3_server.reach(monkeypatch, s3.url)
    return f"s3://{name}/some/prefix"
