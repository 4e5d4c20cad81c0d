"""Emoji: 473 concepts learnt from the colour images of three font families, recognised in those of three others.

    kgv prepare emoji
    kgv train --config=configs/emoji.py --workdir=runs/emoji
    kgv train --config=configs/emoji.py --workdir=runs/emoji-ce --config.method=ce

Variants:
  (none)  the experiment.
  quick   24 steps and few rendered views, to see that everything runs: its accuracies mean little.

Three targets are colour styles of other artists, two are line art (`kgv_jax/data/sources/emoji.py`). The graph has the
groups, subgroups and tags of Unicode's CLDR and the hypernyms of WordNet; its element images are icons of tags and
categories (`kgv_jax/data/prepare/emoji_elements.py`). Emoji have no composition of elements as signs have, so methods
with compositions refuse this data set.

The settings were chosen on a held-out drawing style of the source; steps and batch size by time (`docs/choices.md`).
"""

import ml_collections

from kgv_jax.config.schema import default_config
from kgv_jax.data.sources.emoji import SOURCE, TARGETS
from kgv_jax.util.errors import UserError


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Returns the config of a variant."""
    if variant not in ("", "quick"):
        raise UserError(f"The variant of configs/emoji.py is {variant!r}; expected quick, or none.")
    config = default_config()
    config.method = "kgv"
    config.data.name = "emoji"
    config.data.source = SOURCE
    config.data.targets = tuple(TARGETS)
    config.data.size_px = 32
    config.data.validation_fraction = 0.5
    config.data.train_views = 15
    config.data.test_views = 4
    config.kg.path = "emoji"
    config.synthetic.manifest = "emoji"
    config.model.encoder = "resnet8_flat"
    config.model.norm = "batch"
    config.optim.learning_rate = 8e-3
    config.train.steps = 600
    config.train.batch_size = 64
    config.gcn.hidden = 512
    if variant == "quick":
        config.train.steps = 24
        config.optim.warmup_steps = 2
        config.data.train_views = 4
        config.data.test_views = 2
    return config
