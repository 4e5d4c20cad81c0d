"""An interpreter of pickle's opcodes that can build nothing but tensors and plain values.

Python's own unpickler imports whatever a file names and calls it, so a file of weights can run any program. Here a name
is looked up in one fixed table, whose entries are functions of this module; they return the descriptions below. Any
other name raises an error.
"""

from __future__ import annotations

import dataclasses
import pickletools
import warnings
from collections.abc import Callable
from typing import Any, BinaryIO

from kgv_jax.util.errors import UserError

_MARK = object()
_INERT_MODULES = ("__torch__",)
_SCALARS = (str, int, float, bytes, bool, type(None))

# torch's names of storages and of types -> those of numpy and ml_dtypes.
STORAGES = {
    "torch.DoubleStorage": "float64",
    "torch.FloatStorage": "float32",
    "torch.HalfStorage": "float16",
    "torch.BFloat16Storage": "bfloat16",
    "torch.LongStorage": "int64",
    "torch.IntStorage": "int32",
    "torch.ShortStorage": "int16",
    "torch.CharStorage": "int8",
    "torch.ByteStorage": "uint8",
    "torch.BoolStorage": "bool",
    "torch.ComplexFloatStorage": "complex64",
    "torch.ComplexDoubleStorage": "complex128",
    "torch.storage.UntypedStorage": "uint8",
}
_SAME_NAME = ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "bool", "complex64")
_UNSIGNED = ("uint8", "uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e5m2")
DTYPES = {f"torch.{name}": name for name in (*_SAME_NAME, *_UNSIGNED, "complex128")}
# Read and thrown away: what training scripts keep beside the weights.
_INERT = frozenset(
    {
        "argparse.Namespace",
        "torch.device",
        "torch.nn.parameter.Parameter",
        "numpy.dtype",
        "numpy.core.multiarray.scalar",
        "numpy._core.multiarray.scalar",
        "_codecs.encode",
    }
)


@dataclasses.dataclass(frozen=True)
class Name:
    """A name that the file refers to, allowed by the table; never the thing itself."""

    full: str


@dataclasses.dataclass(frozen=True)
class Storage:
    """A buffer of the file, `numel` elements of `dtype`; a view of another one starts at element `start`."""

    key: str
    dtype: str
    numel: int
    start: int = 0


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A strided window on a storage, in elements of `dtype`."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: str


class Record(dict):
    """An object of a class we do not build: its attributes, by name."""


def load(file: BinaryIO, *, source: str, storages: dict[str, Storage] | None = None) -> Any:
    """Interprets one pickle from the position of `file`, and leaves the position after the pickle's end.

    Args:
      file: needs `read`, `readline` and `tell`.
      source: how messages call the file.
      storages: if given, takes every storage that the pickle refers to, by key.

    Returns:
      Plain values, dicts, lists, and the descriptions above.

    Raises:
      UserError: it names anything else, or is damaged; nothing was run.
    """
    machine = _Machine(source, {} if storages is None else storages)
    try:
        # A text with an escape that is none is a warning of Python's; here it is damage like any other.
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)
            return _interpret(machine, file)
    except UserError:
        raise
    # A damaged stream: a wrong type on the stack, a stack that is too short, a number that is none.
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError, DeprecationWarning) as error:
        raise UserError(f"{source}: the pickle in it is damaged ({error}); fetch the file again.") from error


def _interpret(machine: _Machine, file: BinaryIO) -> Any:
    for opcode, argument, _ in pickletools.genops(file):
        if opcode.name == "STOP":
            return machine.stack.pop()
        step = _STEPS.get(opcode.name)
        if step is None:
            raise machine.refuse(f"the pickle opcode {opcode.name}")
        step(machine, argument)
    raise UserError(f"{machine.source}: the pickle in it has no end; the file is truncated, fetch it again.")


class _Machine:
    """A stack and a memo."""

    def __init__(self, source: str, storages: dict[str, Storage]):
        self.source = source
        self.storages = storages
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def refuse(self, what: str) -> UserError:
        return UserError(
            f"{self.source}: the file asks to build {what}. Only tensors and plain values are built, and nothing was"
            " run. Get the .safetensors version of this checkpoint or, if you trust the file, re-save its state dict"
            " alone where it was made: torch.save(model.state_dict(), FILE)."
        )

    def pop_to_mark(self) -> list[Any]:
        for index in range(len(self.stack) - 1, -1, -1):
            if self.stack[index] is _MARK:
                items = self.stack[index + 1 :]
                del self.stack[index:]
                return items
        raise ValueError("no mark on the stack")

    def push_name(self, full: str) -> None:
        if not (full in _CALLS or full in _INERT or full in STORAGES or full in DTYPES or _is_inert(full)):
            raise self.refuse(full)
        self.stack.append(Name(full))

    def call(self, function: Any, arguments: Any) -> Any:
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise ValueError(f"it calls a {type(function).__name__} with a {type(arguments).__name__}")
        if function.full in _CALLS:
            return _CALLS[function.full](*arguments)
        if function.full in _INERT or _is_inert(function.full):
            return Record()
        raise ValueError(f"it calls {function.full}")

    def memorize(self, index: int | None) -> None:
        self.memo[len(self.memo) if index is None else index] = self.stack[-1]


