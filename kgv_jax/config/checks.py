"""Settings that are valid alone and contradict each other."""

from __future__ import annotations

import typing

from kgv_jax.config.methods import SETTINGS
from kgv_jax.util.errors import UserError, nearest

if typing.TYPE_CHECKING:
    from kgv_jax.config.schema import Config


def check_together(config: Config) -> None:
    """Raises a UserError that names the settings, if some that are valid alone contradict each other."""
    _check_data(config)
    _check_zero_shot(config)
    _check_synthetic(config)
    _check_batches(config)
    for section in SETTINGS:
        getattr(config, section).check(config)
    _check_model(config)
    _check_transfer(config)


def _check_data(config: Config) -> None:
    if config.data.name == "folder":
        needed = {"data.root": "ROOT", "data.source": "DOMAIN", "kg.path": "FILE.ttl"}
        for name, example in needed.items():
            section, key = name.split(".")
            if not getattr(getattr(config, section), key):
                raise UserError(f"config.{name} is empty; a folder data set needs it: --config.{name}={example}.")
    # The encoder `features` reads vectors, and no other encoder does: the two settings go together or not at all.
    has_vectors, reads_vectors = config.data.name == "zero_shot_features", config.model.encoder == "features"
    if has_vectors != reads_vectors:
        raise UserError(
            f"config.data.name is {config.data.name!r} and config.model.encoder {config.model.encoder!r}: feature "
            "vectors need the encoder features, and images another. Set both, as configs/zero_shot_features.py does."
        )
    if has_vectors:
        if config.synthetic.elements or config.synthetic.compositions:
            raise UserError(
                f"config.data.name is {config.data.name!r}, which has feature vectors instead of images, and method "
                f"{config.method!r} trains on synthetic images too. Use kgv_no_synthetic, ale, sgcn, ce or another "
                "method without synthetic images."
            )
        if not config.kg.path:
            raise UserError(
                "config.kg.path is empty; make a graph of the attributes (kgv build-graph attributes ROOT "
                "--out=FILE.ttl) and name it: --config.kg.path=FILE.ttl."
            )
    ways = ("auto", "label", "iri", "local")
    if config.kg.class_by not in ways and ":" not in config.kg.class_by:
        raise UserError(
            f"config.kg.class_by is {config.kg.class_by!r}{nearest(config.kg.class_by, ways)}; expected one of "
            f"{', '.join(ways)}, or TABLE.csv:COLUMN."
        )
    # Each of the three makes the training set smaller; together, the size of the result would depend on their order.
    low_data = {"fraction": config.fraction < 1, "shots": config.shots > 0, "subset": bool(config.subset)}
    if sum(low_data.values()) > 1:
        found = " and ".join(f"config.{name} = {getattr(config, name)!r}" for name, asked in low_data.items() if asked)
        raise UserError(f"{found}: each chooses the training images; keep one of them.")


def _check_zero_shot(config: Config) -> None:
    given = {role: config.zero_shot.given(role) for role in ("unseen", "validation")}
    for role, settings in given.items():
        if len(settings) > 1:
            found = " and ".join(f"config.zero_shot.{name} = {value!r}" for name, value in settings.items())
            raise UserError(
                f"{found}: each says which classes are {role}. Keep one, and set the others to 0, empty or false."
            )
    if given["validation"] and not given["unseen"]:
        ((name, value),) = given["validation"].items()
        raise UserError(
            f"config.zero_shot.{name} is {value!r} and no class is unseen, so there is nothing to make choices for. "
            "Hold classes out to be tested, such as --config.zero_shot.unseen_count=30, or leave this setting out."
        )


def _check_synthetic(config: Config) -> None:
    synthetic = config.synthetic
    if synthetic.alone and not (synthetic.compositions and synthetic.labelled):
        raise UserError(
            f"config.synthetic.alone is true, and method {config.method!r} has no labelled compositions, so nothing "
            "teaches a class. Set config.synthetic.alone=false, or take ce_compose_labelled or kgv_compose_labelled."
        )
    for name in ("extent", "legend_scale"):
        pair = getattr(synthetic, name)
        if len(pair) != 2 or pair[0] > pair[1]:
            raise UserError(
                f"config.synthetic.{name} is {pair}; expected two numbers, the least and greatest, such as 0.75,0.95."
            )


def _check_batches(config: Config) -> None:
    augment, train = config.augment, config.train
    if train.batch_size % train.accumulate:
        raise UserError(
            f"config.train.accumulate is {train.accumulate}, which does not divide "
            f"config.train.batch_size = {train.batch_size}; choose a divisor."
        )
    # Mixup and cutmix take an image's neighbour in the batch as its partner; views of one image are neighbours too.
    if augment.views > 1 and (augment.mixup or augment.cutmix):
        raise UserError(
            f"config.augment.views is {augment.views} with mixup or cutmix, which mix neighbours: views of an image "
            "would be mixed with another's. Set config.augment.mixup and cutmix to 0, or views to 1."
        )
    # A micro-batch is a slice of the batch, so it may hold one view of an image without the others.
    if augment.views > 1 and train.accumulate > 1:
        raise UserError(
            f"config.augment.views is {augment.views} with train.accumulate > 1: views of an image would lie in "
            "different micro-batches. Set train.accumulate=1."
        )


def _check_model(config: Config) -> None:
    model = config.model
    if model.statistics == "fixed" and model.drop_path:
        raise UserError(
            f"config.model.drop_path is {model.drop_path} with model.statistics = 'fixed', under which the encoder "
            "runs as in evaluation and drops nothing. Set one of the two back."
        )
    # No family publishes weights with group norm.
    if model.init and model.norm == "group":
        raise UserError(
            f"config.model.norm is 'group', but the weights of config.model.init = {model.init!r} were trained with "
            "the published norm. Set model.norm=auto, or leave model.init empty."
        )
    if model.decoder == "zero_shot" and not model.init:
        raise UserError(
            "config.model.decoder is 'zero_shot', whose weights are text embeddings; config.model.init is empty. "
            "Name the weights of both towers: --config.model.init=FILE."
        )


def _check_transfer(config: Config) -> None:
    train, transfer, warmup = config.train, config.transfer, config.optim.warmup_steps
    if train.stages and transfer.probe_steps:
        names = ", ".join(stage.name for stage in train.stages)
        raise UserError(
            f"config.transfer.probe_steps is {transfer.probe_steps} with stages ({names}) in config.train.stages: both "
            "divide the steps. Write the probe as a stage with freeze=encoder/.*, or leave one of them out."
        )
    # The probe and the training after it have a warm-up each; `optim/stages.py` checks stages that are written out.
    for name, steps in (("transfer.probe_steps", transfer.probe_steps), ("train.steps", train.steps)):
        steps -= transfer.probe_steps if name == "train.steps" else 0
        if 0 < steps <= warmup or steps < 0:
            less = " less transfer.probe_steps" if name == "train.steps" and transfer.probe_steps else ""
            raise UserError(
                f"config.optim.warmup_steps is {warmup}; expected less than {name}{less} = {steps}, which it warms up."
            )
