import json
from collections import Counter

import numpy as np
import pytest
import yaml

from mirage_core.puzzles import vsp, vsp_reasoning
from mirage_core.puzzles.vsp_pictures import encode_palette_png, picture, route_picture
from mirage_core.row import Row, write_rows
from mirage_core.spec import DatasetSpec, load_spec
from mirage_core.synthesis.card import read_statistics, write_card

SETTINGS = {
    "task": vsp.TASK,
    "seed": 31,
    "level_shares": {3: 1, 4: 1},
    "holes": "test",
    "num_puzzles": {"train": 8, "rl": 4, "validation": 4},
    "thoughts_per_puzzle": 3,
}
SPLITS = ["train"] * 24 + ["rl"] * 4 + ["validation"] * 4


def make_rows(task=vsp.TASK):
    """Eight training puzzles with three thoughts each, then four puzzles of each other split."""
    rows = []
    for index, split in enumerate(SPLITS):
        number = index // 3 if split == "train" else index
        board = vsp.sample(np.random.default_rng([8, number]), 3 + number % 2, 0.3)
        rows.append(
            Row(
                id=f"{task}-{number}-{index}", task=task, split=split, level=board.size, question="<image>?",
                images=[encode_palette_png(picture(board))],
                helper_images=[encode_palette_png(route_picture(board, vsp.solve(board)))],
                thought_before="a", thought_after="b", answer=vsp.answer_text(vsp.solve(board)),
                meta={"board": board.rows, "number": number}, teacher="oracle",
            )
        )  # fmt: skip
    return rows


ROWS = make_rows()
DRAWS, REJECTS = {"repeated_board": 1204, "official_test_board": 7}, {"wrong_tile": 2}


@pytest.fixture
def folder(tmp_path):
    """A function that makes a data set folder with its card."""

    def make(rows_per_shard, rows=ROWS, settings=SETTINGS, draws=DRAWS, rejects=REJECTS):
        out = tmp_path / "data"
        write_rows(rows, str(out / "rows"), rows_per_shard)
        write_rows(rows[:2], str(out / "rejected"))
        (out / "counts.json").write_text("{}")
        write_card(out, settings, draws, rejects)
        return out

    return make


def front_matter(out):
    _, front, text = (out / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(front), text


def opened(out, tmp_path):
    from datasets import disable_progress_bar, load_dataset

    disable_progress_bar()
    return load_dataset(str(out), cache_dir=str(tmp_path / "cache"))


def assert_rows_are_whole(table, rows):
    assert table["id"] == [row.id for row in rows]
    for found, row in zip(table, rows, strict=True):
        for column, make in (("images", vsp.render), ("helper_images", lambda b: vsp.helper_image(b, vsp.solve(b)))):
            image = found[column][0]
            board = vsp.Board(tuple(json.loads(found["meta"])["board"]))
            assert image.mode == "RGB" and image.size == (64 * row.level, 64 * row.level)
            assert np.array_equal(np.asarray(image), make(board))


def test_datasets_gives_the_splits(folder, tmp_path):
    sets = opened(folder(rows_per_shard=4), tmp_path)
    assert {name: table.num_rows for name, table in sets.items()} == {"train": 24, "rl": 4, "validation": 4}
    for name, table in sets.items():
        assert_rows_are_whole(table, [row for row in ROWS if row.split == name])


def test_the_told_way_to_load_works(folder, tmp_path):
    out = folder(rows_per_shard=4)
    code = (out / "README.md").read_text().split("```python\n")[1].split("```")[0]
    code = code.replace("FOLDER", str(out)).replace("split=", f"cache_dir={str(tmp_path / 'cache')!r}, split=")
    told = {}
    exec(code.replace("rows[0]", "first = rows[0]"), told)
    assert told["first"].mode == "RGB" and told["rows"].num_rows == 24


def test_front_matter_is_what_the_hub_reads(folder):
    front, _ = front_matter(folder(rows_per_shard=4))
    assert front["license"] == "apache-2.0" and front["size_categories"] == ["n<1K"]
    assert [file["split"] for file in front["configs"][0]["data_files"]] == ["train", "rl", "validation"]
    assert front["configs"][0]["data_files"][1]["path"] == ["rows/part-00006.parquet"]


def test_the_card_tells_what_the_folder_holds(folder):
    _, text = front_matter(folder(rows_per_shard=10))
    by_place = Counter((row.split, row.level) for row in ROWS)
    assert "| split | puzzles | rows | rows of 3x3 | rows of 4x4 |" in text
    assert f"| train | 8 | 24 | {by_place['train', 3]} | {by_place['train', 4]} |" in text
    assert "teacher `oracle`" in text and "Seed 31" in text
    assert "| `official_test_board` | 7 |" in text and "| `repeated_board` | 1,204 |" in text
    assert "| `wrong_tile` | 2 |" in text and "thoughts_per_puzzle: 3" in text
    for word in ("Apache-2.0", "gymnasium", "franuka.itch.io", "2506.17218", "2407.01863"):
        assert word in text


def test_the_settings_can_be_used_again(folder, tmp_path):
    spec = DatasetSpec.model_validate(SETTINGS | {"holes": (0.1, 0.3)})
    _, text = front_matter(folder(rows_per_shard=10, settings=spec.model_dump()))
    (tmp_path / "again.yaml").write_text(text.split("```yaml\n")[1].split("```")[0])
    assert load_spec(tmp_path / "again.yaml") == spec


def test_a_puzzle_with_several_thoughts_counts_once(folder):
    found = read_statistics(folder(rows_per_shard=5) / "rows")
    for level in (3, 4):
        boards = {row.meta["board"] for row in ROWS if row.level == level}
        shares = ["".join(board).count("H") / level**2 for board in boards]
        assert found.holes[level].num_boards == len(boards)
        assert found.holes[level].total == pytest.approx(sum(shares)) and found.holes[level].highest == max(shares)
    assert found.rows.total() == len(ROWS) and found.puzzles == {"train": 8, "rl": 4, "validation": 4}


def test_no_collision_with_official_boards_is_told_too(folder):
    _, text = front_matter(folder(rows_per_shard=4, draws={}, rejects={}))
    assert "| `official_test_board` | 0 |" in text and "None." in text


def test_the_reasoning_task_has_words_of_its_own(folder):
    front, text = front_matter(folder(4, make_rows(vsp_reasoning.TASK), SETTINGS | {"task": vsp_reasoning.TASK}))
    assert front["pretty_name"] == "Mirage maze reasoning" and "B, a fall into a hole" in text


def test_equal_data_give_equal_cards(folder, tmp_path):
    first = (folder(rows_per_shard=4) / "README.md").read_bytes()
    assert (folder(rows_per_shard=4) / "README.md").read_bytes() == first
