"""What an artifact is and where it came from: `manifest.json`, written last, so that its presence means complete.

Lineage is the chain of manifests: an input that is an upstream artifact is recorded as its stage and digest.
"""

import json
import os
import platform
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from mirage_core import storage
from mirage_core.errors import InputError

RESULT_RECORD_NAME = "_prefect.json"
"""Prefect's note that the stage is done; it joins the folder after the manifest, so the manifest leaves it out."""
LIBRARIES = ("mirage", "prefect", "torch", "transformers", "trl", "datasets", "pyarrow", "numpy", "pillow")
"""Whose version may change what a stage writes."""

Counts = dict[str, int | float | dict[str, int | float]]
"""What a stage did; one level of nesting, as in `{"kept": 9, "rejected": {"hits_hole": 1}}`."""


class Device(BaseModel):
    """The machine a stage ran on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cpu: str
    cores: int
    gpus: tuple[str, ...]


class Manifest(BaseModel):
    """One artifact's record."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    stage: str
    """Which stage wrote the artifact."""
    version: int
    """The stage's version: raised when the meaning of its output changes."""
    digest: str
    """Of stage, version and inputs; the name of the folder."""
    inputs: dict[str, JsonValue]
    """The typed inputs; upstream artifacts as `{"stage": ..., "digest": ...}`."""
    git_commit: str | None
    """Of the code, with `+dirty` when files had changed; None outside a git checkout."""
    seed: int | None
    """Random seed found among the inputs."""
    counts: Counts
    """What the stage reports: rows asked, kept, rejected by reason."""
    files: dict[str, str]
    """Path inside the folder -> SHA-256."""
    libraries: dict[str, str]
    """Installed versions of the libraries that may change a result."""
    device: Device
    """Where it ran."""
    wall_s: float
    """Seconds of work, without publishing."""


class Parent(NamedTuple):
    """Name of an upstream artifact."""

    stage: str
    digest: str


def write(
    folder: Path,
    *,
    stage: str,
    version: int,
    digest: str,
    inputs: dict[str, JsonValue],
    seed: int | None,
    counts: Counts,
    wall_s: float,
) -> Manifest:
    """Describe the files of a finished folder and add `manifest.json` to it."""
    manifest = Manifest(
        stage=stage,
        version=version,
        digest=digest,
        inputs=inputs,
        git_commit=_git_commit(Path(__file__).parent),
        seed=seed,
        counts=counts,
        files=_checksums(folder),
        libraries=_libraries(),
        device=Device(cpu=_cpu(), cores=os.cpu_count() or 1, gpus=gpu_names()),
        wall_s=round(wall_s, 3),
    )
    (folder / storage.MANIFEST_NAME).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return manifest


def read(uri: str) -> Manifest:
    """Read the manifest of the artifact at `uri`.

    Raises:
        InputError: There is none, or it is not one of ours.
    """
    manifest_uri = storage.join(uri, storage.MANIFEST_NAME)
    try:
        return Manifest.model_validate_json(storage.read_text(manifest_uri))
    except FileNotFoundError as error:
        raise InputError(f"{uri}: no {storage.MANIFEST_NAME}, so this is not a complete artifact") from error
    except (ValidationError, UnicodeDecodeError) as error:
        raise InputError(f"{manifest_uri}: not a manifest of this version ({error})") from error


def verify(folder: Path) -> list[str]:
    """Files that are missing or no longer what the manifest says; empty when the artifact is whole.

    A manifest that is missing or torn is such a file itself. Checksums are remembered as long as the process lives, so
    that asking again costs no more than looking at sizes and times.

    Raises:
        InputError: The manifest is one of another version.
    """
    try:
        json.loads((folder / storage.MANIFEST_NAME).read_bytes())
    except (OSError, ValueError):
        return [storage.MANIFEST_NAME]
    files = read(str(folder)).files
    with ThreadPoolExecutor() as pool:  # hashing releases the interpreter lock
        found = pool.map(lambda name: _sha256_if_there(folder / name), files)
        return [name for name, sha in zip(files, found, strict=True) if sha != files[name]]


def added(folder: Path) -> list[str]:
    """Files that the manifest does not list, without hidden ones: no reader takes those for data."""
    files = read(str(folder)).files
    names = [path.relative_to(folder).as_posix() for path in _contents(folder) if not path.name.startswith(".")]
    return [name for name in names if name not in files]


def parents(manifest: Manifest) -> list[Parent]:
    """Upstream artifacts, in the order of the inputs."""
    return list(_parents(manifest.inputs))


def gpu_names(driver_folder: Path = Path("/proc/driver/nvidia/gpus")) -> tuple[str, ...]:
    """Models of the NVIDIA cards, read from the driver so that torch need not be loaded."""
    lines = [line for path in sorted(driver_folder.glob("*/information")) for line in path.read_text().splitlines()]
    return tuple(line.split(":", 1)[1].strip() for line in lines if line.startswith("Model:"))


def _parents(value: JsonValue) -> Iterator[Parent]:
    if isinstance(value, list):
        for item in value:
            yield from _parents(item)
    elif isinstance(value, dict):
        if set(value) == set(Parent._fields):
            yield Parent(str(value["stage"]), str(value["digest"]))
        else:
            for item in value.values():
                yield from _parents(item)


def _contents(folder: Path) -> list[Path]:
    added_later = {folder / storage.MANIFEST_NAME, folder / RESULT_RECORD_NAME}
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and path not in added_later]


def _checksums(folder: Path) -> dict[str, str]:
    paths = list(_contents(folder))
    with ThreadPoolExecutor() as pool:  # hashing releases the interpreter lock
        found = pool.map(_sha256, paths)
        return {path.relative_to(folder).as_posix(): sha for path, sha in zip(paths, found, strict=True)}


def _sha256_if_there(path: Path) -> str | None:
    try:
        return _sha256(path)
    except OSError:  # missing, a folder now, or on a sector that cannot be read
        return None


def _sha256(path: Path) -> str:
    stat = path.stat()
    same = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)  # no path: publishing renames the folder
    if same not in _known_sha256:
        _known_sha256[same] = storage.sha256_of(path)
    return _known_sha256[same]


_known_sha256: dict[tuple[int, int, int, int], str] = {}
"""Checksums of files of this process's life, by what changes when their content does."""


def _git_commit(folder: Path) -> str | None:
    def git(*args: str) -> str:
        done = subprocess.run(["git", *args], cwd=folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+dirty" if git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _libraries() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue  # the project itself, when it is run from a checkout without being installed
    return versions


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()
