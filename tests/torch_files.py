"""Writes files in the true layouts of `torch.save` and `torch.jit.save`, without torch."""

from __future__ import annotations

import dataclasses
import io
import pathlib
import struct
import zipfile
from typing import Any

import ml_dtypes
import numpy as np

MAGIC_NUMBER, PROTOCOL_VERSION = 0x1950A86A20F9469CFC6C, 1001
_STORAGES = {
    "float64": "DoubleStorage", "float32": "FloatStorage", "float16": "HalfStorage", "bfloat16": "BFloat16Storage",
    "int64": "LongStorage", "int32": "IntStorage", "int16": "ShortStorage", "int8": "CharStorage",
    "uint8": "ByteStorage", "bool": "BoolStorage",
}  # fmt: skip
bfloat16 = ml_dtypes.bfloat16


@dataclasses.dataclass
class Name:
    """GLOBAL: a module and a name in it."""

    module: str
    name: str


@dataclasses.dataclass
class Call:
    """REDUCE: a function and its arguments."""

    function: Any
    arguments: tuple


@dataclasses.dataclass
class Module:
    """An object of a TorchScript class: NEWOBJ, then BUILD with its attributes."""

    name: Name
    attributes: dict


@dataclasses.dataclass
class StateDict:
    """An OrderedDict whose `_metadata` is set by BUILD."""

    arrays: dict


@dataclasses.dataclass
class Raw:
    """Opcodes as they are."""

    opcodes: bytes


@dataclasses.dataclass
class Window:
    """A tensor: a strided window on a flat buffer; windows on one buffer share its storage."""

    buffer: np.ndarray
    offset: int
    size: tuple
    stride: tuple
    numel: int | None = None
    view: tuple | None = None


ORDERED_DICT = Name("collections", "OrderedDict")
REBUILD = Name("torch._utils", "_rebuild_tensor_v2")


class Writer:
    """Values to opcodes, and the storages that they refer to."""

    def __init__(self) -> None:
        self.buffers: list[np.ndarray] = []

    def pickle(self, value: Any) -> bytes:
        return b"\x80\x02" + self.opcodes(value) + b"."

    def opcodes(self, value: Any) -> bytes:
        if isinstance(value, np.ndarray):
            value = Window(value.reshape(-1), 0, value.shape, tuple(s // value.itemsize for s in value.strides))
        match value:
            case None:
                return b"N"
            case bool():
                return b"\x88" if value else b"\x89"
            case int():
                data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
                return b"\x8a" + bytes([len(data)]) + data
            case float():
                return b"G" + struct.pack(">d", value)
            case str():
                data = value.encode()
                return b"X" + struct.pack("<I", len(data)) + data
            case tuple():
                return b"(" + b"".join(map(self.opcodes, value)) + b"t"
            case list():
                return b"](" + b"".join(map(self.opcodes, value)) + b"e"
            case dict():
                return b"}" + self._items(value)
            case Name():
                return f"c{value.module}\n{value.name}\n".encode()
            case Call():
                return self.opcodes(value.function) + self.opcodes(value.arguments) + b"R"
            case Module():
                return self.opcodes(value.name) + b")\x81}" + self._items(value.attributes) + b"b"
            case StateDict():
                made = self.opcodes(Call(ORDERED_DICT, ())) + self._items(value.arrays)
                return made + self.opcodes({"_metadata": Call(ORDERED_DICT, ())}) + b"b"
            case Raw():
                return value.opcodes
            case Window():
                storage = self._storage(value)
                hooks = Call(ORDERED_DICT, ())
                return self.opcodes(Call(REBUILD, (storage, value.offset, value.size, value.stride, False, hooks)))
        raise TypeError(type(value))

    def _items(self, value: dict) -> bytes:
        return b"(" + b"".join(self.opcodes(key) + self.opcodes(item) for key, item in value.items()) + b"u"

    def _storage(self, window: Window) -> Raw:
        keys = [index for index, buffer in enumerate(self.buffers) if buffer is window.buffer]
        if not keys:
            self.buffers.append(window.buffer)
        key = str(keys[0] if keys else len(self.buffers) - 1)
        numel = window.buffer.size if window.numel is None else window.numel
        kind = Name("torch", _STORAGES[window.buffer.dtype.name])
        reference = ("storage", kind, key, "cpu", numel, *(() if window.view is None else (window.view,)))
        return Raw(self.opcodes(reference) + b"Q")


def save(path: pathlib.Path, value: Any, *, order: str = "little", compression: int = zipfile.ZIP_STORED) -> None:
    """The zip format; `value` of arrays, dicts, lists, and the descriptions above."""
    writer = Writer()
    folder = path.stem
    data = writer.pickle(value)
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr(f"{folder}/data.pkl", data)
        archive.writestr(f"{folder}/byteorder", order)
        for key, buffer in enumerate(writer.buffers):
            written = buffer if order == "little" else buffer.byteswap()
            archive.writestr(f"{folder}/data/{key}", written.tobytes())
        archive.writestr(f"{folder}/version", "3\n")


def save_old(path: pathlib.Path, value: Any) -> None:
    """The format before torch 1.6."""
    writer = Writer()
    info = {"protocol_version": PROTOCOL_VERSION, "little_endian": True, "type_sizes": {"int": 4}}
    file = io.BytesIO()
    for part in (MAGIC_NUMBER, PROTOCOL_VERSION, info, value):
        file.write(writer.pickle(part))
    file.write(writer.pickle([str(key) for key in range(len(writer.buffers))]))
    for buffer in writer.buffers:
        file.write(struct.pack("<q", buffer.size) + buffer.tobytes())
    path.write_bytes(file.getvalue())
