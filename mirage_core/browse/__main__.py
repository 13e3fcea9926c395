"""Starts the page: `python -m mirage_core.browse artifacts/dataset/DIGEST`."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

PAGE = Path(__file__).with_name("page.py")


def main(
    folder: Annotated[
        Path, typer.Argument(help="a data set's folder, which holds rows/", exists=True, file_okay=False)
    ],
    port: int = 8501,
) -> None:
    """Show a data set on a page of this machine, until Ctrl-C."""
    options = {
        "server.address": "127.0.0.1",
        "server.port": port,
        "server.headless": "true",  # opens no browser and asks for no address
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "streamlit", "run", str(PAGE), *flags, "--", str(folder.resolve())]
    os.execv(command[0], command)


if __name__ == "__main__":
    typer.run(main)
