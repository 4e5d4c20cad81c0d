"""ImageNet: train on it, test on its shifts.

    kgv train --config=configs/imagenet.py --workdir=runs/imagenet --config.data.root=ROOT
    kgv train --config=configs/imagenet.py:quick --workdir=runs/imagenet-quick

ROOT holds the unpacked archives (train/<id>/*.JPEG, val/, imagenetv2-matched-frequency-format-val/, imagenet-r/,
imagenet-a/, sketch/, ...; `kgv_jax/data/sources/imagenet_layouts.py` says which), or shards of them, which may lie in a
bucket:

    kgv prepare imagenet --from=ILSVRC2012_img_train.tar --out=ROOT

More targets: --config.data.targets=v2,r,a,sketch,objectnet,real,c.

Variants:
  (none)    the experiment. The graph is WordNet around the 1,000 classes: the hierarchy above them, parts, members and
            substances, and the words of visual descriptions (`docs/data.md`).
  quick     ResNet-50 at 224 px and a graph as large as the hierarchy alone (1,000 classes, 1,860 nodes) on random
            images: four steps of KGV and a small evaluation, to see that everything compiles, and how much memory and
            time it takes. Its accuracies mean nothing.

No setting of the experiment has been tuned on ImageNet.
"""

import ml_collections

from kgv_jax.config.schema import default_config
from kgv_jax.util.errors import UserError

_TRAIN_IMAGES = 1_281_167
_BATCH = 256
_EPOCHS = 20


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Returns the config of a variant."""
    if variant not in ("", "quick"):
        raise UserError(f"The variant of configs/imagenet.py is {variant!r}; expected quick, or none.")
    config = _experiment()
    if variant == "quick":
        config.data.name = "fake"
        config.data.fake_images = 1
        config.data.fake_test_images = 8
        config.kg.path = "fake"
        config.optim.warmup_steps = 1
        config.train.steps = 4
        config.train.batch_size = 8
        config.train.log_every_steps = 1
        config.train.checkpoint_every_steps = 4
        config.evaluate.batch_size = 8
    return config


def _experiment() -> ml_collections.ConfigDict:
    """Returns the settings of the experiment."""
    config = default_config()
    # Of the graph's elements the renderer can draw colours alone; users bring more with `synthetic.manifest`.
    config.method = "kgv_no_synthetic"
    config.data.name = "imagenet"
    config.data.root = ""
    config.data.source = "imagenet"
    config.data.targets = ("v2", "r", "a", "sketch")
    config.data.validation_fraction = 0.01
    config.data.size_px = 224
    config.kg.path = "imagenet-1k"
    config.model.encoder = "resnet50"
    config.model.init = ""  # from scratch; a published checkpoint is named here: FILE, or hf:REPO@REVISION
    config.model.dim = 512
    config.optim.learning_rate = 1e-3
    config.optim.weight_decay = 0.05
    config.optim.label_smoothing = 0.1
    config.augment.mixup = 0.2
    config.augment.cutmix = 1.0
    config.augment.randaugment_ops = 2
    config.augment.randaugment_magnitude = 9.0
    config.train.batch_size = _BATCH
    config.train.steps = _EPOCHS * _TRAIN_IMAGES // _BATCH
    config.optim.warmup_steps = config.train.steps // 20
    return config
