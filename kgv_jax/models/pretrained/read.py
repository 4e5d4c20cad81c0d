"""Reads a file of weights, whatever its format, into arrays by name."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import zipfile
import zlib

import ml_dtypes  # noqa: F401  safetensors asks numpy for "bfloat16" by name
import numpy as np
import safetensors
import safetensors.numpy

from kgv_jax.models.pretrained.torch_file import is_pickle, read_torch
from kgv_jax.util.errors import UserError, nearest

# The longest header that the safetensors format allows.
_MAX_HEADER = 100_000_000
# In a folder as the Hugging Face hub serves it, the first of these that is there.
FOLDER_NAMES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "open_clip_model.safetensors",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "open_clip_pytorch_model.bin",
)
SUFFIXES = (".safetensors", ".npz", ".pth", ".pt", ".bin")


def locate(path: str | os.PathLike) -> pathlib.Path:
    """Returns the file to read: `path` itself, or the file of weights in the folder `path`.

    Raises:
      UserError: there is none.
    """
    path = pathlib.Path(path)
    if path.is_dir():
        names = sorted(item.name for item in path.iterdir())
        found = [name for name in FOLDER_NAMES if name in names]
        found = found or [name for name in names if name.endswith(SUFFIXES)]
        if not found or (found[0] not in FOLDER_NAMES and len(found) > 1):
            raise UserError(
                f"{path}: a folder with {', '.join(found) or ', '.join(names[:10]) or 'nothing'} in it, expected one of"
                f" {', '.join(FOLDER_NAMES)}; name the file of weights itself."
            )
        return path / found[0]
    if not path.exists():
        there = [item.name for item in path.parent.iterdir()] if path.parent.is_dir() else []
        raise UserError(
            f"{path}: no such file{nearest(path.name, there)}"
            f"{'' if path.parent.is_dir() else f'; there is no folder {path.parent}'}; name a .safetensors, .npz or"
            " .pth file, a folder that `convert` wrote, or hf:REPO@REVISION."
        )
    return path


def read(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Returns the arrays of a file of weights by name; every kind of float becomes float32.

    The content decides the format: safetensors, `.npz`, torch's (`.pth`, `.pt`, `.bin`), or an index of several
    safetensors or torch files. Of a folder, the file of weights in it is read.

    Raises:
      UserError: the file is missing, damaged, not one of these, or contains more than arrays.
    """
    path = locate(path)
    try:
        arrays = _read_file(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}).") from error
    # Only what is not float32 yet is copied.
    return {name: _as_float32(array) for name, array in arrays.items()}


def files(path: str | os.PathLike) -> tuple[pathlib.Path, ...]:
    """Returns all files that `read(path)` reads: an index and its shards, or the file itself."""
    path = locate(path)
    if not path.name.endswith(".index.json"):
        return (path,)
    return (path, *(path.parent / name for name in sorted(set(_weight_map(path).values()))))


def digest(path: str | os.PathLike) -> str:
    """Returns the SHA-256 of all files that `read(path)` reads, in hexadecimal."""
    total = hashlib.sha256()
    for file in files(path):
        with open(file, "rb") as stream:
            while chunk := stream.read(1 << 20):
                total.update(chunk)
    return total.hexdigest()


def _as_float32(array: np.ndarray) -> np.ndarray:
    # ml_dtypes' floats are of no numeric kind to numpy.
    is_float = array.dtype.kind == "f" or array.dtype.name.startswith(("bfloat", "float8"))
    return array.astype(np.float32) if is_float and array.dtype != np.float32 else array


def _read_file(path: pathlib.Path) -> dict[str, np.ndarray]:
    with open(path, "rb") as file:
        head = file.read(64)
    start = head.lstrip().lower()
    if not head:
        raise UserError(f"{path}: the file is empty; its download did not finish, fetch it again.")
    if head.startswith(b"version https://git-lfs"):
        raise UserError(
            f"{path}: a Git LFS pointer; the weights themselves were not fetched: run `git lfs pull` in that"
            " repository, or give hf:REPO@REVISION."
        )
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise UserError(
            f"{path}: a web page, not weights (it starts with {head[:15]!r}); the address requires a login or does not"
            " exist: download the file itself."
        )
    if path.name.endswith(".index.json"):
        return _read_shards(path)
    if head.startswith(b"PK\x03\x04"):
        return _read_zip(path)
    if head[8:9] == b"{":
        return _read_safetensors(path)
    if is_pickle(head) or path.suffix in (".pth", ".pt", ".bin"):
        return read_torch(path)
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    raise UserError(
        f"{path}: starts with {head[:8]!r}, which is neither safetensors nor .npz nor a file of torch.save; give one of"
        " these."
    )


def _read_zip(path: pathlib.Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as members:
            is_npz = any(name.endswith(".npy") for name in members.namelist())
        if not is_npz:
            return read_torch(path)
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except UserError:
        raise
    # What numpy raises for an array of Python objects, which only a pickle could build, is a ValueError.
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError) as error:
        raise UserError(
            f"{path}: not a readable .npz of plain arrays ({error}); it is truncated or damaged, fetch it again."
        ) from error


def _read_safetensors(path: pathlib.Path) -> dict[str, np.ndarray]:
    size = path.stat().st_size
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(size - 8, _MAX_HEADER):
        raise UserError(
            f"{path}: its safetensors header claims {length} bytes, and the file has {max(size - 8, 0)} after the first"
            " eight; it is truncated or no safetensors file, fetch it again."
        )
    try:
        return safetensors.numpy.load_file(path)
    except (safetensors.SafetensorError, ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"{path}: not a valid safetensors file ({error}); it is truncated or damaged, its size is {size} bytes:"
            " fetch it again."
        ) from error


def _weight_map(path: pathlib.Path) -> dict[str, str]:
    """Returns key -> file of an index; the files lie beside it."""
    try:
        index = json.loads(path.read_text(encoding="utf-8"))["weight_map"]
        keys = {str(key): str(name) for key, name in index.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: not an index of shards ({error!r}); fetch it again.") from error
    if outside := sorted(name for name in set(keys.values()) if pathlib.PurePath(name).name != name):
        raise UserError(f"{path}: names the file {outside[0]!r} outside its own folder; fetch the index again.")
    return keys


def _read_shards(path: pathlib.Path) -> dict[str, np.ndarray]:
    keys = _weight_map(path)
    shards = sorted(set(keys.values()))
    if lacking := [name for name in shards if not (path.parent / name).exists()]:
        raise UserError(
            f"{path}: {len(lacking)} of the {len(shards)} files that it names are missing in {path.parent}, the first"
            f" is {lacking[0]}; fetch them too."
        )
    arrays: dict[str, np.ndarray] = {}
    for name in shards:
        part = _read_file(path.parent / name)
        if absent := sorted(key for key, shard in keys.items() if shard == name and key not in part):
            raise UserError(
                f"{path}: says that {name} holds {absent[0]!r}, and it does not ({len(absent)} such keys); the index"
                " and the shards are of different models, fetch both again."
            )
        arrays |= part
    return arrays
