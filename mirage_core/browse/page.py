"""The page itself; Streamlit runs this file anew after every click. `python -m mirage_core.browse` starts it."""

import html
import sys
from pathlib import Path

import streamlit as st

from mirage_core import manifest
from mirage_core.browse import data
from mirage_core.errors import InputError
from mirage_core.row import Row

ROWS_PER_PAGE = 10
FILTERS = {"verdict": "Verdict", "level": "Level", "split": "Split", "task": "Task", "teacher": "Teacher"}


def main(folder: Path) -> None:
    """Draw the page."""
    st.set_page_config(page_title=f"Mirage: {folder.name}", layout="wide")
    try:
        index = _index(folder, tuple(sorted(path.stat().st_mtime_ns for path in folder.glob("*/part-*.parquet"))))
        _show_summary(folder, index)
        chosen = _filtered(index)
        _show_rows(index, chosen)
    except InputError as error:
        st.error(str(error))


@st.cache_resource(max_entries=2, show_spinner="Reading the shards ...")
def _index(folder: Path, changed_ns: tuple[int, ...]) -> data.Index:
    """The index, read anew when a shard was added or changed."""
    return data.read_index(folder)


def _show_summary(folder: Path, index: data.Index) -> None:
    st.title("Mirage data set")
    st.caption(f"`{folder}`")
    table, facts = st.columns([3, 2])
    table.dataframe(data.counts(index).to_pandas().set_index("level"))
    if (folder / "manifest.json").exists():
        record = manifest.read(str(folder))
        made_from = ", ".join(f"{parent.stage} {parent.digest}" for parent in manifest.parents(record))
        facts.markdown(f"**{record.stage}** `{record.digest}`, version {record.version}, seed {record.seed}")
        facts.caption(f"made from {made_from or 'its settings'} in {record.wall_s:,.0f} s")
    facts.caption(f"{len(index.table):,} rows in {len(index.paths):,} shards")


def _filtered(index: data.Index) -> list[int]:
    """Numbers of the rows that the controls at the side let pass; the controls stand in the address of the page."""
    with st.sidebar:
        st.header("Show")
        wanted = {}
        for column, label in FILTERS.items():
            values = data.choices(index, column)
            before = [value for value in values if str(value) in st.query_params.get_all(column)]
            wanted[column] = st.multiselect(label, values, default=before, key=column)
            st.query_params[column] = [str(value) for value in wanted[column]]
        text = st.text_input("Text in thoughts, answer, id or meta", st.query_params.get("text", ""))
        st.query_params["text"] = text
    return data.select(index, wanted, text.strip()).to_pylist()


def _show_rows(index: data.Index, chosen: list[int]) -> None:
    if not chosen:
        st.info("No row passes these filters.")
        return
    num_pages = -(-len(chosen) // ROWS_PER_PAGE)
    asked = st.query_params.get("page", "1")
    before = min(int(asked), num_pages) if asked.isdecimal() and int(asked) else 1
    page = int(st.sidebar.number_input(f"Page of {num_pages:,}", 1, num_pages, before))
    st.query_params["page"] = str(page)
    st.subheader(f"{len(chosen):,} rows")
    for number in chosen[(page - 1) * ROWS_PER_PAGE : page * ROWS_PER_PAGE]:
        _show_row(data.fetch(index, number))


def _show_row(row: Row) -> None:
    colour = "green" if row.verdict == "ok" else "red"
    with st.container(border=True):
        st.markdown(
            f":{colour}-badge[{row.verdict}] level {row.level} · {row.split} · {row.task} · teacher {row.teacher}"
        )
        puzzle, helper, words = st.columns([2, 2, 3])
        puzzle.image(row.images, caption=["puzzle"] * len(row.images), width="stretch")
        if row.helper_images:
            helper.image(row.helper_images, caption=["helper image"] * len(row.helper_images), width="stretch")
        else:
            helper.caption("no helper image")
        words.markdown(_quoted(row.thought_before) or "*no thought before the helper image*", unsafe_allow_html=True)
        words.caption("⟨latents of the helper image⟩")
        words.markdown(_quoted(row.thought_after) or "*no thought after it*", unsafe_allow_html=True)
        answer = f"**Answer** `{row.answer}`"
        words.markdown(
            answer + "".join(f"  \n{letter}. {text}" for letter, text in zip("ABCD", row.choices, strict=False))
        )
        words.code(row.id, language=None)
        with words.expander("Question and meta"):
            st.text(row.question)
            st.json(row.meta)


def _quoted(thought: str) -> str:
    """Shown letter for letter: a thought's brackets are no links."""
    return f"<p>{html.escape(thought)}</p>" if thought else ""


if __name__ == "__main__":
    main(Path(sys.argv[1]))
