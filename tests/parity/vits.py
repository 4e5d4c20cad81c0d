"""Vision transformers of timm, transformers and torchvision, as small as our test variant."""

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


def settings(encoder: str) -> dict[str, object]:
    """Returns what configurations of transformers share."""
    module, spec = ours(encoder), registry.get(encoder)
    return {
        "hidden_size": module.width,
        "num_hidden_layers": module.depth,
        "num_attention_heads": module.heads,
        "image_size": module.grid * module.patch,
        "patch_size": module.patch,
        "num_labels": spec.num_logits,
    }


def huggingface_answer(module: nn.Module, base: str, patch: int, **options: object) -> Callable:
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
    config = transformers.ViTConfig(**settings("vit_test"), intermediate_size=int(module.mlp_ratio * module.width))
    model = randomise(transformers.ViTForImageClassification(config))
    _quieten(model.vit.embeddings)
    answer = huggingface_answer(model, "vit", module.patch, interpolate_pos_encoding=True)
    return Reference("vit_test", answer, pretrained_file(model), sizes("vit_test"))


def vit_huggingface_5_encoder() -> Reference:
    """transformers' encoder alone, in the names that it has in memory."""
    module = ours("vit_test")
    config = transformers.ViTConfig(**settings("vit_test"), intermediate_size=int(module.mlp_ratio * module.width))
    model = randomise(transformers.ViTModel(config))
    _quieten(model.embeddings)
    answer = huggingface_answer(model, "", module.patch, interpolate_pos_encoding=True)
    return Reference("vit_test", answer, safetensors_file(model.state_dict()), sizes("vit_test"))


REFERENCES: dict[str, Callable[[], Reference]] = {
    "vit_timm": vit_timm,
    "vit_google": vit_google,
    "vit_torchvision": vit_torchvision,
    "vit_torchvision_published": vit_torchvision_published,
    "vit_huggingface": vit_huggingface,
    "vit_huggingface_5_encoder": vit_huggingface_5_encoder,
}
