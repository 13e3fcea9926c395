"""`README.md` beside the rows of a SAT data set: a card for the hub; every number is counted in the shards."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from mirage_core.synthesis.card import SIZES, SPLITS

TEXT = """\
# Mirage SAT, questions about what moves

Furnished rooms and questions in the wording of SAT (arXiv 2412.07755): how a thing or the camera moved, which way to
turn, what comes of a turn or a step. The helper image shows: {helper}. `thought_before` leads up to picturing the view
after the movement, `thought_after` tells what that view shows and what follows.

Made for Mirage (arXiv 2506.17218), which teaches a vision-language model to think in latent visual tokens: in training
they stand for the helper image. Each row was checked by a simulator: its answer, and the angles, distances, movements
and things in view that its thoughts name. Every puzzle has a room of its own, so no two splits share one.

## Rows

{counts}

The thoughts were written by the teacher `{teachers}`.

## How it was made

MuJoCo, one room a puzzle. The generator's settings:

```yaml
{settings}```

Rooms and cameras that were drawn and not used:

{draws}

Rows whose thoughts or answer did not stand, kept apart in `rejected/`:

{rejected}

## How to load it

```python
from datasets import load_dataset

rows = load_dataset("FOLDER", split="{first}")  # {splits}
rows[0]["images"][0]  # a PIL picture, RGB
```

`meta` is JSON: the room, its cameras, the question and what each view shows.

## Licence

Apache-2.0; the rooms are built of primitive solids. The wording of the questions is that of SAT (MIT).
"""
IMAGINED = "a frame of the way there as an image-to-video model imagined it, without knowing the room"
HELPERS = {
    "target": "the true view that the action leads to",
    "path-frame": "the most informative of nine frames of a camera that follows the action's words",
    "noise": "random pixels (on purpose)",
}


def write_sat_card(
    out: Path, settings: dict[str, Any], rejected_draws: dict[str, int], rejected_rows: dict[str, int]
) -> None:
    """Write `README.md` in a finished data set's folder.

    Args:
        out: Folder that holds `rows/`.
        settings: The spec, as `model_dump(mode="json")` gives it.
        rejected_draws: Reason -> rooms and cameras drawn in vain.
        rejected_rows: Reason -> rows under `rejected/`.
    """
    rows, files, teachers = _read(out / "rows")
    splits = [split for split in SPLITS if split in files]
    types = sorted({kind for _, kind in rows})
    lines = [[split, *(f"{rows[split, kind]:,}" for kind in types)] for split in splits]
    text = TEXT.format(
        helper=IMAGINED if settings["video"] else HELPERS.get(settings["helper_image"], settings["helper_image"]),
        counts=_table(["split", *types], lines),
        teachers="`, `".join(sorted(teachers)),
        settings=yaml.safe_dump(settings, sort_keys=False),
        draws=_reasons(rejected_draws),
        rejected=_reasons(rejected_rows),
        first=splits[0] if splits else "train",
        splits=", ".join(splits),
    )
    front = yaml.safe_dump(_front_matter(rows.total(), splits, files), sort_keys=False)
    (out / "README.md").write_text(f"---\n{front}---\n\n{text}", encoding="utf-8")


def _read(folder: Path) -> tuple[Counter[tuple[str, str]], dict[str, list[str]], set[str]]:
    """Rows by split and type, shards by split, and who wrote the thoughts; the pictures are not read."""
    rows, files, teachers = Counter[tuple[str, str]](), dict[str, list[str]](), set[str]()
    for path in sorted(folder.glob("part-*.parquet")):
        for row in pq.read_table(path, columns=["split", "meta", "teacher"]).to_pylist():
            rows[row["split"], json.loads(row["meta"])["question_type"]] += 1
            teachers.add(row["teacher"])
            names = files.setdefault(row["split"], [])
            if path.name not in names:
                names.append(path.name)
    return rows, files, teachers


def _front_matter(num_rows: int, splits: list[str], files: dict[str, list[str]]) -> dict[str, Any]:
    data_files = [{"split": split, "path": [f"rows/{name}" for name in files[split]]} for split in splits]
    return {
        "pretty_name": "Mirage SAT, questions about what moves",
        "license": "apache-2.0",
        "language": ["en"],
        "task_categories": ["visual-question-answering", "image-text-to-text"],
        "tags": ["synthetic", "spatial-reasoning", "latent-reasoning", "indoor"],
        "size_categories": [next((name for bound, name in SIZES.items() if num_rows < bound), "n>10M")],
        "configs": [{"config_name": "default", "data_files": data_files}],
    }


def _reasons(counts: dict[str, int]) -> str:
    lines = [[f"`{reason}`", f"{counts[reason]:,}"] for reason in sorted(counts)]
    return _table(["reason", "number"], lines) if lines else "None."


def _table(head: list[str], lines: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *lines])
