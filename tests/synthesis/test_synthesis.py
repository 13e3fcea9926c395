"""The four steps from a spec to rows, and the golden digests of every stage of synthesis.

A golden test fails when the output moved and the stage's version did not: artifacts made by older code would then
pass for new ones. Where only what a stage reads has moved, the earlier stage's version is the one to raise: its digest
is part of every later one.
"""

import hashlib
import json
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from mirage_core.benchmark.official import import_test
from mirage_core.errors import InputError
from mirage_core.puzzles import vsp
from mirage_core.row import Row, decode_image, read_rows
from mirage_core.spec import DatasetSpec, apportion, load_spec
from mirage_core.synthesis.dataset import build_dataset
from mirage_core.synthesis.helper_images import draw_rows
from mirage_core.synthesis.puzzles import read_puzzles, sample_puzzles
from mirage_core.synthesis.reasoning import explain_puzzles, read_thoughts
from mirage_core.teacher.verify import verify
from tasks import synthesis as stages

SPEC = load_spec(Path(__file__).parents[2] / "datasets_spec/vsp-smoke.yaml")
NUM_ROWS = 96
ROWS_PER_SHARD = 40

GOLDEN = {
    "puzzles": (1, "9427a447c190a866572ae163d71b59a0ffd342b8951d55a60de4e428ad96674b"),
    "helper-images": (1, "bbd7a2d7e478bd3c155118fec1570a6441678694991eba9844ede19732840740"),
    "reasoning": (1, "049e254ebcce2ffb586cf3bacd75e2d5ff0bcdb1fe8d3b43cbabf9650c52e788"),
    "dataset": (1, "23895833edf2d9c83e553f142466afc5d4f4aa4fc8df05e05128cfd2bca866d2"),
    "official-test": (1, "fbdec98d275268b25da1ef2b657e55dd7de10184ce3b2ef9b37e362c933171ef"),
}
"""Stage -> (version, digest of what its output means)."""


LIES = {2: ("Ice]", "Hole]", "wrong_tile"), 5: (" to [", " near (", "moves_not_answer"), 7: ("", "", "empty_thought")}
"""Number of the puzzle -> what the liar says instead of what, and the reason for its reject."""


class Built(NamedTuple):
    """Folders and counts of the four steps."""

    puzzles: Path
    pictures: Path
    thoughts: Path
    data: Path
    counts: dict[str, dict[str, Any]]


def build(spec: DatasetSpec, root: Path, rows_per_shard: int = ROWS_PER_SHARD) -> Built:
    folders = [root / name for name in ("puzzles", "pictures", "thoughts", "data")]
    for folder in folders:
        folder.mkdir(parents=True)
    puzzles, pictures, thoughts, data = folders
    counts = {
        "puzzles": sample_puzzles(spec, puzzles),
        "pictures": draw_rows(puzzles, pictures, rows_per_shard),
        "thoughts": explain_puzzles(puzzles, spec.seed, thoughts),
        "data": build_dataset(pictures, thoughts, "oracle", rows_per_shard, data),
    }
    return Built(*folders, counts)


def rows_of(folder: Path, name: str = "rows") -> list[Row]:
    return list(read_rows(str(folder / name)))


def meaning(rows: list[Row]) -> str:
    """Digest of all fields; pictures by their pixels, since PNG bytes depend on the compressor."""
    digest = hashlib.sha256()
    for row in rows:
        values = asdict(row)
        for name in ("images", "helper_images"):
            pixels = [decode_image(png, row.id) for png in values[name]]
            values[name] = [[*image.shape, hashlib.sha256(image.tobytes()).hexdigest()] for image in pixels]
        digest.update(json.dumps(values, sort_keys=True).encode())
    return digest.hexdigest()


def check_golden(stage: Any, digest: str) -> None:
    version, expected = GOLDEN[stage.name]
    current = stage.cache_policy.version
    assert current == version, f"GOLDEN is of version {version} of {stage.name}: record ({current}, {digest!r})"
    assert digest == expected, (
        f"the output of {stage.name} moved: raise the stage's version (or that of the stage it reads, if only that "
        f"one's output moved), then record ({version + 1}, {digest!r})"
    )


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(SPEC, tmp_path_factory.mktemp("smoke"))


