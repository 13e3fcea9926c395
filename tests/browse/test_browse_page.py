"""The page in Streamlit's own harness, and once for real."""

import re
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mirage_core.browse import page
from mirage_core.row import read_rows, write_rows

pytestmark = pytest.mark.thorough


@pytest.fixture(autouse=True)
def main_module(monkeypatch):
    """Streamlit's harness leaves its script as `__main__`, which processes of later tests would start from."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture
def folder(data, tmp_path):
    rows = list(read_rows(str(data / "rows")))
    write_rows(rows, str(tmp_path / "rows"))
    write_rows([replace(rows[0], verdict="wrong_tile", helper_images=[])], str(tmp_path / "rejected"))
    return tmp_path


def show(folder: Path, **query: str) -> AppTest:
    """The page as it stands after its first run."""

    def script(folder: str) -> None:
        from pathlib import Path

        from mirage_core.browse.page import main

        main(Path(folder))

    app = AppTest.from_function(script, args=(str(folder),), default_timeout=30)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception, app.exception
    return app


def badges(app: AppTest) -> list[str]:
    return [found[1] for text in app.markdown if (found := re.match(r":\w+-badge\[(\w+)\]", text.value))]


def test_the_first_page_shows_rows_with_their_thoughts(folder):
    app = show(folder)
    first = next(read_rows(str(folder / "rows")))
    assert badges(app) == ["ok"] * page.ROWS_PER_PAGE and app.subheader[0].value == "41 rows"
    texts = [text.value for text in app.markdown]
    assert f"<p>{first.thought_before}</p>" in texts and first.id in [code.value for code in app.code]


def test_choosing_a_verdict_shows_its_rows_and_stands_in_the_address(folder):
    app = show(folder)
    app.multiselect(key="verdict").set_value(["wrong_tile"]).run()
    assert badges(app) == ["wrong_tile"] and "wrong_tile" in app.query_params["verdict"]
    assert any(caption.value == "no helper image" for caption in app.caption)


def test_an_address_leads_back_to_what_it_showed(folder):
    last = list(read_rows(str(folder / "rows"), split="train"))[-1]
    app = show(folder, split="train", verdict="ok", page="3")
    assert app.multiselect(key="split").value == ["train"]
    assert len(badges(app)) == 4 and last.id in [code.value for code in app.code]
    assert badges(show(folder, text=last.id)) == ["ok"]


@pytest.mark.parametrize("query", [{"page": "99"}, {"page": "x"}, {"page": "0"}, {"level": "77"}, {"split": "nothing"}])
def test_an_address_that_makes_no_sense_still_shows_rows(folder, query):
    assert badges(show(folder, **query))


def test_nothing_found_is_said(folder):
    assert show(folder, text="xyzzy").info[0].value.startswith("No row")


def test_a_broken_shard_is_named_without_a_traceback(folder):
    path = folder / "rows/part-00000.parquet"
    path.write_bytes(path.read_bytes()[:2000])
    assert str(path) in show(folder).error[0].value


def test_markup_in_a_thought_is_text(data, tmp_path):
    row = next(read_rows(str(data / "rows")))
    write_rows([replace(row, thought_before="<script>alert(1)</script> [a](b)")], str(tmp_path / "rows"))
    assert "<p>&lt;script&gt;alert(1)&lt;/script&gt; [a](b)</p>" in [text.value for text in show(tmp_path).markdown]


@pytest.mark.server
def test_the_command_serves_the_page_on_loopback(folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "mirage_core.browse", str(folder), "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        deadline_s = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5) as answer:
                    assert answer.read() == b"ok"
                break
            except OSError:
                assert time.monotonic() < deadline_s and server.poll() is None, "the page does not come up"
                time.sleep(0.2)
        addresses = Path("/proc/net/tcp").read_text().splitlines()[1:]
        heard_at = [line.split()[1] for line in addresses if line.split()[1].endswith(f":{port:04X}")]
        assert heard_at and all(address.startswith("0100007F:") for address in heard_at), "not on loopback alone"
    finally:
        server.terminate()
        server.wait(10)
