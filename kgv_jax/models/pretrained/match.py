"""Matches the keys of a published file to the parameters of a model, or lists what is wrong with each key."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from kgv_jax.models.pretrained.layout import Entry, Layout, Shape
from kgv_jax.util.errors import UserError

HEAD = "params/head/"
# Prefixes that wrappers of a model add to its names: training scripts, data parallelism, torch.compile, and the classes
# of transformers, whose files have the prefix with a head and lack it without one.
_PREFIX = re.compile(
    r"(?:(?:module|model|_orig_mod|net|backbone|vit|resnet|dinov2|dinov2_with_registers|efficientnet|clip)\.)+"
)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """How a file fits a layout; keys as the file, or for `missing` the layout, writes them.

    Attributes:
      layout: the layout that fits best.
      keys: key of the layout -> key of the file.
      missing, unexpected, ignored: keys.
      wrong: sentences about keys whose array has another shape or type.
      absent: optional paths of ours that the file lacks.
    """

    layout: Layout
    keys: Mapping[str, str]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    ignored: tuple[str, ...]
    wrong: tuple[str, ...]
    absent: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Whether every parameter is there, in its shape, and nothing else."""
        return not (self.missing or self.unexpected or self.wrong)


@dataclasses.dataclass(frozen=True)
class Matched:
    """Our arrays by flat path, float32; the layout; keys not needed; optional paths not there."""

    arrays: dict[str, np.ndarray]
    layout: Layout
    ignored: tuple[str, ...]
    absent: tuple[str, ...]

    @property
    def head_classes(self) -> int | None:
        """Size of the file's classification head; None without one."""
        return self.arrays[f"{HEAD}bias"].size if f"{HEAD}bias" in self.arrays else None


def match(
    layouts: Sequence[Layout],
    arrays: Mapping[str, np.ndarray],
    expected: Mapping[str, Shape],
    *,
    source: str,
    model: str,
    hint: Callable[[], str] = str,
    verbose: bool = False,
) -> Matched:
    """Returns our arrays, made of the file's.

    A classification head may have any number of classes: it is read with its own.

    Args:
      layouts: the layouts of the model.
      arrays: of the file, by key.
      expected: shape of each of our parameters by flat path.
      source, model: how messages call the file and the model.
      hint: called when the file does not fit, returns a sentence on what it might be, or "".
      verbose: name every key in the message, not the first ten of a kind.

    Raises:
      UserError: keys are missing, unexpected, or of another shape; all of them are listed.
    """
    if not layouts:
        raise UserError(f"{model} has no published weights; give a model that has (`list` names them).")
    found = compare(layouts, arrays, expected)
    if not found.fits:
        raise UserError(_message(found, arrays, source, model, hint(), 10**9 if verbose else 10))
    ours: dict[str, np.ndarray] = {}
    for entry in found.layout.entries:
        if entry.path in found.absent:
            continue
        made = entry.transform.to_ours([arrays[found.keys[key]] for key in entry.keys])
        ours[entry.path] = np.asarray(made, np.float32, order="C")
        if not np.isfinite(ours[entry.path]).all():
            raise UserError(
                f"{source}: {', '.join(entry.keys)} holds values that are not finite; the training that wrote it"
                " diverged or the file is damaged: take another checkpoint."
            )
    return Matched(ours, found.layout, found.ignored, found.absent)


def compare(
    layouts: Sequence[Layout], arrays: Mapping[str, np.ndarray], expected: Mapping[str, Shape] | None
) -> Comparison:
    """Returns how the file fits the layout that it fits best; without `expected`, by names alone."""
    return max((_compare(layout, arrays, expected) for layout in layouts), key=_score)


def _score(found: Comparison) -> tuple[float, int]:
    all_keys = len(found.keys) + len(found.missing) + len(found.unexpected)
    return (len(found.keys) / max(all_keys, 1), -len(found.wrong))


