"""A stage that is to run again though it is done, and what was made from it if it then comes out otherwise."""

import logging
from typing import Any

from mirage_core import manifest, storage
from mirage_core.errors import InputError
from mirage_core.manifest import Manifest, Parent
from tasks.artifact import Artifact, set_aside
from tasks.place import root

logger = logging.getLogger(__name__)

TELLS_HOW = {"counts.json", "metrics.jsonl"}
"""Files that tell how a result was reached, such as seconds per update; they differ from one time to the next."""
RESUMED = "resumed_at"
"""The one count that does so, too."""


def redo(artifact: Artifact) -> None:
    """Set an artifact aside, so that the next run that wants it builds it; it is kept until then.

    Raises:
        InputError: It is not there.
    """
    if not storage.exists(storage.join(artifact.uri, storage.MANIFEST_NAME)):
        raise InputError(f"{artifact.uri}: there is no such artifact, so the next run builds it anyway")
    set_aside(artifact)


def redo_what_depends_on(rebuilt: Artifact) -> None:
    """Set aside what was made directly from an artifact that is not the same as before; the rest follows in its turn.

    A digest names the inputs alone, so those would still count as done.
    """
    before = rebuilt.damaged
    if not (before / storage.MANIFEST_NAME).is_file():
        return
    try:
        if _content(manifest.read(str(before))) == _content(manifest.read(rebuilt.uri)):
            return
    except InputError:  # the old manifest was the damage
        return
    named = Parent(rebuilt.stage, rebuilt.digest)
    for uri in storage.artifacts(root()):
        record = manifest.read(uri)
        if named in manifest.parents(record):
            logger.warning("%s %s is built again: %s %s came out otherwise", record.stage, record.digest, *named)
            set_aside(Artifact(stage=record.stage, digest=record.digest))


def _content(record: Manifest) -> Any:
    counts = {name: count for name, count in record.counts.items() if name != RESUMED}
    return counts, {name: sha for name, sha in record.files.items() if name not in TELLS_HOW}
