"""Which part of an image is shown, as a pure function of (seed, stream, position) and of the image's size."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import struct
from typing import NamedTuple

from kgv_jax.util.errors import UserError

_ATTEMPTS = 10


class Crop(NamedTuple):
    """Rows [top, top + height) and columns [left, left + width) of an image, mirrored left to right or not."""

    top: int
    left: int
    height: int
    width: int
    mirrored: bool = False


@dataclasses.dataclass(frozen=True)
class RandomCrop:
    """Crops of random area and aspect (arXiv 1409.4842, section 6), sampled as by `RandomResizedCrop` of torchvision.

    Attributes:
      seed: seed of the run.
      stream: name of the stream whose images are cropped.
      scale: range of the crop's share of the image's area, uniform.
      ratio: range of width / height, uniform in its logarithm.
      mirror: probability of a mirrored crop.
    """

    seed: int
    stream: str
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    mirror: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.scale[0] <= self.scale[1] <= 1:
            raise UserError(f"crop.scale is {self.scale}; expected 0 < low <= high <= 1, such as (0.08, 1).")
        if not 0 < self.ratio[0] <= self.ratio[1] < math.inf:
            raise UserError(f"crop.ratio is {self.ratio}; expected 0 < low <= high, such as (0.75, 1.33).")
        if not 0 <= self.mirror <= 1:
            raise UserError(f"crop.mirror is {self.mirror}; expected a probability, 0 (never) to 1.")

    def __call__(self, position: int, height: int, width: int) -> Crop:
        """Returns the crop of the image at a position in the stream's endless order."""
        low, high = math.log(self.ratio[0]), math.log(self.ratio[1])
        # Wide crops of large area do not fit; as in torchvision, ten attempts, then the central crop.
        for attempt in range(_ATTEMPTS):
            area, shape, down, right, mirror = self._uniform(position, attempt)
            area = height * width * (self.scale[0] + area * (self.scale[1] - self.scale[0]))
            # Uniform in the logarithm, so that 3:4 is as likely as 4:3.
            aspect = math.exp(low + shape * (high - low))
            crop_width, crop_height = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if 0 < crop_width <= width and 0 < crop_height <= height:
                top, left = int(down * (height - crop_height + 1)), int(right * (width - crop_width + 1))
                return Crop(top, left, crop_height, crop_width, mirror < self.mirror)
        return _central(height, width, self.ratio)._replace(mirrored=mirror < self.mirror)

    def _uniform(self, position: int, attempt: int) -> tuple[float, ...]:
        """Returns five numbers, uniform in [0, 1), from a hash, which costs less than setting up a generator."""
        key = repr((int(self.seed), "crop", self.stream, int(position), attempt)).encode()
        integers = struct.unpack("<5Q", hashlib.blake2b(key, digest_size=40).digest())
        return tuple((integer >> 11) * 2.0**-53 for integer in integers)


@dataclasses.dataclass(frozen=True)
class CentreCrop:
    """The central square whose side is `share` of the shorter side: 224 of 256 pixels, as evaluations have it."""

    share: float = 224 / 256

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise UserError(f"crop.share is {self.share}; expected more than 0 and at most 1, such as 0.875.")

    def __call__(self, position: int, height: int, width: int) -> Crop:
        """Returns the crop, which is the same at every position."""
        side = max(1, round(self.share * min(height, width)))
        return Crop((height - side) // 2, (width - side) // 2, side, side)


def _central(height: int, width: int, ratio: tuple[float, float]) -> Crop:
    """Returns the largest central crop whose aspect is in the range."""
    aspect = min(max(width / height, ratio[0]), ratio[1])
    crop_width = max(1, min(width, round(height * aspect)))
    crop_height = max(1, min(height, round(width / aspect)))
    return Crop((height - crop_height) // 2, (width - crop_width) // 2, crop_height, crop_width)