def _is_inert(full: str) -> bool:
    return full.partition(".")[0] in _INERT_MODULES


def _put_items(target: Any, items: list[Any]) -> None:
    if not isinstance(target, dict):
        raise ValueError(f"it puts items into a {type(target).__name__}")
    for key, value in zip(items[::2], items[1::2], strict=True):
        # A tuple of tuples of tuples ... is small in the file and takes forever to hash.
        if not isinstance(key, _SCALARS):
            raise ValueError(f"a key of a dict is a {type(key).__name__}")
        target[key] = value


def _append(machine: _Machine, items: list[Any]) -> None:
    if not isinstance(machine.stack[-1], list):
        raise ValueError(f"it appends to a {type(machine.stack[-1]).__name__}")
    machine.stack[-1].extend(items)


def _build(machine: _Machine, _: Any) -> None:
    """Sets attributes: those of a record are kept, those of a dict (`_metadata`) are not needed."""
    state = machine.stack.pop()
    target = machine.stack[-1]
    if isinstance(target, Record) and isinstance(state, dict):
        target.update(state)
    elif isinstance(target, Record) and not isinstance(state, Name):
        target["state"] = state
    elif not (isinstance(target, dict) and isinstance(state, dict)):
        raise ValueError(f"it sets the state of a {type(target).__name__} to a {type(state).__name__}")


def _reduce(machine: _Machine, _: Any) -> None:
    arguments, function = machine.stack.pop(), machine.stack.pop()
    machine.stack.append(machine.call(function, arguments))


def _reduce_keywords(machine: _Machine, _: Any) -> None:
    if machine.stack.pop() != {}:
        raise ValueError("it calls with keywords")
    _reduce(machine, _)


def _inst(machine: _Machine, argument: str) -> None:
    arguments = machine.pop_to_mark()
    machine.push_name(argument.replace(" ", ".", 1))
    machine.stack.append(machine.call(machine.stack.pop(), tuple(arguments)))


def _obj(machine: _Machine, _: Any) -> None:
    function, *arguments = machine.pop_to_mark()
    machine.stack.append(machine.call(function, tuple(arguments)))


def _stack_global(machine: _Machine, _: Any) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    if not isinstance(name, str) or not isinstance(module, str):
        raise ValueError("a name is not text")
    machine.push_name(f"{module}.{name}")


def _persistent(machine: _Machine, _: Any) -> None:
    """A reference to a storage: ("storage", its type, key, device, elements[, view])."""
    reference = machine.stack.pop()
    if not isinstance(reference, tuple) or reference[:1] != ("storage",):
        raise machine.refuse("something by a reference that is no storage")
    kind, key, _, numel = reference[1:5]
    if not isinstance(kind, Name) or kind.full not in STORAGES or not isinstance(key, str | int):
        raise ValueError("a storage has no type or no key")
    # A view: (its own key, first element, elements).
    view = reference[5] if len(reference) > 5 else None
    start, numel_view = (0, numel) if view is None else view[1:3]
    for number in (numel, start, numel_view):
        _natural(number)
    if start + numel_view > numel:
        raise ValueError(f"a view of {numel_view} elements from {start} on leaves its storage of {numel}")
    storage = Storage(str(key), STORAGES[kind.full], numel, start)
    machine.storages[storage.key] = storage
    machine.stack.append(storage)


def _natural(number: Any) -> int:
    if type(number) is not int or number < 0:
        raise ValueError(f"a size is {number if isinstance(number, int) else type(number).__name__}")
    return number


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any, dtype: str | None = None) -> Tensor:
    if not isinstance(storage, Storage):
        raise ValueError(f"a tensor lies in a {type(storage).__name__}")
    size, stride = tuple(map(_natural, size)), tuple(map(_natural, stride))
    if len(size) != len(stride):
        raise ValueError(f"a tensor of size {size} has strides {stride}")
    return Tensor(storage, _natural(offset), size, stride, dtype or storage.dtype)


