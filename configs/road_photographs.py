"""Photographs of road signs: train on Germany (GTSRB), and know China, Russia and Belgium by what a graph says of them.

    kgv train --config=road_photographs --config.data.root=ROOT --workdir=runs/photographs
    kgv train --config=road_photographs:quick --config.data.root=ROOT --workdir=runs/quick
    make photographs-table ROOT=ROOT

Without a variant, a run takes a quarter of an hour on two cores: 48 px, 1,500 steps. `small` is the table's: 32 px, 600
steps, some two minutes on a core. `quick` takes one minute.

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
from kgv_jax.util.errors import UserError

_SIZES = {"": (48, 1500), "small": (32, 600), "quick": (32, 150)}  # pixels, steps


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Returns the config of a variant; the root comes from the command line."""
    if variant not in _SIZES:
        raise UserError(
            f"The variant of configs/road_photographs.py is {variant!r}; expected {', '.join(filter(None, _SIZES))} or"
            " none."
        )
    config = default_config()
    config.method = "kgv_compose_labelled"
    config.data.name = "road_photographs"
    config.data.source = "de"
    config.data.targets = ("cn",)
    config.data.size_px, config.train.steps = _SIZES[variant]
    config.kg.path = "road_photographs"
    config.model.encoder = "resnet8_flat"
    config.model.norm = "batch"
    config.train.batch_size = 64
    config.train.log_every_steps = 50
    config.train.checkpoint_every_steps = 600
    config.optim.learning_rate = 4e-3
    config.optim.warmup_steps = config.train.steps // 10 if variant != "quick" else 20
    # Signs as photographs show them: in the place of those that were photographed, filling the image as a crop to the
    # sign's box does, with legends as the plates of the standards have them, in the styles of source and targets.
    config.synthetic.scenes = "photographs"
    config.synthetic.extent = (0.92, 1.06)
    config.synthetic.drawing_styles = "plates"
    config.synthetic.legend_scale = (0.85, 1.35)
    config.synthetic.styles = ("domains",)
    config.synthetic.per_variant = 2 if variant == "quick" else 8
    config.synthetic.views = 10 if variant == "quick" else 20
    config.synthetic.compositions_per_step = 64
    # Chosen on sign artwork (`docs/choices.md`).
    config.kgv.temperature = 0.3
    config.kgv.density_head = "facts"
    # Moves, light, blur and noise of every training image. A mirrored sign is another sign or none: none is mirrored.
    config.augment.jitter = 1.0
    return config
