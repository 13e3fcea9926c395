"""The stage contract: a Prefect task that turns typed inputs into one content-addressed folder.

The cache key is a path, `{stage}/{digest}/_prefect.json`, and Prefect's results lie below the artifact root, a local
folder or a bucket (`tasks/place.py`). So Prefect's record lies inside the folder that it vouches for: a rerun executes
only what is missing, deleting a folder rebuilds just that stage, and a moved root still counts.
"""

import functools
import inspect
import logging
import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect import Task, task
from prefect.context import TaskRunContext
from prefect.settings import get_current_settings
from pydantic import JsonValue

from mirage_core import manifest, storage
from mirage_core.errors import InputError
from tasks import place
from tasks.artifact import Artifact, ByContent, plain, set_damage_aside
from tasks.records import ArtifactRoot
from tasks.redo import redo_what_depends_on

logger = logging.getLogger(__name__)


def stage(name: str, version: int = 1, **task_options: Any) -> Callable[[Callable[..., manifest.Counts]], Task]:
    """Turn `fn(inputs, *, out: Path[, scratch: Path]) -> counts` into a task `fn(inputs) -> Artifact`.

    `fn` fills the empty folder `out`; nothing of it is published if it raises. A `scratch` folder stays the same from
    one attempt to the next, for checkpoints to resume from, and is removed after success. An `async def` becomes an
    asynchronous task.

    Args:
        name: Lower-case letters, digits and dashes: folder below the root and key of the card in the Prefect UI.
        version: Raise it when the meaning of the output changes; older artifacts then no longer count.
        task_options: For `prefect.task` (retries, tags, ...). A retry never follows an `InputError`.
    """
    assert re.fullmatch(r"[a-z0-9-]+", name), name

    def decorate(fn: Callable[..., manifest.Counts]) -> Task:
        signature = inspect.signature(fn)
        assert "out" in signature.parameters, f"{fn.__qualname__} must take `out`"
        public = [p for key, p in signature.parameters.items() if key not in ("out", "scratch")]
        policy = ByContent(stage=name, version=version)

        def inputs_of(args: Any, kwargs: Any) -> dict[str, Any]:
            bound = body.__signature__.bind(*args, **kwargs)
            bound.apply_defaults()
            return dict(bound.arguments)

        uses_scratch = "scratch" in signature.parameters

        @functools.wraps(fn)
        def run(*args: Any, **kwargs: Any) -> Artifact:
            with _production(policy, inputs_of(args, kwargs), uses_scratch) as production:
                if production.folders:
                    production.counts = fn(**production.inputs, **production.folders)
            return production.artifact

        @functools.wraps(fn)
        async def run_async(*args: Any, **kwargs: Any) -> Artifact:
            with _production(policy, inputs_of(args, kwargs), uses_scratch) as production:
                if production.folders:
                    production.counts = await fn(**production.inputs, **production.folders)
            return production.artifact

        body: Any = run_async if inspect.iscoroutinefunction(fn) else run
        body.__signature__ = signature.replace(parameters=public, return_annotation=Artifact)
        body.__annotations__ = {p.name: p.annotation for p in public} | {"return": Artifact}
        options = {"retry_condition_fn": _may_pass_next_time} | task_options
        made = task(name=name, cache_policy=policy, persist_result=True, result_serializer="json", **options)(body)
        made.result_storage = ArtifactRoot()  # the decorator takes only what is saved on a server, and this is not
        return made

    return decorate


@dataclass
class _Production:
    """One run of a stage's function, before and after."""

    artifact: Artifact
    inputs: dict[str, Any]
    folders: dict[str, Path]
    """Arguments of the function beside its inputs; none where the artifact is complete already."""
    counts: manifest.Counts | None = None
    """What the function returned."""


