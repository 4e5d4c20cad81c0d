"""How a published file names and lays out the parameters of one of our models, as data.

Our parameters are addressed by flat paths:

    params/encoder/<flax path>        batch_stats/encoder/<flax path>
    params/head/kernel, params/head/bias      the published classification head
    params/text/<flax path>, params/logit_scale      the text side of a two-tower model
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

Shape = tuple[int, ...]

_HEAD = ("params/head/kernel", "params/head/bias")


@dataclasses.dataclass(frozen=True)
class Transform:
    """How arrays of a file become one of ours.

    Attributes:
      to_ours: from the file's arrays (one for each key of the entry) to ours.
      file_shapes: from the shape of ours to the shapes the file's arrays must have.
    """

    to_ours: Callable[[Sequence[np.ndarray]], np.ndarray]
    file_shapes: Callable[[Shape], tuple[Shape, ...]]


@dataclasses.dataclass(frozen=True)
class Entry:
    """One of our arrays: `path`, the `keys` of the file it is made of, and how."""

    path: str
    keys: tuple[str, ...]
    transform: Transform


@dataclasses.dataclass(frozen=True)
class Layout:
    """The names of one publisher.

    Attributes:
      name: "torchvision", "timm", "huggingface", "openai", "facebook", "google", ...
      entries: every array of ours that the file holds.
      optional: our paths that a file of this layout may lack (a head that was cut off).
      ignored: regular expressions of keys that a file may hold and that we do not need (counters,
        buffers); they are listed as ignored, not as unexpected.
      epsilon: for `EncoderOptions.epsilon`, where the publisher's code has another than the family.
    """

    name: str
    entries: tuple[Entry, ...]
    optional: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    epsilon: float | None = None


# As it is.
SAME = Transform(lambda arrays: arrays[0], lambda shape: (shape,))
# A dense kernel: torch keeps [out, in], we [in, out].
LINEAR = Transform(lambda arrays: arrays[0].T, lambda shape: (shape[::-1],))
# A convolution: torch keeps [out, in, height, width], we [height, width, in, out]; depthwise ones too (in = 1).
CONV = Transform(
    lambda arrays: arrays[0].transpose(2, 3, 1, 0), lambda shape: ((shape[3], shape[2], shape[0], shape[1]),)
)


def joined(transform: Transform, parts: int) -> Transform:
    """Returns a transform that applies another to each of `parts` arrays and joins ours along the last axis.

    For a query, a key and a value that a file keeps apart and we keep as one.
    """

    def file_shapes(shape: Shape) -> tuple[Shape, ...]:
        return transform.file_shapes((*shape[:-1], shape[-1] // parts)) * parts

    return Transform(lambda arrays: np.concatenate([transform.to_ours([array]) for array in arrays], -1), file_shapes)


def conv_layout(name: str, layers: Sequence[tuple[str, str, str, str]], *, head: str) -> Layout:
    """Returns the layout of a convolutional network with batch norm and one dense head, in a file of torch.

    `layers` are (our convolution, our norm, the file's convolution, the file's norm).
    """
    entries = []
    for conv, norm, file_conv, file_norm in layers:
        entries += [
            Entry(f"params/encoder/{conv}/kernel", (f"{file_conv}.weight",), CONV),
            Entry(f"params/encoder/{norm}/scale", (f"{file_norm}.weight",), SAME),
            Entry(f"params/encoder/{norm}/bias", (f"{file_norm}.bias",), SAME),
            Entry(f"batch_stats/encoder/{norm}/mean", (f"{file_norm}.running_mean",), SAME),
            Entry(f"batch_stats/encoder/{norm}/var", (f"{file_norm}.running_var",), SAME),
        ]
    entries += [Entry(_HEAD[0], (f"{head}.weight",), LINEAR), Entry(_HEAD[1], (f"{head}.bias",), SAME)]
    return Layout(name, tuple(entries), optional=_HEAD, ignored=(r".*\.num_batches_tracked",))
