"""A torch model with random weights: how its publisher saves it, and what it answers."""

from __future__ import annotations

import dataclasses
import io
import pathlib
import zipfile
from collections.abc import Callable, Mapping

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional

Answer = Callable[[Tensor], dict[str, Tensor]]

# Arrays that are read as they are, not multiplied with activations: their size says nothing of a fan-in.
_TOKENS = ("pos", "token", "cls", "class")


@dataclasses.dataclass(frozen=True)
class Reference:
    """One model of a publisher.

    Attributes:
      encoder: the name of ours that must equal it.
      answer: from images `[B, 3, H, W]` to arrays named as `tests.golden.ours.answers` names them.
      write: saves the weights as the publisher does, at a path without a suffix; returns the file.
      sizes: heights and widths in pixels to compare at.
      tokens: `[B, L]` texts that a model of two towers answers about besides.
    """

    encoder: str
    answer: Answer
    write: Callable[[pathlib.Path], pathlib.Path]
    sizes: tuple[tuple[int, int], ...]
    tokens: np.ndarray | None = None


def randomise(module: nn.Module, seed: int = 0) -> nn.Module:
    """Fills every parameter and statistic with numbers that float16 holds, so that files may; returns the module."""
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(torch.from_numpy(_random(name, tuple(tensor.shape), rng)))
    return module.eval()


def _random(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    last = name.split(".")[-1]
    if name.endswith("logit_scale"):
        values = np.full(shape, 2.0)
    elif last == "running_var" or (len(shape) == 1 and last in ("weight", "gamma", "lambda1")):
        values = rng.uniform(0.5, 1.5, shape)
    elif len(shape) < 2 or any(word in name for word in _TOKENS):
        values = rng.normal(0.0, 0.3, shape)
    else:
        values = rng.normal(0.0, np.prod(shape[1:]) ** -0.5, shape)
    return np.asarray(values, np.float16).astype(np.float32)


def at_size(module: nn.Module, attribute: str, height: int, width: int) -> None:
    """Resizes position embeddings `[..., 1 + G^2, D]` in place, bicubically without antialiasing.

    For models whose own code takes one size only, or resizes in another way than the authors of the weights.
    """
    owner, _, leaf = attribute.rpartition(".")
    parent = module.get_submodule(owner)
    position = getattr(parent, leaf)
    first, grid = position.data.reshape(-1, position.shape[-1]).split([1, position.shape[-2] - 1])
    side = round(len(grid) ** 0.5)
    grid = grid.T.reshape(1, -1, side, side)
    grid = functional.interpolate(grid, (height, width), mode="bicubic", align_corners=False)
    resized = torch.cat([first, grid.flatten(2)[0].T])
    setattr(parent, leaf, nn.Parameter(resized.reshape(*position.shape[:-2], *resized.shape)))


def as_grid(tokens: Tensor, height: int, width: int) -> Tensor:
    """Lays out the last `height * width` of `[B, N, D]` tokens as a map `[B, height, width, D]`."""
    return tokens[:, -height * width :].reshape(len(tokens), height, width, -1)


def safetensors_file(state: Mapping[str, Tensor]) -> Callable[[pathlib.Path], pathlib.Path]:
    """Returns a writer of `safetensors.torch.save_file`."""

    def write(path: pathlib.Path) -> pathlib.Path:
        path = path.with_suffix(".safetensors")
        safetensors.torch.save_file({key: value.contiguous() for key, value in state.items()}, path)
        return path

    return write


def torch_file(state: Mapping[str, Tensor], *, zipped: bool = True) -> Callable[[pathlib.Path], pathlib.Path]:
    """Returns a writer of `torch.save`: an archive, or the single stream of versions before 1.6."""

    def write(path: pathlib.Path) -> pathlib.Path:
        path = path.with_suffix(".pth")
        torch.save(state, path, _use_new_zipfile_serialization=zipped)
        return path

    return write


def repack(stream: io.BytesIO, path: pathlib.Path) -> pathlib.Path:
    """Writes a zip archive without dates and debugging information, which differ between days and machines."""
    with zipfile.ZipFile(stream) as whole, zipfile.ZipFile(path, "w") as kept:
        for member in whole.infolist():
            if not member.filename.endswith(".debug_pkl"):
                kept.writestr(zipfile.ZipInfo(member.filename), whole.read(member))
    return path


def pretrained_file(module: nn.Module) -> Callable[[pathlib.Path], pathlib.Path]:
    """Returns a writer of transformers' `save_pretrained`, whose names are those of the Hub."""

    def write(path: pathlib.Path) -> pathlib.Path:
        folder = path.with_suffix(".d")
        module.save_pretrained(folder)
        file = path.with_suffix(".safetensors")
        (folder / "model.safetensors").rename(file)
        (folder / "config.json").unlink()
        folder.rmdir()
        return file

    return write
