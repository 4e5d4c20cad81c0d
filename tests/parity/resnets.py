"""Residual networks of torchvision and transformers, as small as our test variants."""

from __future__ import annotations

from collections.abc import Callable

import torchvision
import transformers
from torch import Tensor, nn

from kgv_jax.models import registry
from kgv_jax.models.resnet import ResNet
from kgv_jax.models.spec import EncoderOptions
from tests.parity.reference import Reference, pretrained_file, randomise, torch_file

# The second is odd, where padding shows.
SIZES = ((64, 64), (75, 50))


def _ours(encoder: str) -> ResNet:
    return registry.get(encoder).make(EncoderOptions())


class NarrowResNet(torchvision.models.ResNet):
    """torchvision's network with stages as narrow as ours; its class knows only the published widths."""

    def __init__(self, ours: ResNet, num_classes: int):
        blocks = torchvision.models.resnet
        self.widths = list(ours.widths)
        super().__init__(blocks.Bottleneck if ours.bottleneck else blocks.BasicBlock, list(ours.stage_sizes))
        self.conv1 = nn.Conv2d(3, ours.widths[0], kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(ours.widths[0])
        self.fc = nn.Linear(self.inplanes, num_classes)

    def _make_layer(self, block, planes, blocks, stride=1, dilate=False):
        if len(self.widths) == 4:
            self.inplanes = self.widths[0]
        return super()._make_layer(block, self.widths.pop(0), blocks, stride, dilate)


def torchvision_answer(model: torchvision.models.ResNet) -> Callable[[Tensor], dict[str, Tensor]]:
    """Returns what a torchvision model answers."""

    def answer(images: Tensor) -> dict[str, Tensor]:
        x = model.maxpool(model.relu(model.bn1(model.conv1(images))))
        taps = {}
        for number, stage in enumerate((model.layer1, model.layer2, model.layer3, model.layer4)):
            x = stage(x)
            taps[f"tap{number}"] = x.permute(0, 2, 3, 1)
        return {"pooled": model.avgpool(x).flatten(1), "spatial": taps["tap3"], "logits": model(images), **taps}

    return answer


def _torchvision(encoder: str) -> Reference:
    model = randomise(NarrowResNet(_ours(encoder), registry.get(encoder).num_logits))
    return Reference(encoder, torchvision_answer(model), torch_file(model.state_dict()), SIZES)


def resnet18_torchvision() -> Reference:
    """torchvision's file, basic blocks."""
    return _torchvision("resnet18_test")


def resnet50_torchvision() -> Reference:
    """torchvision's file, bottlenecks."""
    return _torchvision("resnet50_test")


def _huggingface(encoder: str) -> Reference:
    ours = _ours(encoder)
    expansion = 4 if ours.bottleneck else 1
    config = transformers.ResNetConfig(
        embedding_size=ours.widths[0],
        hidden_sizes=[width * expansion for width in ours.widths],
        depths=list(ours.stage_sizes),
        layer_type="bottleneck" if ours.bottleneck else "basic",
        num_labels=registry.get(encoder).num_logits,
    )
    model = randomise(transformers.ResNetForImageClassification(config), seed=1)

    def answer(images: Tensor) -> dict[str, Tensor]:
        outputs = model.resnet(images, output_hidden_states=True)
        found = {
            "pooled": outputs.pooler_output.flatten(1),
            "spatial": outputs.last_hidden_state.permute(0, 2, 3, 1),
            "logits": model(images).logits,
        }
        # The first is what the stem leaves.
        for number, hidden in enumerate(outputs.hidden_states[1:]):
            found[f"tap{number}"] = hidden.permute(0, 2, 3, 1)
        return found

    return Reference(encoder, answer, pretrained_file(model), SIZES)


def resnet18_huggingface() -> Reference:
    """transformers' classifier, basic blocks."""
    return _huggingface("resnet18_test")


def resnet50_huggingface() -> Reference:
    """transformers' classifier, bottlenecks."""
    return _huggingface("resnet50_test")


REFERENCES: dict[str, Callable[[], Reference]] = {
    "resnet18_torchvision": resnet18_torchvision,
    "resnet50_torchvision": resnet50_torchvision,
    "resnet18_huggingface": resnet18_huggingface,
    "resnet50_huggingface": resnet50_huggingface,
}
