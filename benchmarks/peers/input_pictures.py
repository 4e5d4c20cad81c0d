"""Writes JPEGs of the size that a large data set has, cut from the photographs of scikit-learn (pykeen needs it)."""

from __future__ import annotations

import pathlib
import sys

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

SIZES = ((500, 375), (500, 375), (375, 500), (500, 333), (400, 300))


def main() -> None:
    folder, count, quality = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    photographs = [Image.fromarray(pixels) for pixels in load_sample_images().images]
    rng = np.random.default_rng(0)
    for index in range(count):
        photograph = photographs[index % len(photographs)]
        width, height = SIZES[index // len(photographs) % len(SIZES)]
        fits = max(width / photograph.width, height / photograph.height)
        scale = rng.uniform(fits, 1.3 * fits)
        size = (max(width, round(photograph.width * scale)), max(height, round(photograph.height * scale)))
        left, top = rng.integers(0, size[0] - width + 1), rng.integers(0, size[1] - height + 1)
        part = photograph.resize(size, Image.Resampling.LANCZOS).crop((left, top, left + width, top + height))
        part.save(folder / f"{index:03d}.jpg", quality=quality, subsampling="4:2:0")


if __name__ == "__main__":
    main()
