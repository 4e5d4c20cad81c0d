"""AwA2, CUB, SUN and other zero-shot benchmarks, from the features and splits that Xian et al. publish.

    kgv build-graph attributes ROOT --out=awa2.ttl
    kgv train --config=configs/zero_shot_features.py --workdir=runs/awa2 --config.data.root=ROOT \
        --config.kg.path=awa2.ttl
    kgv report runs/awa2 --protocol=zero_shot

ROOT holds `res101.mat` and `att_splits.mat`. Training is on the classes of the proposed split less those of `val_loc`,
on which gamma and every choice are made. `--config.zero_shot.validation_published=false` trains on all of trainval, as
published figures do; gamma is then 0.

No setting has been tuned on any of these sets.
"""

import ml_collections

from kgv_jax.config.schema import default_config


def get_config() -> ml_collections.ConfigDict:
    """Returns the config; root and graph come from the command line."""
    config = default_config()
    config.method = "kgv_no_synthetic"
    config.data.name = "zero_shot_features"
    config.data.source = "photographs"
    config.data.targets = ()
    config.kg.path = ""
    config.kg.class_by = "label"
    config.zero_shot.unseen_published = config.zero_shot.validation_published = True
    config.model.encoder = "features"
    config.kgv.density_head = "lift"
    config.optim.learning_rate = 1e-3
    config.train.steps = 1000
    return config
