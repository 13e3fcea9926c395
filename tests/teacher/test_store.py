"""Stored answers survive kills, come back as they were, and several processes share one store."""

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap

import pyarrow.parquet as pq
import pytest

from mirage_core.errors import InputError
from mirage_core.teacher.chat import Message
from mirage_core.teacher.request import Answer, Request
from mirage_core.teacher.store import AnswerStore, Entry, Spent, export_parquet

pytestmark = pytest.mark.thorough


def request(number: int) -> Request:
    return Request("teacher", (Message("user", f"Explain {number}."),), 0.7, 0.95, 100)


def entry(number: int, keep: bool = True) -> Entry:
    answer = Answer(f"thought {number} …\x00", "ok" if keep else "server error 500 after 3 tries", 10, 2, 0.5)
    return Entry(request(number), answer, keep, Spent(1, 10, 2))


def test_answers_come_back_as_they_were_and_failures_only_cost(tmp_path):
    with AnswerStore(tmp_path) as store:
        assert store.write([entry(1), entry(2, keep=False), entry(3)]) == Spent(3, 30, 6)
    with AnswerStore(tmp_path) as store:
        assert store.get(request(1).key) == entry(1).answer
        assert store.get(request(2).key) is None
        assert len(store) == 2
        assert store.spent() == Spent(3, 30, 6)


def test_the_first_answer_stays(tmp_path):
    with AnswerStore(tmp_path) as store:
        store.write([entry(1)])
        store.write([entry(1)._replace(answer=Answer("another", "ok", 1, 1, 1.0))])
        assert store.get(request(1).key) == entry(1).answer


def fill(folder: str, part: int) -> None:
    with AnswerStore(folder) as store:
        for start in range(0, 200, 5):
            store.write([entry(1000 * part + number) for number in range(start, start + 5)])


def test_processes_that_write_at_once_lose_nothing(tmp_path):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=fill, args=(str(tmp_path), part)) for part in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    with AnswerStore(tmp_path) as store:
        assert len(store) == 800
        assert store.spent() == Spent(800, 8000, 1600)


def test_what_was_written_survives_a_kill(tmp_path):
    program = """
        import sys
        from tests_store import AnswerStore, entry
        with AnswerStore(sys.argv[1]) as store:
            for number in range(100000):
                store.write([entry(number)])
                print(number, flush=True)
    """
    code = textwrap.dedent(program).replace("tests_store", "test_store")
    paths = os.pathsep.join([os.path.dirname(__file__), *sys.path])
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": paths},
    ) as process:
        for line in process.stdout:
            if int(line) == 300:
                process.send_signal(signal.SIGKILL)
                break
        last = max([300, *(int(line) for line in process.stdout if line.endswith("\n"))])
    with AnswerStore(tmp_path) as store:
        assert all(store.get(request(number).key) == entry(number).answer for number in range(last + 1))
        assert last + 1 <= store.spent().requests <= last + 2


def test_all_answers_go_to_parquet(tmp_path):
    with AnswerStore(tmp_path / "store") as store:
        store.write([entry(number, keep=number % 3 != 0) for number in range(2500)])
        assert export_parquet(store, tmp_path / "answers.parquet") == len(store) == 1666
    table = pq.read_table(tmp_path / "answers.parquet")
    by_key = {row["key"]: row for row in table.to_pylist()}
    row = by_key[request(1).key]
    assert len(by_key) == 1666
    assert (row["text"], row["request"], row["completion_tokens"]) == (entry(1).answer.text, request(1).canonical, 2)


def test_a_folder_that_cannot_hold_a_store_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file.*answers\.sqlite"):
        AnswerStore(tmp_path / "file")
    (tmp_path / "answers.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(InputError, match=r"answers\.sqlite: cannot hold"):
        AnswerStore(tmp_path)


def test_the_export_command_writes_parquet_and_names_a_folder_without_answers(tmp_path):
    with AnswerStore(tmp_path / "store") as store:
        store.write([entry(number) for number in range(3)])
    command = [sys.executable, "-m", "mirage_core.teacher.export_answers"]
    arguments = [tmp_path / "store", tmp_path / "answers.parquet"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{tmp_path}/answers.parquet: 3 answers\n"), done.stderr
    assert pq.read_table(tmp_path / "answers.parquet").num_rows == 3
    done = subprocess.run([*command, tmp_path, tmp_path / "no.parquet"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr.startswith(f"error: {tmp_path}: holds no answers.sqlite")
