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
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from mirage_core.benchmark.official import import_test
from mirage_core.errors import InputError
from mirage_core.grading import grade
from mirage_core.puzzles import vsp, vsp_reasoning
from mirage_core.row import Row, decode_image, read_rows
from mirage_core.spec import DatasetSpec, apportion, load_spec
from mirage_core.synthesis.dataset import build_dataset
from mirage_core.synthesis.helper_images import draw_rows
from mirage_core.synthesis.puzzles import read_puzzles, sample_puzzles
from mirage_core.synthesis.reasoning import explain_puzzles, read_thoughts
from tasks import synthesis as stages

SPECS = Path(__file__).parents[2] / "datasets_spec"
PLANNING = load_spec(SPECS / "vsp-smoke.yaml").model_copy(update={"puzzles_per_shard": 40})
REASONING = load_spec(SPECS / "vsp-reasoning-smoke.yaml")

GOLDEN = {
    "puzzles": (
        2,
        "561bef123fcdac4ed36329aa1e0ddbbddbbb69853a9432a9401b9e8b896ac3f0",
        "f3e3eaf08d5d1987e2935d96f32a2fb201e0ab184d3268ee4a17a141587fca9f",
    ),
    "helper-images": (
        2,
        "945fbcee66c12ef710e4ba1a7cf656267875248a54eddbe8267cc817a52abf4f",
        "dd39981c9a186ee394f78fa17be87917e305b41556306d989f6c3d5e499ea08f",
    ),
    "reasoning": (
        2,
        "a1690ee4fc22d552e092a94ac5b9a91a4bf6ce95956ea96a002c6d54b0ec4797",
        "87f8d29a27e822ce8783e9fb8479fd14a4616518b46439ad142406482ea9e5c7",
    ),
    "dataset": (
        2,
        "5e5017211a823cbae5f18f8e4c85e47dfe29cd14eaacbe8cebdb64846613f6e4",
        "7163afb58ae58e2f54a0496ac2e138d044582a8562902261fb7f8c367d0111c8",
    ),
    "official-test": (2, "821d634b2e360ee5834066bedad942881f721a9fec7b3fc4f81f26f98db34d2e"),
}
"""Stage -> version, digest of what its output means: planning, then reasoning."""


LIES = {
    2: (" Look at [(9,9),Ice].", "square_outside"),
    5: (None, "empty_thought"),
    7: (" See [(0,0),Lava].", "wrong_tile"),
}
"""Number of the puzzle -> what the liar adds to its first thought (None: it says nothing), and the reject's reason."""


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


def check_golden(stage: Any, spec: DatasetSpec, digest: str) -> None:
    version, *digests = GOLDEN[stage.name]
    expected = digests[0 if spec is PLANNING else 1]
    current = stage.cache_policy.version
    assert current == version, f"GOLDEN is of version {version} of {stage.name}: record ({current}, {digest!r})"
    assert digest == expected, (
        f"the output of {stage.name} moved: raise the stage's version (or that of the stage it reads, if only that "
        f"one's output moved), then record ({version + 1}, {digest!r})"
    )


@pytest.fixture(scope="module", params=[PLANNING, REASONING], ids=["planning", "reasoning"])
def spec(request) -> DatasetSpec:
    return request.param


@pytest.fixture(scope="module")
def smoke(spec, synthesize, tmp_path_factory):
    return synthesize(spec, tmp_path_factory.mktemp("smoke"))


@pytest.fixture(scope="module")
def lied_to(smoke, tmp_path_factory):
    """The same puzzles and pictures, explained by a teacher that lies about those in `LIES`."""
    folder = tmp_path_factory.mktemp("lies")
    (folder / "thoughts").mkdir()
    for path in (smoke.thoughts / "thoughts").iterdir():
        lines = []
        for line in path.read_text().splitlines():
            number, thought, before, after = json.loads(line)
            if thought == 0 and number in LIES:
                before, after = (before + LIES[number][0], after) if LIES[number][0] else ("", "")
            lines.append(json.dumps([number, thought, before, after]) + "\n")
        (folder / "thoughts" / path.name).write_text("".join(lines))
    (folder / "data").mkdir()
    counts = build_dataset(smoke.pictures, folder, "liar", folder / "data", folder / "scratch", workers=1)
    return smoke._replace(thoughts=folder, data=folder / "data", counts={"data": counts})


# golden


