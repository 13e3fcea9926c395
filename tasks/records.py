"""Where Prefect keeps its records: inside the artifacts that they vouch for, in a folder or a bucket.

Prefect's own block for S3 would have to be saved on the server and named in a setting, on every server and before the
first run. This one holds nothing to save: it asks for the root when it is used.
"""

import asyncio
from pathlib import Path

from prefect.filesystems import WritableFileSystem

from mirage_core import storage
from tasks.place import root


class ArtifactRoot(WritableFileSystem):
    """Result storage below today's artifact root."""

    _block_type_name = "Mirage artifact root"

    def _resolve_path(self, path: str) -> str:
        """Prefect looks for this method: it writes down where a record lies, and asks again with that."""
        return path if path.startswith(root()) else storage.join(root(), path)

    def read_path(self, path: str, _sync: bool = True) -> bytes:
        place = self._resolve_path(path)
        return storage.read_bytes(place) if storage.is_remote(place) else Path(place).read_bytes()

    def write_path(self, path: str, content: bytes, _sync: bool = True) -> None:
        storage.write_whole(self._resolve_path(path), content)

    async def aread_path(self, path: str) -> bytes:
        return await asyncio.to_thread(self.read_path, path)

    async def awrite_path(self, path: str, content: bytes) -> None:
        await asyncio.to_thread(self.write_path, path, content)
