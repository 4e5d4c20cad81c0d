"""Where the vectors of a graph's nodes come from, by one text: `config.kg.vectors`.

FILE.safetensors    of `kgv embed --out`
FILE.csv, FILE.tsv  a plain table (`embed/table.py`)
FOLDER              the workdir of another run, which left `embeddings.safetensors` there
words               word vectors of labels
netmf               random walks, factorised
MODEL               a model of the registry, trained on the graph first
MODEL+gcn           the same behind two graph convolutions
"""

from __future__ import annotations

import pathlib

import jax
import jax.numpy as jnp

from kgv_jax.embed import train, words
from kgv_jax.embed.convolution import convolved
from kgv_jax.embed.file import RUN_FILE, SUFFIX, Embeddings, NodeVectors, embeddings_of, read_embeddings
from kgv_jax.embed.netmf import netmf
from kgv_jax.embed.registry import RECIPES, recipe
from kgv_jax.embed.table import DELIMITERS, read_table
from kgv_jax.kg.graph import Graph
from kgv_jax.util.errors import UserError, nearest

LOOKED_UP = ("words", "netmf")
_GCN, _GCN_LAYERS = "+gcn", 2


def find_embeddings(source: str, graph: Graph, *, dim: int, epochs: int, seed: int) -> Embeddings:
    """Returns the embeddings that `source` names, of this graph where they are made here.

    Args:
      source: see above.
      graph: the graph whose nodes get vectors.
      dim: dimensions per node, of what is made here.
      epochs: of a model.
      seed: of a model.

    Raises:
      UserError: nothing of that name, or what is there cannot be read.
    """
    model = source.removesuffix(_GCN)
    if source == "words":
        return _looked_up(words.word_vectors(graph.nodes, graph.labels, words.load_glove()))
    if source == "netmf":
        return _looked_up(netmf(graph.nodes, graph.triples[:, [0, 2]], dim=dim))
    if model in RECIPES:
        return _trained(graph, model, convolve=source != model, dim=dim, epochs=epochs, seed=seed)
    path = pathlib.Path(source)
    if path.suffix in DELIMITERS:
        return read_table(path, graph)
    if path.is_dir():
        return read_embeddings(_of_run(path))
    if path.suffix == SUFFIX:
        return read_embeddings(path)
    names = (*LOOKED_UP, *RECIPES, *(name + _GCN for name in RECIPES))
    raise UserError(
        f"config.kg.vectors is {source!r}{nearest(source, names)}; expected FILE{SUFFIX} of kgv embed, a "
        f"table FILE{' or FILE'.join(DELIMITERS)}, the folder of a run, or one of {', '.join((*LOOKED_UP, *RECIPES))}, "
        f"models also as MODEL{_GCN}."
    )


def _looked_up(found: NodeVectors) -> Embeddings:
    covered = tuple(name for name, is_there in zip(found.nodes, found.covered, strict=True) if is_there)
    return Embeddings(covered, (), {"nodes.mu": found.vectors[found.covered]})


def _trained(graph: Graph, name: str, *, convolve: bool, dim: int, epochs: int, seed: int) -> Embeddings:
    """Embeds the graph by all of its triples; every process trains the same."""
    chosen = recipe(name)
    model = chosen.model()
    if convolve:
        chosen = chosen.behind_convolutions()
        model = convolved(model, graph.triples[:, [0, 2]], len(graph.nodes), layers=_GCN_LAYERS)
    trained = train.fit(
        jnp.asarray(graph.triples),
        jax.random.key(seed),
        model=model,
        loss=chosen.loss_function(),
        num_nodes=len(graph.nodes),
        num_relations=len(graph.relations),
        settings=chosen.settings(dim, epochs),
    )
    return embeddings_of(model.tables(trained.parameters), graph.nodes, graph.relations)


def _of_run(folder: pathlib.Path) -> pathlib.Path:
    file = folder / RUN_FILE
    if file.exists():
        return file
    if not (folder / "config.json").exists():
        raise UserError(
            f"config.kg.vectors names the folder {folder}, in which there is no run and no {RUN_FILE}; name the "
            "--workdir of a finished run of kgv."
        )
    raise UserError(
        f"config.kg.vectors names the run {folder}, which has no {RUN_FILE}: it is not finished, is from an "
        "earlier version, or is of a method without Gaussian nodes. Of a finished run of kgv, "
        f"python -m kgv_jax.main --mode=eval --workdir={folder} writes it."
    )
