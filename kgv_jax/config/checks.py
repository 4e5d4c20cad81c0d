"""Settings that are fine alone and do not go together."""

from __future__ import annotations

import typing

from kgv_jax.config.methods import SETTINGS
from kgv_jax.util.errors import UserError, nearest
from kgv_jax.util.lists import split_names

if typing.TYPE_CHECKING:
    from kgv_jax.config.schema import Config


def check_together(config: Config) -> None:
    """Raises a UserError that names the settings, if some that are fine alone do not go together."""
    _check_data(config)
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
    given = {"config.data.name": config.data.name == "zero_shot_features",
             "config.model.encoder": config.model.encoder == "features"}  # fmt: skip
    if len(set(given.values())) > 1:
        raise UserError(
            f"config.data.name is {config.data.name!r} and config.model.encoder {config.model.encoder!r}: feature "
            "vectors need the encoder features, and images another. Set both, as configs/zero_shot_features.py does."
        )
    if all(given.values()):
        if config.synthetic.elements or config.synthetic.compositions:
            raise UserError(
                f"config.data.name is {config.data.name!r}, of which only feature vectors are there, and method "
                f"{config.method!r} draws images beside them. Use kgv_no_synthetic, ale, sgcn, ce or another without."
            )
        if not config.kg.path:
            raise UserError(
                "config.kg.path is empty; make a graph of the attributes (python -m kgv_jax.kg.attributes ROOT "
                "--out=FILE.ttl) and name it: --config.kg.path=FILE.ttl."
            )
    ways = ("auto", "label", "iri", "local")
    if config.kg.class_by not in ways and ":" not in config.kg.class_by:
        raise UserError(
            f"config.kg.class_by is {config.kg.class_by!r}{nearest(config.kg.class_by, ways)}; expected one of "
            f"{', '.join(ways)}, or TABLE.csv:COLUMN."
        )
    if config.zero_shot.validation and not config.zero_shot.unseen:
        raise UserError(
            f"config.zero_shot.validation is {config.zero_shot.validation!r} and config.zero_shot.unseen is empty: "
            "there is nothing that choices would be made for. Name classes to test in config.zero_shot.unseen."
        )
    low_data = {"fraction": config.fraction < 1, "shots": config.shots > 0, "subset": bool(config.subset)}
    if sum(low_data.values()) > 1:
        found = " and ".join(f"config.{name} = {getattr(config, name)!r}" for name, asked in low_data.items() if asked)
        raise UserError(f"{found}: each chooses the training images; keep one of them.")


def _check_batches(config: Config) -> None:
    augment, kgv, train = config.augment, config.kgv, config.train
    if train.batch_size % train.accumulate:
        raise UserError(
            f"config.train.accumulate is {train.accumulate}, which does not divide "
            f"config.train.batch_size = {train.batch_size}; choose a divisor."
        )
    if augment.views > 1 and (augment.mixup or augment.cutmix):
        raise UserError(
            f"config.augment.views is {augment.views} with mixup or cutmix, which mix neighbours: views of an image "
            "would be mixed with another's. Set config.augment.mixup and cutmix to 0, or views to 1."
        )
    if augment.views > 1 and train.accumulate > 1:
        raise UserError(
            f"config.augment.views is {augment.views} with train.accumulate > 1: views of an image would lie in "
            "different micro-batches. Set train.accumulate=1."
        )
    if train.accumulate > 1 and kgv.loss == "images":
        raise UserError(
            "config.kgv.loss is 'images', which contrasts over the whole batch, with train.accumulate > 1: the "
            "micro-batches would not add up to the batch. Set train.accumulate=1 or another kgv.loss."
        )


def _check_model(config: Config) -> None:
    model = config.model
    if model.statistics == "fixed" and model.drop_path:
        raise UserError(
            f"config.model.drop_path is {model.drop_path} with model.statistics = 'fixed', under which the encoder "
            "runs as in evaluation and drops nothing. Set one of the two back."
        )
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
        raise UserError(
            f"config.transfer.probe_steps is {transfer.probe_steps} with config.train.stages = {train.stages!r}: both "
            "divide the steps. Write the probe as a stage with freeze=encoder/.*, or leave one of them out."
        )
    for name, steps in (("transfer.probe_steps", transfer.probe_steps), ("train.steps", train.steps)):
        steps -= transfer.probe_steps if name == "train.steps" else 0
        if 0 < steps <= warmup or steps < 0:
            less = " less transfer.probe_steps" if name == "train.steps" and transfer.probe_steps else ""
            raise UserError(
                f"config.optim.warmup_steps is {warmup}; expected less than {name}{less} = {steps}, which it warms up."
            )
    for text in split_names(transfer.wise_ft):
        try:
            inside = 0.0 <= float(text) <= 1.0
        except ValueError:
            inside = False
        if not inside:
            raise UserError(
                f"config.transfer.wise_ft holds {text!r}; expected numbers from 0 to 1, such as 0,0.25,0.5,0.75,1."
            )