@pytest.fixture(scope="module")
def lied_to(smoke, tmp_path_factory) -> Built:
    """The same puzzles and pictures, explained by a teacher that lies about those in `LIES`."""
    folder = tmp_path_factory.mktemp("lies")
    lines = []
    for number, (index, thought) in enumerate(read_thoughts(smoke.thoughts)):
        if number in LIES:
            old, new, _ = LIES[number]
            thought = thought._replace(after=thought.after.replace(old, new) if old else new)
        lines.append(json.dumps({"index": index, **thought._asdict()}) + "\n")
    (folder / "thoughts.jsonl").write_text("".join(lines))
    counts = build_dataset(smoke.pictures, folder, "liar", ROWS_PER_SHARD, folder)
    return smoke._replace(thoughts=folder, data=folder, counts={"data": counts})


# golden


def test_golden_puzzles(smoke):
    puzzles = [asdict(puzzle) for puzzle in read_puzzles(smoke.puzzles)]
    check_golden(stages.puzzles, hashlib.sha256(json.dumps(puzzles, sort_keys=True).encode()).hexdigest())


def test_golden_helper_images(smoke):
    check_golden(stages.helper_images, meaning(rows_of(smoke.pictures)))


def test_golden_reasoning(smoke):
    thoughts = list(read_thoughts(smoke.thoughts))
    check_golden(stages.reasoning, hashlib.sha256(json.dumps(thoughts).encode()).hexdigest())


def test_golden_dataset(lied_to):
    check_golden(stages.dataset, meaning(rows_of(lied_to.data) + rows_of(lied_to.data, "rejected")))


def test_golden_official_test(tmp_path, vsp_folder, published_file, boards):
    items = list(boards(6))
    digests = []
    for source in (vsp_folder(*items), published_file(*items)):
        import_test(source, tmp_path / source.name)
        digests.append(meaning(rows_of(tmp_path / source.name)))
    check_golden(stages.official_test, hashlib.sha256("".join(digests).encode()).hexdigest())


# what the steps promise


def test_kept_and_rejected_are_what_was_asked(smoke):
    assert smoke.counts["puzzles"]["asked"] == smoke.counts["puzzles"]["kept"] == NUM_ROWS
    assert smoke.counts["pictures"] == {"rows": NUM_ROWS, "pictures": 2 * NUM_ROWS}
    assert smoke.counts["thoughts"]["thoughts"] == NUM_ROWS
    counts = smoke.counts["data"]
    assert counts["asked"] == NUM_ROWS == counts["kept"] + sum(counts["rejected"].values())
    assert len(rows_of(smoke.data)) == counts["kept"] and len(rows_of(smoke.data, "rejected")) == 0


def test_splits_and_levels_follow_the_spec(smoke):
    rows = rows_of(smoke.data)
    found = Counter((row.split, row.level) for row in rows)
    assert found == {
        (split, level): count
        for split, number in SPEC.num_rows.items()
        for level, count in apportion(number, SPEC.level_shares).items()
    }
    assert {f"{split} level {level}": count for (split, level), count in found.items()}.items() <= (
        smoke.counts["data"].items()
    )


def test_no_board_comes_twice_or_is_official(smoke):
    rows = rows_of(smoke.data)
    hashes = [vsp.Board(tuple(row.meta["board"])).content_hash for row in rows]
    assert len(set(hashes)) == NUM_ROWS == len({row.id for row in rows})
    assert not set(hashes) & vsp.official_hashes()


def test_official_boards_are_really_drawn_and_thrown_away(smoke):
    rejected = smoke.counts["puzzles"]["rejected"]
    assert rejected.get("official_test_board", 0) > 0, "no 3x3 board of this seed is official: the test shows nothing"


def test_rows_prove_themselves(smoke):
    for row in rows_of(smoke.data):
        board = vsp.Board(tuple(row.meta["board"]))
        assert vsp.check(board, rf"\boxed{{{row.answer}}}").ok and row.answer == ",".join(vsp.solve(board))
        assert row.level == board.size and row.question.count("<image>") == len(row.images) == 1
        assert np.array_equal(decode_image(row.images[0], row.id), vsp.render(board))
        assert np.array_equal(decode_image(row.helper_images[0], row.id), vsp.helper_image(board, row.meta["plan"]))
        assert row.thought_before and row.thought_after and row.teacher == "oracle" and row.verdict == "ok"


