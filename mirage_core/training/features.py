"""Vision features, computed once per picture: the vision tower is frozen in every stage.

They are an artifact of their own, shared by all stages and arms that start from the same base model: safetensors
shards of 256 rows, memory-mapped when read, so that a 7B model's features need not fit into memory.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from mirage_core.model.latent import MirageForConditionalGeneration
from mirage_core.model.load import best_device, load_model, load_processor
from mirage_core.model.processor import MirageProcessor
from mirage_core.row import Row, decode_image, in_batches, read_rows

ROWS_PER_SHARD = 256
ROWS_PER_BATCH = 32


class Pictures(NamedTuple):
    """The pictures of one kind of one row: (num_features, hidden) features in order, (num_pictures, 3) patch grid."""

    features: Tensor
    grid_thw: Tensor


def compute_features(base: str, data: Path, out: Path) -> dict[str, Any]:
    """Write the features of the input and helper images of all training rows below `out`.

    Args:
        base: Folder or name of the base model.
        data: Data set folder.
        out: Artifact folder.

    Returns:
        Counts: rows and pictures.
    """
    model, processor = load_model(base).eval().to(best_device()), load_processor(base)
    num_rows = num_pictures = 0
    for number, shard in enumerate(in_batches(read_rows(str(data / "rows"), split="train"), ROWS_PER_SHARD)):
        tensors: dict[str, Tensor] = {}
        for rows in in_batches(iter(shard), ROWS_PER_BATCH):
            for kind in ("images", "helper_images"):
                shown = [row for row in rows if getattr(row, kind)]
                for row, pictures in zip(shown, _see(model, processor, shown, kind), strict=True):
                    tensors[f"{row.id}/{kind}"] = pictures.features
                    tensors[f"{row.id}/{kind}_grid_thw"] = pictures.grid_thw
                    num_pictures += len(pictures.grid_thw)
        save_file(tensors, out / f"part-{number:05d}.safetensors")
        num_rows += len(shard)
        print(f"features: {num_rows} rows", flush=True)
    return {"rows": num_rows, "pictures": num_pictures}


class FeatureStore:
    """Reads what `compute_features` wrote, by row id."""

    def __init__(self, folder: Path) -> None:
        self._files = [safe_open(path, framework="pt") for path in sorted(folder.glob("part-*.safetensors"))]
        self._file_of = {key: file for file in self._files for key in file.keys()}  # noqa: SIM118 (not a dict)

    def get(self, row_id: str, kind: str) -> Pictures:
        """Features of the row's `images` or `helper_images`."""
        file = self._file_of[f"{row_id}/{kind}"]
        return Pictures(file.get_tensor(f"{row_id}/{kind}"), file.get_tensor(f"{row_id}/{kind}_grid_thw"))


@torch.no_grad()
def _see(
    model: MirageForConditionalGeneration, processor: MirageProcessor, rows: list[Row], kind: str
) -> Iterator[Pictures]:
    if not rows:
        return
    images = [[decode_image(png, f"{kind} of row {row.id}") for png in getattr(row, kind)] for row in rows]
    batch = processor.image_processor([image for group in images for image in group], return_tensors="pt")
    grids = iter(batch["image_grid_thw"])
    features = iter(model.model.get_image_features(**batch.to(model.device)).pooler_output)
    for group in images:
        yield Pictures(torch.cat([next(features) for _ in group]).cpu(), torch.stack([next(grids) for _ in group]))
