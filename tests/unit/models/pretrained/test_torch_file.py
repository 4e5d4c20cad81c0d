"""Reading torch's files; the payloads here are real, and Python's own unpickler runs them."""

import pathlib
import pickle
import zipfile

import numpy as np
import pytest

from kgv_jax.models.pretrained.torch_file import is_pickle, read_torch
from kgv_jax.util.errors import UserError
from tests.torch_files import (
    MAGIC_NUMBER,
    ORDERED_DICT,
    Call,
    Module,
    Name,
    Raw,
    StateDict,
    Window,
    Writer,
    bfloat16,
    save,
    save_old,
)

WRITERS = pytest.mark.parametrize("write", [save, save_old])
RNG = np.random.default_rng(0)


def _read(tmp_path: pathlib.Path, value, write=save, **options) -> dict[str, np.ndarray]:
    write(tmp_path / "model.pth", value, **options)
    return read_torch(tmp_path / "model.pth")


def _refused(tmp_path: pathlib.Path, value, write=save, **options) -> str:
    with pytest.raises(UserError) as caught:
        _read(tmp_path, value, write, **options)
    assert "model.pth" in str(caught.value)
    return str(caught.value)


@WRITERS
@pytest.mark.parametrize(
    "dtype", ["float64", "float32", "float16", bfloat16, "int64", "int32", "int16", "int8", "uint8", "bool"]
)
def test_every_type(tmp_path, write, dtype):
    array = RNG.integers(0, 2, (3, 4)).astype(dtype)
    found = _read(tmp_path, StateDict({"layer.weight": array}), write)["layer.weight"]
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@WRITERS
def test_strides_offsets_and_shared_storages(tmp_path, write):
    buffer = np.arange(12, dtype=np.float32)
    found = _read(
        tmp_path,
        StateDict(
            {
                "transposed": Window(buffer, 0, (3, 4), (1, 3)),
                "slice": Window(buffer, 5, (2, 2), (4, 1)),
                "expanded": Window(buffer, 7, (3,), (0,)),
                "scalar": Window(buffer, 11, (), ()),
                "empty": Window(buffer, 0, (0, 3), (3, 1)),
                "other": np.ones(2, np.float32),
            }
        ),
        write,
    )
    np.testing.assert_array_equal(found["transposed"], buffer.reshape(4, 3).T)
    np.testing.assert_array_equal(found["slice"], [[5, 6], [9, 10]])
    np.testing.assert_array_equal(found["expanded"], [7, 7, 7])
    assert found["scalar"] == 11 and found["scalar"].shape == ()
    assert found["empty"].shape == (0, 3)
    np.testing.assert_array_equal(found["other"], [1, 1])


def test_a_view_of_a_storage_in_the_old_format(tmp_path):
    buffer = np.arange(10, dtype=np.float32)
    found = _read(tmp_path, {"a": Window(buffer, 1, (2,), (1,), view=("9", 4, 5))}, save_old)
    np.testing.assert_array_equal(found["a"], [5, 6])
    assert "leaves its storage" in _refused(tmp_path, {"a": Window(buffer, 1, (2,), (1,), view=("9", 8, 5))}, save_old)


def test_big_endian(tmp_path):
    array = np.asarray([1, 258, -3], np.int32)
    np.testing.assert_array_equal(_read(tmp_path, {"a": array}, order="big")["a"], array)
    assert "byteorder is 'middle'" in _refused(tmp_path, {"a": array}, order="middle")


@WRITERS
def test_a_checkpoint_with_other_things(tmp_path, write):
    arrays = {"module.a": RNG.normal(size=(2, 3)).astype(np.float32)}
    checkpoint = {
        "epoch": 3,
        "best": None,
        "lr": 0.5,
        "arch": "resnet50",
        "args": Module(Name("argparse", "Namespace"), {"lr": 0.1}),
        "optimizer": {"state": {0: {"momentum": np.zeros(2, np.float32)}}, "groups": [{"params": [0]}]},
        "size": Call(Name("torch", "Size"), ([1, 2],)),
        "state_dict": StateDict(arrays),
    }
    found = _read(tmp_path, checkpoint, write)
    assert list(found) == ["module.a"]
    np.testing.assert_array_equal(found["module.a"], arrays["module.a"])


@pytest.mark.parametrize("wrapper", ["model", "model_state_dict", "state_dict", "net"])
def test_wrappers_and_nested_names(tmp_path, wrapper):
    found = _read(tmp_path, {wrapper: {"model": {"a": {"b": np.ones(1, np.float32)}, "c": [np.zeros(1, np.int8)]}}})
    assert sorted(found) == ["a.b", "c.0"]


def test_a_parameter(tmp_path):
    rebuild = Name("torch._utils", "_rebuild_parameter")
    array = np.ones(2, np.float32)
    found = _read(tmp_path, {"a": Call(rebuild, (array, True, Call(ORDERED_DICT, ())))})
    np.testing.assert_array_equal(found["a"], [1, 1])


