"""Published names of residual networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kgv_jax.models.pretrained.layout import Layout, conv_layout


def make_layouts(stage_sizes: Sequence[int], *, bottleneck: bool) -> tuple[Layout, ...]:
    """Returns the layouts of a network with `stage_sizes` blocks of three convolutions, or of two."""
    blocks = list(_blocks(stage_sizes, bottleneck=bottleneck))
    return (_torchvision(blocks), _huggingface(blocks))


def _blocks(stage_sizes: Sequence[int], *, bottleneck: bool) -> Iterator[tuple[int, int, int, bool]]:
    """Yields (stage, block, number of convolutions, whether the shortcut has one) of every block.

    The first block of a stage changes the shape; that of the first stage only if it is a bottleneck.
    """
    for stage, size in enumerate(stage_sizes):
        for block in range(size):
            yield stage, block, 3 if bottleneck else 2, block == 0 and (stage > 0 or bottleneck)


def _torchvision(blocks: Sequence[tuple[int, int, int, bool]]) -> Layout:
    """The names of torchvision, and of timm."""
    layers = [("stem", "stem_norm", "conv1", "bn1")]
    for stage, block, convs, shortcut in blocks:
        ours, file = f"stage{stage}_block{block}", f"layer{stage + 1}.{block}"
        for n in range(1, convs + 1):
            layers.append((f"{ours}/conv{n}", f"{ours}/norm{n}", f"{file}.conv{n}", f"{file}.bn{n}"))
        if shortcut:
            names = (f"{file}.downsample.0", f"{file}.downsample.1")
            layers.append((f"{ours}/conv_shortcut", f"{ours}/norm_shortcut", *names))
    return conv_layout("torchvision", layers, head="fc")


def _huggingface(blocks: Sequence[tuple[int, int, int, bool]]) -> Layout:
    """The names of transformers' ResNetForImageClassification."""

    def names(file: str) -> tuple[str, str]:
        return f"{file}.convolution", f"{file}.normalization"

    layers = [("stem", "stem_norm", *names("resnet.embedder.embedder"))]
    for stage, block, convs, shortcut in blocks:
        ours, file = f"stage{stage}_block{block}", f"resnet.encoder.stages.{stage}.layers.{block}"
        for n in range(1, convs + 1):
            layers.append((f"{ours}/conv{n}", f"{ours}/norm{n}", *names(f"{file}.layer.{n - 1}")))
        if shortcut:
            layers.append((f"{ours}/conv_shortcut", f"{ours}/norm_shortcut", *names(f"{file}.shortcut")))
    return conv_layout("huggingface", layers, head="classifier.1")
