"""Shards on the machines of a Ray cluster, where `RAY_ADDRESS` names one: the same seam as the local processes.

Plain Ray and not `prefect-ray`: core knows nothing of Prefect, and a task run per shard would be the thousands of rows
in Prefect's database that shards inside a stage avoid (docs/design/004). All machines must see the artifact root under
the same path, as on a shared file system, and have this package installed: shards are written into the stage's scratch
folder, which no S3 can be.
"""

import os
import platform
import socket
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mirage_core.errors import InputError

MAX_RETRIES = 3
"""Times that a shard is made again after its worker died. What the shard itself raises is not tried again."""

ANSWER_TIMEOUT_S = 10
"""Ray itself tries for minutes."""

Counted = tuple[int, dict[str, Any]]


def is_wanted() -> bool:
    """Whether the environment names a cluster."""
    return bool(os.environ.get("RAY_ADDRESS"))


def make_on_ray(make_one: Callable[[int, Path], Counted], numbers: list[int], folders: list[Path]) -> Iterator[Counted]:
    """Number and counts of each shard, as it is finished. One core of the cluster makes one shard at a time.

    Args:
        make_one: Makes a shard in its folder, anew if there is something in it already.
        numbers: Shards to make.
        folders: The folder of every shard, by its number.

    Raises:
        InputError: Ray is not installed, no cluster answers, or its machines do not see the folders.
    """
    ray = _connected()
    token = folders[0].parent / f".seen-{uuid.uuid4().hex}"
    token.parent.mkdir(parents=True, exist_ok=True)
    token.touch()

    def make(number: int) -> Counted:
        if not token.exists():
            raise InputError(
                f"RAY_ADDRESS: machine {platform.node()} of the cluster does not see {token.parent}; put the artifact "
                "root (PREFECT_RESULTS_LOCAL_STORAGE_PATH) on a file system that all of them share"
            )
        return make_one(number, folders[number])

    remote = ray.remote(num_cpus=1, max_retries=MAX_RETRIES, retry_exceptions=False)(make)
    pending = [remote.remote(number) for number in numbers]
    try:
        while pending:
            done, pending = ray.wait(pending, num_returns=1)
            yield _result(ray, done[0])
    finally:
        for task in pending:
            ray.cancel(task, force=True)
        token.unlink()
        ray.shutdown()


def _connected() -> Any:
    """Ray, connected to the cluster."""
    address = os.environ["RAY_ADDRESS"]
    try:
        import ray
    except ImportError as error:
        raise InputError(
            f"RAY_ADDRESS is {address}, but Ray is not installed: pip install 'mirage[ray]', or unset it"
        ) from error
    try:
        place = urlsplit(address if "://" in address else f"ray://{address}")
        if place.port is not None:
            socket.create_connection((str(place.hostname), place.port), ANSWER_TIMEOUT_S).close()
        ray.init(address=address, configure_logging=False, log_to_driver=False)
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"RAY_ADDRESS: no Ray cluster answers at {address} ({error})") from error
    return ray


def _result(ray: Any, task: Any) -> Counted:
    """What a shard returned, or its own error as it would be raised here."""
    try:
        made: Counted = ray.get(task)
        return made
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error