def test_golden_puzzles(spec, smoke):
    puzzles = [asdict(puzzle) for puzzle in read_puzzles(smoke.puzzles)]
    check_golden(stages.puzzles, spec, hashlib.sha256(json.dumps(puzzles, sort_keys=True).encode()).hexdigest())


def test_golden_helper_images(spec, smoke):
    check_golden(stages.helper_images, spec, meaning(rows_of(smoke.pictures)))


def test_golden_reasoning(spec, smoke):
    thoughts = [thought[:3] for thought in read_thoughts(smoke.thoughts)]
    check_golden(stages.reasoning, spec, hashlib.sha256(json.dumps(thoughts).encode()).hexdigest())


def test_golden_dataset(spec, lied_to):
    check_golden(stages.dataset, spec, meaning(rows_of(lied_to.data) + rows_of(lied_to.data, "rejected")))


def test_golden_official_test(tmp_path, vsp_folder, published_file, boards):
    items = list(boards(6))
    digests = []
    for source in (vsp_folder(*items), published_file(*items)):
        import_test(source, tmp_path / source.name)
        digests.append(meaning(rows_of(tmp_path / source.name)))
    check_golden(stages.official_test, PLANNING, hashlib.sha256("".join(digests).encode()).hexdigest())


# what the steps promise


def num_rows(spec: DatasetSpec) -> int:
    return sum(spec.num_puzzles.values()) + spec.num_puzzles["train"] * (spec.thoughts_per_puzzle - 1)


def board_of(row: Row) -> vsp.Board:
    return vsp.Board(tuple(row.meta["board"]))


def test_kept_and_rejected_are_what_was_asked(spec, smoke):
    num_puzzles = sum(spec.num_puzzles.values())
    assert smoke.counts["puzzles"]["asked"] == smoke.counts["puzzles"]["kept"] == num_puzzles
    assert smoke.counts["pictures"] == {"rows": num_puzzles, "pictures": 2 * num_puzzles}
    counts = smoke.counts["data"]
    assert smoke.counts["thoughts"]["thoughts"] == num_rows(spec) == counts["asked"] == counts["kept"]
    assert len(rows_of(smoke.data)) == counts["kept"] and counts["rejected"] == {}
    assert len(rows_of(smoke.data, "rejected")) == 0


def test_splits_and_levels_follow_the_spec(spec, smoke):
    found = Counter((row.split, row.level) for row in rows_of(smoke.data))
    assert found == {
        (split, level): count * (spec.thoughts_per_puzzle if split == "train" else 1)
        for split, number in spec.num_puzzles.items()
        for level, count in apportion(number, spec.level_shares).items()
    }
    assert {f"{split} level {level}": count for (split, level), count in found.items()}.items() <= (
        smoke.counts["data"].items()
    )


def test_no_board_comes_twice_or_is_official(spec, smoke):
    hashes = [puzzle.board.content_hash for puzzle in read_puzzles(smoke.puzzles)]
    assert len(set(hashes)) == sum(spec.num_puzzles.values())
    assert not set(hashes) & vsp.official_hashes()
    assert len({row.id for row in rows_of(smoke.data)}) == num_rows(spec)


def test_official_boards_are_really_drawn_and_thrown_away(smoke):
    rejected = smoke.counts["puzzles"]["rejected"]
    assert rejected.get("official_test_board", 0) > 0, "no 3x3 board of this seed is official: the test shows nothing"
    assert rejected.get("repeated_board", 0) > 0, "no board was drawn twice: the test shows nothing"


def test_rows_prove_themselves(smoke):
    for row in rows_of(smoke.data):
        board, meta = board_of(row), row.meta
        assert grade(row.task, meta, rf"\boxed{{{row.answer}}}").ok
        assert row.level == board.size and row.question.count("<image>") == len(row.images) == 1
        assert np.array_equal(decode_image(row.images[0], row.id), vsp.render(board))
        if row.task == vsp.TASK:
            helper = vsp.helper_image(board, meta["plan"])
            assert row.answer == ",".join(vsp.solve(board)) and row.choices == []
        else:
            helper = np.asarray(vsp_reasoning.step_picture(board, meta["plan"], meta["step"]).convert("RGB"))
            assert 1 <= meta["step"] <= len(meta["plan"]) and row.choices == list(vsp_reasoning.OUTCOMES.values())
            assert row.question == vsp_reasoning.question(meta["plan"])
        assert np.array_equal(decode_image(row.helper_images[0], row.id), helper)
        assert row.thought_before and row.teacher == "oracle" and row.verdict == "ok"


