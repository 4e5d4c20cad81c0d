"""What `infuse` aligns images with: embeddings of the classes at several scales, `[C, D]` each (arXiv 2401.04441).

    triples       text of the class's own triples, written as a sentence
    graph         the class's node in an embedding of the graph (`init/nodes.py`)
    description   text of a longer description: literals of the node, else what is two steps away in the graph
    random        a direction of its own for each class, sampled with the run's seed: the control without knowledge

The embedding of a text is the mean of its word vectors (`embed/words.py`); the paper uses a language model's.
Embeddings are centred over the classes, since means of words differ little. Those of texts may be whitened
(`config.infuse.whiten`), since they differ in few directions.
"""

from __future__ import annotations

import numpy as np

from kgv_jax.config.schema import Config
from kgv_jax.embed import words
from kgv_jax.embed.words import Vocabulary
from kgv_jax.experiment.build import Experiment
from kgv_jax.init.nodes import init_nodes
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.names import local_name
from kgv_jax.util.errors import UserError

_LITERALS = ("description", "definition", "comment", "altLabel")


def class_embeddings(
    config: Config, experiment: Experiment, *, vocabulary: Vocabulary | None = None
) -> dict[str, np.ndarray]:
    """Returns `scale0`, `scale1`, ... `[C, D]` of `config.infuse.scales`; none for other methods.

    Raises:
      UserError: no word of a text has a vector, or vectors have more dimensions than `config.model.dim`.
    """
    found = {}
    for number, scale in enumerate(config.infuse.scales):
        if scale == "graph":
            rows = init_nodes(config, experiment)["mu"][experiment.class_nodes]
        elif scale == "random":
            shape = len(experiment.class_nodes), config.model.dim
            rows = np.random.default_rng((config.seed, number)).standard_normal(shape)
        else:
            vocabulary = vocabulary or words.load_glove()
            texts = [_TEXTS[scale](experiment.graph, int(node)) for node in experiment.class_nodes]
            names = [experiment.graph.nodes[int(node)] for node in experiment.class_nodes]
            vectors = words.word_vectors(names, texts, vocabulary)
            if missing := vectors.missing():
                text = texts[names.index(missing[0])]
                raise UserError(
                    f"config.infuse.scales has {scale!r}, and no word of {local_name(missing[0])}'s text {text!r} has "
                    f"a vector ({len(missing)} of {len(names)} classes). Give the node a label or a description in "
                    "English, or leave the scale out."
                )
            rows = vectors.vectors
        if rows.shape[-1] > config.model.dim:
            raise UserError(
                f"The {scale!r} embeddings have {rows.shape[-1]} dimensions; config.model.dim = {config.model.dim} is "
                f"less. Set --config.model.dim={rows.shape[-1]} or more."
            )
        rows = rows - rows.mean(0)
        if config.infuse.whiten and scale in _TEXTS:
            rows = whitened(rows)
        # Zeros up to the model's dimensions change no cosine.
        padded = np.pad(rows, ((0, 0), (0, config.model.dim - rows.shape[-1])))
        found[f"scale{number}"] = padded.astype(np.float32)
    return found


def whitened(rows: np.ndarray) -> np.ndarray:
    """Returns centred rows `X` `[C, D]` with unit covariance, as far as they span: `sqrt(C) U` of `X = U S V^T`, turned
    back by `V^T` (whitening of sentence embeddings, arXiv 2103.15316, section 3.2).
    """
    left, size, right = np.linalg.svd(rows, full_matrices=False)
    spanned = size > 1e-4 * size[0]
    return np.sqrt(len(rows)) * left[:, spanned] @ right[spanned]


def triples_text(graph: Graph, node: int) -> str:
    """Returns a class's own triples as a sentence: "stop has shape octagon, has colour red"."""
    parts = [f"{local_name(graph.relations[r])} {graph.labels[t]}" for _, r, t in graph.outgoing(node).tolist()]
    return f"{graph.labels[node]} {', '.join(parts)}"


def description_text(graph: Graph, node: int) -> str:
    """Returns the literals that describe a class, or its label and the labels of nodes up to two steps away."""
    literals = graph.attributes.get(node, {})
    if texts := [literals[name] for name in _LITERALS if name in literals]:
        return " ".join((graph.labels[node], *texts))
    near = graph.outgoing(node)[:, 2].tolist()
    far = [tail for other in near for tail in graph.outgoing(other)[:, 2].tolist()]
    return " ".join(graph.labels[other] for other in dict.fromkeys((node, *near, *far)))


_TEXTS = {"triples": triples_text, "description": description_text}
