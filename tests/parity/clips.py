"""CLIP of open_clip and transformers, as small as our test variant."""

from __future__ import annotations

import copy
import functools
import io
import pathlib
from collections.abc import Callable

import numpy as np
import open_clip
import timm.layers
import torch
import transformers
from torch import Tensor, nn

from kgv_jax.models import registry
from kgv_jax.models.clip import TextTower
from kgv_jax.models.vit import VisionTransformer
from tests.parity import vits
from tests.parity.reference import Reference, as_grid, at_size, pretrained_file, randomise, repack, safetensors_file

_ENCODER = "clip_test"


def towers(encoder: str = _ENCODER) -> tuple[VisionTransformer, TextTower]:
    """Returns the modules of one of our models."""
    return vits.ours(encoder), registry.get(encoder).make_text()


def tokens(text: TextTower) -> np.ndarray:
    """Returns texts of several lengths: the two last tokens stand around each, zeros behind it."""
    rng = np.random.default_rng(2)
    batch = np.zeros((4, text.context), np.int32)
    for row, length in enumerate(np.linspace(0, text.context - 2, len(batch)).astype(int)):
        words = rng.integers(1, text.vocabulary - 2, length)
        batch[row, : length + 2] = [text.vocabulary - 2, *words, text.vocabulary - 1]
    return batch


def open_clip_model(encoder: str = _ENCODER) -> nn.Module:
    """Returns open_clip's module of the dimensions of one of our models."""
    image, text = towers(encoder)
    vision = open_clip.CLIPVisionCfg(
        layers=image.depth, width=image.width, head_width=image.width // image.heads, patch_size=image.patch,
        image_size=image.grid * image.patch,
    )  # fmt: skip
    words = open_clip.CLIPTextCfg(
        context_length=text.context, vocab_size=text.vocabulary, width=text.width, heads=text.heads, layers=text.depth
    )
    return open_clip.CLIP(image.projection, vision, words, quick_gelu=image.activation == "quick_gelu")


def open_clip_answer(module: nn.Module, encoder: str = _ENCODER) -> Callable[[Tensor], dict[str, Tensor]]:
    """Returns what an open_clip model answers, its positions resized as transformers resizes them."""
    image, text = towers(encoder)
    words = torch.from_numpy(tokens(text))

    def answer(images: Tensor) -> dict[str, Tensor]:
        height, width = images.shape[2] // image.patch, images.shape[3] // image.patch
        model = copy.deepcopy(module)
        if (height, width) != (image.grid, image.grid):
            at_size(model, "visual.positional_embedding", height, width)
        model.visual.output_tokens = True
        pooled, patches = model.visual(images)
        model.visual.output_tokens = False
        return {
            "pooled": pooled,
            "spatial": as_grid(patches, height, width),
            "text": model.encode_text(words),
            "logits": model.get_logits(images, words)[0],
        }

    return answer


def clip_open_clip() -> Reference:
    """open_clip's file."""
    module = randomise(open_clip_model())
    write = safetensors_file(module.state_dict())
    return Reference(_ENCODER, open_clip_answer(module), write, vits.sizes(_ENCODER), tokens(towers()[1]))


def clip_openai() -> Reference:
    """A file as OpenAI's: TorchScript in half precision, with three numbers among the weights."""
    image, text = towers()
    module = randomise(open_clip_model(), seed=1)

    def write(path: pathlib.Path) -> pathlib.Path:
        model = copy.deepcopy(module)
        for name, value in (
            ("input_resolution", image.grid * image.patch),
            ("context_length", text.context),
            ("vocab_size", text.vocabulary),
        ):
            if hasattr(model, name):
                delattr(model, name)
            model.register_buffer(name, torch.tensor(value))
        images = torch.ones((1, 3, image.grid * image.patch, image.grid * image.patch))
        traced = torch.jit.trace(model, (images, torch.from_numpy(tokens(text))), check_trace=False)
        stream = io.BytesIO()
        torch.jit.save(traced.half(), stream)
        return repack(stream, path.with_suffix(".pt"))

    return Reference(_ENCODER, open_clip_answer(module), write, vits.sizes(_ENCODER), tokens(text))


def clip_huggingface() -> Reference:
    """transformers' file."""
    image, text = towers()
    shared = {"hidden_act": image.activation, "projection_dim": image.projection}
    vision = {
        "hidden_size": image.width,
        "intermediate_size": int(image.mlp_ratio * image.width),
        "num_hidden_layers": image.depth,
        "num_attention_heads": image.heads,
        "image_size": image.grid * image.patch,
        "patch_size": image.patch,
    }
    words = {
        "hidden_size": text.width,
        "intermediate_size": 4 * text.width,
        "num_hidden_layers": text.depth,
        "num_attention_heads": text.heads,
        "vocab_size": text.vocabulary,
        "max_position_embeddings": text.context,
        "bos_token_id": text.vocabulary - 2,
        "eos_token_id": text.vocabulary - 1,
    }
    config = transformers.CLIPConfig(
        vision_config=vision | shared, text_config=words | shared, projection_dim=image.projection
    )
    module = randomise(transformers.CLIPModel(config))
    batch = torch.from_numpy(tokens(text))

    def answer(images: Tensor) -> dict[str, Tensor]:
        height, width = images.shape[2] // image.patch, images.shape[3] // image.patch
        outputs = module(input_ids=batch, pixel_values=images, interpolate_pos_encoding=True)
        seen = module.vision_model(pixel_values=images, interpolate_pos_encoding=True)
        patches = module.vision_model.post_layernorm(seen.last_hidden_state)
        read = module.text_model(input_ids=batch)
        return {
            "pooled": module.visual_projection(seen.pooler_output),
            "spatial": as_grid(patches, height, width),
            "text": module.text_projection(read.pooler_output),
            "logits": outputs.logits_per_image,
        }

    return Reference(_ENCODER, answer, pretrained_file(module), vits.sizes(_ENCODER), tokens(text))


def clip_timm() -> Reference:
    """timm's file of the image tower, whose head is the projection."""
    image, _ = towers()
    module = vits.timm_vit(
        _ENCODER,
        num_classes=image.projection,
        pre_norm=True,
        act_layer=timm.layers.get_act_layer(image.activation),
        norm_layer=functools.partial(timm.layers.LayerNorm, eps=1e-5),
    )
    randomise(module)
    nn.init.zeros_(module.head.bias)
    tower = vits.timm_answer(module, _ENCODER, resize=True)

    def answer(images: Tensor) -> dict[str, Tensor]:
        found = tower(images)
        return {"pooled": found["logits"], "spatial": found["spatial"]}

    return Reference(_ENCODER, answer, safetensors_file(module.state_dict()), vits.sizes(_ENCODER))


REFERENCES: dict[str, Callable[[], Reference]] = {
    "clip_open_clip": clip_open_clip,
    "clip_openai": clip_openai,
    "clip_huggingface": clip_huggingface,
    "clip_timm": clip_timm,
}
