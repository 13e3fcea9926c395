"""`README.md` beside `rows/`: a Hugging Face data set card, by which `load_dataset(FOLDER)` knows the splits.

Every number in it is counted in the shards as they lie there; the pictures are not read for that.

Source of the front matter's fields: huggingface.co/docs/hub/datasets-cards and datasets-manual-configuration.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from mirage_core.puzzles import vsp, vsp_reasoning

SPLITS = ("train", "rl", "validation", "test")
SIZES = {1_000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K", 1_000_000: "100K<n<1M", 10_000_000: "1M<n<10M"}
"""The hub's names; upper bound -> name."""
TASKS = {
    vsp.TASK: (
        "maze planning",
        "A maze is shown, and a shortest way to its goal is asked that meets no hole. The helper image shows the way "
        "as a red route; `thought_before` leads up to picturing it, `thought_after` tells it move by move.",
    ),
    vsp_reasoning.TASK: (
        "maze reasoning",
        "A maze and a plan of moves are given, and what comes of it is asked: A, the goal; B, a fall into a hole; C, "
        "safe but not at the goal. The helper image shows the maze after the first moves: `thought_before` tells "
        "these, `thought_after` the others.",
    ),
}
"""Task -> what it is called, and what its rows hold."""
TEXT = """\
# Mirage {title}

{about}

Made for Mirage (arXiv 2506.17218), which teaches a vision-language model to think in latent visual tokens: in training
they stand for the helper image. Every row was checked by a simulator: its answer, and each square and move that its
thoughts name. Boards of the official VSP tests are left out, and no two splits share a board.

## Rows

{counts}

A puzzle has a row for each thought about it. The thoughts were written by the teacher `{teachers}`.

## How it was made

Seed {seed}. The generator's settings:

```yaml
{settings}```

Share of cells that are holes:

{holes}

Boards that were drawn and not used:

{draws}

Rows whose thoughts or answer did not stand, kept apart in `rejected/`:

{rejected}

## How to load it

```python
from datasets import load_dataset

{loading}
rows[0]["images"][0]  # a PIL picture, RGB, 64 pixels a cell
```

`meta` is JSON: the board as rows of `S` (start), `F` (ice), `H` (hole) and `G` (goal), and the plan.

## Licence

The rows are under Apache-2.0. The pictures are laid of FrozenLake's sprites, which come with
[gymnasium](https://github.com/Farama-Foundation/Gymnasium) (MIT); it credits the elf and the stool to
[franuka](https://franuka.itch.io/rpg-snow-tileset) and all others to [Mel Tillery](http://www.cyaneus.com/). The
question's words are those of Mirage and VSP.

## Citation

```bibtex
@article{{yang2025machine,
  title={{Machine Mental Imagery: Empower Multimodal Reasoning with Latent Visual Tokens}},
  author={{Yang, Zeyuan and Yu, Xueyang and Chen, Delin and Shen, Maohao and Gan, Chuang}},
  journal={{arXiv preprint arXiv:2506.17218}},
  year={{2025}}
}}

@article{{wu2024vsp,
  title={{VSP: Assessing the dual challenges of perception and reasoning in spatial planning tasks for VLMs}},
  author={{Wu, Qiucheng and Zhao, Handong and Saxon, Michael and Bui, Trung and Wang, William Yang and Zhang, Yang and
          Chang, Shiyu}},
  journal={{arXiv preprint arXiv:2407.01863}},
  year={{2024}}
}}
```
"""


@dataclass
class Holes:
    """Share of hole cells over the boards of one level, in [0, 1]."""

    total: float = 0.0
    num_boards: int = 0
    highest: float = 0.0

    def add(self, share: float) -> None:
        self.total += share
        self.num_boards += 1
        self.highest = max(self.highest, share)


