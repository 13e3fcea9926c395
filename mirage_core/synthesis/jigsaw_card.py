"""`README.md` beside the rows of jigsaws: a Hugging Face data set card; see `card` for that of mazes."""

import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import yaml

from mirage_core.jigsaw_spec import JigsawSpec
from mirage_core.synthesis.card import SIZES
from mirage_core.synthesis.jigsaw_photos import photos_of_splits

TEXT = """\
# Mirage jigsaws

A photograph is shown whose lower right quarter is missing, and two candidates for it: form and question of BLINK's
Jigsaw (arXiv 2404.12390), made for Mirage (arXiv 2506.17218), which teaches a vision-language model to think in latent
visual tokens. The helper image ({helper}) is what these stand for in training. The wrong candidate comes from another
region of the same photograph; all pictures were saved as JPEG after cutting. Each claim of a thought that names a
candidate was measured again in the row's own pictures.

**Comparing the pixels beside the hole with a candidate's edge solves these puzzles, as it solves the official ones**: a
score says how well a model sees, not what is possible.

## Rows

{counts}

No photograph stands in two splits{official}. The thoughts were written by the teacher `{teachers}`.

## How it was made

Photographs that could not be used:

{unusable}

Rows whose thoughts or answer did not stand, kept apart in `rejected/`:

{rejected}

```yaml
{settings}```

## Licence

Questions, answers and thoughts are under Apache-2.0. The pictures are parts of the source's photographs and keep its
licence; `meta.photo` names each by its content, which `photos.jsonl` of the photographs' artifact lists by name.
"""


def write_card(out: Path, spec: JigsawSpec, photographs: Path, rejected: dict[str, int]) -> None:
    """Write `README.md` in a finished data set's folder.

    Args:
        out: Folder that holds `rows/`.
        spec: What was asked for.
        photographs: Folder of the photographs.
        rejected: Reason -> rows under `rejected/`.
    """
    files: dict[str, list[str]] = {}
    rows, teachers = Counter[str](), set[str]()
    for path in sorted((out / "rows").glob("part-*.parquet")):
        table = pq.read_table(path, columns=["split", "teacher"])
        splits = Counter(table["split"].to_pylist())
        teachers.update(table["teacher"].to_pylist())
        rows.update(splits)
        for split in splits:
            files.setdefault(split, []).append(f"rows/{path.name}")
    data_files = [{"split": split, "path": paths} for split, paths in files.items()]
    front = {
        "pretty_name": "Mirage jigsaws",
        "language": ["en"],
        "task_categories": ["visual-question-answering", "image-text-to-text"],
        "tags": ["jigsaw", "visual-reasoning", "latent-reasoning"],
        "size_categories": [next((name for bound, name in SIZES.items() if rows.total() < bound), "n>10M")],
        "configs": [{"config_name": "default", "data_files": data_files}],
    }
    photos = photos_of_splits(photographs)
    lines = (photographs / "unusable.jsonl").read_text(encoding="utf-8").splitlines()
    text = TEXT.format(
        helper=f"`{spec.helper_image}`",
        counts="| split | photographs | rows |\n| --- | --- | --- |\n"
        + "\n".join(f"| {split} | {len(found):,} | {rows[split]:,} |" for split, found in photos.items()),
        official=", and none shows what an official item shows" if spec.official else "",
        teachers="`, `".join(sorted(teachers)),
        unusable=_reasons(Counter(json.loads(line)["reason"] for line in lines)),
        rejected=_reasons(Counter(rejected)),
        settings=yaml.safe_dump(spec.model_dump(mode="json"), sort_keys=False),
    )
    (out / "README.md").write_text(f"---\n{yaml.safe_dump(front, sort_keys=False)}---\n\n{text}", encoding="utf-8")


def _reasons(counts: Counter[str]) -> str:
    if not counts:
        return "None."
    return "\n".join(f"- `{reason}`: {counts[reason]:,}" for reason in sorted(counts))
