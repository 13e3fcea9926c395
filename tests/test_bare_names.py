"""`prefect deployment run NAME` without the flow's name; declared as a plugin, as an installed package would."""

import os
import subprocess
import sys
from pathlib import Path

import prefect.settings
import pytest
from prefect import flow
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.orchestration._deployments.client import DeploymentAsyncClient

from tasks.bare_names import setup_environment

REPO = Path(__file__).parents[1]

pytestmark = pytest.mark.prefect


@flow
def first():
    pass


@flow
def second():
    pass


@pytest.fixture(scope="module")
def deployments(prefect_server):
    with get_client(sync_client=True) as client:
        ids = {run.name: client.create_flow(run) for run in (first, second)}
        for flow_name, name in [("first", "alone"), ("first", "twice"), ("second", "twice")]:
            client.create_deployment(flow_id=ids[flow_name], name=name)


@pytest.fixture
def run(deployments, tmp_path):
    """Runs `prefect deployment run NAME` where the entry point of pyproject.toml is visible."""
    metadata = tmp_path / "mirage_plugin-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: mirage-plugin\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[prefect.plugins]\nmirage = tasks.bare_names\n")

    def call(name: str, **env: str) -> subprocess.CompletedProcess:
        paths = f"{tmp_path}{os.pathsep}{REPO}"
        env = os.environ | {"PREFECT_API_URL": prefect.settings.PREFECT_API_URL.value(), "PYTHONPATH": paths} | env
        command = [sys.executable, "-m", "prefect", "deployment", "run", name]
        return subprocess.run(command, cwd=REPO, env=env, capture_output=True, text=True)

    return call


def test_a_bare_name_finds_the_only_deployment_of_that_name(run):
    done = run("alone")
    assert done.returncode == 0, done.stdout + done.stderr
    with get_client(sync_client=True) as client:
        wanted = client.read_deployment_by_name("first/alone").id
        assert [flow_run.deployment_id for flow_run in client.read_flow_runs()].count(wanted) == 1


@pytest.mark.parametrize("name", ["twice", "nowhere"])
def test_any_other_bare_name_gets_the_answer_of_prefect(run, name):
    done = run(name)
    assert done.returncode == 1
    assert f"Invalid deployment name format: {name}" in done.stdout + done.stderr


def test_without_the_plugin_prefect_refuses_a_bare_name(run):
    """When this fails, Prefect has learnt it and the plugin can go."""
    assert run("alone", PREFECT_PLUGINS_ENABLED="false").returncode == 1


def test_the_hook_wraps_once(monkeypatch):
    original = DeploymentAsyncClient.read_deployment_by_name
    monkeypatch.setattr(PrefectClient, "read_deployment_by_name", original)
    setup_environment(ctx=None)
    wrapped = PrefectClient.read_deployment_by_name
    setup_environment(ctx=None)
    assert PrefectClient.read_deployment_by_name is wrapped is not original
