"""Photographs of road signs: train on Germany (GTSRB), and know China, Russia and Belgium by what a graph says of them.

    kgv train --config=road_photographs --config.data.root=ROOT --workdir=runs/photographs
    kgv train --config=road_photographs:quick --config.data.root=ROOT --workdir=runs/quick
    make photographs-table ROOT=ROOT

ROOT holds the sets as their archives unpack; `kgv_jax/data/sources/road_photographs.py` says how:
  ROOT/GTSRB       https://benchmark.ini.rub.de
  ROOT/TT100K      https://cg.cs.tsinghua.edu.cn/traffic-sign     China: `cn`, or `cn-tt100k` beside TSRD
  ROOT/TSRD        http://www.nlpr.ia.ac.cn/pal/trafficdata       China: `cn`, or `cn-tsrd` beside TT100K
  ROOT/RTSD        https://graphics.cs.msu.ru/projects/traffic-sign-recognition.html   Russia: `ru`
  ROOT/BelgiumTSC  https://btsd.ethz.ch/shareddata                Belgium: `be`

Name the targets that you have: `--config.data.targets=cn,ru`. Signs are composed in the styles of the source and of the
targets. No setting was chosen on a target: `docs/results-photographs.md` says on what.
"""

import ml_collections

from kgv_jax.config.schema import default_config


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Returns the config, or with `quick` one whose run takes about a minute; the root comes from the command line."""
    if variant not in ("", "quick"):
        raise ValueError(f"configs/road_photographs.py has the variant quick; found {variant!r}.")
    config = default_config()
    config.method = "kgv_compose_labelled"
    config.data.name = "road_photographs"
    config.data.source = "de"
    config.data.targets = ("cn",)
    config.data.size_px = 32
    config.kg.path = "road_photographs"
    config.model.encoder = "resnet8_flat"
    config.model.norm = "batch"
    config.train.steps = 150 if variant else 600
    config.train.batch_size = 64
    config.train.log_every_steps = 50
    config.train.checkpoint_every_steps = 600
    config.optim.learning_rate = 4e-3
    config.optim.warmup_steps = 20 if variant else 60
    # Signs as photographs show them: in the place of those that were photographed, filling the image as a crop to the
    # sign's box does, with legends as the plates of the standards have them, in the styles of source and targets.
    config.synthetic.scenes = "photographs"
    config.synthetic.extent = (0.92, 1.06)
    config.synthetic.drawing_styles = "plates"
    config.synthetic.legend_scale = (0.85, 1.35)
    config.synthetic.styles = ("domains",)
    config.synthetic.per_variant = 2 if variant else 8
    config.synthetic.views = 10 if variant else 20
    config.synthetic.compositions_per_step = 64
    # Chosen on sign artwork (`docs/choices.md`).
    config.kgv.temperature = 0.3
    config.kgv.density_head = "facts"
    # Moves, light, blur and noise of every training image. A mirrored sign is another sign or none: none is mirrored.
    config.augment.jitter = 1.0
    return config
