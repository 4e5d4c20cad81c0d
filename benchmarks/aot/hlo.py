"""Reads the text of a compiled module: what one device multiplies, moves and sends in a run of it.

XLA's own `cost_analysis` counts the body of a loop once and a float32 product at precision HIGHEST like a bfloat16
one. Here a body counts as often as it runs, a product as often as the matrix unit passes over it, and what stays in
on-chip memory (space 1 in a layout) costs no bandwidth.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

_BITS = {"pred": 8, "s4": 4, "u4": 4, "token": 0, "bf16": 16}  # others end in their number of bits: f32, s8
_HEADER = re.compile(r"^(ENTRY )?%?([\w.-]+) \(.*\{$")
_NAME = re.compile(r"^\s+(ROOT )?%?([\w.-]+) = ")
_ARRAY = re.compile(r"\b(pred|token|bf16|[a-z]+\d+\w*)\[([\d,<=]*)\](?:\{([^{}]*)\})?")
_COLLECTIVES = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute", "ragged-all-to-all")
_PASSES = {"default": 1, "high": 3, "highest": 6}
NO_ESTIMATE = 2**63 - 1  # what libtpu writes in place of an instruction's cycles where its cost model has no figure
# Names for what is somewhere already, and what is counted by its parts.
_FREE = frozenset(
    "parameter constant tuple get-tuple-element bitcast while conditional call after-all partition-id replica-id iota "
    "optimization-barrier add-dependency".split()
)
# Which operand is written into the first one, in place.
_IN_PLACE = {"dynamic-update-slice": 1, "scatter": 2}


class Shape(NamedTuple):
    """An array as laid out: its type, its sizes, its size in bytes with padding to tiles, and whether it is on chip."""

    dtype: str
    sizes: tuple[int, ...]
    bytes: int
    on_chip: bool

    @property
    def hbm_bytes(self) -> int:
        return 0 if self.on_chip else self.bytes


class Instruction(NamedTuple):
    """One instruction: `shapes` of its result (of every part, for a tuple) and the text after its operands.

    The operand of a parameter is its number, that of a constant its value; other operands are names.
    """

    name: str
    opcode: str
    shapes: tuple[Shape, ...]
    operands: tuple[str, ...]
    attributes: str
    root: bool

    @property
    def op_name(self) -> str:
        """Where in the program it comes from, such as `jit(step)/transpose(jvp(Classifier))/encoder/...`."""
        return _first(r'op_name="([^"]*)"', self.attributes) or ""


class Collective(NamedTuple):
    """Collectives of one kind over groups of one size; `bytes` is what one device puts in or gets, the larger."""

    kind: str
    group: int
    count: int
    bytes: int

    @property
    def wire_bytes(self) -> float:
        """Returns what each device sends at least: an all-reduce sends every part twice, others once."""
        if self.kind == "collective-permute":
            return float(self.bytes)
        return (2 if self.kind == "all-reduce" else 1) * self.bytes * (self.group - 1) / self.group


class Cost(NamedTuple):
    """What one device does in one run.

    Attributes:
      flops: two for each multiplication of a matrix product or convolution.
      pass_flops: the same, times the passes of the matrix unit at the product's precision.
      bytes: read from and written to the device's main memory.
      cycles: what the TPU compiler's own cost model gives to everything but collectives; 0 elsewhere. None if it has
        no figure for one of the instructions.
      collectives: what is exchanged with other devices.
    """

    flops: float
    pass_flops: float
    bytes: float
    cycles: float | None
    collectives: tuple[Collective, ...]


Computation = Mapping[str, Instruction]


class Module(NamedTuple):
    """The computations of a module by name, and which of them is run."""

    computations: Mapping[str, Computation]
    entry: str


def read_module(text: str) -> Module:
    """Parses the text of an optimised HLO module (`Compiled.as_text()`)."""
    computations: dict[str, dict[str, Instruction]] = {}
    entry, current = "", None
    for line in text.splitlines():
        if header := _HEADER.match(line):
            current = computations.setdefault(header[2], {})
            entry = header[2] if header[1] else entry
        elif line.startswith("}"):
            current = None
        elif current is not None and (start := _NAME.match(line)):
            instruction = _read_instruction(start[2], line[start.end() :], root=bool(start[1]))
            current[instruction.name] = instruction
    if not entry:
        raise ValueError("The text holds no ENTRY computation; it is no HLO module.")
    return Module(computations, entry)


def _read_instruction(name: str, text: str, *, root: bool) -> Instruction:
    end = _matching(text, 0) + 1 if text.startswith("(") else text.index(" ")
    result, rest = text[:end], text[end:].lstrip()
    opcode, _, _ = rest.partition("(")
    close = _matching(rest, len(opcode))
    operands = tuple(re.findall(r"%([\w.-]+)", rest[len(opcode) : close]))
    if opcode in ("parameter", "constant"):
        operands = (rest[len(opcode) + 1 : close],)
    return Instruction(name, opcode, tuple(read_shapes(result)), operands, rest[close + 1 :], root)


def _matching(text: str, start: int) -> int:
    """Returns where the bracket that opens at `start` closes."""
    depth = 0
    for index in range(start, len(text)):
        depth += (text[index] == "(") - (text[index] == ")")
        if depth == 0:
            return index
    raise ValueError(f"A bracket is not closed: {text[start : start + 80]}")


def read_shapes(text: str) -> Iterator[Shape]:
    """Yields the arrays of a type such as `(f32[8,128]{1,0:T(8,128)S(1)}, u32[])`."""
    for dtype, sizes_text, layout in _ARRAY.findall(text):
        sizes = tuple(int(size.lstrip("<=")) for size in sizes_text.split(",") if size)
        order, _, tiling = layout.partition(":")
        physical = [sizes[int(axis)] for axis in reversed(order.split(",")) if axis] if order else list(sizes)
        if tile := _first(r"T\(([\d,]+)\)", tiling):
            padded = [int(side) for side in tile.split(",")]
            for axis, side in enumerate(reversed(padded), start=1):
                if axis <= len(physical):
                    physical[-axis] = -(-physical[-axis] // side) * side
        bits = _BITS.get(dtype) if dtype in _BITS else int(re.search(r"\d+", dtype)[0])
        # Space 1 is on chip; 2 and above are scalars and semaphores.
        yield Shape(dtype, sizes, math.prod(physical) * bits // 8, re.search(r"S\([1-9]\)", tiling) is not None)


def _first(pattern: str, text: str) -> str | None:
    found = re.search(pattern, text)
    return found[1] if found else None


def cost(
    module: Module,
    *,
    of: Callable[[Instruction], bool] = lambda _: True,
    open_loops: Callable[[Instruction], int] | None = None,
) -> Cost:
    """Returns the cost of one run of the module on one device.

    Args:
      module: the module.
      open_loops: gives how often a loop runs whose end depends on data; without it such a loop is an error.
      of: which instructions count, for the share of a part (by `op_name`, say). A fusion counts as its name says.
    """
    flops = pass_flops = moved = 0.0
    cycles: float | None = 0.0
    counts: Counter[tuple[str, int]] = Counter()
    sizes: Counter[tuple[str, int]] = Counter()
    for computation, instruction, times, fused in _runs(module, module.entry, 1, open_loops, fused=False):
        if not of(instruction):
            continue
        if instruction.opcode in ("dot", "convolution"):
            operands = [computation[name].shapes[0] for name in instruction.operands[:2]]
            own = times * _multiplications(instruction, *operands) * 2
            flops += own
            pass_flops += own * _passes(instruction, operands)
        if kind := _collective(module, instruction):
            key = kind, _group_size(instruction, module)
            counts[key] += times
            sizes[key] += times * _exchanged_bytes(instruction, computation)
        if not fused:
            moved += times * _moved_bytes(module, computation, instruction)
            estimated = int(_first(r'"estimated_cycles":"(\d+)"', instruction.attributes) or 0)
            cycles = None if cycles is None or estimated == NO_ESTIMATE else cycles + times * estimated
    collectives = (Collective(kind, group, counts[kind, group], sizes[kind, group]) for kind, group in sorted(counts))
    return Cost(flops, pass_flops, moved, cycles, tuple(collectives))


def _runs(
    module: Module, name: str, times: int, open_loops: Callable[[Instruction], int] | None, *, fused: bool
) -> Iterator[tuple[Computation, Instruction, int, bool]]:
    """Yields every instruction that runs, how often, and whether inside a fusion. Of a choice, all branches run."""
    computation = module.computations[name]
    for instruction in computation.values():
        yield computation, instruction, times, fused
        attributes = instruction.attributes
        called, more, inside = [], times, fused
        if instruction.opcode == "while":
            called = re.findall(r"body=%?([\w.-]+)", attributes)
            more = times * _trips(module, computation, instruction, open_loops)
        elif instruction.opcode == "conditional":
            branches = _first(r"branch_computations=\{([^}]*)\}", attributes) or ""
            called = re.findall(r"%?([\w.-]+)", branches)
            called += re.findall(r"(?:true|false)_computation=%?([\w.-]+)", attributes)
        elif instruction.opcode == "fusion" and not _collective(module, instruction):
            called, inside = re.findall(r"calls=%?([\w.-]+)", attributes), True
        elif instruction.opcode in ("call", "async-start"):
            called = re.findall(r"(?:calls|to_apply)=%?([\w.-]+)", attributes)
        for callee in called if more else ():
            yield from _runs(module, callee, more, open_loops, fused=inside)


def _trips(
    module: Module, computation: Computation, loop: Instruction, open_loops: Callable[[Instruction], int] | None
) -> int:
    """Returns how often a loop runs: as noted, or up to the limit of its counter, which goes up by one."""
    if noted := _first(r'"?known_trip_count"?:\{"?n"?:"?(\d+)', loop.attributes):
        return int(noted)
    condition = module.computations[_first(r"condition=%?([\w.-]+)", loop.attributes)]
    test = next(instruction for instruction in condition.values() if instruction.root)

    def known(name: str) -> int | None:
        source = _source(condition, name)
        if source.opcode == "get-tuple-element":
            place = int(_first(r"index=(\d+)", source.attributes))
            source = _source(computation, _source(computation, loop.operands[0]).operands[place])
        return int(source.operands[0]) if source.opcode == "constant" else None

    if test.opcode == "compare" and "direction=LT" in test.attributes:
        start, limit = map(known, test.operands)
        if start is not None and limit is not None:
            return limit - start
    if open_loops is None:
        raise ValueError(f"How often the loop {loop.name} runs depends on data, so its cost is unknown.")
    return open_loops(loop)


def _source(computation: Computation, name: str) -> Instruction:
    """Returns the instruction that made a value, behind copies of it."""
    instruction = computation[name]
    while instruction.opcode in ("copy", "bitcast"):
        instruction = computation[instruction.operands[0]]
    return instruction


def _multiplications(instruction: Instruction, left: Shape, right: Shape) -> int:
    result = math.prod(instruction.shapes[0].sizes)
    if instruction.opcode == "dot":
        axes = _first(r"lhs_contracting_dims=\{([\d,]*)\}", instruction.attributes) or ""
        return result * math.prod(left.sizes[int(axis)] for axis in axes.split(",") if axis)
    labels = _first(r"dim_labels=(\S+?)(?:,|$)", instruction.attributes)
    inputs, kernel, output = re.fullmatch(r"(\w+)_(\w+)->(\w+)", labels).groups()
    feature_groups = int(_first(r"feature_group_count=(\d+)", instruction.attributes) or 1)
    batch_groups = int(_first(r"batch_group_count=(\d+)", instruction.attributes) or 1)
    window = _window(_first(r"window=\{([^}]*)\}", instruction.attributes) or "", len(kernel) - 2)
    places = 1
    for axis, taps in enumerate(window):
        sides = (left.sizes[inputs.index(str(axis))], instruction.shapes[0].sizes[output.index(str(axis))])
        places *= _valid_places(*sides, **taps)
    fan_in = left.sizes[inputs.index("f")] // feature_groups
    fan_out = right.sizes[kernel.index("o")]
    return fan_in * fan_out * (left.sizes[inputs.index("b")] // batch_groups) * places


def _window(text: str, rank: int) -> list[dict[str, int]]:
    fields = dict(part.split("=") for part in text.split())

    def value(name: str, axis: int, default: int) -> int:
        return int(fields[name].split("x")[axis].split("_")[0]) if name in fields else default

    names = {"size": ("size", 1), "stride": ("stride", 1), "low": ("pad", 0)}
    names |= {"spread": ("lhs_dilate", 1), "step": ("rhs_dilate", 1)}
    return [{ours: value(name, axis, default) for ours, (name, default) in names.items()} for axis in range(rank)]


def _valid_places(side: int, out: int, *, size: int, stride: int, low: int, spread: int, step: int) -> int:
    """Returns how many (output, tap) pairs of one axis read an input and not padding; as XLA's analysis counts them."""
    count = 0
    for tap in range(size):
        for place in range(out):
            at, off = divmod(place * stride - low + tap * step, spread)
            count += off == 0 and 0 <= at < side
    return count


