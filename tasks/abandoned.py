"""Runs that nothing works on any more: Prefect would show them as running for ever.

A deployment with a concurrency limit would wait for them, too. The automation of `tasks/server_setup.py` finds them by
their missing heartbeat, after minutes; here it is known at once, because their processes can be seen.
"""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import Crashed

OPEN = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
STARTED = [StateType.RUNNING, StateType.CANCELLING]
"""A pending run may be one whose process is just being started."""


def close_flow_runs(pool: str, worker_lives: bool) -> list[FlowRun]:
    """Call a pool's flow runs crashed that have no process, and their task runs; returns those flow runs.

    Args:
        pool: A work pool whose workers are on this machine.
        worker_lives: Whether it has one; else none of its runs can go on.
    """
    types = FlowRunFilterStateType(any_=STARTED if worker_lives else OPEN)
    with get_client(sync_client=True) as client:
        found = client.read_flow_runs(
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=types)),
            work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[pool])),
        )
        alive = flow_runs_with_a_process()
        if alive is None:  # the system does not tell
            alive = {str(run.id) for run in found} if worker_lives else set()
        # asked again: a run that ended in the meantime has told the server so before its process was gone
        gone = [run for run in found if str(run.id) not in alive and client.read_flow_run(run.id).state_type in OPEN]
        for run in gone:
            client.set_flow_run_state(run.id, Crashed(message="its process is gone"), force=True)
    close_task_runs([run.id for run in gone])
    return gone


def close_task_runs(flow_run_ids: Sequence[UUID]) -> None:
    """Call task runs crashed that were going on when the process of their flow run was killed."""
    if not flow_run_ids:
        return
    types = TaskRunFilterStateType(any_=OPEN)
    with get_client(sync_client=True) as client:
        abandoned = client.read_task_runs(
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=list(flow_run_ids))),
            task_run_filter=TaskRunFilter(state=TaskRunFilterState(type=types)),
        )
        for task_run in abandoned:
            client.set_task_run_state(task_run.id, Crashed(message="its process is gone"), force=True)


def flow_runs_with_a_process() -> set[str] | None:
    """Ids of the flow runs that a process of this machine works on; None where the system does not tell."""
    if not Path("/proc/self/environ").exists():
        return None
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = ((process / name).read_bytes().split(b"\0") for name in ("cmdline", "environ"))
        except OSError:  # it has ended, or is another user's
            continue
        if b"tasks.flow_run" in command:  # its trainer has the id in its environment, too
            found |= {
                item.decode().partition("=")[2] for item in environment if item.startswith(b"PREFECT__FLOW_RUN_ID=")
            }
    return found
