"""Vision transformers and DINOv2 of timm, transformers and torchvision, as small as our test variants."""

from __future__ import annotations

import copy
import dataclasses
import io
import pathlib
import tempfile
from collections.abc import Callable

import numpy as np
import timm.models.vision_transformer
import torch
import torchvision
import transformers
from torch import Tensor, nn

from kgv_jax.models import registry
from kgv_jax.models.spec import EncoderOptions
from kgv_jax.models.vit import VisionTransformer
from tests.parity.reference import (
    Reference,
    as_grid,
    at_size,
    pretrained_file,
    randomise,
    repack,
    safetensors_file,
    torch_file,
)

# Patches of the second size: not square, so that no axis can stand for another.
OTHER = {"vit_test": (6, 5), "dinov2_test": (3, 4), "dinov2_reg_test": (3, 4), "clip_test": (6, 5)}


def ours(encoder: str) -> VisionTransformer:
    """Returns the module of one of our encoders."""
    return registry.get(encoder).make(EncoderOptions())


def sizes(encoder: str) -> tuple[tuple[int, int], ...]:
    """Returns the size that position embeddings were made for, and another."""
    module = ours(encoder)
    height, width = OTHER[encoder]
    return (module.grid * module.patch,) * 2, (height * module.patch, width * module.patch)


def timm_vit(encoder: str, **settings: object) -> nn.Module:
    """Returns timm's module of the dimensions of one of our encoders."""
    module = ours(encoder)
    return timm.models.vision_transformer.VisionTransformer(
        img_size=module.grid * module.patch, patch_size=module.patch, embed_dim=module.width, depth=module.depth,
        num_heads=module.heads, mlp_ratio=module.mlp_ratio, dynamic_img_size=True,
        **{"num_classes": registry.get(encoder).num_logits, **settings},
    )  # fmt: skip


def timm_answer(module: nn.Module, encoder: str, *, resize: bool) -> Callable[[Tensor], dict[str, Tensor]]:
    """Returns what a timm model answers; `resize`: with positions as the authors of the weights resize them."""
    patch = ours(encoder).patch

    def answer(images: Tensor) -> dict[str, Tensor]:
        height, width = images.shape[2] // patch, images.shape[3] // patch
        model = module
        if resize and (height, width) != module.patch_embed.grid_size:
            model = copy.deepcopy(module)
            at_size(model, "pos_embed", height, width)
            model.patch_embed.grid_size = (height, width)
            model.patch_embed.img_size = tuple(images.shape[2:])
        tokens = model.forward_features(images)
        found = {"pooled": tokens[:, 0], "spatial": as_grid(tokens, height, width)}
        if not isinstance(model.head, nn.Identity):
            found["logits"] = model.forward_head(tokens)
        return found

    return answer


def vit_timm() -> Reference:
    """timm's file."""
    module = randomise(timm_vit("vit_test"))
    answer = timm_answer(module, "vit_test", resize=True)
    return Reference("vit_test", answer, safetensors_file(module.state_dict()), sizes("vit_test"))


