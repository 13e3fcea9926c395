"""Step 1 of jigsaws: the photographs, each in one split, none of them of an official item."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mirage_core.benchmark.official_jigsaw import read_official
from mirage_core.jigsaw_spec import Selection
from mirage_core.photos.collect import collect_photos, read_listed
from mirage_core.photos.overlap import without_official
from mirage_core.photos.read import Photo, Unusable
from mirage_core.photos.sources import read_photos
from mirage_core.photos.splits import Listed, assign
from mirage_core.puzzles.jigsaw import fits, min_photo_px
from mirage_core.split import Split

SPLITS_FILE = "splits.json"


def select_photos(selection: Selection, source: str, official: str, out: Path) -> dict[str, Any]:
    """Write what `collect_photos` does, and the contents of the photographs of each split to `splits.json`.

    Args:
        selection: What for.
        source: See `read_photos`.
        official: Official items whose photographs are kept out (see `read_official`); empty for none.
        out: Artifact folder.

    Returns:
        Counts: asked, kept, by split, and rejected by reason.
    """
    found: Iterable[Photo | Unusable] = read_photos(source, selection.split, selection.limit)
    if official:
        found = without_official(found, list(read_official(official)))
    counts = collect_photos(found, out, min_photo_px(selection.cut))
    roomy = [photo for photo in read_listed(out) if fits(photo.width_px, photo.height_px, selection.cut)]
    dealt = assign(roomy, selection.num_puzzles)
    contents = {split: [photo.content for photo in photos] for split, photos in dealt.items()}
    (out / SPLITS_FILE).write_text(json.dumps(contents), encoding="utf-8")
    by_split = {f"photographs of {split}": len(photos) for split, photos in dealt.items()}
    return {**counts, **by_split, "without_room": counts["kept"] - len(roomy)}


def photos_of_splits(folder: Path) -> dict[Split, list[Listed]]:
    """What `select_photos` dealt out."""
    by_content = {photo.content: photo for photo in read_listed(folder)}
    contents = json.loads((folder / SPLITS_FILE).read_text(encoding="utf-8"))
    return {split: [by_content[content] for content in found] for split, found in contents.items()}
