"""The page about a teacher: how much of what it wrote was accepted, why the rest was not, and what it cost."""

from collections import Counter
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from mirage_core import manifest
from mirage_core.report.curves import stacked_svg
from mirage_core.report.render import render
from mirage_core.row import Row, read_rows
from mirage_core.teacher import Explanation
from mirage_core.teacher.form import Objection, Review, sentences_of
from mirage_core.teacher.proof import review_thought
from mirage_core.teacher.settings import ServerTeacher

REPORT_FILE = "teacher.html"
SAMPLES_PER_REASON = 2
ROWS_READ_ANEW = 1000
"""Kept rows of which the unread sentences are counted."""
ACCEPTED = "accepted"


class Reject(NamedTuple):
    """A row that was not accepted."""

    row: Row
    objections: tuple[Objection, ...]
    sentences: tuple[tuple[str, bool], ...]
    """Of the whole thought, and whether an objection is about them."""


def build_teacher_report(
    title: str, data: Path, asked: dict[str, Any], prices: ServerTeacher, out: Path
) -> dict[str, Any]:
    """Write `teacher.html` below `out`.

    Args:
        title: Heading of the page.
        data: Data set folder with `rows/` and `rejected/`.
        asked: What the reasoning counted, see `ask_shard`; without `replies` nobody was asked, as with the oracle.
        prices: Of tokens, if known.
        out: Artifact folder.

    Returns:
        Counts: thoughts, accepted ones and bytes of the page.
    """
    kept, rejected = _count(data / "rows"), _count(data / "rejected")
    reasons = Counter[str]()
    for (_, reason), number in rejected.items():
        reasons[reason] += number
    ranked = [reason for reason, _ in reasons.most_common()]
    levels = sorted({level for level, _ in (*kept, *rejected)})
    by_level = {level: _of_level(level, kept, rejected, ranked) for level in levels}
    num_kept, num_rejected = kept.total(), rejected.total()
    html = render(
        "teacher.html",
        title=title,
        data=manifest.read(str(data)),
        num_thoughts=num_kept + num_rejected,
        num_kept=num_kept,
        reasons=reasons.most_common(),
        by_level=by_level,
        figure=stacked_svg(
            "of the thoughts, by level",
            {f"level {level} (n = {of.total()})": of for level, of in by_level.items()},
        ),
        unread=_unread(data / "rows"),
        samples=_samples(data / "rejected", ranked),
        asked=asked,
        refused=Counter(asked.get("refused", {})).most_common(),
        price=_price(asked, prices),
    )
    (out / REPORT_FILE).write_text(html, encoding="utf-8")
    return {"thoughts": num_kept + num_rejected, "accepted": num_kept, "bytes": len(html.encode())}


def _price(asked: dict[str, Any], prices: ServerTeacher) -> float | None:
    return prices.cost(asked["prompt_tokens"], asked["completion_tokens"]) if "replies" in asked else None


def _count(folder: Path) -> Counter[tuple[int, str]]:
    """Rows by level and verdict, without their pictures."""
    counts = Counter[tuple[int, str]]()
    for path in sorted(folder.glob("part-*.parquet")):
        table = pq.read_table(path, columns=["level", "verdict"])
        counts.update(zip(table["level"].to_pylist(), table["verdict"].to_pylist(), strict=True))
    return counts


def _of_level(
    level: int, kept: Mapping[tuple[int, str], int], rejected: Mapping[tuple[int, str], int], reasons: list[str]
) -> Counter[str]:
    """Accepted thoughts and rejected ones by reason, in the order of the whole set's reasons."""
    counts = Counter({ACCEPTED: sum(number for (of, _), number in kept.items() if of == level)})
    return counts + Counter({reason: rejected.get((level, reason), 0) for reason in reasons})


def _unread(folder: Path) -> tuple[int, int, int]:
    """Rows looked at, their sentences, and how many of these hold nothing that could have been checked."""
    reviews = [_review(row) for row in islice(read_rows(str(folder)), ROWS_READ_ANEW)]
    return len(reviews), sum(one.num_sentences for one in reviews), sum(one.num_unread for one in reviews)


def _samples(folder: Path, reasons: list[str]) -> dict[str, list[Reject]]:
    """A few rejects of every reason; no further shard is read once there are enough."""
    samples: dict[str, list[Reject]] = {reason: [] for reason in reasons}
    missing = SAMPLES_PER_REASON * len(reasons)
    for row in read_rows(str(folder)) if reasons else ():
        if len(samples[row.verdict]) < SAMPLES_PER_REASON:
            samples[row.verdict].append(_reject(row))
            missing -= 1
            if not missing:
                break
    return samples


def _reject(row: Row) -> Reject:
    objections = _review(row).objections
    wrong = {one.sentence for one in objections}
    sentences = sentences_of(f"{row.thought_before}\n{row.thought_after}")
    return Reject(row, objections, tuple((sentence, sentence in wrong) for sentence in sentences))


def _review(row: Row) -> Review:
    return review_thought(row, Explanation(row.thought_before, row.thought_after))
