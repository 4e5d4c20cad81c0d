"""What a run starts from: published weights of the encoder, a decoder made of texts, nodes that were embedded."""

from __future__ import annotations

import logging

from kgv_jax.config.schema import Config
from kgv_jax.experiment.build import Experiment
from kgv_jax.init.class_embeddings import class_embeddings
from kgv_jax.init.nodes import init_nodes
from kgv_jax.models import registry, zero_shot
from kgv_jax.models.pretrained.published import Published, load_published
from kgv_jax.parallel import distributed
from kgv_jax.run.state import Start
from kgv_jax.run.workdir import Workdir
from kgv_jax.util.errors import UserError

_log = logging.getLogger(__name__)

_RECORD = "initial_weights.json"


def load_weights(config: Config, workdir: Workdir) -> Published | None:
    """Loads what `config.model.init` names, if anything; notes what it is in `initial_weights.json`."""
    if not config.model.init:
        return None
    published = load_published(config.model.init, config.model.encoder)
    if distributed.is_leader():
        _log.info("%s starts from %s (SHA-256 %s).", config.model.encoder, published.source, published.digest)
        found = {
            "encoder": config.model.encoder,
            "source": published.source,
            "sha256": published.digest,
            "epsilon": published.epsilon,
        }
        workdir.write_records(_RECORD, [found])
    return published


def recorded_epsilon(workdir: Workdir) -> float | None:
    """Returns the epsilon that the weights of a run that has begun ask for; see `EncoderOptions`."""
    records = workdir.read_records(_RECORD)
    return records[0]["epsilon"] if records else None


def make_start(config: Config, experiment: Experiment, published: Published | None) -> Start | None:
    """Returns the arrays that replace the random ones of a new run."""
    nodes = class_embeddings(config, experiment) or init_nodes(config, experiment)
    if published is None:
        return Start({}, {}, nodes) if nodes else None
    params = {"encoder": published.encoder}
    if config.model.decoder == "zero_shot":
        params["decoder"] = _decoder(config, published, class_names(experiment))
    return Start(params, {"encoder": published.batch_stats} if published.batch_stats else {}, nodes)


def class_names(experiment: Experiment) -> list[str]:
    """Returns the class names as a text would say them: the labels of their nodes."""
    labels = [experiment.graph.labels[int(node)] for node in experiment.class_nodes]
    return [label.replace("_", " ").replace("-", " ") for label in labels]


def _decoder(config: Config, published: Published, names: list[str]) -> dict:
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
