"""What became of the stages of a flow run, as the server knows it."""

from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId, FlowRunFilterName
from prefect.client.schemas.objects import FlowRun, TaskRun
from prefect.client.schemas.sorting import FlowRunSort
from prefect.results import ResultRecordMetadata

from mirage_core.errors import InputError
from mirage_core.manifest import RESULT_RECORD_NAME
from tasks.artifact import Artifact


class StageRun(NamedTuple):
    """One task run of the last attempt of a flow run."""

    stage: str
    state: str
    """As Prefect names it: Completed, Cached, Failed, Crashed, Running ..."""
    run_s: float
    """Seconds."""
    cause: str
    """First line of what the state says; why it failed."""
    artifact: Artifact | None
    """What it made or found; None where it is not done, or is no stage."""


def find_run(name: str | None) -> FlowRun:
    """A flow run by its name or id; the last one that was started without either.

    Raises:
        InputError: There is none, or several have that name.
    """
    with get_client(sync_client=True) as client:
        found = client.read_flow_runs(flow_run_filter=_wanted(name), sort=FlowRunSort.START_TIME_DESC, limit=2)
    found = [run for run in found if run.start_time]
    if not found:
        raise InputError(f"flow run {name}: the server knows none" if name else "the server knows no flow run")
    if name and len(found) > 1:
        raise InputError(
            f"flow run {name}: several have that name; give the id: {', '.join(str(one.id) for one in found)}"
        )
    return found[0]


def stages_of(run: FlowRun) -> list[StageRun]:
    """The stages of the last attempt of a run, in the order in which they began."""
    with get_client(sync_client=True) as client:
        task_runs = [one for one in _task_runs(client, run.id) if one.flow_run_run_count == run.run_count]
    started = sorted((one for one in task_runs if one.start_time), key=lambda one: one.start_time)
    return [_stage_run(one) for one in [*started, *(one for one in task_runs if not one.start_time)]]


def _wanted(name: str | None) -> FlowRunFilter:
    if name is None:
        return FlowRunFilter()
    try:
        return FlowRunFilter(id=FlowRunFilterId(any_=[UUID(name)]))
    except ValueError:
        return FlowRunFilter(name=FlowRunFilterName(any_=[name]))


def _task_runs(client: SyncPrefectClient, flow_run_id: UUID) -> list[TaskRun]:
    return client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id])))


def _stage_run(task_run: TaskRun) -> StageRun:
    state = task_run.state
    message = "" if state.is_completed() else (state.message or "").strip()
    run_s = task_run.estimated_run_time.total_seconds()
    return StageRun(task_run.name.rsplit("-", 1)[0], state.name, run_s, message.partition("\n")[0], _artifact(task_run))


def _artifact(task_run: TaskRun) -> Artifact | None:
    """Its record lies inside it."""
    data = task_run.state.data
    key = Path(data.storage_key or "") if isinstance(data, ResultRecordMetadata) else Path()
    if key.name != RESULT_RECORD_NAME:
        return None
    return Artifact(stage=key.parent.parent.name, digest=key.parent.name)