@contextmanager
def _production(policy: ByContent, inputs: dict[str, Any], uses_scratch: bool) -> Iterator[_Production]:
    """Prepare the folders for the block, which makes the artifact in them, and publish it afterwards."""
    artifact = Artifact(stage=policy.stage, digest=policy.digest(inputs))
    place.check()
    set_damage_aside(artifact)
    if _is_complete(artifact):
        logger.info("%s %s is complete, only its record was missing", artifact.stage, artifact.digest)
        yield _Production(artifact, inputs, {})
        return
    with _folders(artifact, uses_scratch) as folders, place.reading():
        if _is_finished(folders["out"], artifact):
            logger.info("%s %s was finished by an earlier run and is published now", artifact.stage, artifact.digest)
            yield _Production(artifact, inputs, {})
            place.publish(folders["out"], artifact.uri, replace=False)
            return
        started_s = time.monotonic()
        production = _Production(artifact, inputs, folders)
        yield production
        assert isinstance(production.counts, dict), f"stage {policy.stage} must return its counts"
        recorded = {key: plain(value, key) for key, value in inputs.items()}
        manifest.write(
            folders["out"],
            stage=policy.stage,
            version=policy.version,
            digest=artifact.digest,
            inputs=recorded,
            seed=_find_seed(recorded),
            counts=production.counts,
            wall_s=time.monotonic() - started_s,
        )
        place.publish(folders["out"], artifact.uri, replace=_must_refresh())


@contextmanager
def _folders(artifact: Artifact, uses_scratch: bool) -> Iterator[dict[str, Path]]:
    """The folder to fill, gone in any case afterwards, and the scratch folder, gone only after success.

    Raises:
        InputError: Writing failed because a disk is full; asked here, while what filled it is still there.
    """
    base = place.work_root() / artifact.stage
    partial = base / f".{artifact.digest}.{platform.node()}.{os.getpid()}"
    scratch = base / f".scratch-{artifact.digest}"
    for abandoned in base.glob(f".{artifact.digest}.{platform.node()}.*"):
        if not _is_running(int(abandoned.suffix[1:])):
            _take_over(abandoned, partial, artifact)
    try:
        partial.mkdir(parents=True, exist_ok=True)
        if uses_scratch:
            scratch.mkdir(exist_ok=True)
        yield {"out": partial, "scratch": scratch} if uses_scratch else {"out": partial}
        redo_what_depends_on(artifact)
        for outlived in (scratch, artifact.damaged):
            shutil.rmtree(outlived, ignore_errors=True)
    except Exception as error:
        places = [str(place.work_root()), tempfile.gettempdir()]
        if not isinstance(error, InputError) and (told := storage.no_room(error, f"stage {artifact.stage}", places)):
            raise told from error
        raise
    finally:
        if not _is_finished(partial, artifact):  # what could not be uploaded stays for the next run
            shutil.rmtree(partial, ignore_errors=True)


def _take_over(abandoned: Path, partial: Path, artifact: Artifact) -> None:
    """Go on with what a run finished and could not publish; remove what it did not finish."""
    finished = _is_finished(abandoned, artifact) and not _must_refresh()
    if finished and not partial.exists():
        abandoned.rename(partial)
    elif not (finished and abandoned == partial):
        shutil.rmtree(abandoned, ignore_errors=True)


def _is_finished(partial: Path, artifact: Artifact) -> bool:
    """Whether a folder holds the whole artifact and only its upload is missing."""
    if not storage.is_remote(artifact.uri) or not (partial / storage.MANIFEST_NAME).exists():
        return False
    return not manifest.verify(partial) and manifest.read(str(partial)).digest == artifact.digest


def _is_running(pid: int) -> bool:
    """Whether another process of this machine may still be filling its folder."""
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it runs, as another user
        return True
    return True


def _is_complete(artifact: Artifact) -> bool:
    """Whether a run was killed between publishing and Prefect's record, so that the work need not be redone."""
    return not _must_refresh() and storage.exists(storage.join(artifact.uri, storage.MANIFEST_NAME))


def _must_refresh() -> bool:
    context = TaskRunContext.get()
    if context and context.task.refresh_cache is not None:
        return context.task.refresh_cache
    return get_current_settings().tasks.refresh_cache


def _find_seed(value: JsonValue) -> int | None:
    """The first field `seed` among the inputs, outermost level first."""
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("seed"), int):
        return value["seed"]
    return next((seed for item in value.values() if (seed := _find_seed(item)) is not None), None)


def _may_pass_next_time(task: Task, task_run: Any, state: Any) -> bool:
    return not isinstance(state.data, InputError)


def is_built(stage_task: Task, **inputs: Any) -> bool:
    """Whether a stage with these inputs would have nothing to do."""
    policy = stage_task.cache_policy
    assert isinstance(policy, ByContent)
    artifact = Artifact(stage=policy.stage, digest=policy.digest(inputs))
    return storage.exists(storage.join(artifact.uri, storage.MANIFEST_NAME))
