"""Files of weights of every format, by their content."""

import json
import struct

import numpy as np
import pytest
import safetensors.numpy

from kgv_jax.models.pretrained.read import digest, read
from kgv_jax.util.errors import UserError
from tests import torch_files

ARRAYS = {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "count": np.asarray(3, np.int64)}


def _save_npz(path, arrays):
    with open(path, "wb") as file:
        np.savez(file, **arrays)


def _save_safetensors(path, arrays):
    safetensors.numpy.save_file(arrays, path)


WRITERS = {
    "safetensors": _save_safetensors,
    "npz": _save_npz,
    "torch": torch_files.save,
    "old torch": torch_files.save_old,
}


@pytest.mark.parametrize("name", ["model.safetensors", "model.npz", "model.pth", "pytorch_model.bin", "model"])
@pytest.mark.parametrize("kind", WRITERS)
def test_the_content_reports_the_format(tmp_path, kind, name):
    WRITERS[kind](tmp_path / name, ARRAYS)
    found = read(tmp_path / name)
    assert found.keys() == ARRAYS.keys()
    for key, array in ARRAYS.items():
        assert found[key].dtype == array.dtype
        np.testing.assert_array_equal(found[key], array)


@pytest.mark.parametrize("kind", ["safetensors", "torch"])
@pytest.mark.parametrize("dtype", ["float16", "float64", torch_files.bfloat16])
def test_floats_become_float32(tmp_path, kind, dtype):
    array = np.asarray([0.5, -3, 1024], dtype)
    WRITERS[kind](tmp_path / "model", {"a": array})
    found = read(tmp_path / "model")["a"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [0.5, -3, 1024])


def _header(text: bytes, *, length: int | None = None, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(text) if length is None else length) + text + data


_ONE = b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "the file is empty"),
        (b"<!DOCTYPE html>\n<html><body>Sign in</body></html>", "a web page"),
        (b"\n <html lang='en'>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n", "Git LFS pointer"),
        (_header(_ONE, length=1 << 40, data=bytes(8)), f"claims {1 << 40} bytes, and the file has"),
        (_header(_ONE, length=len(_ONE) + 9, data=bytes(8)), "claims 63 bytes, and the file has 62"),
        (_header(_ONE[:-1] + b" ", data=bytes(8)), "not a valid safetensors file"),
        (_header(_ONE, data=bytes(7)), "not a valid safetensors file"),
        (_header(_ONE, data=bytes(9)), "not a valid safetensors file"),
        (_header(_ONE.replace(b"F32", b"F33"), data=bytes(8)), "not a valid safetensors file"),
        (_header(_ONE.replace(b"[2]", b"[3]"), data=bytes(8)), "not a valid safetensors file"),
        (b"\x01\x02", "claims"),
        (b"\xff" * 40, "claims"),
    ],
)
def test_what_is_no_safetensors_file(tmp_path, content, words):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read(path)
    assert words in str(caught.value) and str(path) in str(caught.value)


def test_what_is_no_npz(tmp_path):
    path = tmp_path / "model.npz"
    _save_npz(path, ARRAYS)
    whole = path.read_bytes()
    for damaged in (whole[:-30], whole[:90], whole[:90] + bytes([whole[90] ^ 255]) + whole[91:]):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"model\.npz.*damaged"):
            read(path)
    # Python objects, which only a pickle could bring back.
    np.savez(path, a=np.asarray([{"x": 1}], dtype=object))
    with pytest.raises(UserError, match="plain arrays"):
        read(path)
    path.write_bytes(b"neither of them")
    with pytest.raises(UserError, match="starts with b'neither '"):
        read(path)


def test_a_payload_is_refused_whatever_its_name(tmp_path):
    for name in ("model.bin", "model.safetensors.bak", "weights"):
        (tmp_path / name).write_bytes(b"\x80\x02cposix\nsystem\n(X\x01\x00\x00\x00xtR.")
        with pytest.raises(UserError, match=r"posix\.system"):
            read(tmp_path / name)
    # Protocol 0 has no mark at its start; the file's name says what it should be.
    (tmp_path / "model.pt").write_bytes(b"cposix\nsystem\n(S'x'\ntR.")
    with pytest.raises(UserError, match=r"posix\.system"):
        read(tmp_path / "model.pt")


def test_a_missing_file_names_its_neighbours(tmp_path):
    _save_safetensors(tmp_path / "resnet50.safetensors", ARRAYS)
    with pytest.raises(UserError, match=r"no such file, did you mean 'resnet50\.safetensors'"):
        read(tmp_path / "resnet5.safetensors")
    with pytest.raises(UserError, match="there is no folder"):
        read(tmp_path / "nowhere" / "model.pth")


@pytest.mark.parametrize(
    "name", ["model.safetensors", "open_clip_model.safetensors", "pytorch_model.bin", "resnet50-11ad3fa6.pth"]
)
def test_a_folder_of_the_hub(tmp_path, name):
    (tmp_path / "config.json").write_text("{}")
    WRITERS["safetensors" if name.endswith("safetensors") else "torch"](tmp_path / name, ARRAYS)
    assert read(tmp_path).keys() == ARRAYS.keys()
    assert digest(tmp_path) == digest(tmp_path / name)


def test_safetensors_come_before_torch(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    _save_safetensors(tmp_path / "model.safetensors", ARRAYS)
    assert read(tmp_path).keys() == ARRAYS.keys()


def test_a_folder_that_leaves_it_open(tmp_path):
    with pytest.raises(UserError, match="a folder with nothing in it"):
        read(tmp_path)
    for name in ("a.pth", "b.pth"):
        torch_files.save(tmp_path / name, ARRAYS)
    with pytest.raises(UserError, match=r"a folder with a\.pth, b\.pth in it"):
        read(tmp_path)


def _shards(folder, suffix="safetensors", stem="model"):
    kind = "safetensors" if suffix == "safetensors" else "torch"
    weight_map = {}
    for number, (key, array) in enumerate(ARRAYS.items(), 1):
        weight_map[key] = f"{stem}-{number:05}-of-00002.{suffix}"
        WRITERS[kind](folder / weight_map[key], {key: array})
    index = folder / f"{stem}.{suffix}.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 32}, "weight_map": weight_map}))
    return index


@pytest.mark.parametrize("suffix, stem", [("safetensors", "model"), ("bin", "pytorch_model")])
def test_shards(tmp_path, suffix, stem):
    index = _shards(tmp_path, suffix, stem)
    assert read(tmp_path).keys() == read(index).keys() == ARRAYS.keys()
    before = digest(tmp_path)
    WRITERS["torch"](tmp_path / f"{stem}-00002-of-00002.{suffix}", {"count": np.asarray(4)})
    assert digest(tmp_path) != before


def test_shards_that_do_not_fit(tmp_path):
    index = _shards(tmp_path)
    good = json.loads(index.read_text())
    index.write_text(json.dumps({"weight_map": {**good["weight_map"], "b": "model-00001-of-00002.safetensors"}}))
    with pytest.raises(UserError, match=r"says that model-00001.* holds 'b'"):
        read(index)
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(UserError, match="1 of the 2 files"):
        read(index)
    index.write_text(json.dumps({"weight_map": {"a": "../secret.safetensors"}}))
    with pytest.raises(UserError, match="outside its own folder"):
        read(index)
    for broken in ("{", "[]", '{"weight_map": []}'):
        index.write_text(broken)
        with pytest.raises(UserError, match="not an index of shards"):
            read(index)
