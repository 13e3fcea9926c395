"""Which model a recipe starts from, and how to recognise it again."""

import hashlib
from importlib.resources import files
from pathlib import Path

from pydantic import Field

from mirage_core.errors import InputError
from mirage_core.settings import Settings

PACKAGED = {"tiny": "tiny_base", "tiny-photos": "tiny_photos", "tiny-rooms": "tiny_rooms"}
"""Short names of models that ship with the package -> folder beside this file."""


class BaseModelRef(Settings):
    """A base model: a hub name stands for itself, a folder for its content."""

    name: str
    """As in the recipe."""
    sha256: str | None
    """Over the folder's files but its card; None for a name on the hub."""
    ref: str = Field(exclude=True)
    """What `from_pretrained` opens; not part of the identity, so that a moved folder is the same model."""


def resolve_base(name: str) -> BaseModelRef:
    """Find a recipe's base model.

    Raises:
        InputError: A path that is no model folder.
    """
    if name in PACKAGED:
        folder = Path(str(files("mirage_core.model"))) / PACKAGED[name]
    elif Path(name).is_dir():
        folder = Path(name)
    elif name.startswith((".", "/", "~")) or name.count("/") != 1:
        raise InputError(f"base_model: {name} is neither a folder, nor a hub name like Qwen/Qwen2.5-VL-7B-Instruct")
    else:
        return BaseModelRef(name=name, sha256=None, ref=name)
    if not (folder / "config.json").is_file():
        raise InputError(f"base_model: {folder} holds no config.json, so it is no model")
    return BaseModelRef(name=name, sha256=_sha256(folder), ref=str(folder))


def _sha256(folder: Path) -> str:
    digest = hashlib.sha256()
    files_that_matter = (path for path in folder.iterdir() if path.is_file() and path.suffix != ".md")
    for path in sorted(path for path in files_that_matter if not path.name.startswith(".")):
        digest.update(path.name.encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
