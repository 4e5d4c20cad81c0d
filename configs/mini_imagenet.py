"""mini-ImageNet: the 100 classes of few-shot learning (arXiv 1606.04080) of ImageNet-1k, tested on its shifts.

    kgv train --config=configs/mini_imagenet.py --workdir=runs/mini --config.data.root=ROOT

ROOT is that of configs/imagenet.py; images of other classes are left out. The graph is WordNet around the 100
classes: 231 ancestors and 347 edges in the hierarchy, 1,327 nodes with parts and words of appearance. ImageNet-R has
21 of the classes and ImageNet-A 19: `results.json` holds the accuracy over all 100 and, as `masked_accuracy`, that
among those that occur.

No setting has been tuned on mini-ImageNet.
"""

import ml_collections

from kgv_jax.config.files import find_config

_TRAIN_IMAGES = 100 * 1300  # of most classes, ImageNet has 1,300
_EPOCHS = 60


def get_config() -> ml_collections.ConfigDict:
    """Returns the config; the root comes from the command line."""
    config = find_config("imagenet").get_config()
    config.data.class_list = "mini"
    config.kg.path = "imagenet-mini"
    config.train.steps = _EPOCHS * _TRAIN_IMAGES // config.train.batch_size
    config.optim.warmup_steps = config.train.steps // 20
    return config
