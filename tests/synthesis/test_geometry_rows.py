"""Rows of planar geometry: distinct, verified, the same whatever the shards, and gradable."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest
import yaml

from mirage_core.errors import InputError
from mirage_core.geometry_spec import GeometrySpec
from mirage_core.grading import asked_form, grade
from mirage_core.puzzles import geometry
from mirage_core.row import decode_image, read_rows
from mirage_core.spec import load_spec
from mirage_core.synthesis import geometry_rows
from mirage_core.synthesis.geometry_rows import build_geometry, sample_geometry

pytestmark = pytest.mark.thorough

REPO = Path(__file__).parents[2]
SPEC = GeometrySpec(task="comt_geometry", seed=7, num_puzzles={"train": 24, "validation": 16}, thoughts_per_puzzle=2)
GOLDEN = {"geometry-puzzles": "52b303ea8510b150", "geometry-dataset": "b1d3583f56976839"}
"""Of stages at their present versions; raise a stage's version when one changes."""


def build(spec: GeometrySpec, root: Path, workers: int = 1) -> tuple[Path, dict]:
    for name in ("puzzles", "data", "scratch"):
        (root / name).mkdir(parents=True)
    drawn = sample_geometry(spec.puzzles, root / "puzzles")
    return root / "data", drawn | build_geometry(spec, root / "puzzles", root / "data", root / "scratch", workers)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build(SPEC, tmp_path_factory.mktemp("geometry"))


def test_all_rows_are_kept_and_pass_their_own_grading(built):
    folder, counts = built
    rows = list(read_rows(str(folder / "rows")))
    assert counts["kept"] == counts["asked"] == len(rows) == 24 * 2 + 16 and counts["rejected"] == {}
    for row in rows:
        assert grade(row.task, row.meta, asked_form(row.task, row.answer)).ok
        wrong = next(letter for letter in geometry.LETTERS if letter != row.answer)
        assert grade(row.task, row.meta, asked_form(row.task, wrong)).reason == "wrong_choice"
        assert not row.images and "<image>" not in row.question and row.thought_before and row.thought_after
        assert decode_image(row.helper_images[0], row.id).shape == (336, 336, 3)


def test_no_problem_stands_twice_and_splits_hold_the_same_kinds(tmp_path):
    spec = GeometrySpec(task="comt_geometry", seed=1, num_puzzles={"train": 820, "validation": 200})
    counts = sample_geometry(spec.puzzles, tmp_path)
    places = [json.loads(line) for path in (tmp_path / "puzzles").iterdir() for line in path.read_text().splitlines()]
    puzzles = {place["number"]: geometry.sample(spec.seed, place["index"]) for place in places}
    assert len({puzzle.problem.text for puzzle in puzzles.values()}) == counts["puzzles"] == 1020
    levels = {split: Counter(geometry.level(puzzles[p["number"]]) for p in places if p["split"] == split)
              for split in ("train", "validation")}  # fmt: skip
    for level in range(1, len(geometry.TEMPLATES) + 1):
        share, other = levels["train"][level] / 820, levels["validation"][level] / 200
        assert abs(share - other) < 0.06 and other > 0.005
    letters = Counter(puzzle.letter for puzzle in puzzles.values())
    assert max(letters.values()) - min(letters.values()) < 60


def test_shards_and_processes_cannot_change_the_data(built, tmp_path):
    small = SPEC.model_copy(update={"puzzles_per_shard": 7})
    other, _ = build(small, tmp_path, workers=2)
    assert len(list((other / "rows").iterdir())) == 7
    assert list(read_rows(str(other / "rows"))) == list(read_rows(str(built[0] / "rows")))


def test_a_problem_has_a_row_for_each_thought(built):
    rows = [row for row in read_rows(str(built[0] / "rows")) if row.split == "train"]
    assert len({row.id for row in rows}) == len(rows) == 48
    assert len({row.question for row in rows}) == 24
    assert sum(one.thought_before != two.thought_before for one, two in zip(rows[::2], rows[1::2], strict=True)) > 15


def test_more_problems_than_there_are_is_refused(monkeypatch):
    monkeypatch.setattr(geometry_rows, "MAX_REPEATS", 4)  # so many in a row come much earlier
    spec = GeometrySpec(task="comt_geometry", seed=1, num_puzzles={"train": 500_000})
    with pytest.raises(InputError, match=r"num_puzzles: only \d+ different problems"):
        sample_geometry(spec, Path("/nonexistent"))


@pytest.mark.parametrize(
    ("change", "field"),
    [({"teacher": "server"}, "teacher"), ({"num_puzzles": {}}, "num_puzzles"), ({"levels": 3}, "levels"),
     ({"figure_px": 20}, "figure_px"), ({"num_puzzles": {"test": 1}}, "num_puzzles.test")],
)  # fmt: skip
def test_specs_that_make_no_sense_are_refused(tmp_path, change, field):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(SPEC.model_dump() | change))
    with pytest.raises(InputError, match=rf"mine\.yaml: `{field}"):
        load_spec(path)


def test_golden(built, tmp_path):
    """Figures depend on the font's rasteriser, so their pixels are compared coarsely elsewhere and not here."""
    sample_geometry(SPEC.puzzles, tmp_path)
    puzzles = b"".join(path.read_bytes() for path in sorted((tmp_path / "puzzles").iterdir()))
    rows = [vars(row) | {"helper_images": [], "meta": {**row.meta, "points": None}}
            for row in read_rows(str(built[0] / "rows"))]  # fmt: skip
    found = {"geometry-puzzles": puzzles, "geometry-dataset": json.dumps(rows, sort_keys=True).encode()}
    assert {name: hashlib.sha256(data).hexdigest()[:16] for name, data in found.items()} == GOLDEN


@pytest.mark.prefect
def test_the_flow_builds_it_and_finds_it_built(prefect_server, artifact_root):
    from flows.synth_comt import synth_comt
    from tasks.local import run_flow

    artifact = run_flow(synth_comt, spec=REPO / "datasets_spec/comt-smoke.yaml")
    assert len(list(read_rows(f"{artifact.uri}/rows"))) == 80
    assert run_flow(synth_comt, spec=REPO / "datasets_spec/comt-smoke.yaml").digest == artifact.digest
    assert {path.name for path in artifact_root.iterdir()} >= {"geometry-puzzles", "geometry-dataset"}