def _tensor_of_dtype(storage: Any, offset: Any, size: Any, stride: Any, *rest: Any) -> Tensor:
    """`_rebuild_tensor_v3(storage, offset, size, stride, requires_grad, hooks, dtype, metadata)`."""
    dtype = rest[2]
    if not isinstance(dtype, Name) or dtype.full not in DTYPES:
        raise ValueError("a tensor has no type")
    return _tensor(storage, offset, size, stride, dtype=DTYPES[dtype.full])


def _ordered_dict(pairs: Any = ()) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    for key, value in pairs:
        _put_items(made, [key, value])
    return made


def _first(value: Any, *_: Any) -> Any:
    return value


_CALLS: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": _ordered_dict,
    "torch.Size": lambda sizes=(): tuple(map(_natural, sizes)),
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_of_dtype,
    "torch._utils._rebuild_parameter": _first,
    "torch._utils._rebuild_parameter_with_state": _first,
    "torch.jit._pickle.build_intlist": _first,
    "torch.jit._pickle.build_doublelist": _first,
    "torch.jit._pickle.build_boollist": _first,
    "torch.jit._pickle.build_tensorlist": _first,
    "torch.jit._pickle.restore_type_tag": _first,
}

_Step = Callable[[_Machine, Any], None]


def _push(machine: _Machine, argument: Any) -> None:
    machine.stack.append(argument)


def _constant(make: Callable[[], Any]) -> _Step:
    return lambda machine, _: machine.stack.append(make())


def _gather(make: Callable[[list[Any]], Any]) -> _Step:
    return lambda machine, _: machine.stack.append(make(machine.pop_to_mark()))


def _tuple_of(count: int) -> _Step:
    def step(machine: _Machine, _: Any) -> None:
        items = [machine.stack.pop() for _ in range(count)]
        machine.stack.append(tuple(reversed(items)))

    return step


def _dict_of(items: list[Any]) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    _put_items(made, items)
    return made


def _set_item(machine: _Machine, _: Any) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    _put_items(machine.stack[-1], [key, value])


def _set_items(machine: _Machine, _: Any) -> None:
    items = machine.pop_to_mark()
    _put_items(machine.stack[-1], items)


def _ignore(machine: _Machine, _: Any) -> None:
    pass


_VALUES = (
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING BINBYTES"
    " SHORT_BINBYTES BINBYTES8 UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8"
).split()
# What is missing here is refused: extension codes, buffers out of band, references as text.
_STEPS: dict[str, _Step] = {
    **dict.fromkeys(_VALUES, _push),
    "PROTO": _ignore,
    "FRAME": _ignore,
    "NONE": _constant(lambda: None),
    "NEWTRUE": _constant(lambda: True),
    "NEWFALSE": _constant(lambda: False),
    "MARK": _constant(lambda: _MARK),
    "POP": lambda machine, _: machine.stack.pop() and None,
    "POP_MARK": lambda machine, _: machine.pop_to_mark() and None,
    "DUP": lambda machine, _: machine.stack.append(machine.stack[-1]),
    "EMPTY_LIST": _constant(list),
    "LIST": _gather(list),
    "APPEND": lambda machine, _: _append(machine, [machine.stack.pop()]),
    "APPENDS": lambda machine, _: _append(machine, machine.pop_to_mark()),
    "EMPTY_TUPLE": _constant(tuple),
    "TUPLE": _gather(tuple),
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "EMPTY_DICT": _constant(dict),
    "DICT": _gather(_dict_of),
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    # Sets hold no weights; a list takes whatever comes.
    "EMPTY_SET": _constant(list),
    "ADDITEMS": lambda machine, _: _append(machine, machine.pop_to_mark()),
    "FROZENSET": _gather(list),
    "PUT": lambda machine, index: machine.memorize(index),
    "BINPUT": lambda machine, index: machine.memorize(index),
    "LONG_BINPUT": lambda machine, index: machine.memorize(index),
    "MEMOIZE": lambda machine, _: machine.memorize(None),
    "GET": lambda machine, index: machine.stack.append(machine.memo[index]),
    "BINGET": lambda machine, index: machine.stack.append(machine.memo[index]),
    "LONG_BINGET": lambda machine, index: machine.stack.append(machine.memo[index]),
    "GLOBAL": lambda machine, argument: machine.push_name(argument.replace(" ", ".", 1)),
    "STACK_GLOBAL": _stack_global,
    "REDUCE": _reduce,
    "NEWOBJ": _reduce,
    "NEWOBJ_EX": _reduce_keywords,
    "INST": _inst,
    "OBJ": _obj,
    "BUILD": _build,
    "BINPERSID": _persistent,
}
