"""Settings files: frozen pydantic models read from YAML, with errors that name the file and the field."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mirage_core.errors import InputError


class Settings(BaseModel):
    """Base of everything a user may set: unknown keys are errors, defaults live in the class."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    refused: ClassVar[dict[str, str]] = {}
    """Fields that users of other programs look for -> why there is none, here and in what is nested."""


class Operational:
    """Marks a field that decides how work is done but not what comes of it; no digest and no manifest holds it."""


AnySettings = TypeVar("AnySettings", bound=Settings)
Seed = Annotated[int, Field(ge=0, lt=2**32)]
"""What numpy and torch both take."""


def load_settings(path: Path | str, kind: type[AnySettings]) -> AnySettings:
    """Read one YAML file.

    Raises:
        InputError: The file is missing, is not a YAML mapping, or a field is unknown, missing or of the wrong type.
    """
    values = read_yaml(path)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{path}: {explain(error, kind)}") from error


def read_yaml(path: Path | str) -> dict[Any, Any]:
    """What a YAML file holds, not yet validated.

    Raises:
        InputError: It is missing or no YAML mapping.
    """
    path = Path(path)
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: must hold `key: value` lines, not {type(values).__name__}")
    return values


def explain(error: ValidationError, kind: type[Settings], num_skipped: int = 0) -> str:
    """All problems of a validation in one line, each with its field; without the first parts of its place."""
    problems = []
    for problem in error.errors():
        location = problem["loc"][num_skipped:]
        field = ".".join(str(part) for part in location) or "(whole file)"
        if problem["type"] == "extra_forbidden":
            unknown = f"is not a known field{_known_fields(location, kind)}"
            problems.append(f"`{field}` {kind.refused.get(str(location[-1]), unknown)}")
        elif problem["type"] == "missing":
            problems.append(f"`{field}` is missing")
        elif not location:
            problems.append(problem["msg"].removeprefix("Value error, "))
        else:
            problems.append(f"`{field}`: {problem['msg']} (got {problem['input']!r})")
    return "; ".join(problems)


def _known_fields(location: tuple[int | str, ...], kind: type[Settings]) -> str:
    return f" (known: {', '.join(kind.model_fields)})" if len(location) == 1 else ""
