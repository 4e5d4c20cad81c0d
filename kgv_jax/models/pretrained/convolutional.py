"""What torch files of convolutional networks have in common: convolutions with batch norm, one dense head."""

from __future__ import annotations

from collections.abc import Sequence

from kgv_jax.models.pretrained.layout import CONV, LINEAR, SAME, Entry, Layout

_HEAD = ("params/head/kernel", "params/head/bias")


def make_layout(name: str, layers: Sequence[tuple[str, str, str, str]], *, head: str) -> Layout:
    """Returns the layout of `layers`: (our convolution, our norm, the file's convolution, the file's norm)."""
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
