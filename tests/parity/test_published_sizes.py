"""The sizes that are published: names and shapes of every one, numbers of one convolutional network and one ViT."""

import numpy as np
import open_clip
import pytest
import timm
import torch
import torchvision
import transformers

from kgv_jax.models import registry
from kgv_jax.models.pretrained.expected import expected_shapes
from kgv_jax.models.pretrained.match import compare
from tests import cli
from tests.golden.ours import answers, differences
from tests.parity import resnets, vits
from tests.parity.reference import randomise, torch_file
from tests.parity.test_families import TOLERANCE, expected_of, images_of

_VIT = {"ti": (192, 3), "s": (384, 6), "b": (768, 12), "l": (1024, 16)}


def _resnet(depths: tuple[int, ...], *, basic: bool = False) -> transformers.PreTrainedModel:
    widths = [64, 128, 256, 512] if basic else [256, 512, 1024, 2048]
    config = transformers.ResNetConfig(
        depths=list(depths), hidden_sizes=widths, layer_type="basic" if basic else "bottleneck", num_labels=1000
    )
    return transformers.ResNetForImageClassification(config)


def _vit(name: str) -> transformers.PreTrainedModel:
    size, patch = name.rstrip("0123456789").removeprefix("vit_"), int(name[-2:])
    width, heads = _VIT[size]
    config = transformers.ViTConfig(
        hidden_size=width, num_attention_heads=heads, num_hidden_layers=24 if size == "l" else 12,
        intermediate_size=4 * width, patch_size=patch, num_labels=1000,
    )  # fmt: skip
    return transformers.ViTForImageClassification(config)


def _dinov2(name: str) -> transformers.PreTrainedModel:
    width, heads = _VIT[name.removeprefix("dinov2_")[0]]
    dimensions = {
        "hidden_size": width, "num_attention_heads": heads, "num_hidden_layers": 24 if width == 1024 else 12,
        "image_size": 518, "patch_size": 14,
    }  # fmt: skip
    if name.endswith("reg"):
        return transformers.Dinov2WithRegistersModel(transformers.Dinov2WithRegistersConfig(**dimensions))
    return transformers.Dinov2Model(transformers.Dinov2Config(**dimensions))


