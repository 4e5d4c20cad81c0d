"""Batches from encoded images: decoded, cropped, resized and mirrored on every core, into one array."""

from __future__ import annotations

import concurrent.futures
import dataclasses
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from kgv_jax.data import jpeg
from kgv_jax.data.crop import Crop
from kgv_jax.data.decode import MAX_PIXELS, decode_rgb
from kgv_jax.util.errors import UserError


@dataclasses.dataclass(frozen=True)
class CropReader:
    """Reads crops of encoded images; a row depends on its bytes and its position alone, never on `threads`.

    Attributes:
      size_px: side of the result.
      crop: (position, height, width) -> Crop; see `data.crop`.
      threads: images read at a time; decoder and resizer work outside the interpreter lock.
    """

    size_px: int
    crop: Callable[[int, int, int], Crop]
    threads: int = 1
    # Scratch memory, one piece a thread: fresh pages for every image would cost half as much as decoding it.
    _scratch: list[np.ndarray] = dataclasses.field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if min(self.size_px, self.threads) < 1:
            raise UserError(f"size_px is {self.size_px} and threads {self.threads}; both must be 1 or more.")

    def __call__(
        self,
        encoded: Sequence[bytes],
        positions: Sequence[int] | np.ndarray,
        *,
        names: Sequence[str] | None = None,
        out: np.ndarray | None = None,
    ) -> np.ndarray:
        """Returns the crops uint8 [n, size_px, size_px, 3] RGB.

        Args:
          encoded: n JPEG, PNG or WebP files as bytes.
          positions: int [n], the images' positions in the stream's endless order.
          names: of the files or records, for errors; their positions if None.
          out: where to write, of the result's shape and type.

        Raises:
          UserError: an image is damaged, too large, or in another format.
        """
        count, shape = len(encoded), (len(encoded), self.size_px, self.size_px, 3)
        if len(positions) != count or (names is not None and len(names) != count):
            raise ValueError(f"{count} images, {len(positions)} positions; expected as many names too, or none")
        if out is None:
            out = np.empty(shape, np.uint8)
        elif out.shape != shape or out.dtype != np.uint8:
            raise ValueError(f"out is {out.dtype} {out.shape}; expected uint8 {shape}")

        def read(first: int) -> None:
            scratch = self._scratch.pop() if self._scratch else np.empty(0, np.uint8)
            for row in range(first, count, self.threads):
                position = int(positions[row])
                name = f"the image at position {position}" if names is None else names[row]
                scratch = self._read(encoded[row], position, name, out[row], scratch)
            self._scratch.append(scratch)

        if self.threads == 1:
            read(0)
        else:
            with concurrent.futures.ThreadPoolExecutor(self.threads) as pool:
                list(pool.map(read, range(self.threads)))
        return out

    def _read(self, data: bytes, position: int, name: str, out: np.ndarray, scratch: np.ndarray) -> np.ndarray:
        """Writes one crop; returns the scratch memory, grown if it was too small."""
        header = jpeg.read_header(data)
        quick = header is not None and header.orientation == 1 and header.components < 4
        if quick and header.height * header.width <= MAX_PIXELS:
            if scratch.size < jpeg.buffer_bytes(header):
                scratch = np.empty(jpeg.buffer_bytes(header), np.uint8)
            crop = self.crop(position, header.height, header.width)
            shrink = _shrink(crop, self.size_px)
            try:
                pixels, first_row, first_column = jpeg.decode_box(data, header, crop, shrink=shrink, buffer=scratch)
            except ValueError:
                pass  # the tolerant decoder below has the last word
            else:
                # Whole pixels of the small image: the crop begins up to `shrink - 1` pixels higher and further left.
                top, left, height, width = (side // shrink for side in crop[:4])
                _cut(pixels, Crop(top - first_row, left - first_column, height, width, crop.mirrored), out)
                return scratch
        pixels = decode_rgb(data, name)
        _cut(pixels, self.crop(position, *pixels.shape[:2]), out)
        return scratch


def _shrink(crop: Crop, size_px: int) -> int:
    """Returns the largest factor that leaves every pixel of the result one or more of the crop."""
    return next((k for k in jpeg.SHRINKS if min(crop.height, crop.width) >= k * size_px), 1)


def _cut(pixels: np.ndarray, crop: Crop, out: np.ndarray) -> None:
    """Writes a crop of pixels [h, w, 3] into `out` [size, size, 3]."""
    part = pixels[crop.top : crop.top + crop.height, crop.left : crop.left + crop.width]
    # Linear interpolation reads four pixels: beyond half size it leaves some out.
    small = min(part.shape[:2]) >= 2 * len(out)
    cv2.resize(part, out.shape[1::-1], dst=out, interpolation=cv2.INTER_AREA if small else cv2.INTER_LINEAR)
    if crop.mirrored:
        cv2.flip(out, 1, dst=out)
