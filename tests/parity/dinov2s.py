"""DINOv2 of transformers, timm and its authors' names, with registers and without, as small as our test variants."""

from __future__ import annotations

from collections.abc import Callable

import torch
import transformers
from torch import nn

from tests.parity import vits
from tests.parity.reference import Reference, pretrained_file, randomise, safetensors_file, torch_file


def _dinov2_huggingface(encoder: str, *, head: bool) -> Reference:
    module = vits.ours(encoder)
    if module.registers:
        config = transformers.Dinov2WithRegistersConfig(**vits.settings(encoder), num_register_tokens=module.registers)
        classes = transformers.Dinov2WithRegistersModel, transformers.Dinov2WithRegistersForImageClassification
        base = "dinov2_with_registers"
    else:
        config = transformers.Dinov2Config(**vits.settings(encoder))
        classes, base = (transformers.Dinov2Model, transformers.Dinov2ForImageClassification), "dinov2"
    model = randomise(classes[head](config))
    answer = vits.huggingface_answer(model, base if head else "", module.patch)
    write = safetensors_file(model.state_dict()) if head else pretrained_file(model)
    return Reference(encoder, answer, write, vits.sizes(encoder))


def dinov2_huggingface() -> Reference:
    """transformers' encoder."""
    return _dinov2_huggingface("dinov2_test", head=False)


def dinov2_huggingface_5_head() -> Reference:
    """transformers' classifier, which reads the class token beside the mean of the patches; its names in memory."""
    return _dinov2_huggingface("dinov2_test", head=True)


def dinov2_reg_huggingface() -> Reference:
    """transformers' encoder with registers."""
    return _dinov2_huggingface("dinov2_reg_test", head=False)


def dinov2_reg_huggingface_5_head() -> Reference:
    """transformers' classifier with registers, which its mean of the patches leaves out; its names in memory."""
    return _dinov2_huggingface("dinov2_reg_test", head=True)


def _dinov2_timm(encoder: str) -> nn.Module:
    registers = vits.ours(encoder).registers
    settings = {"init_values": 1.0, "reg_tokens": registers, "no_embed_class": registers > 0, "num_classes": 0}
    return randomise(vits.timm_vit(encoder, **settings))


def dinov2_timm() -> Reference:
    """timm's file."""
    module = _dinov2_timm("dinov2_test")
    answer = vits.timm_answer(module, "dinov2_test", resize=True)
    return Reference("dinov2_test", answer, safetensors_file(module.state_dict()), vits.sizes("dinov2_test"))


def dinov2_reg_timm() -> Reference:
    """timm's file with registers; timm resizes positions as the authors do here."""
    module = _dinov2_timm("dinov2_reg_test")
    answer = vits.timm_answer(module, "dinov2_reg_test", resize=False)
    return Reference("dinov2_reg_test", answer, safetensors_file(module.state_dict()), vits.sizes("dinov2_reg_test"))


def dinov2_facebook() -> Reference:
    """The authors' file: timm's names and a token for masked patches."""
    module = _dinov2_timm("dinov2_test")
    state = module.state_dict() | {"mask_token": torch.zeros(1, vits.ours("dinov2_test").width)}
    answer = vits.timm_answer(module, "dinov2_test", resize=True)
    return Reference("dinov2_test", answer, torch_file(state), vits.sizes("dinov2_test"))


def dinov2_reg_facebook() -> Reference:
    """The authors' file with registers: as timm reads it, which adds the class token's position to the token."""
    module = _dinov2_timm("dinov2_reg_test")
    state = dict(module.state_dict())
    position = torch.full((1, 1, vits.ours("dinov2_reg_test").width), 0.25)
    state["cls_token"] = state["cls_token"] - position
    state["pos_embed"] = torch.cat([position, state["pos_embed"]], dim=1)
    state["register_tokens"] = state.pop("reg_token")
    state["mask_token"] = torch.zeros(1, position.shape[-1])
    answer = vits.timm_answer(module, "dinov2_reg_test", resize=False)
    return Reference("dinov2_reg_test", answer, torch_file(state), vits.sizes("dinov2_reg_test"))


REFERENCES: dict[str, Callable[[], Reference]] = {
    "dinov2_huggingface": dinov2_huggingface,
    "dinov2_huggingface_5_head": dinov2_huggingface_5_head,
    "dinov2_reg_huggingface": dinov2_reg_huggingface,
    "dinov2_reg_huggingface_5_head": dinov2_reg_huggingface_5_head,
    "dinov2_timm": dinov2_timm,
    "dinov2_reg_timm": dinov2_reg_timm,
    "dinov2_facebook": dinov2_facebook,
    "dinov2_reg_facebook": dinov2_reg_facebook,
}
