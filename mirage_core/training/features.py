"""Vision features, computed once per picture: the vision tower is frozen in every stage.

They are an artifact of their own, shared by all stages and arms that start from the same base model: safetensors
shards of 256 rows, memory-mapped when read, so that a 7B model's features need not fit into memory.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from mirage_core.model.latent import MirageForConditionalGeneration
from mirage_core.model.load import best_device, load_model, load_processor
from mirage_core.model.processor import MirageProcessor
from mirage_core.row import IMAGE_COLUMNS, decode_image, in_batches, read_rows

ROWS_PER_SHARD = 256
PICTURES_PER_BATCH = 64
KEY_LENGTH = 24


class Pictures(NamedTuple):
    """Some pictures: (num_features, hidden) features of one after the other, (num_pictures, 3) patch grid."""

    features: Tensor
    grid_thw: Tensor


def picture_key(png: bytes) -> str:
    """Name of a picture by its content, so that rows which share one share its features."""
    return hashlib.sha256(png).hexdigest()[:KEY_LENGTH]


def compute_features(base: str, data: Path, out: Path) -> dict[str, Any]:
    """Write the features of the input and helper images of all training rows below `out`.

    Args:
        base: Folder or name of the base model.
        data: Data set folder.
        out: Artifact folder.

    Returns:
        Counts: rows and different pictures.
    """
    model, processor = load_model(base).eval().to(best_device()), load_processor(base)
    seen: set[str] = set()
    num_rows = 0
    for number, rows in enumerate(in_batches(read_rows(str(data / "rows"), split="train"), ROWS_PER_SHARD)):
        named = [
            (png, f"{kind} of row {row.id}") for row in rows for kind in IMAGE_COLUMNS for png in getattr(row, kind)
        ]
        new = {key: picture for picture in named if (key := picture_key(picture[0])) not in seen}
        tensors: dict[str, Tensor] = {}
        for batch in in_batches(iter(new.items()), PICTURES_PER_BATCH):
            images = [decode_image(png, name) for _, (png, name) in batch]
            for (key, _), pictures in zip(batch, _see(model, processor, images), strict=True):
                tensors |= {key: pictures.features, f"{key}_grid_thw": pictures.grid_thw}
        save_file(tensors, out / f"part-{number:05d}.safetensors")
        seen |= new.keys()
        num_rows += len(rows)
        print(f"features: {num_rows} rows", flush=True)
    return {"rows": num_rows, "pictures": len(seen)}


NO_FEATURES = torch.empty(0)
"""Of a row without pictures; joins features of any width."""


class FeatureStore:
    """Reads what `compute_features` wrote, by `picture_key`."""

    def __init__(self, folder: Path) -> None:
        self._files = [safe_open(path, framework="pt") for path in sorted(folder.glob("part-*.safetensors"))]
        self._file_of = {key: file for file in self._files for key in file.keys()}  # noqa: SIM118 (not a dict)

    def get(self, keys: Sequence[str]) -> Pictures:
        """Features of pictures, in their order."""
        features = [self._file_of[key].get_tensor(key) for key in keys]
        return Pictures(torch.cat(features) if features else NO_FEATURES, self.grid_thw(keys))

    def grid_thw(self, keys: Sequence[str]) -> Tensor:
        """(num_pictures, 3) patch grid of pictures, in their order, without reading their features."""
        grids = [self._file_of[key].get_tensor(f"{key}_grid_thw") for key in keys]
        return torch.cat(grids) if grids else torch.empty(0, 3, dtype=torch.long)


@torch.no_grad()
def _see(
    model: MirageForConditionalGeneration, processor: MirageProcessor, images: list[np.ndarray]
) -> Iterator[Pictures]:
    batch = processor.image_processor(images, return_tensors="pt")
    features = model.model.get_image_features(**batch.to(model.device)).pooler_output
    for one, grid_thw in zip(features, batch["image_grid_thw"].cpu(), strict=True):
        yield Pictures(one.cpu(), grid_thw[None])
