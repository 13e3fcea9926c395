"""The name of a stage's output: what goes into its digest, and where it lies.

The digest holds the stage's name, its `version` and its inputs; the code is not in it. Raise `version` when the
meaning of the output changes.
"""

import hashlib
import json
import logging
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError
from prefect.cache_policies import CachePolicy
from prefect.context import TaskRunContext
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic.fields import FieldInfo

from mirage_core import bucket, manifest, storage
from mirage_core.errors import InputError
from mirage_core.settings import Operational, Settings
from tasks.place import files_uri, held_folder, root, work_root

logger = logging.getLogger(__name__)

DIGEST_LENGTH = 16
NUM_NAMES_SHOWN = 5


class Artifact(BaseModel):
    """The name of a stage's output; all that travels between tasks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: str
    digest: str

    @property
    def uri(self) -> str:
        """Where it lies below today's root: not a field, so that no record can hold an outdated place."""
        return storage.join(root(), self.stage, self.digest)

    @property
    def files(self) -> str:
        """Where its files lie: in a bucket, a folder below its place."""
        return files_uri(self.uri)

    @property
    def damaged(self) -> Path:
        """Where it is put on this machine when it turns out to be damaged, until it was built again."""
        return work_root() / self.stage / f".damaged-{self.digest}"


class LocalSource(Settings):
    """Files of the user on this machine, known by their content."""

    sha256: str
    """Of all that is read of them."""
    path: str = Field(exclude=True)
    """Where they lie; not part of their identity."""


def folder(artifact: Artifact) -> Path:
    """The artifact's folder, for a stage that reads it.

    Raises:
        InputError: It is not below the root, not complete, or damaged.
    """
    if storage.is_remote(artifact.uri):
        return held_folder(artifact.uri)
    if not storage.exists(storage.join(artifact.uri, storage.MANIFEST_NAME)):
        raise InputError(f"{artifact.uri}: the artifact is not there; run the flow again to rebuild it")
    path = Path(artifact.uri)
    if broken := manifest.verify(path):
        raise InputError(f"{path}: damaged files ({_few(broken)}); run the flow again to rebuild it")
    return path


def set_damage_aside(artifact: Artifact) -> None:
    """Move a damaged artifact out of the way, so that its stage runs again, and files that were added since.

    Readers take whatever lies in a folder, so a file too many is damage as well; it costs no rebuilding.
    """
    if storage.is_remote(artifact.uri):
        if broken := bucket.set_damage_aside(artifact.uri, artifact.digest, lambda data: _names(data, artifact)):
            what = f"{artifact.stage} {artifact.digest}"
            logger.warning("%s: damaged files (%s); it is built again, and kept until then", what, _few(broken))
        return
    place = Path(artifact.uri)
    with suppress(FileNotFoundError):  # another run may move it at the same time
        inode = place.stat().st_ino
        broken = manifest.verify(place)
        if place.stat().st_ino != inode:
            return  # another run has rebuilt it while we read
        if not broken and manifest.read(str(place)).digest != artifact.digest:
            broken = [storage.MANIFEST_NAME]
        if broken:
            what = f"{artifact.stage} {artifact.digest}"
            told = "%s: damaged files (%s); it is built again, and kept as %s until then"
            logger.warning(told, what, _few(broken), artifact.damaged)
            set_aside(artifact)
            return
        record = place / manifest.RESULT_RECORD_NAME
        if record.exists() and not _names(record.read_bytes(), artifact):
            record.unlink()
        for name in manifest.added(place):
            target = place.with_name(f".added-{artifact.digest}") / name
            logger.warning("%s %s: %s is no file of it; moved to %s", artifact.stage, artifact.digest, name, target)
            target.parent.mkdir(parents=True, exist_ok=True)
            (place / name).replace(target)


def set_aside(artifact: Artifact) -> None:
    """Take an artifact from its place, so that it is built again; of one in a bucket only the manifest is copied."""
    shutil.rmtree(artifact.damaged, ignore_errors=True)
    if not storage.is_remote(artifact.uri):
        Path(artifact.uri).rename(artifact.damaged)
    elif found := bucket.find(artifact.uri):
        artifact.damaged.mkdir(parents=True)
        (artifact.damaged / storage.MANIFEST_NAME).write_bytes(found.raw)
        bucket.withdraw(found)


def _names(record: bytes, artifact: Artifact) -> bool:
    """Whether Prefect's record is whole and speaks of this artifact; otherwise Prefect writes it again."""
    try:
        return json.loads(json.loads(record)["result"])["data"] == artifact.model_dump()
    except (ValueError, KeyError, TypeError):
        return False


def _few(names: list[str]) -> str:
    shown = ", ".join(names[:NUM_NAMES_SHOWN])
    return shown if len(names) <= NUM_NAMES_SHOWN else f"{shown} and {len(names) - NUM_NAMES_SHOWN} more"


@dataclass
class ByContent(CachePolicy):
    """Cache key = the place of the artifact."""

    stage: str = ""
    version: int = 1

    def compute_key(
        self, task_ctx: TaskRunContext, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str:
        """The place of Prefect's record; a damaged artifact is moved away from it first, or it would count."""
        artifact = Artifact(stage=self.stage, digest=self.digest(inputs))
        try:
            set_damage_aside(artifact)
        except (OSError, BotoCoreError, InputError):
            # Prefect would log this with a traceback; of a bucket the task's body tells it in one line
            if not storage.is_remote(artifact.uri):
                raise
        return f"{self.stage}/{artifact.digest}/{manifest.RESULT_RECORD_NAME}"

    def digest(self, inputs: dict[str, Any]) -> str:
        """Digest of stage, version and inputs.

        Raises:
            TypeError: An input has no stable JSON form. Prefect would log that and run without a cache; the task's
                body computes the digest too, so there it fails the task.
        """
        payload = [self.stage, self.version, {key: plain(value, key) for key, value in inputs.items()}]
        text = json.dumps(payload, sort_keys=True, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]


def plain(value: Any, name: str) -> JsonValue:
    """An input as JSON, the same in every process.

    Args:
        value: Settings, artifacts, and lists or dicts of them and of plain values. Fields marked `exclude` (such as
            the path of something whose content is hashed in another field) or `Operational` are left out.
        name: Where the value stands, for the message.

    Raises:
        TypeError: A path (its content may change under the same name), a set, or anything else without a stable form.
    """
    match value:
        case None | bool() | int() | float() | str():
            return value
        case BaseModel():
            fields = [key for key, field in type(value).model_fields.items() if not _is_left_out(field)]
            return {key: plain(getattr(value, key), f"{name}.{key}") for key in fields}
        case dict():
            return {str(key): plain(item, f"{name}.{key}") for key, item in value.items()}
        case list() | tuple():
            return [plain(item, f"{name}[{index}]") for index, item in enumerate(value)]
    raise TypeError(f"stage input `{name}` is a {type(value).__name__}; give settings, artifacts or plain values")


def _is_left_out(field: FieldInfo) -> bool:
    return bool(field.exclude) or any(isinstance(mark, Operational) for mark in field.metadata)
