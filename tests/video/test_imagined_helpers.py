"""From SAT rows with the true view to rows with an imagined one, by a real pipeline with random weights."""

import io
import json
import shutil

import numpy as np
import pytest
import yaml
from PIL import Image

from mirage_core.errors import InputError
from mirage_core.puzzles.sat_helpers import read_video
from mirage_core.report.imagined import imagined_section
from mirage_core.report.render import render
from mirage_core.row import read_rows
from mirage_core.sat_spec import SatSpec
from mirage_core.synthesis.imagined_helpers import imagine_helpers
from mirage_core.synthesis.sat_puzzles import draw_sat_puzzles
from mirage_core.synthesis.sat_rows import draw_sat_rows
from mirage_core.teacher.settings import ServerTeacher
from mirage_core.video.pipeline import fingerprint
from mirage_core.video.settings import ImaginedVideo

pytestmark = pytest.mark.train
SPEC = SatSpec(
    task="sat_dynamic", seed=7, types=("goal_aim",), num_puzzles={"train": 3}, side_px=64, puzzles_per_shard=2
)
SMALL = {"width_px": 64, "height_px": 64, "num_frames": 9, "num_steps": 1, "num_shown": 5, "precision": "float32"}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    root = tmp_path_factory.mktemp("sat")
    for name in ("puzzles", "pictures", "other", "scratch"):
        (root / name).mkdir()
    draw_sat_puzzles(SPEC.puzzles, root / "puzzles", root / "scratch", 1)
    draw_sat_rows(root / "puzzles", "target", SPEC.side_px, root / "pictures", root / "scratch", 1)
    draw_sat_rows(root / "puzzles", "noise", SPEC.side_px, root / "other", root / "scratch", 1)
    return root / "pictures"


@pytest.fixture(scope="module")
def video(tiny_video):
    return ImaginedVideo(model=str(tiny_video("cogvideox")), **SMALL)


def imagine(pictures, video, root):
    for name in ("out", "scratch"):
        (root / name).mkdir(parents=True, exist_ok=True)
    counts = imagine_helpers(pictures, video, SPEC.seed, root / "answers", root / "out", root / "scratch")
    return root / "out", counts


@pytest.fixture(scope="module")
def imagined(pictures, video, tmp_path_factory):
    return imagine(pictures, video, tmp_path_factory.mktemp("imagined"))


def test_only_the_helper_image_changes(pictures, imagined):
    before, after = (list(read_rows(str(folder / "rows"))) for folder in (pictures, imagined[0]))
    assert len(before) == len(after) == imagined[1]["rows"] == 3
    for old, new in zip(before, after, strict=True):
        assert (old.id, old.images, old.question, old.answer) == (new.id, new.images, new.question, new.answer)
        assert old.helper_images != new.helper_images and new.meta["helper"] == "imagined"
        assert Image.open(io.BytesIO(new.helper_images[0])).size == (64, 64)
        assert new.meta["picked_by"] == "measure" and 0 <= new.meta["frame"] < 5
        assert old.meta["puzzle"] == new.meta["puzzle"] and 0 < new.meta["likeness"]["psnr_db"] < 40


def test_likeness_is_measured_beside_what_else_could_stand_there(imagined):
    folder, counts = imagined
    lines = {line["name"]: line for line in json.loads((folder / "quality.json").read_text())}
    assert list(lines) == ["imagined frame", "frame of the true path", "first picture", "noise"]
    assert all(line["n"] == 3 for line in lines.values())
    ssim = {name: line["mean"][1] for name, line in lines.items()}
    assert max(ssim["frame of the true path"], ssim["first picture"]) > ssim["noise"]
    assert counts["ssim of imagined"] == pytest.approx(ssim["imagined frame"], abs=1e-4)


def test_frames_stand_beside_it_as_videos(imagined):
    samples = imagined[0] / "samples"
    assert {path.name for path in samples.iterdir()} == {"goal_aim.png", "goal_aim.mp4", "goal_aim.webp"}
    assert len(read_video(samples / "goal_aim.mp4")) == 9
    assert Image.open(samples / "goal_aim.webp").n_frames > 1
    strip = np.asarray(Image.open(samples / "goal_aim.png"))
    assert strip.shape == (72, 7 * 72, 3) and (strip[0] == (200, 30, 30)).all(-1).sum() == 72


