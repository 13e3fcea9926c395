"""Tiny pipelines on disk, built once."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_video(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function from "cogvideox", "wan" or "ltx" to a folder with such a pipeline."""
    from tiny_pipelines import save_tiny  # only now: diffusers takes seconds to load

    folder, saved = tmp_path_factory.mktemp("video"), dict[str, Path]()

    def get(name: str) -> Path:
        if name not in saved:
            saved[name] = save_tiny(name, folder / name)
        return saved[name]

    return get