def _passes(instruction: Instruction, operands: list[Shape]) -> int:
    if all(operand.dtype != "f32" for operand in operands):
        return 1
    asked = (_first(r"operand_precision=\{([\w,]*)\}", instruction.attributes) or "default").split(",")
    return max(_PASSES[precision] for precision in asked)


def _collective(module: Module, instruction: Instruction) -> str | None:
    """Returns the kind of a collective, None of anything else. A fused all-reduce and slice is a reduce-scatter."""
    kind = instruction.opcode.removesuffix("-start")
    if kind in _COLLECTIVES:
        return kind
    called = _first(r"calls=%?([\w.-]+)", instruction.attributes) if instruction.opcode == "fusion" else None
    return "reduce-scatter" if called and "all-reduce-scatter" in called else None


def _group_size(instruction: Instruction, module: Module) -> int:
    attributes = instruction.attributes
    if instruction.opcode == "fusion":
        inner = module.computations[_first(r"calls=%?([\w.-]+)", attributes)].values()
        attributes = next(other.attributes for other in inner if other.opcode in _COLLECTIVES)
    return read_group_size(attributes)


def read_group_size(attributes: str) -> int:
    """Returns how many devices one collective joins, from `replica_groups` in any of its three notations."""
    if mesh := re.search(r"replica_groups=mesh\[([^\]]*)\]\s*\{([^}]*)\}", attributes):
        axes = {name: int(size) for name, size in re.findall(r"'(\w+)'=(\d+)", mesh[1])}
        named = re.findall(r"'(\w+)'(?::\(\d+\)(\d+))?", mesh[2])
        return math.prod(int(part) if part else axes[name] for name, part in named)
    if iota := re.search(r"replica_groups=\[(\d+),(\d+)\]<=", attributes):
        return int(iota[2])
    if listed := re.search(r"replica_groups=\{\{([\d,]+)\}", attributes):
        return len(listed[1].split(","))
    return 2  # a permutation has pairs


