"""Road signs: train on the signs of one country, test on those of other countries.

    kgv train --config=configs/roadsigns.py --workdir=runs/roadsigns
    kgv train --config=configs/roadsigns.py:quick --workdir=runs/quick
    kgv compare --config=configs/roadsigns.py:artwork --workdir=runs/artwork --seeds=3 --fractions=1,0.1

Variants:
  (none)    rendered signs, Germany to China, Russia and the United States: about 2 minutes on two cores.
  quick     the same, for a first look: under two minutes with compilation on a slow machine.
  artwork   the real artwork (`kgv prepare roadsigns` first), Vienna convention to
            Germany, clip art, US diamonds and rectangles: about a minute a run. The README's table.

The settings were chosen on held-out images of the source domain.
"""

import ml_collections

from kgv_jax.config.schema import default_config
from kgv_jax.util.errors import UserError


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Returns the config of a variant."""
    config = default_config()
    config.method = "kgv_compose"
    config.model.encoder = "resnet8_flat"
    config.model.norm = "batch"
    config.optim.learning_rate = 4e-3
    config.synthetic.elements_per_step = 16
    config.synthetic.compositions_per_step = 32
    # The rendered countries have drawing styles of their own, which a composition must not borrow.
    config.synthetic.drawing_styles = "plain"
    if variant == "quick":
        config.train.steps = 150
        config.data.train_views = 30
        config.synthetic.per_element = 3
        config.synthetic.per_variant = 1
    elif variant == "artwork":
        config.data.name = "artwork"
        config.data.source = "vienna"
        config.data.targets = ("germany", "clipart", "diamond", "rectangle")
        config.data.validation_fraction = 1.0  # one source image of every class that has two
        config.kg.path = "artwork"
        # A class is decided by its legend and its purpose; shapes and colours change with the country.
        config.kg.relations = ("hasLegend", "broader")
        config.synthetic.legends = "both"
        config.synthetic.drawing_styles = "varied"
        config.synthetic.per_variant = 5
        config.synthetic.views = 12
        config.synthetic.compositions_per_step = 112
        config.train.batch_size = 64
        config.kgv.beta = 2.0
        config.kgv.temperature = 0.3
        config.kgv.density_head = "facts"
    elif variant:
        raise UserError(f"The variant of configs/roadsigns.py is {variant!r}; expected quick, artwork or none.")
    return config
