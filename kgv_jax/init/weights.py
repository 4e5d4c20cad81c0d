"""Initial values of a run: published weights of the encoder, a decoder of class names, nodes embedded beforehand."""

from __future__ import annotations

import logging

from kgv_jax.config.schema import Config
from kgv_jax.experiment.build import Experiment
from kgv_jax.init.class_embeddings import class_embeddings
from kgv_jax.init.nodes import init_nodes
from kgv_jax.models import registry, zero_shot
from kgv_jax.models.pretrained.published import Published, load_published
from kgv_jax.parallel import distributed
from kgv_jax.run.restore import INITIAL_WEIGHTS
from kgv_jax.run.state import InitialValues
from kgv_jax.run.workdir import Workdir
from kgv_jax.util.errors import UserError

_log = logging.getLogger(__name__)


def load_weights(config: Config, workdir: Workdir) -> Published | None:
    """Loads the weights that `config.model.init` names, if any, and records their digest in `initial_weights.json`."""
    if not config.model.init:
        return None
    published = load_published(config.model.init, config.model.encoder)
    if distributed.is_leader():
        _log.info(
            "%s begins with the weights of %s (SHA-256 %s).", config.model.encoder, published.source, published.digest
        )
        found = {
            "encoder": config.model.encoder,
            "source": published.source,
            "sha256": published.digest,
            "epsilon": published.epsilon,
        }
        workdir.write_records(INITIAL_WEIGHTS, [found])
    return published


def make_initial_values(config: Config, experiment: Experiment, published: Published | None) -> InitialValues | None:
    """Returns the arrays that take the place of random ones in a new run; None where all are random."""
    knowledge = class_embeddings(config, experiment) or init_nodes(config, experiment)
    if published is None:
        return InitialValues({}, {}, knowledge) if knowledge else None
    params = {"encoder": published.encoder}
    if config.model.decoder == "zero_shot":
        params["decoder"] = _zero_shot_decoder(config, published, class_names(experiment))
    batch_stats = {"encoder": published.batch_stats} if published.batch_stats else {}
    return InitialValues(params, batch_stats, knowledge)


def class_names(experiment: Experiment) -> list[str]:
    """Returns the class names for use in texts: the labels of their nodes, with spaces for dashes."""
    labels = [experiment.graph.labels[int(node)] for node in experiment.class_nodes]
    return [label.replace("_", " ").replace("-", " ") for label in labels]


def _zero_shot_decoder(config: Config, published: Published, names: list[str]) -> dict:
    """Returns parameters of `ZeroShotDecoder`: the text embeddings of the classes, and the published temperature."""
    make_text = registry.get(config.model.encoder).make_text
    if make_text is None or published.text is None or published.logit_scale is None:
        lacks = "text tower" if published.text is None else "logit_scale"
        has = "has no text tower" if make_text is None else f"has one, but {published.source} holds no {lacks}"
        towers = [name for name in registry.list_models() if registry.get(name).make_text is not None]
        raise UserError(
            f"config.model.decoder is 'zero_shot', and {config.model.encoder!r} {has}. Use an encoder and weights "
            f"with both towers ({', '.join(towers)}), or config.model.decoder=linear."
        )
    templates = config.model.templates or zero_shot.TEMPLATES
    kernel = zero_shot.class_weights(make_text(), published.text, names, templates=templates)
    return {"kernel": kernel, "log_scale": published.logit_scale}
