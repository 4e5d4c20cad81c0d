"""Reads what `torch.save` and `torch.jit.save` write, without torch and without running anything.

torch is not a dependency of this package, and published weights still come as `.pth` files (`pypi:` references, older
releases of torchvision and CLIP). `torch.load(weights_only=True)` would need it, and cannot read TorchScript archives,
which OpenAI's CLIP files are.
"""

from __future__ import annotations

import io
import math
import mmap
import pathlib
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import ml_dtypes  # noqa: F401  registers "bfloat16" and "float8_e4m3fn" with numpy
import numpy as np

from kgv_jax.models.pretrained import opcodes
from kgv_jax.util.errors import UserError

# The first of the four pickles before the data of files older than torch 1.6.
_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
# What training scripts call the model inside a checkpoint, the likeliest first.
_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network", "module")
# Deeper than any module; a dict that holds itself has no end.
_MAX_DEPTH = 64
_MAX_NAMES = 1_000_000
# A stride of zero makes many elements of one; more than this is no parameter.
_MAX_REPEATED = 1 << 24

_Fetch = Callable[[opcodes.Storage], bytes]


def read_torch(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Returns the tensors of a `.pth`, `.pt` or `.bin` file, by name; nested dicts are joined by dots.

    Reads torch's zip format, the older one and TorchScript archives. A dict that holds the model beside other
    things ("state_dict", "model", ...) stands for the model.

    Raises:
      UserError: the file contains anything but tensors and plain values, or is damaged, or holds no tensors.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return _read_zip(archive, path)
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _read_old(data, path)
    except UserError:
        raise
    # Encrypted or odd archives are RuntimeErrors, text that is none and numbers without end ValueErrors.
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OverflowError, OSError) as error:
        raise UserError(f"{path}: cannot be read ({error}); it is truncated or damaged, fetch it again.") from error


