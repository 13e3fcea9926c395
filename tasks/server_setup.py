"""What the local server must know beside deployments: work pool, slots for training, the watch on heartbeats.

Applied by name at every start of the services; what the user has changed of slots stays.
"""

import os
import shlex
from datetime import timedelta

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate, WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.settings import get_current_settings
from prefect.workers.process import ProcessWorker

from mirage_core.manifest import gpu_names
from tasks.flow_run import COMMAND
from tasks.jobs import TRAINING_SLOTS

POOL = "local"
AUTOMATION = "crash-dead-runs"
MISSED_HEARTBEATS = 3


def set_up_server() -> None:
    """Create or correct all of it."""
    with get_client(sync_client=True) as client:
        _pool(client)
        _slots(client)
        _automation(client)


def _pool(client: SyncPrefectClient) -> None:
    template = ProcessWorker.get_default_base_job_template()
    template["variables"]["properties"]["command"]["default"] = shlex.join(COMMAND)
    try:
        client.create_work_pool(WorkPoolCreate(name=POOL, type=ProcessWorker.type, base_job_template=template))
    except ObjectAlreadyExists:
        client.update_work_pool(POOL, WorkPoolUpdate(base_job_template=template))


def _slots(client: SyncPrefectClient) -> None:
    """One training at a time has the GPUs; without any, each has a core."""
    limit = 1 if gpu_names() else os.cpu_count() or 1
    try:
        client.read_global_concurrency_limit_by_name(TRAINING_SLOTS)
    except ObjectNotFound:
        client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=TRAINING_SLOTS, limit=limit))


def _automation(client: SyncPrefectClient) -> None:
    wanted = dead_run_automation()
    first, *others = client.read_automations_by_name(AUTOMATION) or [None]
    if first is None:
        client.create_automation(wanted)
    elif AutomationCore(**first.model_dump(include=set(AutomationCore.model_fields))) != wanted:
        client.update_automation(first.id, wanted)
    for other in others:
        client.delete_automation(other.id)


def dead_run_automation() -> AutomationCore:
    """A run that beat once and then neither beats nor ends is called crashed."""
    frequency_s = get_current_settings().flows.heartbeat_frequency
    assert frequency_s, "pyproject.toml sets it"
    within_s = MISSED_HEARTBEATS * frequency_s
    return AutomationCore(
        name=AUTOMATION,
        description="Flow runs that were killed together with their worker.",
        enabled=True,
        trigger=EventTrigger(
            posture=Posture.Proactive,
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.*"},
            match={"prefect.resource.id": "prefect.flow-run.*"},
            for_each={"prefect.resource.id"},
            threshold=1,
            within=timedelta(seconds=within_s),
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, message=f"no heartbeat for {within_s} s")],
    )