@dataclass
class Statistics:
    """What one pass over the shards finds; its size does not depend on their number of rows."""

    rows: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By split and level."""
    puzzles: Counter[str] = field(default_factory=Counter)
    """By split; a puzzle counts once, however many thoughts there are about it."""
    files: dict[str, list[str]] = field(default_factory=dict)
    """Split -> shards that hold rows of it, in order."""
    holes: dict[int, Holes] = field(default_factory=dict)
    """By level, over puzzles."""
    teachers: Counter[str] = field(default_factory=Counter)

    @property
    def splits(self) -> list[str]:
        return sorted(self.files, key=SPLITS.index)


def write_card(
    out: Path, settings: dict[str, Any], rejected_draws: dict[str, int], rejected_rows: dict[str, int]
) -> None:
    """Write `README.md` in a finished data set's folder.

    Args:
        out: Folder that holds `rows/`.
        settings: The spec, as `model_dump()` gives it; `task` and `seed` are read.
        rejected_draws: Reason -> boards drawn in vain, as the puzzles' counts say; "official_test_board" is told even
            if there were none.
        rejected_rows: Reason -> rows under `rejected/`.
    """
    found = read_statistics(out / "rows")
    title, about = TASKS[settings["task"]]
    num_rows = found.rows.total()
    text = TEXT.format(
        title=title,
        about=about,
        counts=_count_table(found),
        teachers="`, `".join(sorted(found.teachers)),
        seed=settings["seed"],
        settings=yaml.safe_dump(settings, sort_keys=False, allow_unicode=True),
        holes=_table(
            ["level", "boards", "mean", "highest"],
            [
                [level, f"{holes.num_boards:,}", f"{holes.total / holes.num_boards:.1%}", f"{holes.highest:.1%}"]
                for level, holes in sorted(found.holes.items())
            ],
        ),
        draws=_reasons({"official_test_board": 0} | rejected_draws),
        rejected=_reasons(rejected_rows),
        loading=_loading(found),
    )
    front = yaml.safe_dump(_front_matter(title, num_rows, found), sort_keys=False)
    (out / "README.md").write_text(f"---\n{front}---\n\n{text}", encoding="utf-8")


def read_statistics(rows: Path) -> Statistics:
    """Count the rows of all shards in one pass, batch by batch and without their pictures."""
    found, last_board = Statistics(), None
    for path in sorted(rows.glob("part-*.parquet")):
        shard = pq.ParquetFile(path)
        for batch in shard.iter_batches(batch_size=1000, columns=["split", "level", "meta", "teacher"]):
            for row in batch.to_pylist():
                split, level = row["split"], row["level"]
                found.rows[split, level] += 1
                found.teachers[row["teacher"]] += 1
                files = found.files.setdefault(split, [])
                if files[-1:] != [path.name]:
                    files.append(path.name)
                board = json.loads(row["meta"])["board"]
                if board != last_board:  # thoughts about one board lie side by side
                    found.puzzles[split] += 1
                    found.holes.setdefault(level, Holes()).add("".join(board).count("H") / level**2)
                    last_board = board
    return found


def _front_matter(title: str, num_rows: int, found: Statistics) -> dict[str, Any]:
    return {
        "pretty_name": f"Mirage {title}",
        "license": "apache-2.0",
        "language": ["en"],
        "task_categories": ["visual-question-answering", "image-text-to-text"],
        "tags": ["synthetic", "spatial-reasoning", "visual-planning", "latent-reasoning", "maze"],
        "size_categories": [next((name for bound, name in SIZES.items() if num_rows < bound), "n>10M")],
        "configs": _configs(found),
    }


def _configs(found: Statistics) -> list[dict[str, Any]]:
    """How `datasets` finds the splits; every shard belongs to one of them."""
    files = [{"split": split, "path": [f"rows/{name}" for name in found.files[split]]} for split in found.splits]
    return [{"config_name": "default", "data_files": files}]


def _loading(found: Statistics) -> str:
    first = found.splits[0] if found.splits else "train"
    return f'rows = load_dataset("FOLDER", split="{first}")  # {", ".join(found.splits)}'


def _count_table(found: Statistics) -> str:
    levels = sorted({level for _, level in found.rows})
    lines = []
    for split in found.splits:
        numbers = [found.rows[split, level] for level in levels]
        lines.append([split, *(f"{number:,}" for number in (found.puzzles[split], sum(numbers), *numbers))])
    return _table(["split", "puzzles", "rows", *(f"rows of {level}x{level}" for level in levels)], lines)


def _reasons(counts: dict[str, int]) -> str:
    if not counts:
        return "None."
    return _table(["reason", "number"], [[f"`{reason}`", f"{counts[reason]:,}"] for reason in sorted(counts)])


def _table(head: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    cells = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in cells)
