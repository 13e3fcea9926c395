"""Isolation from the user's Prefect, set before anything imports it, and one test server for those who ask."""

import os
import tempfile

import pytest

_home = tempfile.TemporaryDirectory(prefix="mirage-tests-", ignore_cleanup_errors=True)
os.environ.update(
    PREFECT_HOME=f"{_home.name}/prefect",
    PREFECT_RESULTS_LOCAL_STORAGE_PATH=f"{_home.name}/artifacts",
    PREFECT_SERVER_ANALYTICS_ENABLED="false",
    DO_NOT_TRACK="1",
)


@pytest.fixture(scope="session")
def prefect_server():
    """A Prefect server with an empty database; takes 10 to 20 s to start."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture
def artifact_root(tmp_path):
    """A fresh artifact root for one test."""
    from prefect.settings import PREFECT_RESULTS_LOCAL_STORAGE_PATH, temporary_settings

    with temporary_settings(updates={PREFECT_RESULTS_LOCAL_STORAGE_PATH: tmp_path / "artifacts"}):
        yield tmp_path / "artifacts"
