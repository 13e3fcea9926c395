"""The process of a flow run, as the worker starts it: Prefect's engine, but it does not outlive the worker.

Nobody can stop a run whose worker is gone. So the kernel sends it SIGTERM when its parent dies; it lets its trainer
write a checkpoint and tells the server that it crashed. And what an earlier attempt that was killed left open is
closed: each attempt has task runs of its own, and nobody else would ever end the old ones.
"""

import os
import runpy
import sys
from uuid import UUID

from tasks.abandoned import close_task_runs
from tasks.child import end_with_parent

COMMAND = [sys.executable, "-m", "tasks.flow_run"]


def main() -> None:
    """Run the flow run that the environment names."""
    end_with_parent()
    close_task_runs([UUID(os.environ["PREFECT__FLOW_RUN_ID"])])
    runpy.run_module("prefect.engine", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