def _exchanged_bytes(instruction: Instruction, computation: Computation) -> int:
    put = sum(_held(computation, name, lambda shape: shape.bytes) for name in instruction.operands)
    if instruction.opcode.endswith("-start"):
        return max(put, max(shape.bytes for shape in instruction.shapes))
    return max(put, sum(shape.bytes for shape in instruction.shapes))


def _held(computation: Computation, name: str, size: Callable[[Shape], int]) -> int:
    return sum(size(shape) for shape in computation[name].shapes)


def _moved_bytes(module: Module, computation: Computation, instruction: Instruction) -> int:
    """Returns what an instruction outside of fusions reads from and writes to main memory."""
    if instruction.opcode in _FREE or instruction.opcode.endswith(("-done", "async-update")):
        return 0
    if 'custom_call_target="ConcatBitcast"' in instruction.attributes:
        return 0  # names parts that lie side by side
    if instruction.opcode in ("copy-start", "slice-start"):
        # The result is (to, from, flag) of a copy, and (from, to, flag) of a slice.
        to, source = instruction.shapes[:2] if instruction.opcode == "copy-start" else instruction.shapes[1::-1]
        return to.hbm_bytes + (0 if source.on_chip else to.bytes)
    if instruction.opcode == "async-start":
        return 0  # counted inside
    if instruction.opcode == "fusion":
        return _fusion_bytes(module, computation, instruction)
    if instruction.opcode in _IN_PLACE:
        return 2 * _held(
            computation, instruction.operands[_IN_PLACE[instruction.opcode]], lambda shape: shape.hbm_bytes
        )
    written = sum(shape.hbm_bytes for shape in instruction.shapes)
    if instruction.opcode in ("dynamic-slice", "slice", "gather"):
        source = computation[instruction.operands[0]].shapes[0]
        return written + (0 if source.on_chip else instruction.shapes[0].bytes)
    if instruction.opcode.endswith("-start"):
        written = 0  # the result repeats the operands
    return written + sum(_held(computation, name, lambda shape: shape.hbm_bytes) for name in instruction.operands)


