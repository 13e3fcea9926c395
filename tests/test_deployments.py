"""prefect.yaml against the flows that it names. Prefect ignores unknown keys without a word, so we look for them."""

from pathlib import Path

import pytest
import yaml
from prefect.client.schemas.schedules import construct_schedule
from prefect.flows import load_flow_from_entrypoint

REPO = Path(__file__).parents[1]
KNOWN_KEYS = {
    *("name", "version", "description", "tags", "entrypoint", "parameters", "work_pool", "schedules", "schedule"),
    *("concurrency_limit", "enforce_parameter_schema", "triggers", "sla", "build", "push", "pull"),
}
KNOWN_SCHEDULE_KEYS = {
    *("cron", "interval", "rrule", "timezone", "active", "parameters", "slug", "anchor_date", "day_or"),
    "max_scheduled_runs",
}
KNOWN_LIMIT_KEYS = {"limit", "collision_strategy", "grace_period_seconds"}
DEPLOYMENTS = yaml.safe_load((REPO / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
every_deployment = pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: deployment["name"])


def test_names_are_unique_across_flows():
    """Else `prefect deployment run NAME` would not know which."""
    names = [deployment["name"] for deployment in DEPLOYMENTS]
    assert sorted(set(names)) == sorted(names)


@every_deployment
def test_keys_are_known(deployment):
    assert set(deployment) <= KNOWN_KEYS
    assert set(deployment.get("concurrency_limit", {})) <= KNOWN_LIMIT_KEYS
    assert deployment["work_pool"]["name"] == "local"


@every_deployment
def test_schedules_are_valid(deployment):
    for schedule in deployment.get("schedules", []):
        assert set(schedule) <= KNOWN_SCHEDULE_KEYS
        construct_schedule(cron=schedule["cron"], timezone=schedule["timezone"])


@every_deployment
def test_parameters_fit_the_flow(deployment, monkeypatch):
    monkeypatch.chdir(REPO)
    monkeypatch.syspath_prepend(str(REPO))
    flow = load_flow_from_entrypoint(deployment["entrypoint"], use_placeholder_flow=False)
    flow.validate_parameters(deployment["parameters"])
    for schedule in deployment.get("schedules", []):
        flow.validate_parameters(deployment["parameters"] | schedule.get("parameters", {}))


@every_deployment
def test_files_that_parameters_name_exist(deployment):
    for value in deployment["parameters"].values():
        assert not str(value).endswith(".yaml") or (REPO / value).is_file(), value


def test_the_nightly_run_is_at_two_in_utc_and_never_twice_at_once():
    nightly = next(deployment for deployment in DEPLOYMENTS if deployment["name"] == "nightly")
    assert [(s["cron"], s["timezone"], s["active"]) for s in nightly["schedules"]] == [("0 2 * * *", "UTC", True)]
    assert nightly["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}