def test_torchscript_attributes_become_names(tmp_path):
    weight = RNG.normal(size=(2, 2)).astype(np.float16)
    conv = Module(Name("__torch__.torch.nn.modules.conv", "Conv2d"), {"weight": weight, "training": True})
    ints = Call(Name("torch.jit._pickle", "build_intlist"), ([1, 2],))
    # A part may be called as a checkpoint's wrapper is.
    root = Module(Name("__torch__", "M"), {"model": conv, "visual": conv, "sizes": ints, "scale": np.ones((), "f4")})
    found = _read(tmp_path, root)
    assert sorted(found) == ["model.weight", "scale", "visual.weight"]
    np.testing.assert_array_equal(found["visual.weight"], weight)


def _text(value: str) -> bytes:
    return b"X" + len(value.encode()).to_bytes(4, "little") + value.encode()


def _system(marker: str) -> dict[str, bytes]:
    """Streams that run a shell command in Python's unpickler, by every opcode that can call."""
    command = _text(f"touch {marker}")
    return {
        "GLOBAL REDUCE": b"cposix\nsystem\n(" + command + b"tR.",
        "STACK_GLOBAL": b"\x80\x04" + _text("posix") + _text("system") + b"\x93" + command + b"\x85R.",
        "INST": b"(" + command + b"iposix\nsystem\n.",
        "OBJ": b"(cposix\nsystem\n" + command + b"o.",
        "memo": b"\x80\x04" + _text("system") + b"q\x000" + _text("posix") + b"h\x00\x93" + command + b"\x85R.",
        "DUP": b"cposix\nsystem\n2" + command + b"\x85R\x86.",
        "below a dict": b"}(" + _text("state_dict") + b"cposix\nsystem\n(" + command + b"tRu.",
        "behind a dict": b"}0cposix\nsystem\n(" + command + b"tR.",
    }


@pytest.mark.parametrize("trick", _system(""))
def test_a_payload_never_runs_and_is_named(tmp_path, trick):
    marker = tmp_path / "ran"
    stream = _system(str(marker))[trick]
    for write in (save, save_old):
        # The stream as the whole pickle, and as one value of a state dict.
        inner = Raw(stream.removeprefix(b"\x80\x04").removesuffix(b"."))
        assert "posix.system" in _refused(tmp_path, {"a": np.ones(1, np.float32), "b": inner}, write)
    (tmp_path / "model.pth").write_bytes(stream if stream[:1] == b"\x80" else b"\x80\x02" + stream)
    with pytest.raises(UserError, match=r"asks to build posix\.system.*nothing was\s+run.*safetensors"):
        read_torch(tmp_path / "model.pth")
    assert not marker.exists()
    # The same bytes do run elsewhere: the test can fail.
    pickle.loads(stream)  # noqa: S301
    assert marker.exists()


