"""Emoji: 477 concepts learnt in the colour drawings of three families, recognised in those of three others.

    python -m kgv_jax.data.prepare emoji
    python -m kgv_jax.main --config=configs/emoji.py --workdir=runs/emoji
    python -m kgv_jax.main --config=configs/emoji.py --workdir=runs/emoji-ce --config.method=ce

Three targets are colour styles of other hands, two are line art (`kgv_jax/data/sources/emoji.py`). The graph has the
groups, subgroups and tags of Unicode's CLDR. It names nothing of which an element picture could be drawn, so methods
with element pictures or compositions cannot run here.

Every choice below was made on held-out drawings of the source styles.
"""

import ml_collections

from kgv_jax.config_schema import default_config
from kgv_jax.data.sources.emoji import SOURCE, TARGETS


def get_config() -> ml_collections.ConfigDict:
    """Returns the config."""
    config = default_config()
    config.method = "kgv"
    config.data.name = "emoji"
    config.data.source = SOURCE
    config.data.targets = ",".join(TARGETS)
    config.data.size_px = 32
    config.data.validation_fraction = 0.5
    config.data.train_photographs = 15
    config.data.test_photographs = 4
    config.kg.path = "emoji"
    config.synthetic.manifest = "emoji"
    config.model.encoder = "resnet8_flat"
    config.model.norm = "batch"
    config.optim.learning_rate = 4e-3
    config.train.steps = 600
    return config
