"""Frames by real pipelines with random weights, loaded from a folder as real ones are."""

import json
import subprocess
import sys

import numpy as np
import pytest

from mirage_core.errors import InputError
from mirage_core.video.imagine import Imaginer, evenly_spaced, in_words
from mirage_core.video.pipeline import find_class, load_pipeline
from mirage_core.video.settings import ImaginedVideo

SMALL = {"width_px": 64, "height_px": 64, "num_frames": 9, "num_steps": 2, "precision": "float32"}
PICTURE = np.random.default_rng(0).integers(0, 256, (48, 48, 3), np.uint8)


def settings(folder, **changes) -> ImaginedVideo:
    return ImaginedVideo(model=str(folder), **{**SMALL, **changes})


@pytest.mark.train
@pytest.mark.parametrize("name", ["cogvideox", "wan", "ltx"])
def test_every_family_imagines_frames_of_the_pictures_size_by_its_seed(tiny_video, name):
    imaginer = Imaginer(settings(tiny_video(name)))
    one, again, other = (imaginer.imagine(PICTURE, ("turn left",), seed) for seed in ((1, 2), (1, 2), (1, 3)))
    assert len(one) == 9 and {frame.shape for frame in one} == {(48, 48, 3)} and one[0].dtype == np.uint8
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.train
def test_the_model_hears_the_action(tiny_video):
    """With the same noise, other words make other frames; a model that is not told would make the same ones."""
    imaginer = Imaginer(settings(tiny_video("cogvideox")))
    left, right, still = (imaginer.imagine(PICTURE, actions, (1,)) for actions in (("turn left",), ("turn right",), ()))
    assert not np.array_equal(left[-1], right[-1]) and not np.array_equal(left[-1], still[-1])


@pytest.mark.train
def test_tiling_is_possible_and_a_reduced_precision_too(tiny_video):
    tiled = Imaginer(settings(tiny_video("cogvideox"), vae_tiling=True, precision="bfloat16"))
    assert len(tiled.imagine(PICTURE, ("move forward",), (1,))) == 9


@pytest.mark.train
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"num_frames": 10}, r"video\.num_frames: CogVideoX.* makes 4k \+ 1 frames, such as 9 or 13, not 10"),
        ({"offload": "model"}, r"video\.offload: model needs a GPU"),
        ({"offload": "sequential"}, r"video\.offload: sequential needs a GPU"),
    ],
)
def test_settings_that_do_not_suit_are_refused(tiny_video, change, told):
    import torch

    if "offload" in change and torch.accelerator.is_available():
        pytest.skip("this machine has an accelerator")
    with pytest.raises(InputError, match=told):
        load_pipeline(settings(tiny_video("cogvideox"), **change))


@pytest.mark.train
def test_sides_that_a_model_does_not_take_are_refused(tiny_video):
    imaginer = Imaginer(settings(tiny_video("ltx"), width_px=80))
    with pytest.raises(InputError, match="LTXImageToVideoPipeline refuses the settings .*divisible by 32"):
        imaginer.imagine(PICTURE, (), (1,))


def named(folder, name):
    folder.mkdir(exist_ok=True)
    (folder / "model_index.json").write_text(json.dumps({"_class_name": name}))
    return folder


@pytest.mark.train
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("StableVideoDiffusionPipeline", "takes no words, so it can't be told to turn.*take THUDM/CogVideoX-5b-I2V"),
        ("CogVideoXPipeline", "takes words only, so it can't go on from the question's picture"),
        ("StableDiffusionImg2ImgPipeline", "makes single pictures"),
        ("HouseOfMirrorsPipeline", "knows no HouseOfMirrorsPipeline"),
    ],
)
def test_a_kind_that_cannot_do_it_is_refused_before_its_weights_are_touched(tmp_path, name, told):
    with pytest.raises(InputError, match=rf"video\.model: .*{told}"):
        find_class(settings(named(tmp_path / "model", name)))


@pytest.mark.train
def test_weights_of_ltx_named_after_its_text_pipeline_are_run_from_the_picture_on(tmp_path):
    assert find_class(settings(named(tmp_path / "model", "LTXPipeline"))).__name__ == "LTXImageToVideoPipeline"


@pytest.mark.train
def test_missing_and_broken_folders_name_the_way_out(tiny_video, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for model in (tmp_path / "none", "./none", "none"):
        with pytest.raises(InputError, match=r"video\.model: no folder .*none; give an existing one or a name on the"):
            find_class(settings(model))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"holds no pipeline of diffusers .*hf download"):
        find_class(settings(tmp_path / "empty"))
    with pytest.raises(InputError, match=r"no-such-people/no-model is neither a folder here nor .*--local-dir FOLDER"):
        find_class(settings("no-such-people/no-model"))
    with pytest.raises(InputError, match=r"video\.model: .*half cannot be loaded"):
        load_pipeline(settings(named(tmp_path / "half", "CogVideoXImageToVideoPipeline")))


def test_without_the_extra_it_says_how_to_install_it():
    code = (
        "import sys; sys.modules['diffusers'] = None\n"
        "from mirage_core.video.pipeline import find_class\n"
        "from mirage_core.video.settings import ImaginedVideo\n"
        "find_class(ImaginedVideo())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "video: diffusers is not installed; pip install 'mirage[video]'" in done.stderr


def test_movements_in_words():
    assert in_words(()) == "The camera stands still"
    assert in_words(("turn left", "move forward")) == "The camera turns left on the spot, then moves forward"


def test_frames_are_taken_evenly_with_the_ends():
    frames = [np.full((1, 1, 3), n, np.uint8) for n in range(49)]
    assert [int(frame[0, 0, 0]) for frame in evenly_spaced(frames, 9)] == [0, 6, 12, 18, 24, 30, 36, 42, 48]


@pytest.mark.parametrize(
    "change", [{"prompt": "a room"}, {"num_frames": 5}, {"width_px": 100}, {"guidance": 0.5}, {"fps": 8}]
)
def test_settings_that_make_no_sense_are_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        ImaginedVideo(**change)
