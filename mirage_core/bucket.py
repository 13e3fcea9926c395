"""Artifacts in a bucket: `{root}/{stage}/{digest}/manifest.json`, its files below `{attempt}/` beside it.

A bucket has no rename, so an artifact appears with its manifest, which is written last. The attempt is named by the
checksum of the manifest's bytes, and the manifest holds the checksums of all files: below one name there can be only
one content. So two runs that build the same artifact at once never mix their files, whichever manifest arrives first,
and an upload that was interrupted goes on where it stopped.
"""

import hashlib
import math
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError
from botocore.exceptions import ConnectionError as BotoConnectionError
from fsspec.spec import AbstractFileSystem
from pydantic import ValidationError

from mirage_core import storage
from mirage_core.errors import InputError
from mirage_core.manifest import RESULT_RECORD_NAME, Manifest

DAMAGED_NAME = "damaged.json"
"""What a damaged artifact's manifest is called until it has been built again."""
ATTEMPT_LENGTH = 16
FILES_AT_ONCE = 8
PARTS_AT_ONCE = 4
"""Of one large file."""
PART_BYTES = 16 << 20
MAX_PARTS = 10_000
"""S3 allows no more."""
NUM_PROBES = 5
"""Attempts of the first requests of a stage, whose failure shall be told within seconds."""
ABANDONED = timedelta(days=1)
"""An attempt in which nothing was written for so long is of a run that was killed. No upload pauses that long."""
GARBLED = ("BadDigest", "XAmzContentSHA256Mismatch", "InvalidDigest")
"""Codes of an upload that arrived with another checksum than it left with."""
NUM_GARBLED = 3
TAKEN = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")
"""Codes of a manifest that is there already, or is being written by another run this moment."""
AGAIN = "run the same command again, it goes on where it stopped"


class Published(NamedTuple):
    """An artifact in a bucket."""

    uri: str
    raw: bytes
    """Its manifest, byte for byte."""

    @property
    def manifest(self) -> Manifest:
        """The manifest.

        Raises:
            InputError: It is not one of ours.
        """
        try:
            return Manifest.model_validate_json(self.raw)
        except ValidationError as error:
            raise InputError(f"{self.uri}/{storage.MANIFEST_NAME}: not a manifest of this version ({error})") from error

    @property
    def attempt(self) -> str:
        """Name of the folder that its files lie in."""
        return hashlib.sha256(self.raw).hexdigest()[:ATTEMPT_LENGTH]

    @property
    def place(self) -> str:
        """Where its files lie."""
        return storage.join(self.uri, self.attempt)


# ---- what goes wrong ------------------------------------------------------------------------------------------------


@contextmanager
def errors_told(uri: str, outages: bool = False) -> Iterator[None]:
    """Turn what only the user can mend into an `InputError` that names the place, and never a key.

    Args:
        uri: The place.
        outages: Also tell of a server that does not answer or fails again and again; otherwise a later attempt may
            be luckier.
    """
    try:
        yield
    except (OSError, BotoCoreError, ClientError) as error:
        if told := explain(error, uri, outages):
            raise told from error
        raise