def test_the_three_outcomes_are_balanced_in_every_split_and_level(synthesize, tmp_path):
    sizes = {"train": 60, "validation": 33}
    spec = REASONING.model_copy(update={"num_puzzles": sizes, "level_shares": {3: 1, 4: 1, 5: 1}})
    sample_puzzles(spec, tmp_path, tmp_path / "scratch", workers=1)
    found: dict[tuple[str, int], Counter[str]] = {}
    for puzzle in read_puzzles(tmp_path):
        outcome = vsp_reasoning.outcome(puzzle.board, puzzle.plan)
        found.setdefault((puzzle.split, puzzle.level), Counter())[outcome] += 1
        walked = vsp.walk(puzzle.board, puzzle.plan, stop_at_goal=True)
        assert len(walked) == len(puzzle.plan) + 1, "the plan goes on behind its end"
    assert len(found) == 6
    assert all(max(counts.values()) - min(counts.values()) <= 1 and len(counts) == 3 for counts in found.values())


def test_several_thoughts_of_a_puzzle_share_its_pictures(spec, smoke):
    by_puzzle: dict[str, list[Row]] = {}
    for row in rows_of(smoke.data):
        by_puzzle.setdefault("\n".join([*row.meta["board"], row.meta["plan"]]), []).append(row)
    for rows in by_puzzle.values():
        several = spec.thoughts_per_puzzle if rows[0].split == "train" else 1
        assert len(rows) == several and [row.meta.get("thought", 0) for row in rows] == list(range(several))
        assert len({(*row.images, *row.helper_images) for row in rows}) == 1
    if spec.thoughts_per_puzzle > 1:
        words = [{row.thought_before + row.thought_after for row in rows} for rows in by_puzzle.values()]
        assert sum(len(told) == spec.thoughts_per_puzzle for told in words) > 0.9 * spec.num_puzzles["train"]


def test_same_spec_gives_the_same_data_with_any_number_of_processes(spec, smoke, synthesize, tmp_path):
    again = synthesize(spec, tmp_path / "again", workers=3)
    for one, other in zip(smoke[:4], again[:4], strict=True):
        names = {path.relative_to(one) for path in one.rglob("*") if path.is_file()}
        assert names == {path.relative_to(other) for path in other.rglob("*") if path.is_file()}
        assert all((one / name).read_bytes() == (other / name).read_bytes() for name in names)
    assert again.counts == smoke.counts


def test_the_size_of_shards_changes_no_row(spec, smoke, synthesize, tmp_path):
    small = synthesize(spec.model_copy(update={"puzzles_per_shard": 7}), tmp_path / "small")
    few, many = (sorted((built.data / "rows").iterdir()) for built in (smoke, small))
    assert 3 <= len(few) < len(many)
    assert all(len(set(pq.read_table(path)["split"].to_pylist())) == 1 for path in few + many)
    assert rows_of(small.data) == rows_of(smoke.data)


def test_another_seed_gives_other_data(spec, smoke, tmp_path):
    sample_puzzles(spec.model_copy(update={"seed": spec.seed + 1}), tmp_path, tmp_path / "scratch", workers=1)
    other = {puzzle.board for puzzle in read_puzzles(tmp_path)}
    same = other & {puzzle.board for puzzle in read_puzzles(smoke.puzzles)}
    assert len(same) < sum(spec.num_puzzles.values()) / 4  # small boards may meet


def test_samples_to_look_at_are_helper_images_of_every_level(spec, smoke):
    drawn: dict[int, list[np.ndarray]] = {}
    for row in rows_of(smoke.data):
        drawn.setdefault(row.level, []).append(decode_image(row.helper_images[0], "row"))
    samples = {path.stem: decode_image(path.read_bytes(), path.name) for path in smoke.pictures.glob("samples/*.png")}
    assert set(samples) == {f"level-{level}" for level in drawn}
    for level, pictures in drawn.items():
        assert any(np.array_equal(samples[f"level-{level}"], picture) for picture in pictures)


def test_samples_show_every_level_however_small_the_shards(synthesize, tmp_path):
    spec = PLANNING.model_copy(update={"puzzles_per_shard": 5, "num_puzzles": {"train": 20}})
    built = synthesize(spec, tmp_path)
    assert {path.stem for path in built.pictures.glob("samples/*.png")} == {"level-3", "level-4"}


