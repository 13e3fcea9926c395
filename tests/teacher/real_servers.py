"""Servers that others wrote, as processes of their own on loopback, with a tiny model in the layout of Qwen2.5-VL."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

START_S = 240.0
"""Longest wait for a server; vLLM takes 40 s on two idle cores."""


def stock_folder(folder: Path) -> Path:
    """Copy the packaged tiny model as a stock one. Its processor stays ours, of which others see the tokenizer only."""
    shutil.copytree(Path(str(files("mirage_core.model"))) / "tiny_base", folder)
    edit(folder / "config.json", architectures=["Qwen2_5_VLForConditionalGeneration"])
    edit(folder / "generation_config.json", do_sample=True)  # as Qwen's own: or temperature means nothing
    return folder


def seeing_folder(folder: Path) -> Path:
    """The same with the stock processor, which takes pictures and does not load without torchvision."""
    stock_folder(folder)
    edit(folder / "tokenizer_config.json", processor_class="Qwen2_5_VLProcessor")
    path = folder / "processor_config.json"
    pictures = json.loads(path.read_text())["image_processor"]
    videos = {name: value for name, value in pictures.items() if name != "image_processor_type"}
    videos["video_processor_type"] = "Qwen2VLVideoProcessor"
    edit(path, processor_class="Qwen2_5_VLProcessor", video_processor=videos)
    return folder


def edit(path: Path, **fields: object) -> None:
    """Change fields of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | fields, indent=2))


@contextmanager
def serving(command: list[str | Path], home: Path) -> Iterator[str]:
    """Run a server that takes `--host` and `--port` until the block ends; gives its base URL.

    Args:
        command: The rest of its command line.
        home: New folder for its log and for what it caches; nothing is downloaded.
    """
    (home / "hub").mkdir(parents=True)  # without it transformers' /v1/models fails
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}
    environment |= {"VLLM_CPU_KVCACHE_SPACE": "1"}  # GiB
    environment.pop("PYTHONPATH", None)  # a venv of its own is to find its own packages
    log = home / "log.txt"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [*map(str, command), "--host", "127.0.0.1", "--port", str(port)],
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until_up(f"http://127.0.0.1:{port}/health", server, log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        end(server)


def end(server: subprocess.Popen[bytes]) -> None:
    """End the server and what it started."""
    server.terminate()
    with suppress(subprocess.TimeoutExpired):
        server.wait(20)
    with suppress(ProcessLookupError):  # its children share its group; mostly they are gone with it
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def wait_until_up(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the address answers.

    Raises:
        AssertionError: The server ended or took longer than START_S; with the end of its log.
    """
    until_s = time.monotonic() + START_S
    while server.poll() is None and time.monotonic() < until_s:
        try:
            with urlopen(url, timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"the server did not come up:\n{log.read_text(errors='replace')[-3000:]}")