@pytest.mark.parametrize(
    "module, name",
    [
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("functools", "partial"),
        ("runpy", "run_path"),
        ("torch.storage", "_load_from_bytes"),
        ("torch", "load"),
        ("torch.hub", "load"),
        ("torch._utils", "_rebuild_tensor_v2.__globals__"),
        ("collections", "OrderedDict.__init__"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("torchvision.models.resnet", "ResNet"),
        ("__torch__x", "M"),
    ],
)
def test_every_other_name_is_refused(tmp_path, module, name):
    assert f"asks to build {module}.{name}." in _refused(tmp_path, {"a": Name(module, name)})


def test_state_is_data(tmp_path):
    """BUILD calls `__setstate__` elsewhere, here it calls nothing."""
    state = {"__setstate__": Name("collections", "OrderedDict"), "weight": np.ones(1, np.float32)}
    built = Module(Name("__torch__", "M"), state)
    assert list(_read(tmp_path, built)) == ["weight"]
    message = _refused(tmp_path, Module(Name("__torch__", "M"), {"__setstate__": Name("posix", "system")}))
    assert "posix.system" in message
    assert "sets the state of a Tensor" in _refused(tmp_path, {"a": Raw(Writer().opcodes(np.ones(1)) + b"}b")})


@pytest.mark.parametrize(
    "opcodes, words",
    [
        (b"\x82\x01", "opcode EXT1"),
        (b"\x97", "opcode NEXT_BUFFER"),
        (b"Pkey\n", "opcode PERSID"),
        (b"(K\x01K\x02tQ", "a reference that is no storage"),
        (b"R", "damaged"),
        (b"h\x07", "damaged"),
        (b"t", "no mark"),
        (b"K\x01K\x02\x86K\x03R", "calls a tuple"),
        (b"ctorch\nFloatStorage\n)R", "calls torch.FloatStorage"),
        (b"\xff", "damaged"),
        (b"}K\x01a", "appends to a dict"),
        (b"]K\x01K\x02s", "puts items into a list"),
        (b"}))s", "a key of a dict is a tuple"),
    ],
)
def test_what_no_state_dict_does(tmp_path, opcodes, words):
    assert words in _refused(tmp_path, {"a": Raw(opcodes)})


@pytest.mark.parametrize(
    "window, words",
    [
        (Window(np.zeros(4, "f4"), 0, (5,), (1,)), "element 4 of a storage of 4"),
        (Window(np.zeros(4, "f4"), 3, (2,), (1,)), "element 4 of a storage of 4"),
        (Window(np.zeros(4, "f4"), 0, (2, 2), (3, 2)), "element 5 of a storage of 4"),
        (Window(np.zeros(4, "f4"), -1, (2,), (1,)), "a size is -1"),
        (Window(np.zeros(4, "f4"), 0, (2,), (-1,)), "a size is -1"),
        (Window(np.zeros(4, "f4"), 0, (1 << 30,), (0,)), "in a storage of 4 elements"),
        (Window(np.zeros(4, "f4"), 0, (2, 2), (1,)), "has strides"),
        (Window(np.zeros(4, "f4"), 0, (5,), (1,), numel=5), "has 16 bytes, expected 20"),
    ],
)
def test_no_tensor_leaves_its_storage(tmp_path, window, words):
    assert words in _refused(tmp_path, {"a": window})


def test_bombs_end_at_once(tmp_path):
    nested = {"a": np.ones(1, np.float32)}
    for _ in range(100):
        nested = {"a": nested}
    assert "nested more than" in _refused(tmp_path, nested)
    cyclic = Raw(b"}q\x00" + _text("a") + b"h\x00s")
    assert "nested more than" in _refused(tmp_path, cyclic)
    # Every level holds the one before twice: 2^40 names in a few hundred bytes.
    memo = [b"h" + bytes([i]) for i in range(40)]
    doubling = b"}q\x00" + b"".join(
        b"}(" + _text("l") + get + _text("r") + get + b"uq" + bytes([i + 1]) for i, get in enumerate(memo)
    )
    assert "nested more than" in _refused(tmp_path, Raw(doubling))


def test_damaged_archives(tmp_path):
    arrays = {"a": RNG.normal(size=(64, 64)).astype(np.float32)}
    path = tmp_path / "model.pth"
    assert "uncompressed" in _refused(tmp_path, arrays, compression=zipfile.ZIP_DEFLATED)
    save(path, arrays)
    whole = path.read_bytes()
    for damaged in (whole[:-200], whole[:5000], whole[:2000] + b"\0\0\0\0" + whole[2004:]):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"model\.pth.*(truncated|damaged)"):
            read_torch(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", Writer().pickle(arrays))
    with pytest.raises(UserError, match="lacks the member model/data/0"):
        read_torch(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "")
    with pytest.raises(UserError, match=r"0 named \*/data\.pkl"):
        read_torch(path)


def test_damaged_old_files(tmp_path):
    path = tmp_path / "model.pth"
    save_old(path, {"a": np.ones(100, np.float32)})
    whole = path.read_bytes()
    for length, words in ((len(whole) - 4, "396 of the 400 bytes"), (60, "damaged|no end"), (20, "damaged|no end")):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match=words):
            read_torch(path)
    path.write_bytes(Writer().pickle({"a": 1}))
    with pytest.raises(UserError, match="torch's magic number"):
        read_torch(path)


def test_any_damage_ends_as_a_user_error(tmp_path):
    """Bytes of both formats' pickles are exchanged at random: the file is read or refused, nothing else happens."""
    path, rng = tmp_path / "model.pth", np.random.default_rng(0)
    value = {"state_dict": StateDict({"a": np.ones((2, 3), np.float32), "b": np.ones(2, np.int64)}), "epoch": 3}
    save_old(path, value)
    old, pickled = path.read_bytes(), Writer().pickle(value)
    refused = 0
    for turn in range(300):
        damaged = bytearray(old if turn % 2 else pickled)
        for place in rng.integers(len(damaged), size=rng.integers(1, 4)):
            damaged[place] = rng.integers(256)
        if turn % 2:
            path.write_bytes(damaged)
        else:
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("model/data.pkl", bytes(damaged))
                archive.writestr("model/data/0", bytes(24))
                archive.writestr("model/data/1", bytes(16))
        try:
            read_torch(path)
        except UserError:
            refused += 1
    assert 100 < refused < 300


def test_numbers_without_end(tmp_path):
    long = (1 << 20000).to_bytes(2600, "little")
    number = Raw(b"\x8b" + len(long).to_bytes(4, "little") + long)
    assert "model.pth" in _refused(tmp_path, {"a": Raw(b"}" + number.opcodes + Writer().opcodes(np.ones(1)) + b"s")})
    buffer = np.zeros(4, np.float32)
    assert "'a'" in _refused(tmp_path, {"a": Window(buffer, 0, (0, 1 << 70), (1, 1))})
    assert "'a'" in _refused(tmp_path, {"a": Window(buffer, 0, (1,), (1 << 70,))})


@pytest.mark.parametrize(
    "value, words", [({"epoch": 3}, "holds no tensors"), (np.ones(2, "f4"), "a single tensor"), ({}, "no tensors")]
)
def test_files_without_names(tmp_path, value, words):
    assert words in _refused(tmp_path, value)


def test_the_start_of_a_pickle():
    assert is_pickle(Writer().pickle(MAGIC_NUMBER)) and not is_pickle(b"\x80\x00\x00\x00\x00")
