"""Answers that outlive every run: SQLite in a folder of its own, so that nothing is paid for twice."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import pyarrow as pa
import pyarrow.parquet as pq

from mirage_core.errors import InputError
from mirage_core.teacher.request import Answer, Request

FILE = "answers.sqlite"
LOCK_TIMEOUT_S = 60.0
"""Wait for another process that is writing; each of its transactions takes milliseconds."""
EXPORT_ROWS = 1000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, request TEXT NOT NULL, text TEXT NOT NULL, reason TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, seconds REAL NOT NULL, asked_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS spent (
    one INTEGER PRIMARY KEY CHECK (one = 1), requests INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL
);
INSERT OR IGNORE INTO spent VALUES (1, 0, 0, 0);
"""


class Spent(NamedTuple):
    """What asking has cost."""

    requests: int = 0
    """HTTP requests, those sent again included."""
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def tokens(self) -> int:
        """Of prompts and answers."""
        return self.prompt_tokens + self.completion_tokens


def total(costs: Iterable[Spent]) -> Spent:
    """All costs together."""
    return Spent(*map(sum, zip(Spent(), *costs, strict=True)))


class Entry(NamedTuple):
    """How a request ended, to be stored."""

    request: Request
    answer: Answer
    keep: bool
    """False counts the cost only: the server failed, and a later run asks again."""
    spent: Spent


class AnswerStore:
    """The answers in one folder, by `Request.key`.

    Several processes may use the folder at once, each with a store of its own, opened after the fork. What `write`
    has returned from survives a `kill -9`; after a power cut the last seconds may be missing, the file is whole. The
    folder must be on a local disk: SQLite's write-ahead log does not work over a network.
    """

    def __init__(self, folder: Path | str) -> None:
        """Open the folder, made if it is missing.

        Raises:
            InputError: The folder cannot hold a store.
        """
        self.path = Path(folder) / FILE
        self._lock = threading.Lock()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # isolation_level None: transactions are opened by hand, to write-lock before reading
            self._db = sqlite3.connect(self.path, LOCK_TIMEOUT_S, isolation_level=None, check_same_thread=False)
            mode = self._db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            self._db.execute("PRAGMA synchronous = NORMAL")
            with self._transaction():
                for statement in _SCHEMA.split(";"):
                    self._db.execute(statement)
        except (OSError, sqlite3.Error) as error:
            raise InputError(f"{self.path}: cannot hold the teacher's answers ({error})") from error
        if mode != "wal":
            raise InputError(f"{self.path}: needs a local disk (SQLite's journal is {mode} there, not wal)")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the last process to do so tidies the log away."""
        with self._lock:
            self._db.close()

    def get(self, key: str) -> Answer | None:
        """The answer of a request; None if there is none yet. About 20 µs."""
        with self._lock:
            query = "SELECT text, reason, prompt_tokens, completion_tokens, seconds FROM answers WHERE key = ?"
            found = self._db.execute(query, (key,)).fetchone()
        return Answer(*found) if found else None

    def write(self, entries: Sequence[Entry]) -> Spent:
        """Store answers and their cost in one transaction; an answer that another process stored first stays.

        Returns:
            What all processes together have spent.
        """
        rows = [(entry.request.key, entry.request.canonical, *entry.answer) for entry in entries if entry.keep]
        add = (
            "UPDATE spent SET requests = requests + ?, prompt_tokens = prompt_tokens + ?, "
            "completion_tokens = completion_tokens + ?"
        )
        with self._lock, self._transaction():
            self._db.executemany("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, datetime('now'))", rows)
            self._db.execute(add, total(entry.spent for entry in entries))
            return self._spent()

    def spent(self) -> Spent:
        """What all runs and processes have spent on this store."""
        with self._lock:
            return self._spent()

    def __len__(self) -> int:
        with self._lock:
            return self._db.execute("SELECT count(*) FROM answers").fetchone()[0]

    def batches(self, size: int = EXPORT_ROWS) -> Iterator[list[tuple]]:
        """Stream all answers as they are in the table, by key; what is written meanwhile may be missing."""
        last = ""
        while True:
            with self._lock:
                query = "SELECT * FROM answers WHERE key > ? ORDER BY key LIMIT ?"
                rows = self._db.execute(query, (last, size)).fetchall()
            if not rows:
                return
            yield rows
            last = rows[-1][0]

    def _spent(self) -> Spent:
        return Spent(*self._db.execute("SELECT requests, prompt_tokens, completion_tokens FROM spent").fetchone())

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def export_parquet(store: AnswerStore, path: Path | str) -> int:
    """Write all answers to one Parquet file, a thousand at a time.

    The columns are those of the table: `key`, `request` (JSON, pictures by their SHA-256), `text`, `reason`, tokens,
    `seconds`, `asked_at` (UTC).

    Returns:
        The number of answers.
    """
    schema = pa.schema(
        [("key", pa.string()), ("request", pa.string()), ("text", pa.string()), ("reason", pa.string()),
         ("prompt_tokens", pa.int64()), ("completion_tokens", pa.int64()), ("seconds", pa.float64()),
         ("asked_at", pa.string())]
    )  # fmt: skip
    num_answers = 0
    unfinished = Path(f"{path}.part")
    with pq.ParquetWriter(unfinished, schema, compression="zstd") as writer:
        for rows in store.batches():
            named = [dict(zip(schema.names, row, strict=True)) for row in rows]
            writer.write_table(pa.Table.from_pylist(named, schema))
            num_answers += len(rows)
    unfinished.replace(path)
    return num_answers
