"""Templates to HTML, and how pages write numbers and pictures."""

import base64
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

JPEG_START = b"\xff\xd8"


def render(template: str, **values: Any) -> str:
    """A page of a template beside this file; texts are escaped, a missing value is an error."""
    return _environment().get_template(template).render(**values)


def percent(share: float | None) -> str:
    """A share; a dash where there is none."""
    return "–" if share is None or share != share else f"{100 * share:.1f} %"


def points(difference: float) -> str:
    """A difference of shares in percentage points, with its sign."""
    return f"{100 * difference:+.1f}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mirage_core.report", "."),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"png": _png_uri, "percent": percent, "points": points, "counts": _counts, "base64": _base64}
    return environment


def _png_uri(data: bytes) -> str:
    kind = "jpeg" if data.startswith(JPEG_START) else "png"
    return f"data:image/{kind};base64,{_base64(data)}"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _counts(by_name: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in by_name.items())
