"""Knowledge injection (arXiv 2401.04441): three scales of knowledge, aligned first, then cross-entropy.

    kgv prepare roadsigns    # for emoji: kgv prepare emoji
    kgv train --config=configs/infuse.py --workdir=runs/infuse
    kgv train --config=configs/infuse.py:emoji --workdir=runs/infuse-emoji
    kgv train --config=configs/infuse.py --config.infuse.scales=triples,graph --workdir=runs/two-scales
    kgv train --config=configs/infuse.py --config.infuse.taps=0,1,z --workdir=runs/at-maps
    kgv explain --workdir=runs/infuse --domain=germany

Variants:
  (none), roadsigns  the sign artwork of `configs/roadsigns.py:artwork`.
  emoji              `configs/emoji.py`.

The scales are `triples`, `graph` and `description`; each alone (`--config.method=infuse_triples`), the pairs
(`infuse_triples_graph`) and all (`infuse`) are methods, and so are the control with random directions
(`infuse_random`), layers at maps of the encoder (`infuse_taps`) and a second stage that trains the decoder alone
(`infuse_frozen`). `make infuse-table` compares them. Texts are means of GloVe's word vectors (76 MB from a registry
package, once); the graph is embedded by this package before the first step.

A run takes one to three minutes on a core. The settings were chosen on held-out images of the source domain
(`docs/choices.md`).
"""

import ml_collections

from kgv_jax.config.files import find_config
from kgv_jax.util.errors import UserError


def get_config(variant: str = "roadsigns") -> ml_collections.ConfigDict:
    """Returns the config of a variant."""
    if variant == "roadsigns":
        config = find_config("roadsigns").get_config("artwork")
        config.train.steps = 600  # two stages need more steps than one
    elif variant == "emoji":
        config = find_config("emoji").get_config()
        config.train.batch_size = 128  # two stages need more images than one; the settings were chosen with this
    else:
        raise UserError(f"The variant of configs/infuse.py is {variant!r}; expected roadsigns, emoji or none.")
    config.method = "infuse"
    config.infuse.whiten = True
    return config
