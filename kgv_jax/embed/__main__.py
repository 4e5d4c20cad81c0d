"""`python -m kgv_jax.embed --graph=FILE|FOLDER --model=NAME`: vectors of the nodes of a graph, and how good they are.

A FOLDER holds train.txt, valid.txt and test.txt; a FILE is a graph (`.ttl`, `.nt`, `.csv` ...), of which triples are
held out. Prints the filtered mean reciprocal rank and Hits@k, heads and tails together, ties at their mean rank.
"""

from __future__ import annotations

import argparse
import math
import pathlib
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from kgv_jax.embed import evaluate, train, triples, words
from kgv_jax.embed.convolution import convolved
from kgv_jax.embed.file import Embeddings, NodeVectors, check_target, embeddings_of, write_embeddings
from kgv_jax.embed.losses import LOSSES
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


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    options = _parser().parse_args(argv)
    try:
        _run(options)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m kgv_jax.embed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--graph", required=True, type=pathlib.Path, metavar="FILE|FOLDER")
    parser.add_argument("--model", required=True, metavar="NAME", help=f"{', '.join((*RECIPES, *LOOKED_UP))}")
    parser.add_argument("--dim", type=_count, metavar="D", help=f"numbers a node (default: {_DIM})")
    parser.add_argument("--epochs", type=_count, metavar="E", help=f"(default: {_EPOCHS})")
    parser.add_argument("--loss", metavar="NAME", help=f"{', '.join(LOSSES)} (default: the model's own)")
    parser.add_argument(
        "--reciprocal", action="store_true", default=None, help="every relation has an inverse with a vector of its own"
    )
    parser.add_argument(
        "--gcn", type=_count, metavar="LAYERS", help="graph convolutions before the model (default: none)"
    )
    parser.add_argument("--batch", type=_count, metavar="B", help="triples a step (default: the model's own)")
    parser.add_argument("--learning-rate", type=_rate, metavar="X", help="of Adam (default: the model's own)")
    parser.add_argument("--seed", type=_seed, default=0, help="of the split and of training (default: %(default)s)")
    parser.add_argument(
        "--holdout", type=float, metavar="SHARE", help=f"of a FILE, for valid and test each (default: {_HOLDOUT})"
    )
    parser.add_argument("--out", metavar="FILE.safetensors", help="where the vectors go, with the names of the nodes")
    return parser


def _count(text: str) -> int:
    return _number(text, int, "a whole number from 1")


def _rate(text: str) -> float:
    return _number(text, float, "a number above 0, such as 0.01")


def _seed(text: str) -> int:
    # As of runs; larger ones would repeat the draws of smaller ones.
    return _number(text, int, f"a whole number from 0 to {2**32 - 1}", above=-1, below=2**32)


def _number(text: str, kind: Callable[[str], Any], expected: str, *, above: float = 0, below: float = math.inf) -> Any:
    try:
        value = kind(text)
    except ValueError:
        value = above
    if not above < value < below:
        raise argparse.ArgumentTypeError(f"{text!r}, expected {expected}")
    return value


def _run(options: argparse.Namespace) -> None:
    choose(options.model, (*RECIPES, *LOOKED_UP), "the model")
    if options.out:
        check_target(options.out)
    if options.model in LOOKED_UP:
        _look_up(options)
    else:
        _train(options)


def _train(options: argparse.Namespace) -> None:
    own = recipe(options.model)
    chosen = (own.behind_convolutions() if options.gcn else own).changed(
        loss=options.loss, batch=options.batch, learning_rate=options.learning_rate, reciprocal=options.reciprocal
    )
    settings = chosen.settings(options.dim or _DIM, options.epochs or _EPOCHS)
    graph, _ = _load(options, _HOLDOUT if options.holdout is None else options.holdout)
    print(
        f"{options.model}{' with inverse relations' if chosen.reciprocal else ''}: {settings.dim} numbers a node, "
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
            "expected a finite number: lower --learning-rate"
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


def _look_up(options: argparse.Namespace) -> None:
    for name in ("epochs", "loss", "batch", "learning_rate", "holdout", "reciprocal", "gcn"):
        if getattr(options, name) is not None:
            flag = name.replace("_", "-")
            raise UserError(
                f"--{flag}={getattr(options, name)} with --model={options.model}, which is not trained; leave --{flag} "
                f"out, or name a model that is: {', '.join(RECIPES)}"
            )
    graph, labels = _load(options, 0.0)
    if options.model == "words":
        found = _words(graph.nodes, labels, options.dim)
    else:
        found = netmf(graph.nodes, graph.train[:, [0, 2]], dim=options.dim or _DIM)
    counts = f"{found.covered.sum()} of {len(found.nodes)} nodes covered ({found.coverage():.1%})"
    print(f"{options.model}: {found.vectors.shape[-1]} numbers a node, {counts}")
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
        raise UserError(f"--dim={dim} with --model=words, whose vectors have {width} numbers; leave --dim out")
    return words.word_vectors(nodes, labels, vocabulary)


def _load(options: argparse.Namespace, share: float) -> Loaded:
    path = options.graph
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


if __name__ == "__main__":
    sys.exit(main())