def _read_zip(archive: zipfile.ZipFile, path: pathlib.Path) -> dict[str, np.ndarray]:
    members = {info.filename: info for info in archive.infolist()}
    pickles = [name for name in members if name.count("/") == 1 and name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise UserError(
            f"{path}: a zip file with {len(members)} members and {len(pickles)} named */data.pkl, where torch writes"
            " one; it is no file of weights, or older than torch 1.6: re-save its state dict with a newer torch."
        )
    folder = pickles[0].removesuffix("data.pkl")
    order = archive.read(folder + "byteorder").decode("ascii") if folder + "byteorder" in members else "little"
    if order not in ("little", "big"):
        raise UserError(f"{path}: its byteorder is {order!r}, expected 'little' or 'big'; fetch the file again.")
    value = opcodes.load(io.BytesIO(archive.read(pickles[0])), source=str(path))

    def fetch(storage: opcodes.Storage) -> bytes:
        info = members.get(f"{folder}data/{storage.key}")
        expected = storage.numel * np.dtype(storage.dtype).itemsize
        if info is None:
            raise UserError(f"{path}: lacks the member {folder}data/{storage.key}; it is damaged, fetch it again.")
        # Torch compresses no data; what is compressed could grow without bound.
        if info.compress_type != zipfile.ZIP_STORED or info.file_size < expected:
            raise UserError(
                f"{path}: the member {info.filename} has {info.file_size} bytes, expected {expected} uncompressed;"
                " it is damaged, fetch it again."
            )
        return archive.read(info)

    return _arrays(value, fetch, "<" if order == "little" else ">", path)


def _read_old(data: mmap.mmap, path: pathlib.Path) -> dict[str, np.ndarray]:
    """The format before torch 1.6: four pickles, one of the storages' keys, then (elements, data) of each."""
    source = str(path)
    first = opcodes.load(data, source=source)
    if first != _MAGIC_NUMBER:
        raise UserError(
            f"{path}: a pickle, but none that torch.save wrote (it does not start with torch's magic number); re-save"
            " the weights with torch.save or as .safetensors."
        )
    opcodes.load(data, source=source)
    opcodes.load(data, source=source)
    named: dict[str, opcodes.Storage] = {}
    value = opcodes.load(data, source=source, storages=named)
    keys = opcodes.load(data, source=source)
    if not isinstance(keys, list) or not all(isinstance(key, str | int) for key in keys):
        raise UserError(f"{path}: its list of storages is damaged; fetch the file again.")
    data_of: dict[str, bytes] = {}
    for key in map(str, keys):
        if key not in named:
            raise UserError(f"{path}: holds a storage {key} that nothing refers to; it is damaged, fetch it again.")
        expected = int.from_bytes(data.read(8), "little") * np.dtype(named[key].dtype).itemsize
        data_of[key] = data.read(expected)
        if len(data_of[key]) < expected:
            raise UserError(
                f"{path}: truncated: {len(data_of[key])} of the {expected} bytes of storage {key} are there; fetch the"
                " file again."
            )

    def fetch(storage: opcodes.Storage) -> bytes:
        if storage.key not in data_of:
            raise UserError(f"{path}: lacks the storage {storage.key}; it is damaged, fetch it again.")
        return data_of[storage.key]

    return _arrays(value, fetch, "<", path)


def _arrays(value: Any, fetch: _Fetch, order: str, path: pathlib.Path) -> dict[str, np.ndarray]:
    found: dict[str, bytes] = {}

    def data(storage: opcodes.Storage) -> bytes:
        if storage.key not in found:
            found[storage.key] = fetch(storage)
        return found[storage.key]

    arrays = {}
    for name, tensor in _walk(_unwrapped(value), path):
        if not name:
            raise UserError(f"{path}: holds a single tensor without a name; expected a state dict.")
        stored = data(tensor.storage)
        try:
            arrays[name] = _array(tensor, stored, order)
        except (ValueError, OverflowError) as error:
            raise UserError(f"{path}: the tensor {name!r} {error}; the file is damaged, fetch it again.") from error
    if not arrays:
        raise UserError(f"{path}: holds no tensors; expected a state dict: torch.save(model.state_dict(), FILE).")
    return arrays


def _array(tensor: opcodes.Tensor, data: bytes, order: str) -> np.ndarray:
    """A strided view, after a check that it stays inside its storage.

    Raises:
      ValueError: it does not.
    """
    dtype = np.dtype(tensor.dtype)
    if tensor.storage.start:
        data = data[tensor.storage.start * np.dtype(tensor.storage.dtype).itemsize :]
    elements = np.frombuffer(data, dtype, count=len(data) // dtype.itemsize)
    if order == ">" and dtype.itemsize > 1:
        elements = elements.byteswap()
    if math.prod(tensor.size) == 0:
        return np.zeros(tensor.size, dtype)
    last = tensor.offset + sum((n - 1) * stride for n, stride in zip(tensor.size, tensor.stride, strict=True))
    if last >= len(elements):
        raise ValueError(f"reaches to element {last} of a storage of {len(elements)}")
    if math.prod(tensor.size) > max(len(elements), _MAX_REPEATED):
        raise ValueError(f"has size {tensor.size} in a storage of {len(elements)} elements")
    return np.lib.stride_tricks.as_strided(
        elements[tensor.offset :], tensor.size, [stride * dtype.itemsize for stride in tensor.stride], writeable=False
    )


def _unwrapped(value: Any) -> Any:
    """Goes down to the dict of the model while one is named so."""
    for _ in range(_MAX_DEPTH):
        # A record is a TorchScript module, whose parts may have any name.
        if not isinstance(value, dict) or isinstance(value, opcodes.Record):
            break
        inner = [value[key] for key in _WRAPPERS if _holds_tensor(value.get(key))]
        if not inner:
            break
        value = inner[0]
    return value


def _holds_tensor(value: Any) -> bool:
    return isinstance(value, dict) and any(isinstance(item, opcodes.Tensor | dict) for item in value.values())


def _walk(value: Any, path: pathlib.Path) -> Iterator[tuple[str, opcodes.Tensor]]:
    """Yields (name, tensor) of nested dicts and lists; everything else is passed over."""
    pending: list[tuple[str, Any, int]] = [("", value, 0)]
    visited = 0
    while pending:
        name, item, depth = pending.pop()
        visited += 1
        if depth > _MAX_DEPTH or visited > _MAX_NAMES:
            raise UserError(
                f"{path}: its dicts are nested more than {_MAX_DEPTH} deep or hold more than {_MAX_NAMES} entries;"
                " it is no state dict: re-save the state dict alone."
            )
        if isinstance(item, opcodes.Tensor):
            yield name, item
        elif isinstance(item, dict | list | tuple):
            pairs = item.items() if isinstance(item, dict) else enumerate(item)
            pending += [(f"{name}.{key}" if name else str(key), inner, depth + 1) for key, inner in pairs][::-1]


def is_pickle(head: bytes) -> bool:
    """Returns whether a file that begins with the bytes `head` is a pickle of protocol 2 or later."""
    return head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")
