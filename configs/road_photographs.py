"""Photographs of road signs: train on Germany (GTSRB), test on China (TSRD) and Russia (RTSD).

    kgv train --config=configs/road_photographs.py --config.data.root=ROOT --workdir=runs/photographs

ROOT holds the sets as their archives unpack; `kgv_jax/data/sources/road_photographs.py` says how:
  ROOT/GTSRB  https://benchmark.ini.rub.de
  ROOT/TSRD   http://www.nlpr.ia.ac.cn/pal/trafficdata
  ROOT/RTSD   https://graphics.cs.msu.ru/projects/traffic-sign-recognition.html

Leave a set out with `--config.data.targets=cn`. No setting has been tuned on these
sets, which no package registry carries.
"""

import ml_collections

from kgv_jax.config.schema import default_config


def get_config() -> ml_collections.ConfigDict:
    """Returns the config; the root comes from the command line."""
    config = default_config()
    config.method = "kgv_compose"
    config.data.name = "road_photographs"
    config.data.source = "de"
    config.data.targets = ("cn", "ru")
    config.data.size_px = 48
    config.kg.path = "roadsigns"
    config.model.encoder = "resnet8_flat"
    config.model.norm = "batch"
    config.train.steps = 3000
    config.train.batch_size = 128
    config.optim.learning_rate = 4e-3
    config.optim.warmup_steps = 150
    # A mirrored sign is another sign or none, so no augmentation mirrors here.
    config.augment.randaugment_ops = 2
    config.augment.randaugment_magnitude = 5.0
    return config
