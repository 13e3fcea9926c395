"""Tiny pipelines on disk, built once; the server that fails on purpose."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "teacher"))  # for fault_server.py


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


@pytest.fixture
def picking_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """A function that starts `fault_server.py` with options, points the environment at it and returns its URL."""
    from fault_server import running

    with ExitStack() as servers:

        def start(*arguments: object) -> str:
            url = servers.enter_context(running(*arguments))
            monkeypatch.setenv("TEACHER_BASE_URL", url)
            monkeypatch.delenv("OPENAI_API_KEY", raising=False)
            return url

        yield start
