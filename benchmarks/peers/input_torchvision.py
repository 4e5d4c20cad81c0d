"""torchvision's side of `benchmarks/input_pipeline.py`: its usual transforms, on Pillow images or on tensors."""

from __future__ import annotations

import io
import os
import pathlib
import sys

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision.io import ImageReadMode, decode_jpeg
from torchvision.transforms import v2

from benchmarks.harness import serve


class Images(Dataset):
    """Decoded and cropped images, uint8 [3, H, W]."""

    def __init__(self, kind: str, folder: str, size_px: int, count: int) -> None:
        self.data = [path.read_bytes() for path in sorted(pathlib.Path(folder).glob("*.jpg"))]
        self.kind, self.count = kind, count
        steps = [v2.RandomResizedCrop(size_px), v2.RandomHorizontalFlip()]
        self.transform = v2.Compose([*steps, v2.PILToTensor()] if kind == "pil" else steps)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> torch.Tensor:
        data = self.data[index % len(self.data)]
        if self.kind == "pil":
            return self.transform(Image.open(io.BytesIO(data)).convert("RGB"))
        return self.transform(decode_jpeg(torch.from_numpy(np.frombuffer(data, np.uint8).copy()), ImageReadMode.RGB))


def main() -> None:
    kind, folder, *numbers = sys.argv[1:]
    size_px, batch, batches, cores = map(int, numbers)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    torch.set_num_threads(1)
    workers = 0 if cores == 1 else cores
    source_images = Images(kind, folder, size_px, batch * batches)
    loader = DataLoader(source_images, batch, num_workers=workers, persistent_workers=workers > 0)

    def run() -> dict[str, int]:
        return {"images": sum(len(images) for images in loader)}

    serve(run)


if __name__ == "__main__":
    main()
