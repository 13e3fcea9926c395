"""What the services tell the server at every start, told twice."""

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate

from tasks.jobs import TRAINING_SLOTS
from tasks.server_setup import CRASH_DEAD_RUNS, MISSED_HEARTBEATS, POOL, dead_run_automation, set_up_server

pytestmark = pytest.mark.prefect


def test_the_server_is_set_up_once_however_often_it_is_told(prefect_server):
    set_up_server()
    with get_client(sync_client=True) as client:
        assert client.read_global_concurrency_limit_by_name(TRAINING_SLOTS).limit >= 1
        client.update_global_concurrency_limit(TRAINING_SLOTS, GlobalConcurrencyLimitUpdate(limit=7))
        (made,) = client.read_automations_by_name(CRASH_DEAD_RUNS)
        client.update_automation(made.id, dead_run_automation(within_s=600))
        client.create_automation(dead_run_automation(within_s=600))
        set_up_server()
        assert client.read_global_concurrency_limit_by_name(TRAINING_SLOTS).limit == 7, "the user's number stays"
        (again,) = client.read_automations_by_name(CRASH_DEAD_RUNS)
        assert again.trigger.within.total_seconds() == MISSED_HEARTBEATS * 60, "of pyproject.toml"
        command = client.read_work_pool(POOL).base_job_template["variables"]["properties"]["command"]["default"]
        assert command.endswith("-m tasks.flow_run")
