"""Classes without images: some are held out of training and recognised by what the graph states of them.

    kgv train --config=configs/zero_shot.py:artwork --workdir=runs/zero-shot
    kgv compare --config=configs/zero_shot.py:emoji --workdir=runs/zero-shot-emoji --seeds=3 \
        --methods=kgv,ale,dgp,ce

Variants:
  artwork  the road signs of `configs/roadsigns.py:artwork`: 30 of 163 classes are tested, 20 more choose
  emoji    the emoji of `configs/emoji.py`: 90 of 473 classes are tested, 60 more choose

`--config.zero_shot.unseen=` takes other numbers, names, or a file. Every choice below was made on the validation
classes (`docs/zero_shot.md`).
"""

import ml_collections

from configs import emoji, roadsigns
from kgv_jax.util.errors import UserError


def get_config(variant: str = "artwork") -> ml_collections.ConfigDict:
    """Returns the config of a variant."""
    if variant == "artwork":
        config = roadsigns.get_config("artwork")
        config.zero_shot.unseen, config.zero_shot.validation = "30", "20"
    elif variant == "emoji":
        config = emoji.get_config()
        config.zero_shot.unseen, config.zero_shot.validation = "90", "60"
    else:
        raise UserError(f"The variant of configs/zero_shot.py is {variant!r}; expected artwork or emoji.")
    config.kgv.density_head = "lift"
    return config
