"""The name of a stage's output: what goes into its digest, and where it lies.

The digest holds the stage's name, its `version` and its inputs; the code is not in it. Raise `version` when the
meaning of the output changes.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect.cache_policies import CachePolicy
from prefect.context import TaskRunContext
from prefect.settings import get_current_settings
from pydantic import BaseModel, ConfigDict, JsonValue

from mirage_core import manifest, storage
from mirage_core.errors import InputError

DIGEST_LENGTH = 16


class Artifact(BaseModel):
    """The name of a stage's output; all that travels between tasks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: str
    digest: str

    @property
    def uri(self) -> str:
        """Where it lies below today's root: not a field, so that no record can hold an outdated place."""
        return storage.join(root(), self.stage, self.digest)


def root() -> str:
    """The artifact root. A relative setting counts from the working directory, as Prefect reads it."""
    return str(get_current_settings().results.local_storage_path.expanduser().resolve())


def folder(artifact: Artifact) -> Path:
    """The artifact's folder, for a stage that reads it.

    Raises:
        InputError: It is not below the root, or not complete.
    """
    if not storage.exists(storage.join(artifact.uri, storage.MANIFEST_NAME)):
        raise InputError(f"{artifact.uri}: the artifact is not there; run the flow again to rebuild it")
    return storage.local_folder(artifact.uri)


@dataclass
class ByContent(CachePolicy):
    """Cache key = the place of the artifact."""

    stage: str = ""
    version: int = 1

    def compute_key(
        self, task_ctx: TaskRunContext, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str:
        return f"{self.stage}/{self.digest(inputs)}/{manifest.RESULT_RECORD_NAME}"

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
            the path of something whose content is hashed in another field) are left out.
        name: Where the value stands, for the message.

    Raises:
        TypeError: A path (its content may change under the same name), a set, or anything else without a stable form.
    """
    match value:
        case None | bool() | int() | float() | str():
            return value
        case BaseModel():
            fields = [key for key, field in type(value).model_fields.items() if not field.exclude]
            return {key: plain(getattr(value, key), f"{name}.{key}") for key in fields}
        case dict():
            return {str(key): plain(item, f"{name}.{key}") for key, item in value.items()}
        case list() | tuple():
            return [plain(item, f"{name}[{index}]") for index, item in enumerate(value)]
    raise TypeError(f"stage input `{name}` is a {type(value).__name__}; give settings, artifacts or plain values")