def _fusion_bytes(module: Module, computation: Computation, fusion: Instruction) -> int:
    inner = module.computations[_first(r"calls=%?([\w.-]+)", fusion.attributes)]
    given = {int(i.operands[0]): i for i in inner.values() if i.opcode == "parameter"}
    total = 0
    for index, name in enumerate(fusion.operands):
        outer = computation[name].shapes
        if all(shape.on_chip for shape in outer):
            continue
        total += min(_read_bytes(module, inner, given[index].name), sum(shape.hbm_bytes for shape in outer))
    root = next(i for i in inner.values() if i.root)
    results = [inner[name] for name in root.operands] if root.opcode == "tuple" else [root]
    for shape, result in zip(fusion.shapes, results, strict=False):
        while result.opcode in ("bitcast", "convert", "copy") and result.operands[0] in inner:
            result = inner[result.operands[0]]
        if result.opcode in _IN_PLACE:
            total += min(inner[result.operands[_IN_PLACE[result.opcode]]].shapes[0].bytes, shape.hbm_bytes)
        else:
            total += shape.hbm_bytes
    return total


def _read_bytes(module: Module, inner: Computation, name: str) -> int:
    """Returns how much of a fusion's parameter is read: only a slice, where all that is done with it is slicing."""
    whole, total = inner[name].shapes[0].bytes if inner[name].shapes else 0, 0
    for user in inner.values():
        if user.opcode == "parameter" or name not in user.operands:
            continue
        if user.opcode in ("dynamic-slice", "slice", "gather") and user.operands[0] == name:
            total += user.shapes[0].bytes
        elif user.opcode in _IN_PLACE and user.operands[0] == name:
            # A scatter reads what it adds to.
            total += inner[user.operands[2]].shapes[0].bytes if user.opcode == "scatter" else 0
        elif user.opcode == "bitcast":
            total += _read_bytes(module, inner, user.name)
        elif user.opcode == "fusion":
            called = module.computations[_first(r"calls=%?([\w.-]+)", user.attributes)]
            parameter = {int(i.operands[0]): i.name for i in called.values() if i.opcode == "parameter"}
            total += _read_bytes(module, called, parameter[user.operands.index(name)])
        else:
            return whole
    return min(total, whole)
