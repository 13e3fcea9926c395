"""A proxy before a real S3 server that fails some requests, seeded: 500, 503, lost connections, a full bucket."""

import http.client
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

FAULTS = ("500", "503", "reset", "reset after", "cut")
"""The last three: the connection is lost before the request reaches the server, after that, and within the answer."""
CODES = {"500": "InternalError", "503": "SlowDown"}
QUOTA_ANSWER = (403, "QuotaExceeded")
"""Of Ceph; MinIO answers 507 XMinioStorageFull."""


class Proxy(ThreadingHTTPServer):
    """One per test; threads end with it."""

    daemon_threads = True

    def __init__(self, target: str, share: float, seed: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = urlsplit(target).netloc
        self.share = share
        self.quota_bytes: int | None = None
        """Bytes of bodies after which every upload is refused."""
        self.quota_answer = QUOTA_ANSWER
        self.flip_uploads = 0
        """Uploads still to come in whose body a bit is turned on the way."""
        self.pause_s = 0.0
        """Before an upload is passed on."""
        self.num_bytes = 0
        self.seen: Counter[str] = Counter()
        """Requests by fault; "none" and "quota" too."""
        self.uploads: list[str] = []
        """Paths of uploads that the server accepted, in order."""
        self._rng = random.Random(seed)
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Its endpoint."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def draw(self, method: str, num_bytes: int) -> str:
        """The fate of a request."""
        with self._lock:
            fault = "none"
            if method == "PUT" and self.quota_bytes is not None and self.num_bytes + num_bytes > self.quota_bytes:
                fault = "quota"
            elif self._rng.random() < self.share:
                fault = self._rng.choice(FAULTS)
            elif method == "PUT":
                self.num_bytes += num_bytes
            self.seen[fault] += 1
            return fault

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.server.draw(self.command, len(body))
        if fault == "quota":
            self._refuse(*self.server.quota_answer)
        elif fault in CODES:
            self._refuse(int(fault), CODES[fault])
        elif fault == "reset":
            self._reset()
        else:
            self._pass_on(body, fault)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _handle

    def _pass_on(self, body: bytes, fault: str) -> None:
        if self.command == "PUT":
            threading.Event().wait(self.server.pause_s)
        if self.command == "PUT" and body and self.server.flip_uploads:
            self.server.flip_uploads -= 1
            body = bytes([body[0] ^ 1]) + body[1:]
        connection = http.client.HTTPConnection(self.server.target, timeout=60)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if self.command == "PUT" and answer.status < 300:
            self.server.uploads.append(self.path)
        if fault == "reset after":
            self._reset()
            return
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
        if length is not None:
            self.send_header("Content-Length", length)
        self.end_headers()
        if fault == "cut":
            self.wfile.write(content[: len(content) // 2])
            self._reset()
            return
        self.wfile.write(content)

    def _refuse(self, status: int, code: str) -> None:
        content = f"<Error><Code>{code}</Code><Message>by the test</Message></Error>".encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _reset(self) -> None:
        """Close with RST and not FIN, as a crashed server's machine does."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RD)

    def log_message(self, *args: object) -> None:
        """Nobody reads it."""


@contextmanager
def before(target: str, share: float = 0.0, seed: int = 0) -> Iterator[Proxy]:
    """A proxy before the endpoint `target` that fails a share of the requests."""
    with Proxy(target, share, seed) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
