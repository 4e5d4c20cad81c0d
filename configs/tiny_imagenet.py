"""Tiny-ImageNet (Stanford CS231n): 200 classes of ImageNet at 64 px, few images of each, with their WordNet graph.

    kgv train --config=configs/tiny_imagenet.py --config.data.root=ROOT --config.shots=16 --workdir=runs/tiny
    kgv compare --config=configs/tiny_imagenet.py --config.data.root=ROOT --fractions= --shots=4,16,40 --workdir=DIR

ROOT is the unpacked `tiny-imagenet-200`: train/<id>/images/, and val/ with its annotations, which the run is tested on.
Corruptions: `kgv prepare corruptions --config=tiny_imagenet --config.data.root=ROOT --out=ROOT/Tiny-ImageNet-C` writes
ImageNet-C's fifteen (an extra package), or unpack the published Tiny-ImageNet-C there; then --config.data.targets=c.
ImageNet-R, -A and -Sketch hold drawings and more of many of the classes: with their folders beside train/,
--config.data.targets=r,a,sketch.

Variants:
  (none)  a small network from scratch: the row that knows low data.
  quick   20 steps, to see that everything runs.

Published weights of ImageNet have seen these classes, 1,300 images of each, and perhaps these very images. A row that
starts from them measures no low data.

No setting has been tuned on Tiny-ImageNet.
"""

import ml_collections

from kgv_jax.config.files import find_config
from kgv_jax.util.errors import UserError


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Returns the config of a variant; the root comes from the command line."""
    if variant not in ("", "quick"):
        raise UserError(f"The variant of configs/tiny_imagenet.py is {variant!r}; expected quick, or none.")
    config = find_config("imagenet").get_config()
    config.data.class_list = "tiny"
    config.data.targets = ()
    config.data.size_px = 64
    config.data.validation_fraction = 0.1
    config.kg.path = "imagenet-tiny"
    config.model.encoder = "resnet8_flat"
    config.model.norm = "batch"
    config.model.dim = 128
    config.augment.crop_area = 0.35
    config.augment.mixup = 0.0
    config.augment.cutmix = 0.0
    config.augment.randaugment_ops = 0
    config.optim.label_smoothing = 0.0
    config.optim.learning_rate = 4e-3
    config.optim.weight_decay = 0.02
    config.optim.warmup_steps = 30
    config.train.batch_size = 64
    config.train.steps = 600
    if variant == "quick":
        config.train.steps = 20
        config.optim.warmup_steps = 2
    return config