def _compare(layout: Layout, arrays: Mapping[str, np.ndarray], expected: Mapping[str, Shape] | None) -> Comparison:
    keys = _pair({key for entry in layout.entries for key in entry.keys}, arrays)
    absent = _absent_groups(layout, keys)
    needed = [entry for entry in layout.entries if entry.path not in absent]
    missing = [key for entry in needed for key in entry.keys if key not in keys]
    used = set(keys.values())
    ignored = [key for key in arrays if key not in used and _is_ignored(key, layout)]
    unexpected = [key for key in arrays if key not in used and key not in set(ignored)]
    wrong: list[str] = []
    head_sizes = set()
    for entry in needed if expected is not None else ():
        if all(key in keys for key in entry.keys):
            parts = [arrays[keys[key]] for key in entry.keys]
            shape = _own_head_shape(entry, parts, expected[entry.path])
            wrong += _wrong(entry, parts, shape, keys)
            if entry.path.startswith(HEAD):
                head_sizes.add(shape[-1])
    if len(head_sizes) > 1:
        wrong.append(f"the head's kernel and bias have {' and '.join(map(str, sorted(head_sizes)))} classes")
    return Comparison(
        layout,
        keys,
        tuple(dict.fromkeys(missing)),
        tuple(unexpected),
        tuple(ignored),
        tuple(wrong),
        absent,
    )


def _pair(wanted: set[str], arrays: Mapping[str, np.ndarray]) -> dict[str, str]:
    """Returns key of the layout -> key of the file: the same key, or else the same up to a wrapper's prefix."""
    bare: dict[str, list[str]] = {}
    for key in arrays:
        bare.setdefault(_bare(key), []).append(key)
    pairs = {}
    for key in wanted:
        candidates = [key] if key in arrays else bare.get(_bare(key), [])
        # Two models may be in one file, which does not say which of them is meant.
        if len(candidates) == 1:
            pairs[key] = candidates[0]
    return pairs


def _bare(key: str) -> str:
    return _PREFIX.sub("", key, count=1) if _PREFIX.match(key) else key


def _absent_groups(layout: Layout, keys: Mapping[str, str]) -> tuple[str, ...]:
    """Returns the optional paths that the file lacks: a head or a tower is there as a whole or not at all."""
    groups: dict[tuple[str, ...], list[Entry]] = {}
    for entry in layout.entries:
        if entry.path in layout.optional:
            groups.setdefault(tuple(entry.path.split("/")[:2]), []).append(entry)
    absent = []
    for entries in groups.values():
        if not any(key in keys for entry in entries for key in entry.keys):
            absent += [entry.path for entry in entries]
    return tuple(absent)


def _is_ignored(key: str, layout: Layout) -> bool:
    return any(re.fullmatch(pattern, form) for pattern in layout.ignored for form in (key, _bare(key)))


def _own_head_shape(entry: Entry, parts: Sequence[np.ndarray], shape: Shape) -> Shape:
    """Returns the shape of our array; that of a classification head has as many classes as the file."""
    if not entry.path.startswith(HEAD):
        return shape
    found = tuple(part.shape for part in parts)
    for classes in (shape[-1], *(size for part in parts for size in part.shape)):
        if entry.transform.file_shapes((*shape[:-1], classes)) == found:
            return (*shape[:-1], classes)
    return shape


def _wrong(entry: Entry, parts: Sequence[np.ndarray], shape: Shape, keys: Mapping[str, str]) -> list[str]:
    wrong = []
    for key, part, wanted in zip(entry.keys, parts, entry.transform.file_shapes(shape), strict=True):
        if part.shape != tuple(wanted):
            wrong.append(f"{keys[key]} is {list(part.shape)}, expected {list(wanted)}")
        elif part.dtype.kind != "f":
            wrong.append(f"{keys[key]} is of type {part.dtype}, expected floats")
    return wrong


def _message(
    found: Comparison, arrays: Mapping[str, np.ndarray], source: str, model: str, hint: str, limit: int
) -> str:
    kinds = (("missing", found.missing), ("unexpected", found.unexpected), ("wrong shape", found.wrong))
    total = len(found.keys) + len(found.missing)
    lines = [
        f"{source}: these are not weights of {model}: {len(found.keys)} of the {total} keys of its closest layout"
        f" ({found.layout.name}) are there, the file has {len(arrays)}."
    ]
    for kind, items in (*kinds, ("ignored", found.ignored)):
        if items:
            lines.append(f"  {kind} ({len(items)}): {'; '.join(items[:limit])}{_rest(items, limit)}")
    lines.append(hint or "Give the checkpoint's own model, or a file that holds the whole of this one.")
    return "\n".join(lines)


def _rest(items: Sequence[str], limit: int) -> str:
    return f"; and {len(items) - limit} more (`convert` with --verbose names all)" if len(items) > limit else ""
