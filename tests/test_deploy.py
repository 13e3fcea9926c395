"""The files for more machines: what can be checked of them without Docker, Kubernetes or a GPU."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

REPO = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((REPO / "compose.yaml").read_text(encoding="utf-8"))
POOLS = sorted((REPO / "deploy").glob("*-pool.json"))


def template(name):
    return json.loads((REPO / f"deploy/{name}-pool.json").read_text(encoding="utf-8"))


def test_the_image_installs_what_the_package_needs():
    text = (REPO / "Dockerfile").read_text(encoding="utf-8")
    extras = re.search(r'^ARG EXTRAS="(.*)"$', text, re.MULTILINE)[1].split()
    known = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(extras) <= set(known)
    assert text.rstrip().count("FROM ") == 2 and "\nUSER mirage\n" in text.split("FROM ")[2], "not root"
    copied = re.findall(r"^COPY (?:--\S+ )*(.+) \S+$", text, re.MULTILINE)
    assert all((REPO / name).exists() for names in copied for name in names.split() if not name.startswith("/"))
    ignored = (REPO / ".dockerignore").read_text(encoding="utf-8").split()
    assert not {"flows", "tasks", "mirage_core", "recipes", "datasets_spec", "prefect.yaml", "README.md"} & set(ignored)


def test_compose_splits_the_server_and_starts_everything_after_what_it_needs():
    services = COMPOSE["services"]
    assert {"postgres", "redis", "migrate", "server", "services", "worker", "pool"} == set(services)
    assert "--no-services" in services["server"]["command"]
    assert services["services"]["command"] == ["prefect", "server", "services", "start"]
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            condition = how["condition"]
            assert condition != "service_healthy" or "healthcheck" in services[other], (name, other)
            assert condition != "service_completed_successfully" or services[other]["restart"] == "no", (name, other)
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in COMPOSE["volumes"], (name, volume)
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), "without a password, for this machine only"


@pytest.mark.parametrize("path", POOLS, ids=lambda path: path.stem)
def test_every_variable_of_a_pool_is_declared_and_used(path):
    pool = json.loads(path.read_text(encoding="utf-8"))
    used = set(re.findall(r"\{\{ (\w+) \}\}", json.dumps(pool["job_configuration"])))
    assert used == set(pool["variables"]["properties"])


def test_pools_share_network_volume_and_image_with_compose():
    defaults = {name: field.get("default") for name, field in template("docker")["variables"]["properties"].items()}
    assert defaults["networks"] == [f"{COMPOSE['name']}_default"]
    volume, place = defaults["volumes"][0].split(":")
    assert volume == f"{COMPOSE['name']}_artifacts"
    assert f"artifacts:{place}" in COMPOSE["services"]["worker"]["volumes"]
    assert defaults["image"] == COMPOSE["services"]["worker"]["image"]
    assert defaults["env"]["PREFECT_API_URL"] == COMPOSE["services"]["worker"]["environment"]["PREFECT_API_URL"]


def test_a_run_on_docker_gets_the_gpus_that_it_asks_for():
    worker = pytest.importorskip("prefect_docker.worker", reason="pip install -e '.[team]'")
    asked = [{"Driver": "nvidia", "Count": -1, "Capabilities": [["gpu"]]}]
    made = filled(worker.DockerWorkerJobConfiguration, "docker", device_requests=asked)
    assert made.container_create_kwargs == {"device_requests": asked, "shm_size": "8g"}
    assert filled(worker.DockerWorkerJobConfiguration, "docker").container_create_kwargs["device_requests"] == []


def test_a_run_on_kubernetes_gets_the_gpus_that_it_asks_for():
    worker = pytest.importorskip("prefect_kubernetes.worker", reason="pip install -e '.[team]'")
    pod = filled(worker.KubernetesWorkerJobConfiguration, "kubernetes", gpus=2).job_manifest["spec"]["template"]["spec"]
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 2
    assert pod["securityContext"]["runAsNonRoot"]
    mounts = {mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    assert mounts == {volume["name"] for volume in pod["volumes"]}


def filled(configuration, name, **values):
    """What a worker would start, with Prefect's own check of the template."""
    import asyncio

    return asyncio.run(configuration.from_template_and_values(template(name), values))
