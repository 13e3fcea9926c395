"""Opening an image-to-video pipeline of diffusers, and refusing what cannot do the work before it is loaded."""

import hashlib
import inspect
import json
import os
import re
from pathlib import Path
from typing import Any

from mirage_core.errors import InputError
from mirage_core.video.settings import EXAMPLES, ImaginedVideo

EXTRA = "pip install 'mirage[video]' (diffusers and ftfy)"
INDEX = "model_index.json"
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
IMAGE_TO_VIDEO = {"LTXPipeline": "LTXImageToVideoPipeline"}
"""Classes that a repository names -> the one that runs the same weights from a picture on."""


def load_pipeline(settings: ImaginedVideo) -> Any:
    """The pipeline on this machine's accelerator, or as `offload` says.

    Raises:
        InputError: As of `find_class`; a part of it is missing or broken, the number of frames does not suit it, or
            `offload` without a GPU.
    """
    import torch

    kind = find_class(settings)
    accelerator = torch.accelerator.current_accelerator()
    if settings.offload != "none" and accelerator is None:
        raise InputError(f"video.offload: {settings.offload} needs a GPU, and this machine has none; leave it out")
    try:
        pipeline = kind.from_pretrained(
            settings.model, dtype=getattr(torch, settings.precision), local_files_only=_is_folder(settings.model)
        )
    except (OSError, ValueError, RuntimeError, NameError, ImportError, KeyError, TypeError) as error:
        raise InputError(f"video.model: {settings.model} cannot be loaded ({_told(error)})") from error
    _check_frames(pipeline, settings)
    pipeline.set_progress_bar_config(disable=True)
    if settings.vae_tiling:
        pipeline.vae.enable_tiling()
    if settings.offload == "model":
        pipeline.enable_model_cpu_offload()
    elif settings.offload == "sequential":
        pipeline.enable_sequential_cpu_offload()
    else:
        pipeline.to(accelerator or "cpu")
    return pipeline


def find_class(settings: ImaginedVideo) -> Any:
    """The pipeline's class, without its weights.

    Raises:
        InputError: diffusers is not installed, there is no such model, or its kind takes no picture or no words.
    """
    try:
        import diffusers
    except ImportError as error:
        raise InputError(f"video: diffusers is not installed; {EXTRA}") from error
    name = _class_name(settings.model)
    name = IMAGE_TO_VIDEO.get(name, name)
    kind = getattr(diffusers, name, None)
    if kind is None:
        raise InputError(f"video.model: diffusers {diffusers.__version__} knows no {name}, which {settings.model} is")
    taken = inspect.signature(kind.__call__).parameters
    if "prompt" not in taken:
        told = "takes no words, so it can't be told to turn or to move"
    elif "image" not in taken:
        told = "takes words only, so it can't go on from the question's picture"
    elif "num_frames" not in taken:
        told = "makes single pictures"
    else:
        return kind
    raise InputError(f"video.model: {settings.model} is a {name}, which {told}; take {EXAMPLES}")


def fingerprint(model: str) -> str:
    """What names the weights: sha256 over a folder's files but its notes; a hub's name stands for itself."""
    folder = Path(model)
    if not folder.is_dir():
        return model
    digest = hashlib.sha256()
    for path in sorted(file for file in folder.rglob("*") if file.is_file() and file.suffix != ".md"):
        name = path.relative_to(folder).as_posix()
        if not name.startswith("."):
            digest.update(name.encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _is_folder(model: str) -> bool:
    return Path(model).expanduser().is_dir()


def _class_name(model: str) -> str:
    if _is_folder(model):
        path = Path(model) / INDEX
        try:
            return str(json.loads(path.read_text(encoding="utf-8"))["_class_name"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"video.model: {model} holds no pipeline of diffusers (no readable {INDEX}); give the folder into "
                "which `hf download NAME --local-dir FOLDER` or `save_pretrained` wrote it"
            ) from error
    if not HUB_ID.fullmatch(model) or model.startswith((".", os.sep, "~")):
        raise InputError(
            f"video.model: no folder {model}; give an existing one or a name on the hub, such as {EXAMPLES}"
        )
    from diffusers import DiffusionPipeline

    try:
        return str(DiffusionPipeline.load_config(model)["_class_name"])
    except Exception as error:  # the hub's client and its HTTP stack raise some twenty kinds, none of them a common one
        raise InputError(
            f"video.model: {model} is neither a folder here nor to be had from the hub ({_told(error)}); where the hub "
            f"is out of reach, run `hf download {model} --local-dir FOLDER` elsewhere and give that folder"
        ) from error


def _check_frames(pipeline: Any, settings: ImaginedVideo) -> None:
    ratio = next(
        (
            int(getattr(pipeline, name))
            for name in ("vae_scale_factor_temporal", "vae_temporal_compression_ratio")
            if hasattr(pipeline, name)
        ),
        1,
    )
    if (settings.num_frames - 1) % ratio:
        low = (settings.num_frames - 1) // ratio * ratio + 1
        raise InputError(
            f"video.num_frames: {type(pipeline).__name__} makes {ratio}k + 1 frames, such as {max(low, ratio + 1)} or "
            f"{low + ratio}, not {settings.num_frames}"
        )


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
