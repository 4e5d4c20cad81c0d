"""Writes JPEGs of the size that a large data set has, cut from the photographs of scikit-learn (pykeen needs it).

    python -m benchmarks.peers.input_pictures FOLDER COUNT QUALITY plain|marked

Both kinds hold the same pixels: `plain` as cameras write them, `marked` with restart markers between the columns too.
"""

from __future__ import annotations

import pathlib
import sys

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

SIZES = ((500, 375), (500, 375), (375, 500), (500, 333), (400, 300))
UNIT_PX = 16  # that are coded together where chroma is at half resolution


def restart_interval(width: int) -> int:
    """Returns 2 units or a few more that divide a row of them, or a whole row."""
    units = -(-width // UNIT_PX)
    return next((interval for interval in range(2, 9) if units % interval == 0), units)


def main() -> None:
    folder, count, quality, kind = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
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
        markers = {"restart_marker_blocks": restart_interval(width)} if kind == "marked" else {}
        part.save(folder / f"{index:03d}.jpg", quality=quality, subsampling="4:2:0", **markers)


if __name__ == "__main__":
    main()