def explain(error: BaseException, uri: str, outages: bool = True) -> InputError | None:
    """What to tell the user of an error of the bucket; None for others. See `errors_told`."""
    code, status = _code(error), _status(error)
    if isinstance(error, NoCredentialsError):
        return InputError(f"{uri}: no keys for it; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    if any(word in code for word in ("Quota", "StorageFull", "InsufficientStorage")) or status == 507:
        return InputError(f"{uri}: the bucket is full ({code}); free some space or raise its quota and {AGAIN}")
    if code == "NoSuchBucket":
        return InputError(f"{uri}: there is no such bucket; make it, or mend MIRAGE_ROOT or AWS_ENDPOINT_URL")
    if status in (401, 403):
        keys = "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and that this key may list, read, write and delete"
        return InputError(f"{uri}: refused by the server ({code}); {keys}")
    if not outages:
        return None
    if isinstance(error, BotoConnectionError | HTTPClientError):
        return InputError(
            f"{uri}: the server does not answer ({type(error).__name__}); mend AWS_ENDPOINT_URL or {AGAIN}"
        )
    return InputError(f"{uri}: the server fails again and again ({code}); later, {AGAIN}") if code else None


def check(root: str) -> None:
    """Find out before the work whether artifacts can be read and written below a root.

    Raises:
        InputError: They can't: a wrong key, no such bucket, a full one, no server; told within seconds.
    """
    fs, path = storage.open_root(root, NUM_PROBES)
    bucket, _, prefix = path.partition("/")
    probe = storage.join(path, f".probe-{uuid.uuid4().hex}")
    with errors_told(root, outages=True):
        fs.call_s3("list_objects_v2", Bucket=bucket, Prefix=prefix, MaxKeys=1)
        try:
            fs.pipe_file(probe, b"")
            fs.rm_file(probe)
        except OSError as error:
            if (_status(error) or 0) >= 500 and not explain(error, root, outages=False):
                advice = "is the bucket full or read-only?"
                raise InputError(f"{root}: can be read but not written ({_code(error)}); {advice}") from error
            raise


def _code(error: BaseException) -> str:
    response = _response(error)
    return str(response.get("Error", {}).get("Code", "")) if response else ""


def _status(error: BaseException) -> int | None:
    response = _response(error)
    return response.get("ResponseMetadata", {}).get("HTTPStatusCode") if response else None


def _response(error: BaseException) -> dict[str, Any] | None:
    """The answer of the server; s3fs hands it on as the cause of an error of its own."""
    found = error if isinstance(error, ClientError) else error.__cause__
    return dict(found.response) if isinstance(found, ClientError) else None


# ---- reading --------------------------------------------------------------------------------------------------------


def checked_root(uri: str) -> str:
    """A root that a user named.

    Raises:
        InputError: It is no `s3://bucket/prefix`.
    """
    parts = urlsplit(uri)
    if parts.scheme != "s3" or not parts.hostname:
        raise InputError("MIRAGE_ROOT: must be s3://bucket/prefix; without it artifacts lie in a local folder")
    if parts.username or parts.password:
        raise InputError("MIRAGE_ROOT: must not hold keys; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    return uri.rstrip("/")


def find(uri: str) -> Published | None:
    """The artifact at a place; None where there is none."""
    with errors_told(uri):
        raw = _read_if_there(uri, storage.MANIFEST_NAME)
    return None if raw is None else Published(uri, raw)


def sizes(published: Published) -> dict[str, int]:
    """Files that are there, and their bytes."""
    with errors_told(published.uri):
        return _sizes(*storage.open_root(published.place))


def download(published: Published, folder: Path) -> None:
    """Copy an artifact to a local folder, its manifest last; who reads it compares the checksums.

    Raises:
        FileNotFoundError: A file is not there, or no longer.
    """
    fs, place = storage.open_root(published.place)

    def copy(name: str) -> None:
        (target := folder / name).parent.mkdir(parents=True, exist_ok=True)
        fs.get_file(storage.join(place, name), str(target))

    with errors_told(published.uri):
        _at_once(copy, published.manifest.files)
    (folder / storage.MANIFEST_NAME).write_bytes(published.raw)


def _read_if_there(uri: str, name: str) -> bytes | None:
    fs, path = storage.open_root(storage.join(uri, name))
    try:
        return bytes(fs.cat_file(path))
    except FileNotFoundError:
        return None


def _sizes(fs: AbstractFileSystem, place: str) -> dict[str, int]:
    return {name.removeprefix(f"{place}/"): info["size"] for name, info in fs.find(place, detail=True).items()}


# ---- writing --------------------------------------------------------------------------------------------------------


def publish(folder: Path, uri: str, replace: bool = False) -> bool:
    """Upload a finished folder; a reader sees what was there before, nothing, or all of it.

    Args:
        folder: With its manifest; it stays.
        uri: Place of the artifact.
        replace: Take away an artifact that another run has published there; otherwise that one stays.

    Returns:
        Whether the artifact is now this folder.

    Raises:
        InputError: For what the user has to mend.
        Exception: Whatever the last of many attempts met.
    """
    mine = Published(uri, (folder / storage.MANIFEST_NAME).read_bytes())
    fs, target = storage.open_root(uri)
    place = storage.join(target, mine.attempt)
    with errors_told(uri):
        _upload(fs, folder, place, mine.manifest.files)
        replaced = [] if (old := _read_if_there(uri, DAMAGED_NAME)) is None else [Published(uri, old).attempt]
        before = find(uri)
        if replace and before and before != mine:
            fs.rm_file(storage.join(target, storage.MANIFEST_NAME))
            replaced.append(before.attempt)
        if not _claim(fs, storage.join(target, storage.MANIFEST_NAME), mine.raw):
            _remove_files(fs, place)
            return False
        _remove_old_attempts(fs, target, mine.attempt, replaced)
    return True


def _upload(fs: AbstractFileSystem, folder: Path, place: str, names: Iterable[str]) -> None:
    """Bring all files there, some at once and large ones in parts; the server compares every part's checksum."""
    bytes_of = {name: (folder / name).stat().st_size for name in names}

    def copy(name: str) -> None:
        how = {"chunksize": max(PART_BYTES, math.ceil(bytes_of[name] / MAX_PARTS)), "max_concurrency": PARTS_AT_ONCE}
        for left in reversed(range(NUM_GARBLED)):
            try:
                return fs.put_file(str(folder / name), storage.join(place, name), **how)
            except OSError as error:
                if _code(error) not in GARBLED or not left:
                    raise

    there = _sizes(fs, place)
    _at_once(copy, [name for name, size in bytes_of.items() if there.get(name) != size])
    there = _sizes(fs, place)
    if lost := [name for name, size in bytes_of.items() if there.get(name) != size]:
        raise OSError(f"{place}: the server took {lost[0]} and does not show it; {AGAIN}")


def _claim(fs: AbstractFileSystem, path: str, raw: bytes) -> bool:
    """Write the manifest unless there is one; a server that can't tell lets the last one win, which harms nobody."""
    for _ in range(storage.NUM_ATTEMPTS):
        try:
            fs.pipe_file(path, raw, mode="create")
            return True
        except OSError as error:
            if _code(error) not in TAKEN:
                raise
        with suppress(FileNotFoundError):
            return bool(fs.cat_file(path) == raw)  # ours, if the answer to an earlier attempt was lost
    raise OSError(f"{path}: other runs write and remove it all the time")


def _remove_old_attempts(fs: AbstractFileSystem, target: str, attempt: str, replaced: Iterable[str]) -> None:
    newest: dict[str, datetime] = {}
    for path, info in fs.find(target, detail=True).items():
        folder, _, inside = path.removeprefix(f"{target}/").partition("/")
        if inside and folder != attempt:
            newest[folder] = max(info["LastModified"], newest.get(folder, info["LastModified"]))
    for folder, written_at in newest.items():
        if folder in replaced or datetime.now(UTC) - written_at > ABANDONED:
            _remove_files(fs, storage.join(target, folder))
    if fs.exists(damaged := storage.join(target, DAMAGED_NAME)):
        fs.rm_file(damaged)


def set_damage_aside(uri: str, digest: str, names_it: Callable[[bytes], bool]) -> list[str]:
    """Take the manifest from an artifact that lacks files or has a wrong name, so that its stage runs again.

    What is in the files is compared by who reads them: that needs them on this machine.

    Args:
        uri: The artifact.
        digest: Which it must be.
        names_it: Whether the bytes of Prefect's record are whole and speak of this artifact; others are removed.

    Returns:
        Names of what is damaged.
    """
    found = find(uri)
    broken = _broken(found, digest) if found else []
    if found and broken:
        withdraw(found)
    with errors_told(uri):
        record = _read_if_there(uri, RESULT_RECORD_NAME)
        if record is not None and (not found or broken or not names_it(record)):
            _remove_if_there(uri, RESULT_RECORD_NAME)
    return broken


def _broken(found: Published, digest: str) -> list[str]:
    try:
        record = found.manifest
    except InputError:
        return [storage.MANIFEST_NAME]
    there = sizes(found)
    return [name for name in record.files if name not in there] or (
        [] if record.digest == digest else [storage.MANIFEST_NAME]
    )


def withdraw(published: Published) -> None:
    """Take the manifest from a damaged artifact; its files stay until it has been built again."""
    with errors_told(published.uri):
        storage.write_whole(storage.join(published.uri, DAMAGED_NAME), published.raw)
        if find(published.uri) == published:
            _remove_if_there(published.uri, storage.MANIFEST_NAME)
        _remove_if_there(published.uri, RESULT_RECORD_NAME)


def remove(uri: str) -> None:
    """Delete an artifact, its manifest first."""
    fs, target = storage.open_root(uri)
    with errors_told(uri):
        _remove_if_there(uri, storage.MANIFEST_NAME)
        _remove_files(fs, target)


def _remove_if_there(uri: str, name: str) -> None:
    fs, path = storage.open_root(storage.join(uri, name))
    fs.rm_file(path)  # S3 does not mind an object that is not there


def _remove_files(fs: AbstractFileSystem, place: str) -> None:
    if paths := fs.find(place):
        fs.rm(paths)


def _at_once(work: Callable[[str], None], names: Iterable[str]) -> None:
    """Call `work` for every name in some threads; after a failure no more are begun."""
    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        futures = [pool.submit(work, name) for name in names]
        try:
            for future in futures:
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
