"""Cars: recognise the model of a used car; train on some colours, viewpoints or years, test on others (DVM-CAR).

    kgv build-graph cars ROOT --out=cars.ttl --shift=colour --domains=black+silver+grey,red,blue,white
    kgv train --config=configs/cars.py --config.data.root=ROOT --config.kg.path=cars.ttl \
        --workdir=runs/cars

Variants, the shifts:
  colour     black, silver and grey cars to red, blue and white ones (the default)
  viewpoint  fronts and front quarters to sides and rears: --domains=0+45+315,90+270,135+180+225
  year       cars registered until 2010 to newer ones: --domains=2000-2010,2011-2015,2016-2021

Other domains: --config.data.source and --config.data.targets, written as in `kg/cars.py`, and the same --domains for
the graph. ROOT holds the tables and resized_DVM (https://deepvisualmarketing.github.io). No setting has been tuned on
the set, which no package registry carries.
"""

import ml_collections

from kgv_jax.config.schema import default_config
from kgv_jax.util.errors import UserError

_DOMAINS = {
    "colour": ("black+silver+grey", ("red", "blue", "white")),
    "viewpoint": ("0+45+315", ("90+270", "135+180+225")),
    "year": ("2000-2010", ("2011-2015", "2016-2021")),
}


def get_config(variant: str = "colour") -> ml_collections.ConfigDict:
    """Returns the config of a shift; root and graph come from the command line."""
    if variant not in _DOMAINS:
        raise UserError(f"The variant of configs/cars.py is {variant!r}; expected {', '.join(_DOMAINS)} or none.")
    config = default_config()
    # The graph names no shape or legend that the renderer could make an element image of.
    config.method = "kgv_no_synthetic"
    config.data.name = "cars"
    config.data.shift = variant
    config.data.source, config.data.targets = _DOMAINS[variant]
    config.data.size_px = 224
    config.data.validation_fraction = 0.1
    config.kg.path = "cars.ttl"
    config.model.encoder = "resnet50"
    config.model.dim = 512
    config.augment.crop_area = 0.5
    config.optim.learning_rate = 1e-3
    config.optim.label_smoothing = 0.1
    config.optim.warmup_steps = 1000
    config.train.steps = 20_000
    config.train.batch_size = 256
    return config
