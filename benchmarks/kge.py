"""Prints training speed and filtered MRR of graph embeddings against PyKEEN's, one JSON line a figure.

    python -m benchmarks.kge
    python -m benchmarks.kge --graphs umls --models kg2e kgv --seeds 1

Both sides train on the same files, those that PyKEEN brings, at the same dimension and for the same number of epochs,
in turns, and are evaluated on the same test triples (both sides, realistic filtered rank). Settings of both were chosen
by validation MRR on UMLS, after one seed, and are used on all graphs but for what `CHOSEN` names; docs/embed.md says
what was tried. PyKEEN runs with one thread and has two settings: `default`, its own loss and one negative, the fastest
way to use it, and `tuned`. Our cases `alike` have the tuned setting: what is gained with nothing else changed.

The ratio is one of processor seconds of training alone, without compilation. Of the clock, `whole_run_wall_s` is our
first run, compilation included, and `compile_wall_s` that part of it. Needs the peers' environment (`make peers`;
`KGV_PEERS_PYTHON` names another).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks import harness
from kgv_jax.embed import evaluate, train, triples
from kgv_jax.embed.registry import RECIPES, Recipe
from kgv_jax.util.errors import UserError
from kgv_jax.util.huge_pages import restart_with_huge_pages

GRAPHS = ("umls", "kinships", "nations")
DIM, EPOCHS = 64, 60

# PyKEEN's name of the model that each of ours is held against. It has no model of densities: KG2E is the nearest.
PEERS = {
    "transe": "TransE",
    "transh": "TransH",
    "distmult": "DistMult",
    "complex": "ComplEx",
    "rotate": "RotatE",
    "kg2e": "KG2E",
    "kgv": "KG2E",
    "distmult reciprocal": "DistMult",
    "transe alike": "TransE",
    "kg2e alike": "KG2E",
}
MODELS = tuple(PEERS)


def _of_pykeen(loss: str | None, negatives: int, learning_rate: float = 0.01) -> dict[str, Any]:
    return {"loss": loss, "negatives": negatives, "learning_rate": learning_rate}


PEER_SETTINGS = {
    "default": dict.fromkeys(PEERS.values(), _of_pykeen(None, 1)),
    # 0 negatives: against all nodes, tails alone, with inverse relations.
    "tuned": {
        "TransE": _of_pykeen("nssa", 32),
        "TransH": _of_pykeen("infonce", 32),
        "DistMult": _of_pykeen("crossentropy", 0, 0.1),
        "ComplEx": _of_pykeen("crossentropy", 0, 0.1),
        "RotatE": _of_pykeen("nssa", 32, 0.03),
        "KG2E": _of_pykeen("softplus", 32),
    },
}

_SAMPLED = {"learning_rate": 0.01, "last_rate": 1.0}
_RECIPES = RECIPES | {
    # PyKEEN's tuned DistMult has inverse relations, too.
    "distmult reciprocal": dataclasses.replace(RECIPES["distmult"], options={}, reciprocal=True),
    "transe alike": dataclasses.replace(
        RECIPES["transe"], loss="nssa", loss_settings={"negatives": 32, "margin": 9.0}, **_SAMPLED
    ),
    "kg2e alike": dataclasses.replace(
        RECIPES["kg2e"], loss="softplus", loss_settings={"negatives": 32}, options={"lengths": "ball"}, **_SAMPLED
    ),
}

# What validation chose on a graph, where it is not what it chose on UMLS (docs/embed.md).
CHOSEN: dict[tuple[str, str], dict[str, Any]] = {
    ("nations", "kgv"): {"batch": 64, "learning_rate": 0.1},  # 1,592 triples: batches of 256 are seven steps an epoch
}


def our_recipe(graph: str, model: str) -> Recipe:
    """Returns how we train a model: as the package does, but for what validation chose on a graph."""
    return dataclasses.replace(_RECIPES[model], **CHOSEN.get((graph, model), {}))


class Trainer:
    """Our side: trains from scratch and tells the filtered MRR."""

    def __init__(self, graph: triples.Triples, ours: Recipe) -> None:
        self._graph, self._ours = graph, ours
        self._model, self._loss = ours.model(), ours.loss_function()
        self._train = jnp.asarray(graph.train)
        self._trained: train.Trained | None = None
        self.first = harness.timed(lambda: self.train(0))

    def train(self, seed: int) -> None:
        """Trains from scratch; the first call compiles."""
        self._trained = train.fit(
            self._train,
            jax.random.key(seed),
            model=self._model,
            loss=self._loss,
            num_nodes=len(self._graph.nodes),
            num_relations=len(self._graph.relations),
            settings=self._ours.settings(DIM, EPOCHS),
        )
        jax.block_until_ready(self._trained)

    def mrr(self) -> float:
        """Returns the filtered realistic mean reciprocal rank on the test triples, both sides."""
        found = evaluate.filtered_ranks(self._model, self._trained.parameters, self._graph.test, self._graph.known())
        return evaluate.metrics(found)["mrr"]


@dataclasses.dataclass
class Runs:
    """Seconds and MRR of one side, one entry a seed."""

    seconds: list[harness.Seconds] = dataclasses.field(default_factory=list)
    mrr: list[float] = dataclasses.field(default_factory=list)

    def add(self, seconds: dict[str, float], mrr: float) -> None:
        """Adds a run."""
        self.seconds.append(harness.Seconds(**seconds))
        self.mrr.append(mrr)

    def fastest(self) -> harness.Seconds:
        """Returns the least seconds of any run."""
        return harness.Seconds(*map(min, zip(*self.seconds, strict=True)))


def compare(
    graph_name: str, models: Sequence[str], settings: Sequence[str], python: str, folder: pathlib.Path, seeds: int
) -> None:
    """Trains ours and PyKEEN's settings in turns and tells the figures."""
    graph = triples.load(folder / graph_name)
    for peer in dict.fromkeys(PEERS[model] for model in models):
        chosen = [model for model in models if PEERS[model] == peer]
        trainers = {model: Trainer(graph, our_recipe(graph_name, model)) for model in chosen}
        for name in settings:
            theirs, mine = Runs(), {model: Runs() for model in chosen}
            setting = _setting(graph_name, peer, PEER_SETTINGS[name][peer])
            command = [python, "-m", "benchmarks.peers.kge_pykeen", setting]
            with harness.Worker(command, env={**os.environ, "OMP_NUM_THREADS": "1"}) as worker:
                for seed in range(seeds):
                    worker.run()
                    theirs.add(worker.told["train"], worker.told["mrr"])
                    for model, trainer in trainers.items():
                        mine[model].add(harness.timed(lambda t=trainer, s=seed: t.train(s))._asdict(), trainer.mrr())
            for model in chosen:
                if name == "tuned" or not model.endswith("alike"):
                    case, against = f"{graph_name}, {model}", f"PyKEEN {peer}, {name}"
                    _tell(case, against, len(graph.train), trainers[model].first, mine[model], theirs)