def hole_shares(tmp_path: Path, number: int, **changes: object) -> dict[int, list[float]]:
    """Share of holes by level, over fresh boards of every level."""
    shares = {"level_shares": {level: 1 for level in range(3, 9)}, "num_puzzles": {"train": number}}
    spec = PLANNING.model_copy(update=shares | changes)
    sample_puzzles(spec, tmp_path, tmp_path / "scratch", workers=1)
    found: dict[int, list[float]] = {}
    for puzzle in read_puzzles(tmp_path):
        found.setdefault(puzzle.level, []).append("".join(puzzle.board.rows).count("H") / puzzle.level**2)
    return found


def test_no_holes_where_the_spec_wants_none(tmp_path):
    found = hole_shares(tmp_path, 5, holes=(0.0, 0.0), level_shares={8: 1})
    assert found == {8: [0.0] * 5}


def test_the_papers_cap_holds_for_every_board(tmp_path):
    found = hole_shares(tmp_path, 300, holes="paper")
    assert all(share <= 0.2 for shares in found.values() for share in shares)
    assert max(found[5]) == 0.2, "no board comes near the cap: the test shows nothing"


def test_the_test_setting_has_the_official_hole_share(tmp_path):
    """Official means of levels 4 to 8; the standard error of 300 boards is below 0.5 points at every level."""
    official = {4: 0.158, 5: 0.178, 6: 0.179, 7: 0.194, 8: 0.194}
    found = hole_shares(tmp_path, 1800, holes="test")
    for level, share in official.items():
        assert abs(np.mean(found[level]) - share) < 0.015, (level, np.mean(found[level]))
    assert max(found[6]) > 0.25, "the cap of the paper is not a cap of the test"


def test_training_boards_come_in_all_orientations_and_no_other_split_has_one(tmp_path):
    spec = PLANNING.model_copy(update={"symmetries": True, "num_puzzles": {"train": 200, "validation": 120}})
    counts = sample_puzzles(spec, tmp_path, tmp_path / "scratch", workers=1)
    puzzles = list(read_puzzles(tmp_path))
    turned = {
        split: {same for p in puzzles if p.split == split for same in vsp.orientations(p.board)}
        for split in spec.num_puzzles
    }
    assert not turned["train"] & turned["validation"]
    hashes = {board.content_hash for boards in turned.values() for board in boards}
    assert not hashes & vsp.official_hashes()
    train = [puzzle.board for puzzle in puzzles if puzzle.split == "train"]
    families = Counter(min(same.rows for same in vsp.orientations(board)) for board in train)
    assert len(set(train)) == 200 and max(families.values()) == 8 and len(families) < 80
    assert counts["rejected"]["official_test_board"] > 0 and counts["rejected"]["other_split_turned"] > 0


@pytest.mark.parametrize("symmetries", [False, True])
def test_boards_to_keep_apart_from_are_not_drawn_whatever_the_seed(tmp_path, symmetries):
    """As nights do: held-out puzzles of one seed, training data of another seed each; small boards soon repeat."""
    every = DatasetSpec(
        task=vsp.TASK, seed=5, level_shares={3: 1}, symmetries=symmetries,
        num_puzzles={"train": 240, "rl": 20, "validation": 60},
    )  # fmt: skip

    def boards_of(spec: DatasetSpec, name: str, splits: set[str], apart_from: Path | None = None) -> set[vsp.Board]:
        (tmp_path / name).mkdir()
        sample_puzzles(spec, tmp_path / name, tmp_path / f"scratch-{name}", 1, apart_from)
        return {puzzle.board for puzzle in read_puzzles(tmp_path / name) if puzzle.split in splits}

    alone = every.model_copy(update={"num_puzzles": {"validation": 60}})
    held_out = boards_of(alone, "held-out", {"validation"})
    if symmetries:
        held_out = {turned for board in held_out for turned in vsp.orientations(board)}
    met = 0
    for seed in range(6, 9):
        tonight = every.model_copy(update={"seed": seed})
        met += len(held_out & boards_of(tonight, f"anyhow-{seed}", {"train", "rl"}))
        kept_apart = boards_of(tonight, f"apart-{seed}", {"train", "rl"}, tmp_path / "held-out")
        assert len(kept_apart) == 260 and not held_out & kept_apart
    assert met > 0, "without it some would be drawn again"


def test_asking_for_more_boards_than_there_are_names_the_field(tmp_path):
    spec = DatasetSpec(
        task=vsp.TASK,
        seed=0,
        level_shares={3: 1},
        holes=(0.0, 0.0),  # 72 boards
        num_puzzles={"train": 20, "rl": 80},
    )
    with pytest.raises(InputError, match=r"num_puzzles\.rl: no further 3x3 board.*range of holes"):
        sample_puzzles(spec, tmp_path, tmp_path / "scratch")