def test_a_rerun_makes_the_same_and_goes_on_where_it_was(pictures, video, imagined, tmp_path):
    again, _ = imagine(pictures, video, tmp_path)
    assert list(read_rows(str(again / "rows"))) == list(read_rows(str(imagined[0] / "rows")))


def test_rows_without_the_true_view_are_refused(pictures, video, tmp_path):
    with pytest.raises(InputError, match="its helper image must be the true view"):
        imagine(pictures.parent / "other", video, tmp_path)


@pytest.mark.server
def test_a_model_behind_a_server_picks(pictures, video, tmp_path, picking_server):
    picking_server("--answer", "Frame 2 shows most.", "--models", "eye")
    asked = video.model_copy(update={"picker": "teacher", "server": ServerTeacher(model="eye")})
    folder, counts = imagine(pictures, asked, tmp_path)
    assert counts["picked by teacher"] == 3 and counts["not taken"] == {}
    assert {(row.meta["frame"], row.meta["picked_by"]) for row in read_rows(str(folder / "rows"))} == {(1, "teacher")}


def test_weights_are_known_by_content(tiny_video, tmp_path):
    copy = shutil.copytree(tiny_video("cogvideox"), tmp_path / "moved")
    known = fingerprint(str(copy))
    assert known == fingerprint(str(tiny_video("cogvideox"))) != fingerprint("THUDM/CogVideoX-5b-I2V")
    (copy / "README.md").write_text("notes")
    assert fingerprint(str(copy)) == known
    (copy / "scheduler/scheduler_config.json").write_text("{}")
    assert fingerprint(str(copy)) != known


def write_spec(path, **video):
    path.write_text(yaml.safe_dump({**SPEC.model_dump(mode="json", exclude={"video"}), "video": SMALL | video}))
    return path


def test_an_imagined_and_another_helper_image_exclude_each_other():
    with pytest.raises(ValueError, match="compared with the true view; leave out helper_image"):
        SatSpec(**{**SPEC.model_dump(), "helper_image": "noise", "video": {}})


@pytest.mark.prefect
def test_the_flow_imagines_and_the_report_shows_it(prefect_server, artifact_root, tiny_video, tmp_path):
    from flows.synth_sat import synth_sat
    from tasks.artifact import folder
    from tasks.local import run_flow

    spec = write_spec(tmp_path / "spec.yaml", model=str(tiny_video("cogvideox")))
    artifact = run_flow(synth_sat, spec=spec)
    rows = list(read_rows(f"{artifact.uri}/rows"))
    assert len(rows) == 3 and {row.meta["helper"] for row in rows} == {"imagined"} and rows[0].thought_after
    assert "image-to-video model imagined it" in (folder(artifact) / "README.md").read_text()
    section = imagined_section(folder(artifact))
    page = render("imagined.html", imagined=section)
    assert page.count("data:image/webp;base64,") == 1 and "frame of the true path" in page and "goal_aim.mp4" in page
    assert run_flow(synth_sat, spec=spec).digest == artifact.digest


@pytest.mark.prefect
def test_a_model_that_cannot_be_told_is_refused_before_a_room_is_drawn(prefect_server, artifact_root, tmp_path, capsys):
    from flows.synth_sat import synth_sat
    from tasks.local import run_flow

    (tmp_path / "svd").mkdir()
    (tmp_path / "svd/model_index.json").write_text('{"_class_name": "StableVideoDiffusionPipeline"}')
    with pytest.raises(SystemExit):
        run_flow(synth_sat, spec=write_spec(tmp_path / "spec.yaml", model=str(tmp_path / "svd")))
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("error: ") and "can't be told to turn" in last and "take THUDM/CogVideoX-5b-I2V" in last
    assert not list(artifact_root.glob("*/*/manifest.json"))
