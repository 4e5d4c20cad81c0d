"""`kgv prepare corruptions --config=CONFIG --out=DIR`: the source's test images under ImageNet-C's fifteen corruptions.

Writes `DIR/<corruption>/<1 to 5>/<class>/<image>.jpg`, the layout of ImageNet-C and of Tiny-ImageNet-C (arXiv
1903.12261), at JPEG quality 85 as published. The corruptions are those of the package `imagecorruptions` in a kept
version (PyPI `imagecorruptions-imaug`), which scales them to an image's size. It brings numba, scikit-image and another
build of OpenCV along, so it is an extra that nothing else needs.

Random numbers follow from the seed, the image, the corruption and the severity: the same call writes the same pixels.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import warnings
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from kgv_jax.data.render_cache import over_white
from kgv_jax.data.types import ImageList
from kgv_jax.util.errors import UserError, nearest, needs_extra

CORRUPTIONS = (
    "gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "snow",
    "frost", "fog", "brightness", "contrast", "elastic_transform", "pixelate", "jpeg_compression",
)  # fmt: skip
SEVERITIES = (1, 2, 3, 4, 5)
LEAST_PX = 32  # of a side, by the package
_QUALITY = 85
_SEEDED = ("glass_blur", "impulse_noise")  # these take a seed of their own; the others read numpy's global generator

# uint8 [s, s, 3], corruption=, severity=, seed= -> uint8 [s, s, 3]
Corrupt = Callable[..., np.ndarray]


def load_corrupt() -> Corrupt:
    """Returns the function of the package.

    Raises:
      UserError: the package is not installed.
    """
    with needs_extra("corruptions", what="Corruptions"):
        import imagecorruptions

    def corrupt(image: np.ndarray, *, corruption: str, severity: int, seed: int) -> np.ndarray:
        own = {"seed": seed} if corruption in _SEEDED else {}
        state = np.random.get_state()
        np.random.seed(seed)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of values that it clips afterwards
                return imagecorruptions.corrupt(image, severity=severity, corruption_name=corruption, **own)
        finally:
            np.random.set_state(state)

    return corrupt


def write_corrupted(
    images: ImageList,
    out: str | os.PathLike,
    corrupt: Corrupt,
    *,
    size_px: int,
    corruptions: Sequence[str] = CORRUPTIONS,
    severities: Sequence[int] = SEVERITIES,
    seed: int = 0,
) -> int:
    """Writes every image under every corruption; returns how many files were written. Files that exist stay.

    Args:
      images: with classes.
      out: folder to write to.
      corrupt: see `load_corrupt`.
      size_px: side of the square images.
      corruptions: names of `CORRUPTIONS`.
      severities: from 1 to 5.
      seed: of the random numbers.

    Raises:
      UserError: an unknown corruption or severity, images that are too small, or two images of one name in a class.
    """
    if unknown := [name for name in corruptions if name not in CORRUPTIONS]:
        raise UserError(
            f"There is no corruption {unknown[0]!r}{nearest(unknown[0], CORRUPTIONS)}; expected one of"
            f" {', '.join(CORRUPTIONS)}."
        )
    if wrong := [severity for severity in severities if severity not in SEVERITIES]:
        raise UserError(f"The severity is {wrong[0]}; expected whole numbers from 1 to 5.")
    if size_px < LEAST_PX:
        raise UserError(f"Images have {size_px} px; corruptions need {LEAST_PX} or more: --config.data.size_px=64.")
    count = 0
    taken: set[str] = set()
    for image in images:
        inside = f"{image.label}/{pathlib.PurePosixPath(image.id).stem}.jpg"
        if inside in taken:
            raise UserError(f"Two images of the class {image.label} are called {inside}; rename one: {image.id}.")
        taken.add(inside)
        rgb = over_white(image.load(size_px))
        for corruption in corruptions:
            for severity in severities:
                path = pathlib.Path(out, corruption, str(severity), inside)
                if path.exists():
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                own = _seed_of(seed, image.id, corruption, severity)
                changed = corrupt(rgb, corruption=corruption, severity=severity, seed=own)
                partial = path.with_suffix(".partial")
                Image.fromarray(changed).save(partial, format="JPEG", quality=_QUALITY)
                os.replace(partial, path)  # a file that is there is whole
                count += 1
    return count


def _seed_of(*parts: object) -> int:
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=4).digest())