def vit_google() -> Reference:
    """The original `.npz`, read by timm."""
    module, spec = ours("vit_test"), registry.get("vit_test")
    width, heads, mlp = module.width, module.heads, int(module.mlp_ratio * module.width)
    shapes = {
        "cls": (1, 1, width),
        "embedding/kernel": (module.patch, module.patch, 3, width),
        "embedding/bias": (width,),
        "Transformer/posembed_input/pos_embedding": (1, 1 + module.grid**2, width),
        "Transformer/encoder_norm/scale": (width,),
        "Transformer/encoder_norm/bias": (width,),
        "head/kernel": (width, spec.num_logits),
        "head/bias": (spec.num_logits,),
    }
    for number in range(module.depth):
        block = f"Transformer/encoderblock_{number}/"
        for name in ("LayerNorm_0", "LayerNorm_2"):
            shapes |= {f"{block}{name}/scale": (width,), f"{block}{name}/bias": (width,)}
        attention = f"{block}MultiHeadDotProductAttention_1/"
        for name in ("query", "key", "value"):
            shapes[f"{attention}{name}/kernel"] = (width, heads, width // heads)
            shapes[f"{attention}{name}/bias"] = (heads, width // heads)
        shapes |= {f"{attention}out/kernel": (heads, width // heads, width), f"{attention}out/bias": (width,)}
        shapes |= {f"{block}MlpBlock_3/Dense_0/kernel": (width, mlp), f"{block}MlpBlock_3/Dense_0/bias": (mlp,)}
        shapes |= {f"{block}MlpBlock_3/Dense_1/kernel": (mlp, width), f"{block}MlpBlock_3/Dense_1/bias": (width,)}
    rng = np.random.default_rng(1)
    arrays = {
        key: rng.normal(float(key.endswith("scale")), 0.3, shape).astype(np.float16).astype(np.float32)
        for key, shape in shapes.items()
    }
    reader = timm_vit("vit_test").eval()
    with tempfile.TemporaryDirectory() as folder:
        np.savez(f"{folder}/vit.npz", **arrays)
        reader.load_pretrained(f"{folder}/vit.npz")

    def write(path: pathlib.Path) -> pathlib.Path:
        stream = io.BytesIO()
        np.savez(stream, **arrays)
        return repack(stream, path.with_suffix(".npz"))

    return Reference("vit_test", timm_answer(reader, "vit_test", resize=True), write, sizes("vit_test"))


def _torchvision() -> tuple[Reference, nn.Module]:
    module, spec = ours("vit_test"), registry.get("vit_test")
    model = randomise(
        torchvision.models.VisionTransformer(
            image_size=module.grid * module.patch, patch_size=module.patch, num_layers=module.depth,
            num_heads=module.heads, hidden_dim=module.width, mlp_dim=int(module.mlp_ratio * module.width),
            num_classes=spec.num_logits,
        )
    )  # fmt: skip
    write = torch_file(model.state_dict(), zipped=False)
    return Reference("vit_test", torchvision_answer(model, module.patch), write, sizes("vit_test")), model


def vit_torchvision() -> Reference:
    """torchvision's file, in the oldest of torch's formats."""
    return _torchvision()[0]


def vit_torchvision_published() -> Reference:
    """torchvision's file in the names of those that it publishes, which it renames when it reads them."""
    reference, model = _torchvision()
    names = {"mlp.0.": "mlp.linear_1.", "mlp.3.": "mlp.linear_2."}
    state = {}
    for key, value in model.state_dict().items():
        for ours, old in names.items():
            key = key.replace(ours, old)
        state[key] = value
    return dataclasses.replace(reference, write=torch_file(state))


def torchvision_answer(module: nn.Module, patch: int) -> Callable[[Tensor], dict[str, Tensor]]:
    """Returns what a torchvision model answers; it takes one square size, so another needs its positions resized."""

    def answer(images: Tensor) -> dict[str, Tensor]:
        height, width = images.shape[2] // patch, images.shape[3] // patch
        model = copy.deepcopy(module)
        if (height, width) != (model.image_size // patch,) * 2:
            at_size(model, "encoder.pos_embedding", height, width)
        # `_process_input` insists on the square; these are its two lines.
        tokens = model.conv_proj(images).flatten(2).transpose(1, 2)
        tokens = model.encoder(_with_class(model.class_token, tokens))
        return {"pooled": tokens[:, 0], "spatial": as_grid(tokens, height, width), "logits": model.heads(tokens[:, 0])}

    return answer


def _with_class(class_token: Tensor, tokens: Tensor) -> Tensor:
    return torch.cat([class_token.expand(len(tokens), -1, -1), tokens], dim=1)


def _settings(encoder: str) -> dict[str, object]:
    module, spec = ours(encoder), registry.get(encoder)
    return {
        "hidden_size": module.width,
        "num_hidden_layers": module.depth,
        "num_attention_heads": module.heads,
        "image_size": module.grid * module.patch,
        "patch_size": module.patch,
        "num_labels": spec.num_logits,
    }


def _huggingface_answer(module: nn.Module, base: str, patch: int, **options: object) -> Callable:
    """Returns what a transformers model answers; `base` is where a classifier keeps its encoder, "" if it is one."""

    def answer(images: Tensor) -> dict[str, Tensor]:
        height, width = images.shape[2] // patch, images.shape[3] // patch
        encoder = getattr(module, base) if base else module
        outputs = encoder(pixel_values=images, output_hidden_states=True, **options)
        tokens = outputs.last_hidden_state
        found = {"pooled": tokens[:, 0], "spatial": as_grid(tokens, height, width)}
        for number, hidden in enumerate(outputs.hidden_states[1:]):
            found[f"tap{number}"] = as_grid(hidden, height, width)
        if base:
            found["logits"] = module(pixel_values=images, **options).logits
        return found

    return answer


def _quieten(embeddings: nn.Module) -> None:
    """Makes tokens of small variance: they tell transformers' 1e-12 in layer norms from the 1e-6 of everyone else."""
    with torch.no_grad():
        for parameter in embeddings.parameters():
            parameter *= 2.0**-7


def vit_huggingface() -> Reference:
    """transformers' classifier, as the Hub keeps it."""
    module = ours("vit_test")
    config = transformers.ViTConfig(**_settings("vit_test"), intermediate_size=int(module.mlp_ratio * module.width))
    model = randomise(transformers.ViTForImageClassification(config))
    _quieten(model.vit.embeddings)
    answer = _huggingface_answer(model, "vit", module.patch, interpolate_pos_encoding=True)
    return Reference("vit_test", answer, pretrained_file(model), sizes("vit_test"))


def vit_huggingface_5_encoder() -> Reference:
    """transformers' encoder alone, in the names that it has in memory."""
    module = ours("vit_test")
    config = transformers.ViTConfig(**_settings("vit_test"), intermediate_size=int(module.mlp_ratio * module.width))
    model = randomise(transformers.ViTModel(config))
    _quieten(model.embeddings)
    answer = _huggingface_answer(model, "", module.patch, interpolate_pos_encoding=True)
    return Reference("vit_test", answer, safetensors_file(model.state_dict()), sizes("vit_test"))


def _dinov2_huggingface(encoder: str, *, head: bool) -> Reference:
    module = ours(encoder)
    if module.registers:
        config = transformers.Dinov2WithRegistersConfig(**_settings(encoder), num_register_tokens=module.registers)
        classes = transformers.Dinov2WithRegistersModel, transformers.Dinov2WithRegistersForImageClassification
        base = "dinov2_with_registers"
    else:
        config = transformers.Dinov2Config(**_settings(encoder))
        classes, base = (transformers.Dinov2Model, transformers.Dinov2ForImageClassification), "dinov2"
    model = randomise(classes[head](config))
    answer = _huggingface_answer(model, base if head else "", module.patch)
    write = safetensors_file(model.state_dict()) if head else pretrained_file(model)
    return Reference(encoder, answer, write, sizes(encoder))


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
    registers = ours(encoder).registers
    settings = {"init_values": 1.0, "reg_tokens": registers, "no_embed_class": registers > 0, "num_classes": 0}
    return randomise(timm_vit(encoder, **settings))


def dinov2_timm() -> Reference:
    """timm's file."""
    module = _dinov2_timm("dinov2_test")
    answer = timm_answer(module, "dinov2_test", resize=True)
    return Reference("dinov2_test", answer, safetensors_file(module.state_dict()), sizes("dinov2_test"))


def dinov2_reg_timm() -> Reference:
    """timm's file with registers; timm resizes positions as the authors do here."""
    module = _dinov2_timm("dinov2_reg_test")
    answer = timm_answer(module, "dinov2_reg_test", resize=False)
    return Reference("dinov2_reg_test", answer, safetensors_file(module.state_dict()), sizes("dinov2_reg_test"))


def dinov2_facebook() -> Reference:
    """The authors' file: timm's names and a token for masked patches."""
    module = _dinov2_timm("dinov2_test")
    state = module.state_dict() | {"mask_token": torch.zeros(1, ours("dinov2_test").width)}
    answer = timm_answer(module, "dinov2_test", resize=True)
    return Reference("dinov2_test", answer, torch_file(state), sizes("dinov2_test"))


def dinov2_reg_facebook() -> Reference:
    """The authors' file with registers: as timm reads it, which adds the class token's position to the token."""
    module = _dinov2_timm("dinov2_reg_test")
    state = dict(module.state_dict())
    position = torch.full((1, 1, ours("dinov2_reg_test").width), 0.25)
    state["cls_token"] = state["cls_token"] - position
    state["pos_embed"] = torch.cat([position, state["pos_embed"]], dim=1)
    state["register_tokens"] = state.pop("reg_token")
    state["mask_token"] = torch.zeros(1, position.shape[-1])
    answer = timm_answer(module, "dinov2_reg_test", resize=False)
    return Reference("dinov2_reg_test", answer, torch_file(state), sizes("dinov2_reg_test"))


REFERENCES: dict[str, Callable[[], Reference]] = {
    "vit_timm": vit_timm,
    "vit_google": vit_google,
    "vit_torchvision": vit_torchvision,
    "vit_torchvision_published": vit_torchvision_published,
    "vit_huggingface": vit_huggingface,
    "vit_huggingface_5_encoder": vit_huggingface_5_encoder,
    "dinov2_huggingface": dinov2_huggingface,
    "dinov2_huggingface_5_head": dinov2_huggingface_5_head,
    "dinov2_reg_huggingface": dinov2_reg_huggingface,
    "dinov2_reg_huggingface_5_head": dinov2_reg_huggingface_5_head,
    "dinov2_timm": dinov2_timm,
    "dinov2_reg_timm": dinov2_reg_timm,
    "dinov2_facebook": dinov2_facebook,
    "dinov2_reg_facebook": dinov2_reg_facebook,
}
