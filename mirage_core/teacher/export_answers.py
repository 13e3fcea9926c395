"""What a teacher was asked and said, as Parquet: `python -m mirage_core.teacher.export_answers STORE OUT.parquet`."""

import sys
from pathlib import Path

import typer

from mirage_core.errors import InputError
from mirage_core.teacher.store import FILE, AnswerStore, export_parquet


def main(store: Path, out: Path) -> None:
    """Write all answers of STORE, the folder of an answer store, to OUT."""
    try:
        if not (store / FILE).is_file():
            raise InputError(f"{store}: holds no {FILE}; the flows keep theirs in `answers` below the artifact root")
        with AnswerStore(store) as answers:
            print(f"{out}: {export_parquet(answers, out):,} answers")
    except (InputError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    typer.run(main)