def test_same_spec_gives_the_same_data(smoke, tmp_path):
    again = build(SPEC, tmp_path / "again")
    for one, other in ((smoke.puzzles, again.puzzles), (smoke.thoughts, again.thoughts)):
        for path in one.iterdir():
            assert path.read_bytes() == (other / path.name).read_bytes()
    assert rows_of(again.data) == rows_of(smoke.data) and again.counts == smoke.counts


def test_the_size_of_shards_changes_no_row(smoke, tmp_path):
    small = build(SPEC, tmp_path / "small", rows_per_shard=7)
    assert len(list((small.data / "rows").iterdir())) == 14 and len(list((smoke.data / "rows").iterdir())) == 3
    assert rows_of(small.data) == rows_of(smoke.data)


def test_another_seed_gives_other_data(smoke, tmp_path):
    sample_puzzles(SPEC.model_copy(update={"seed": SPEC.seed + 1}), tmp_path)
    other = {puzzle.board for puzzle in read_puzzles(tmp_path)}
    same = other & {puzzle.board for puzzle in read_puzzles(smoke.puzzles)}
    assert len(same) < NUM_ROWS / 4  # small boards may meet


def test_samples_to_look_at_are_helper_images_of_every_level(smoke):
    drawn = {row.level: [] for row in rows_of(smoke.data)}
    for row in rows_of(smoke.data):
        drawn[row.level].append(decode_image(row.helper_images[0], "row"))
    samples = {path.stem: decode_image(path.read_bytes(), path.name) for path in smoke.pictures.glob("samples/*.png")}
    assert set(samples) == {f"level-{level}" for level in drawn}
    for level, pictures in drawn.items():
        assert any(np.array_equal(samples[f"level-{level}"], picture) for picture in pictures)


def test_holes_stay_within_the_spec(tmp_path):
    spec = DatasetSpec(
        task=vsp.TASK, seed=0, level_shares={8: 1}, hole_probability=(0.0, 0.0), num_rows={"validation": 5}
    )
    sample_puzzles(spec, tmp_path)
    assert all("H" not in "".join(puzzle.board.rows) for puzzle in read_puzzles(tmp_path))


def test_asking_for_more_boards_than_there_are_names_the_field(tmp_path):
    spec = DatasetSpec(
        task=vsp.TASK,
        seed=0,
        level_shares={3: 1},
        hole_probability=(0.0, 0.0),  # 72 boards
        num_rows={"train": 20, "rl": 80},
    )
    with pytest.raises(InputError, match=r"num_rows\.rl: no further 3x3 board.*hole_probability"):
        sample_puzzles(spec, tmp_path)


def test_a_teacher_that_lies_is_rejected_with_the_reason(smoke, lied_to):
    counts = lied_to.counts["data"]
    assert counts["rejected"] == {"wrong_tile": 1, "moves_not_answer": 1, "empty_thought": 1}
    assert (counts["asked"], counts["kept"]) == (NUM_ROWS, NUM_ROWS - 3)
    truth, rejected = rows_of(smoke.data), rows_of(lied_to.data, "rejected")
    assert [(row.id, row.verdict) for row in rejected] == [(truth[n].id, LIES[n][2]) for n in sorted(LIES)]
    assert rejected[0].thought_after == truth[2].thought_after.replace("Ice]", "Hole]"), "kept as it was said"
    honest = [replace(row, teacher="liar") for number, row in enumerate(truth) if number not in LIES]
    assert rows_of(lied_to.data) == honest


def test_thoughts_of_other_puzzles_are_not_joined(smoke, tmp_path):
    lines = (smoke.thoughts / "thoughts.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "thoughts.jsonl").write_text("".join(reversed(lines)))
    with pytest.raises(AssertionError, match="different puzzles"):
        build_dataset(smoke.pictures, tmp_path, "oracle", ROWS_PER_SHARD, tmp_path)


def test_wording_and_board_come_from_streams_of_their_own(smoke, tmp_path):
    explain_puzzles(smoke.puzzles, SPEC.seed + 1, tmp_path)
    here, there = (dict(read_thoughts(folder)) for folder in (smoke.thoughts, tmp_path))
    assert here.keys() == there.keys() and sum(here[index] != there[index] for index in here) > 0.9 * NUM_ROWS
    for puzzle in read_puzzles(smoke.puzzles):
        assert verify(puzzle.board, there[puzzle.index], puzzle.plan).ok