def test_asking_for_falls_on_boards_without_holes_names_the_field(tmp_path):
    spec = REASONING.model_copy(update={"holes": (0.0, 0.0)})
    with pytest.raises(InputError, match=r"num_puzzles\.train: no further \dx\d board"):
        sample_puzzles(spec, tmp_path, tmp_path / "scratch", workers=2)


def test_a_teacher_that_lies_is_rejected_with_the_reason(smoke, lied_to):
    counts = lied_to.counts["data"]
    assert counts["rejected"] == Counter(reason for _, reason in LIES.values())
    truth, rejected = rows_of(smoke.data), rows_of(lied_to.data, "rejected")
    lied_about = [row for row in truth if row.meta["number"] in LIES and row.meta.get("thought", 0) == 0]
    assert (counts["asked"], counts["kept"]) == (len(truth), len(truth) - len(LIES))
    reasons = [LIES[row.meta["number"]][1] for row in lied_about]
    assert [(row.id, row.verdict) for row in rejected] == [
        (row.id, reason) for row, reason in zip(lied_about, reasons, strict=True)
    ]
    assert rejected[0].thought_before == lied_about[0].thought_before + LIES[2][0], "kept as it was said"
    honest = [replace(row, teacher="liar") for row in truth if row not in lied_about]
    assert rows_of(lied_to.data) == honest


def test_thoughts_of_other_puzzles_are_not_joined(smoke, tmp_path):
    (tmp_path / "thoughts").mkdir()
    for path in (smoke.thoughts / "thoughts").iterdir():
        lines = path.read_text().splitlines(keepends=True)
        (tmp_path / "thoughts" / path.name).write_text("".join(reversed(lines)))
    with pytest.raises(AssertionError, match="different puzzles"):
        build_dataset(smoke.pictures, tmp_path, "oracle", tmp_path / "out", tmp_path / "scratch", workers=1)


def test_wording_and_board_come_from_streams_of_their_own(spec, smoke, tmp_path):
    several = spec.thoughts_per_puzzle
    explain_puzzles(smoke.puzzles, spec.seed + 1, several, tmp_path, tmp_path / "scratch", workers=1)
    here, there = ({told[:2]: told for told in read_thoughts(folder)} for folder in (smoke.thoughts, tmp_path))
    assert here.keys() == there.keys() and sum(here[key] != there[key] for key in here) > 0.9 * num_rows(spec)
    (tmp_path / "data").mkdir()
    counts = build_dataset(smoke.pictures, tmp_path, "oracle", tmp_path / "data", tmp_path / "more", workers=1)
    assert counts["rejected"] == {}


@pytest.mark.parametrize("symmetries", [False, True])
def test_a_share_of_the_boards_defeats_both_hole_blind_walks(tmp_path, symmetries):
    spec = DatasetSpec(
        task=vsp.TASK, seed=4, level_shares={4: 1, 5: 1}, holes=(0.2, 0.45), planning_share=0.25, symmetries=symmetries,
        num_puzzles={"train": 320, "validation": 80},
    )  # fmt: skip
    (tmp_path / "scratch").mkdir()
    counts = sample_puzzles(spec, tmp_path, tmp_path / "scratch")
    assert counts["rejected"]["not_of_planning_share"] > 0
    for split, number in spec.num_puzzles.items():
        for level in spec.level_shares:
            boards = [p.board for p in read_puzzles(tmp_path) if (p.split, p.level) == (split, level)]
            assert len(boards) == number // 2
            assert sum(map(vsp.needs_planning, boards)) == number // 8


def test_a_helper_image_as_input_is_a_second_picture_that_the_question_names(tmp_path, smoke):
    (tmp_path / "shown").mkdir()
    draw_rows(smoke.puzzles, tmp_path / "shown", tmp_path / "scratch", 1, as_input=True)
    for usual, shown in zip(rows_of(smoke.pictures), rows_of(tmp_path / "shown"), strict=True):
        if usual.task != vsp.TASK:
            continue
        assert shown.images == [*usual.images, *usual.helper_images] and shown.helper_images == usual.helper_images
        line = "Here is a sketch of the way: <image>\n"
        assert shown.question.count(line) == 1 and shown.question.replace(line, "") == usual.question
        assert replace(shown, images=usual.images, question=usual.question) == usual
