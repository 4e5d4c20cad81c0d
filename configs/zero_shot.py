"""Classes without images: some are held out of training and recognised by what the graph states of them.

    kgv train --config=configs/zero_shot.py:artwork --workdir=runs/zero-shot
    kgv compare --config=configs/zero_shot.py:emoji --workdir=runs/zero-shot-emoji --seeds=3 \
        --methods=kgv,ale,dgp,ce

Variants:
  artwork  the road signs of `configs/roadsigns.py:artwork`: 30 of 163 classes are tested, choices made on 20 more
  emoji    the emoji of `configs/emoji.py`: 90 of 473 classes are tested, choices made on 60 more

`--config.zero_shot.unseen_count=` takes other numbers; for names or a file set it to 0 and give
`--config.zero_shot.unseen_classes=A,B` or `unseen_file=FILE`. The settings were chosen on the validation classes
(`docs/zero_shot.md`).
"""

import ml_collections

from kgv_jax.config.files import find_config
from kgv_jax.util.errors import UserError


def get_config(variant: str = "artwork") -> ml_collections.ConfigDict:
    """Returns the config of a variant."""
    if variant == "artwork":
        config = find_config("roadsigns").get_config("artwork")
        config.zero_shot.unseen_count, config.zero_shot.validation_count = 30, 20
    elif variant == "emoji":
        config = find_config("emoji").get_config()
        config.zero_shot.unseen_count, config.zero_shot.validation_count = 90, 60
    else:
        raise UserError(f"The variant of configs/zero_shot.py is {variant!r}; expected artwork or emoji.")
    config.kgv.density_head = "lift"
    return config
