"""What the local server must know beside deployments: pool, slots for training, watch on dead and failed runs.

Applied by name at every start of the services; what the user has changed of slots stays.
"""

import os
import shlex
from datetime import timedelta
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate, WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.settings import get_current_settings
from prefect.workers.process import ProcessWorker

from mirage_core.manifest import gpu_names
from tasks.flow_run import COMMAND
from tasks.jobs import TRAINING_SLOTS

POOL = "local"
CRASH_DEAD_RUNS, TELL_FAILURES = "crash-dead-runs", "tell-failures"
NOTIFICATION_BLOCK = "on-failure"
"""A block of this name that the user has made, of any kind that notifies."""
MISSED_HEARTBEATS = 3


def set_up_server() -> None:
    """Create or correct all of it."""
    with get_client(sync_client=True) as client:
        _pool(client)
        _slots(client)
        _automations(client)


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


def _automations(client: SyncPrefectClient) -> None:
    heartbeat_s = get_current_settings().flows.heartbeat_frequency
    assert heartbeat_s, "pyproject.toml sets it"
    _apply(client, CRASH_DEAD_RUNS, dead_run_automation(MISSED_HEARTBEATS * heartbeat_s))
    blocks = [block.id for block in client.read_block_documents(limit=200) if block.name == NOTIFICATION_BLOCK]
    _apply(client, TELL_FAILURES, failure_automation(blocks[0]) if blocks else None)


def _apply(client: SyncPrefectClient, name: str, wanted: AutomationCore | None) -> None:
    """Leave one automation of a name, as it is wanted: the server would take any number."""
    first, *others = client.read_automations_by_name(name) or [None]
    if first is None:
        if wanted:
            client.create_automation(wanted)
    elif wanted is None:
        others.append(first)
    elif AutomationCore(**first.model_dump(include=set(AutomationCore.model_fields))) != wanted:
        client.update_automation(first.id, wanted)
    for other in others:
        client.delete_automation(other.id)


def dead_run_automation(within_s: int) -> AutomationCore:
    """A run that beat once and then neither beats nor ends within so many seconds is called crashed."""
    return AutomationCore(
        name=CRASH_DEAD_RUNS,
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


def failure_automation(block_id: UUID) -> AutomationCore:
    """A run that failed or crashed is told to a notification block: by the server, so whatever it was that died."""
    return AutomationCore(
        name=TELL_FAILURES,
        description=f"To the notification block that is named {NOTIFICATION_BLOCK}.",
        enabled=True,
        trigger=EventTrigger(
            posture=Posture.Reactive,
            expect={"prefect.flow-run.Failed", "prefect.flow-run.Crashed"},
            match={"prefect.resource.id": "prefect.flow-run.*"},
            for_each={"prefect.resource.id"},
            threshold=1,
            within=timedelta(0),
        ),
        actions=[
            SendNotification(
                block_document_id=block_id,
                subject="{{ flow.name }} {{ flow_run.name }}: {{ flow_run.state.name }}",
                body="{{ flow_run.state.message }}\n{{ flow_run|ui_url }}",
            )
        ],
    )
