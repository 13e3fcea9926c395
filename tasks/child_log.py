"""The lines of a child: all of them into a file, into the run's log no more than Prefect's database bears."""

import time
from datetime import UTC, datetime
from logging import Logger, LoggerAdapter
from pathlib import Path
from typing import Self

LOGS_FOLDER = "logs"
"""Below the artifact root; STAGE/DIGEST.txt in it holds what every attempt at an artifact said."""
MAX_AT_ONCE = 100
"""Lines that are relayed however fast they come. A stage says about 60 when all goes well."""
SECONDS_PER_LINE = 2.0
"""Those beyond them: each line of a run's log is a row in the database."""


class ChildLog:
    """Takes the lines of one child, as a context that ends with it."""

    def __init__(self, log: Logger | LoggerAdapter, path: Path | None) -> None:
        self._log, self._path = log, path
        self._room = float(MAX_AT_ONCE)
        self._last_s = time.monotonic()
        self._num_left_out = 0

    def __enter__(self) -> Self:
        self._file = None
        if self._path:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a", encoding="utf-8")
            self._file.write(f"---- {datetime.now(UTC).isoformat(timespec='seconds')}\n")
        return self

    def __exit__(self, *error: object) -> None:
        if self._num_left_out:
            self._log.info("%d more lines%s", self._num_left_out, f", all are in {self._path}" if self._path else "")
        if self._file:
            self._file.close()

    def write(self, line: str) -> None:
        """Take a line."""
        if self._file:
            self._file.write(f"{line}\n")
            self._file.flush()
        now_s = time.monotonic()
        self._room = min(MAX_AT_ONCE, self._room + (now_s - self._last_s) / SECONDS_PER_LINE)
        self._last_s = now_s
        if self._room < 1:
            self._num_left_out += 1
            return
        self._room -= 1
        self._log.info(line)
