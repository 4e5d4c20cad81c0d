"""PyTorch's side of `benchmarks/step.py`: the same models, batch and step, channels last. No JAX here."""

from __future__ import annotations

import functools
import os
import sys

import timm
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from benchmarks.harness import serve

DIM = 128
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class BasicBlock(nn.Module):
    """As `kgv_jax.models.small_resnet.BasicBlock`, padded as torch pads."""

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.shortcut = nn.Identity()
        if stride != 1 or width_in != width:
            self.shortcut = nn.Sequential(nn.Conv2d(width_in, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)), inplace=True)
        return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x), inplace=True)


def make_resnet8_flat() -> tuple[nn.Module, int]:
    stem = (nn.Conv2d(3, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU(inplace=True))
    blocks = (BasicBlock(32, 32, 1), BasicBlock(32, 64, 2), BasicBlock(64, 128, 2))
    return nn.Sequential(*stem, *blocks, nn.Flatten()), 4 * 4 * 128


def make_resnet18_small() -> tuple[nn.Module, int]:
    model = torchvision.models.resnet18()
    model.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
    model.maxpool = nn.Identity()
    model.fc = nn.Identity()
    return model, 512


def make_resnet50() -> tuple[nn.Module, int]:
    model = torchvision.models.resnet50()
    model.fc = nn.Identity()
    return model, 2048


def make_of_timm(name: str) -> tuple[nn.Module, int]:
    model = timm.create_model(name, num_classes=0)
    return model, model.num_features


ENCODERS = {
    "resnet8_flat": make_resnet8_flat,
    "resnet18_small": make_resnet18_small,
    "resnet50": make_resnet50,
    "efficientnet_lite0": lambda: make_of_timm("tf_efficientnet_lite0"),
    "vit_s16": lambda: make_of_timm("vit_small_patch16_224"),
    "vit_b16": lambda: make_of_timm("vit_base_patch16_224"),
}


def main() -> None:
    kind, name, *numbers = sys.argv[1:]
    size_px, batch, classes, steps = map(int, numbers[:4])
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(0)
    encoder, features = ENCODERS[name]()
    model = nn.Sequential(encoder, nn.Linear(features, DIM), nn.Linear(DIM, classes))
    model = model.to(memory_format=torch.channels_last).train()
    forward = torch.compile(model) if kind == "compiled" else model
    kernels = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": kernels, "weight_decay": 0.02}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-5, fused=True)
    mean, std = (torch.tensor(values).reshape(1, 3, 1, 1) for values in (MEAN, STD))
    images = torch.randint(0, 256, (batch, size_px, size_px, 3), dtype=torch.uint8)
    labels = torch.randint(0, classes, (batch,))

    def run(count: int) -> dict[str, float]:
        for _ in range(count):
            x = (images.permute(0, 3, 1, 2).float() / 255 - mean) / std
            loss = F.cross_entropy(forward(x), labels)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        return {"loss": loss.item()}

    serve(functools.partial(run, steps), before=functools.partial(run, 1))


if __name__ == "__main__":
    main()
