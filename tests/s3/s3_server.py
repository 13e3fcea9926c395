"""A real S3 server on this machine, SeaweedFS, and its administration."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import s3fs

WEED = Path(sys.executable).with_name("weed")
START_TIMEOUT_S = 60
GRPC_OFFSET = 10_000
"""SeaweedFS listens on every port a second time, so far above."""
ADMIN = ("admin-key", "admin-secret-of-the-test")
USER = ("user-key", "user-secret-of-the-test")
"""Not an administrator: whose writes would make a missing bucket."""


class Server(NamedTuple):
    """A running server."""

    port: int
    master: str
    filer: str

    @property
    def url(self) -> str:
        """Its endpoint."""
        return f"http://127.0.0.1:{self.port}"

    def client(self, key: tuple[str, str] = ADMIN, url: str | None = None) -> s3fs.S3FileSystem:
        """An s3fs client of its own."""
        how: dict[str, Any] = {"key": key[0], "secret": key[1], "endpoint_url": url or self.url}
        return s3fs.S3FileSystem(**how, use_listings_cache=False, skip_instance_cache=True)

    def shell(self, *commands: str) -> str:
        """Let SeaweedFS's own shell do something; a second or two."""
        addresses = [f"-master={self.master}", f"-filer={self.filer}"]
        lines = "\n".join(commands) + "\n"
        done = subprocess.run([WEED, "shell", *addresses], input=lines, capture_output=True, text=True, timeout=60)
        return done.stdout + done.stderr


def environment(url: str, key: tuple[str, str] = USER) -> dict[str, str]:
    """What a user sets; nothing of the machine's own AWS configuration counts."""
    return {
        "AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": key[0], "AWS_SECRET_ACCESS_KEY": key[1],
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }  # fmt: skip


def reach(monkeypatch: pytest.MonkeyPatch, url: str, key: tuple[str, str] = USER) -> None:
    """Let this process use another endpoint or key from now on."""
    for name, value in environment(url, key).items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """Start a server that keeps everything below a folder, for the block; about 4 s, 200 MB."""
    names = ("admin", *ADMIN, ["Admin", "Read", "Write", "List", "Tagging"]), ("user", *USER, ["Read", "Write", "List"])
    identities = [
        {"name": name, "credentials": [{"accessKey": key, "secretKey": secret}], "actions": actions}
        for name, key, secret, actions in names
    ]
    (folder / "data").mkdir(parents=True)
    (folder / "s3.json").write_text(json.dumps({"identities": identities}))
    master, volume, filer, s3 = _free_ports(4)
    command = [
        WEED, "server", f"-dir={folder}/data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-master.port={master}",
        f"-volume.port={volume}", "-filer", f"-filer.port={filer}", "-s3", f"-s3.port={s3}",
        f"-s3.config={folder}/s3.json", "-master.volumeSizeLimitMB=64", "-volume.max=100", "-master.telemetry=false",
        "-s3.port.iceberg=0", "-s3.port.lance=0",  # else on fixed ports, and two servers could not be
    ]  # fmt: skip
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"TMPDIR": str(folder)})
    try:
        server = Server(s3, f"127.0.0.1:{master}", f"127.0.0.1:{filer}")
        _wait_until_it_writes(server, process, folder / "log")
        yield server
    finally:
        process.kill()  # it would take its time, for data that nobody needs
        process.wait()


def _wait_until_it_writes(server: Server, process: subprocess.Popen, log: Path) -> None:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            client = server.client()
            if not client.exists("ready"):
                client.mkdir("ready")
            client.pipe_file("ready/object", b"1")
            return
        except Exception:
            assert process.poll() is None and time.monotonic() < deadline_s, log.read_text()[-3000:]
            time.sleep(0.3)


def _free_ports(number: int) -> list[int]:
    """Ports that are free, and those above them that SeaweedFS takes too."""
    found: list[int] = []
    with ExitStack() as stack:
        while len(found) < number:
            first = stack.enter_context(socket.socket())
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            second = stack.enter_context(socket.socket())
            try:
                second.bind(("127.0.0.1", port + GRPC_OFFSET))
            except (OSError, OverflowError):
                continue
            found.append(port)
    return found