def _setting(graph: str, model: str, setting: dict[str, Any]) -> str:
    sizes = {"dim": DIM, "epochs": EPOCHS, "batch": 256}
    return json.dumps({"graph": graph, "model": model} | setting | sizes)


def _tell(case: str, against: str, count: int, first: harness.Seconds, mine: Runs, theirs: Runs) -> None:
    ours, peer = mine.fastest(), theirs.fastest()
    trained = EPOCHS * count
    harness.tell(
        "kge.vs_pykeen_speed",
        peer.processor / ours.processor,
        "times as fast",
        against=against,
        case=case,
        triples_per_s=round(trained / ours.processor),
        peer_triples_per_s=round(trained / peer.processor),
        wall_ratio=float(f"{peer.wall / ours.wall:.4g}"),
        compile_wall_s=round(first.wall - ours.wall, 1),
        whole_run_wall_s=round(first.wall, 1),
        peer_whole_run_wall_s=round(peer.wall, 1),
    )
    means = statistics.mean(mine.mrr), statistics.mean(theirs.mrr)
    harness.tell(
        "kge.vs_pykeen_mrr",
        means[0] - means[1],
        "MRR",
        against=against,
        case=case,
        mrr=round(means[0], 4),
        peer_mrr=round(means[1], 4),
        seeds=len(theirs.mrr),
    )


def peers_python() -> str:
    """Returns the Python that has PyKEEN."""
    python = os.environ.get("KGV_PEERS_PYTHON", ".venv-peers/bin/python")
    if not pathlib.Path(python).is_file():
        raise UserError(f"no Python at {python!r}; run `make peers`, or set KGV_PEERS_PYTHON to one that has PyKEEN")
    return python


def graphs_folder(python: str) -> pathlib.Path:
    """Returns the folder of PyKEEN's graphs, without importing it."""
    find = "import importlib.util; print(importlib.util.find_spec('pykeen').submodule_search_locations[0])"
    return pathlib.Path(subprocess.check_output([python, "-c", find], text=True).strip()) / "datasets"


def main() -> None:
    restart_with_huge_pages()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphs", nargs="+", default=GRAPHS, choices=GRAPHS)
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    parser.add_argument("--settings", nargs="+", default=tuple(PEER_SETTINGS), choices=tuple(PEER_SETTINGS))
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    python = peers_python()
    folder = graphs_folder(python)
    for graph in args.graphs:
        compare(graph, args.models, args.settings, python, folder, args.seeds)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