def _clip(name: str, width: int, text: int, patch: int) -> transformers.PreTrainedModel:
    vision = {
        "hidden_size": width, "intermediate_size": 4 * width, "num_attention_heads": width // 64,
        "num_hidden_layers": 24 if width == 1024 else 12, "patch_size": patch,
    }  # fmt: skip
    words = {"hidden_size": text, "intermediate_size": 4 * text, "num_attention_heads": text // 64}
    config = transformers.CLIPConfig(vision_config=vision, text_config=words, projection_dim=text)
    return transformers.CLIPModel(config)


def _open_clip(name: str) -> torch.nn.Module:
    config = open_clip.get_model_config(name)
    return open_clip.CLIP(
        config["embed_dim"],
        open_clip.CLIPVisionCfg(**config["vision_cfg"]),
        open_clip.CLIPTextCfg(**config["text_cfg"]),
        quick_gelu=config.get("quick_gelu", False),
    )


# (our name, publisher) -> the publisher's own model, or its configuration as published.
PUBLISHED = {
    **{(name, "torchvision"): lambda name=name: torchvision.models.get_model(name, weights=None)
       for name in ("resnet18", "resnet34", "resnet50", "resnet101")},
    **{(name, "timm"): lambda name=name: timm.create_model(name)
       for name in ("resnet18", "resnet34", "resnet50", "resnet101")},
    ("resnet18", "huggingface"): lambda: _resnet((2, 2, 2, 2), basic=True),
    ("resnet34", "huggingface"): lambda: _resnet((3, 4, 6, 3), basic=True),
    ("resnet50", "huggingface"): lambda: _resnet((3, 4, 6, 3)),
    ("resnet101", "huggingface"): lambda: _resnet((3, 4, 23, 3)),
    ("vit_ti16", "timm"): lambda: timm.create_model("vit_tiny_patch16_224"),
    ("vit_s16", "timm"): lambda: timm.create_model("vit_small_patch16_224"),
    ("vit_b16", "timm"): lambda: timm.create_model("vit_base_patch16_224"),
    ("vit_b32", "timm"): lambda: timm.create_model("vit_base_patch32_224"),
    ("vit_l16", "timm"): lambda: timm.create_model("vit_large_patch16_224"),
    ("vit_b16", "torchvision"): lambda: torchvision.models.get_model("vit_b_16", weights=None),
    ("vit_b32", "torchvision"): lambda: torchvision.models.get_model("vit_b_32", weights=None),
    ("vit_l16", "torchvision"): lambda: torchvision.models.get_model("vit_l_16", weights=None),
    **{(name, "huggingface"): lambda name=name: _vit(name)
       for name in ("vit_ti16", "vit_s16", "vit_b16", "vit_b32", "vit_l16")},
    **{(f"dinov2_{short}14{ours}", "timm"): lambda size=size, theirs=theirs: timm.create_model(
        f"vit_{size}_patch14_{theirs}dinov2", num_classes=0)
       for short, size in (("s", "small"), ("b", "base"), ("l", "large"))
       for ours, theirs in (("", ""), ("_reg", "reg4_"))},
    **{(name, "huggingface"): lambda name=name: _dinov2(name)
       for name in registry.list_models() if name.startswith("dinov2_") and not name.endswith("_test")},
    ("clip_vit_b32", "open_clip"): lambda: _open_clip("ViT-B-32-quickgelu"),
    ("clip_vit_b16", "open_clip"): lambda: _open_clip("ViT-B-16-quickgelu"),
    ("clip_vit_l14", "open_clip"): lambda: _open_clip("ViT-L-14-quickgelu"),
    ("clip_vit_b32_gelu", "open_clip"): lambda: _open_clip("ViT-B-32"),
    ("clip_vit_b16_gelu", "open_clip"): lambda: _open_clip("ViT-B-16"),
    ("clip_vit_l14_gelu", "open_clip"): lambda: _open_clip("ViT-L-14"),
    ("clip_vit_b32", "huggingface"): lambda: _clip("clip_vit_b32", 768, 512, 32),
    ("clip_vit_b16", "huggingface"): lambda: _clip("clip_vit_b16", 768, 512, 16),
    ("clip_vit_l14", "huggingface"): lambda: _clip("clip_vit_l14", 1024, 768, 14),
    ("clip_vit_b32", "timm"): lambda: timm.create_model("vit_base_patch32_clip_quickgelu_224", num_classes=512),
    ("clip_vit_l14", "timm"): lambda: timm.create_model("vit_large_patch14_clip_quickgelu_224", num_classes=768),
    **{(f"efficientnet_lite{number}", "timm"): lambda number=number: timm.create_model(f"tf_efficientnet_lite{number}")
       for number in range(3)},
}  # fmt: skip


@pytest.mark.parametrize("ours, publisher", PUBLISHED)
def test_names_and_shapes(ours, publisher):
    with torch.device("meta"):
        state = PUBLISHED[ours, publisher]().state_dict()
    # Arrays without memory: of an int64 counter the type matters too.
    kinds = {True: np.float32(0), False: np.int64(0)}
    arrays = {key: np.broadcast_to(kinds[t.is_floating_point()], tuple(t.shape)) for key, t in state.items()}
    spec = registry.get(ours)
    found = compare(spec.layouts(), arrays, expected_shapes(spec))
    assert found.fits, (found.layout.name, found.missing[:5], found.unexpected[:5], found.wrong[:5])


def test_all_published_encoders_are_here():
    ours = {name for name in registry.list_models() if registry.get(name).layouts() and not name.endswith("_test")}
    assert ours == {name for name, _ in PUBLISHED}


@pytest.mark.parametrize("ours, theirs, side", [("resnet50", "resnet50", 96), ("vit_b16", "vit_b_16", 224)])
def test_numbers_of_a_whole_model(ours, theirs, side, tmp_path, report_differences, capsys):
    model = randomise(torchvision.models.get_model(theirs, weights=None))
    answer = vits.torchvision_answer(model, 16)
    if ours == "resnet50":
        answer = resnets.torchvision_answer(model)
        # As in trained networks, no block adds much; sixteen units of variance would end in large numbers.
        for name, parameter in model.named_parameters():
            parameter.data *= 0.25 if name.endswith("bn3.weight") else 1.0
    file = torch_file(model.state_dict())(tmp_path / theirs)
    arguments = (file, f"--model={ours}", f"--out={tmp_path / 'converted'}")
    assert cli.run("weights", "convert", *arguments) == 0, capsys.readouterr()
    file.unlink()
    images = images_of((side, side), count=1)
    expected = expected_of(answer, images)
    found = differences(answers(tmp_path / "converted", ours, images), expected)
    report_differences(found)
    assert max(found.values()) < TOLERANCE, found
