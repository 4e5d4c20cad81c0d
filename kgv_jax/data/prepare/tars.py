"""ImageNet's own archives, read in place: the position of every image in a tar file, nested tar files included."""

from __future__ import annotations

import pathlib
import tarfile
from collections.abc import Iterator

import numpy as np

from kgv_jax.util.errors import UserError

_END_BYTES = 1024  # of zeros after the last member


class TarImages:
    """The images of an uncompressed tar file, read at their positions; nothing is unpacked.

    `ILSVRC2012_img_train.tar` holds a tar file per class id, `n01440764.tar` with `n01440764_10026.JPEG` and so on;
    `ILSVRC2012_img_val.tar` holds images. `paths` are as in the unpacked folders: `n01440764/n01440764_10026.JPEG`.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        self._size = path.stat().st_size
        try:
            with path.open("rb") as file:
                found = list(self._members(file, 0, ""))
        except tarfile.TarError as error:
            raise UserError(
                f"{path}: not an uncompressed tar file, or damaged ({error}). Download it again, or unpack it and name"
                " the folder."
            ) from error
        found.sort()
        self.paths = [name for name, _, _ in found]
        self._spans = np.array([entry[1:] for entry in found], np.int64).reshape(-1, 2)

    def read(self, rows: np.ndarray) -> list[bytes]:
        """Returns the encoded images of rows `[m]`."""
        with self._path.open("rb") as file:
            found = []
            for start, size in self._spans[rows].tolist():
                file.seek(start)
                found.append(file.read(size))
        return found

    def _members(self, file, offset: int, folder: str) -> Iterator[tuple[str, int, int]]:
        """Yields (name, position, bytes) of the images of the tar file that begins at an offset."""
        file.seek(offset)
        with tarfile.open(fileobj=file, mode="r:") as archive:
            members = [member for member in archive if member.isfile()]
            end = archive.offset  # of the last member
        file.seek(end)
        if len(file.read(_END_BYTES)) < _END_BYTES:
            raise UserError(
                f"{self._path}: truncated: {self._size} bytes, without an end mark at {end}. Download it again."
            )
        for member in members:
            if member.offset_data + member.size > self._size:
                raise UserError(
                    f"{self._path}: truncated: {member.name} ends at byte {member.offset_data + member.size}, the file"
                    f" has {self._size}. Continue the download, or start it again."
                )
            name = member.name.removeprefix("./")
            if name.endswith(".tar"):
                yield from self._members(file, member.offset_data, f"{folder}{name.removesuffix('.tar')}/")
            elif name.lower().endswith((".jpeg", ".jpg", ".png")):
                yield f"{folder}{name}", member.offset_data, member.size
