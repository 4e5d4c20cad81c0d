"""`kgv embed --graph=FILE|FOLDER --model=NAME`: embeddings of the nodes of a graph, and how good they are.

A FOLDER holds train.txt, valid.txt and test.txt; a FILE is a graph (`.ttl`, `.nt`, `.csv` ...), of which triples are
held out. Prints the filtered mean reciprocal rank and Hits@k, heads and tails together, ties at their mean rank.
"""

from __future__ import annotations

import math
import pathlib
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from kgv_jax.config.flags import Options
from kgv_jax.embed import evaluate, train, triples, words
from kgv_jax.embed.convolution import convolved
from kgv_jax.embed.file import Embeddings, NodeVectors, check_target, embeddings_of, write_embeddings
from kgv_jax.embed.model import choose
from kgv_jax.embed.netmf import netmf
from kgv_jax.embed.registry import RECIPES, recipe
from kgv_jax.embed.sources import LOOKED_UP
from kgv_jax.embed.triples import Triples, split_graph
from kgv_jax.kg.load import load_graph
from kgv_jax.kg.names import local_name
from kgv_jax.util.errors import UserError

_DIM, _EPOCHS, _HOLDOUT = 64, 60, 0.1


class Loaded(NamedTuple):
    """A graph to embed, and one label a node."""

    triples: Triples
    labels: tuple[str, ...]


def run(options: Options) -> None:
    """Embeds the graph, prints how well test triples are ranked, and writes the embeddings if a file is named."""
    rate = options.learning_rate
    if rate is not None and not 0 < rate < math.inf:
        raise UserError(f"--learning_rate is {rate}; expected a number above 0, such as 0.01.")
    choose(options.model, (*RECIPES, *LOOKED_UP), "the model")
    if options.out:
        check_target(options.out)
    if options.model in LOOKED_UP:
        _look_up(options)
    else:
        _train(options)


def _train(options: Options) -> None:
    own = recipe(options.model)
    chosen = (own.behind_convolutions() if options.gcn else own).changed(
        loss=options.loss, batch=options.batch, learning_rate=options.learning_rate, reciprocal=options.reciprocal
    )
    settings = chosen.settings(options.dim or _DIM, options.epochs or _EPOCHS)
    graph, _ = _load(options, _HOLDOUT if options.holdout is None else options.holdout)
    print(
        f"{options.model}{' with inverse relations' if chosen.reciprocal else ''}: {settings.dim} dimensions per node, "
        f"{settings.epochs} epochs of batches of {settings.batch}, loss {chosen.loss}, learning rate "
        f"{settings.learning_rate}, seed {options.seed}"
    )
    model, loss = chosen.model(), chosen.loss_function()
    if options.gcn:
        model = convolved(model, graph.train[:, [0, 2]], len(graph.nodes), layers=options.gcn)
    start = time.perf_counter()
    trained = train.fit(
        jnp.asarray(graph.train),
        jax.random.key(options.seed),
        model=model,
        loss=loss,
        num_nodes=len(graph.nodes),
        num_relations=len(graph.relations),
        settings=settings,
    )
    losses = np.asarray(trained.loss)
    if not np.isfinite(losses[-1]):
        raise UserError(
            f"the loss is {losses[-1]} after {settings.epochs} epochs at learning rate {settings.learning_rate}; "
            "expected a finite number: lower --learning_rate"
        )
    print(f"loss {losses[0]:.4g} -> {losses[-1]:.4g} in {time.perf_counter() - start:.1f} s, compilation included")
    figures = {}
    for split in ("valid", "test"):
        asked = getattr(graph, split)
        if len(asked):
            found = evaluate.filtered_ranks(model, trained.parameters, asked, graph.known())
            figures[split] = evaluate.metrics(found)
            shown = "  ".join(f"{_METRICS[name]} {value:.4f}" for name, value in figures[split].items())
            print(f"{split:5}  {shown}")
    if options.out:
        notes = {"model": options.model, "reciprocal": chosen.reciprocal, "loss": chosen.loss, "seed": options.seed}
        notes |= {"gcn": options.gcn or 0} | settings._asdict() | {"figures": figures}
        _write(options.out, embeddings_of(model.tables(trained.parameters), graph.nodes, graph.relations), notes)


_METRICS = {"mrr": "MRR", "hits@1": "Hits@1", "hits@3": "Hits@3", "hits@10": "Hits@10"}


def _look_up(options: Options) -> None:
    for name in ("epochs", "loss", "batch", "learning_rate", "holdout", "reciprocal", "gcn"):
        if getattr(options, name) is not None:
            raise UserError(
                f"--{name}={getattr(options, name)} with --model={options.model}, which is not trained; leave --{name} "
                f"out, or name a model that is: {', '.join(RECIPES)}."
            )
    graph, labels = _load(options, 0.0)
    if options.model == "words":
        found = _words(graph.nodes, labels, options.dim)
    else:
        found = netmf(graph.nodes, graph.train[:, [0, 2]], dim=options.dim or _DIM)
    counts = f"{found.covered.sum()} of {len(found.nodes)} nodes covered ({found.coverage():.1%})"
    print(f"{options.model}: {found.vectors.shape[-1]} dimensions per node, {counts}")
    if missing := found.missing():
        print(f"without a vector: {', '.join(missing[:10])}{' ...' if len(missing) > 10 else ''}")
    if options.out:
        covered = tuple(name for name, is_there in zip(found.nodes, found.covered, strict=True) if is_there)
        arrays = {"nodes.mu": found.vectors[found.covered]}
        notes = {"model": options.model, "coverage": found.coverage()}
        _write(options.out, Embeddings(covered, (), arrays), notes)


def _words(nodes: Sequence[str], labels: Sequence[str], dim: int | None) -> NodeVectors:
    vocabulary = words.load_glove()
    width = vocabulary.vectors.shape[-1]
    if dim not in (None, width):
        raise UserError(f"--dim={dim} with --model=words, whose vectors have {width} dimensions; leave --dim out")
    return words.word_vectors(nodes, labels, vocabulary)


def _load(options: Options, share: float) -> Loaded:
    path = pathlib.Path(options.graph)
    if path.is_dir():
        if options.holdout is not None:
            raise UserError(
                f"--holdout={options.holdout} with the folder {path}, which has a split of its own; leave --holdout "
                "out, or give a graph file"
            )
        graph = triples.load(path)
        loaded = Loaded(graph, tuple(map(local_name, graph.nodes)))
    else:
        source = load_graph(path).graph
        graph = split_graph(source, share=share, seed=options.seed)
        label_of = dict(zip(source.nodes, source.labels, strict=True))
        loaded = Loaded(graph, tuple(label_of[name] for name in graph.nodes))
        if alone := len(source.nodes) - len(graph.nodes):
            print(f"{alone} nodes without a triple are left out")
    counts = ", ".join(f"{len(getattr(graph, split))} {split}" for split in triples.SPLITS)
    print(f"{path}: {len(graph.nodes)} nodes, {len(graph.relations)} relations; triples: {counts}")
    return loaded


def _write(path: str, embeddings: Embeddings, notes: dict[str, Any]) -> None:
    write_embeddings(path, embeddings, notes)
    arrays = ", ".join(f"{name} {list(array.shape)}" for name, array in embeddings.arrays.items())
    print(f"{path}: {arrays}")
