"""Prints filtered MRR and training speed of graph embeddings against PyKEEN's, one JSON line per figure.

    python -m benchmarks.kge
    python -m benchmarks.kge --graphs umls --cases kg2e kgv --seeds 1
    python -m benchmarks.kge --kept runs.jsonl       # goes on where it stopped

Both sides train on the same files, those that PyKEEN brings, at the same dimension and for the same number of epochs,
and are ranked on the same triples (both sides, filtered, realistic). On every graph each side has four candidates
(`benchmarks/kge_grids.py`); the one with the best validation MRR at the first seed is tested, with every seed. A case
`alike` has no candidates: it is our program with what PyKEEN chose.

A second comparison is with PyKEEN as it comes, `default`. It runs with one thread. The ratio of speeds is one of
processor seconds of training alone, without compilation; of the clock, `compile_wall_s` is what compilation adds. Needs
the peers' environment (`make peers`; `KGV_PEERS_PYTHON` names another).
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import functools
import json
import os
import pathlib
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import harness
from benchmarks.kept import Kept
from benchmarks.kge_grids import ALIKE, BATCH, CASES, DEFAULT, DIM, EPOCHS, GRAPHS, Setting, alike
from kgv_jax.embed import evaluate, train, triples
from kgv_jax.embed.registry import Recipe
from kgv_jax.util.errors import UserError

FIRST_SEED = 100
NAMES = (*CASES, *ALIKE)
AGAINST = ("tuned", "default")

Run = dict[str, float]
"""What came of one training: `valid` and `test` (filtered MRR), `wall` and `processor` seconds, ours `compile` too."""

_Candidate = TypeVar("_Candidate", Recipe, Setting)


class Trainer:
    """A recipe on a graph, compiled once."""

    def __init__(self, graph: triples.Triples, recipe: Recipe) -> None:
        self._graph, self._model, self._known = graph, recipe.model(), graph.known()
        self._train = jnp.asarray(graph.train)
        lowered = train.fit.lower(
            self._train,
            jax.random.key(0),
            model=self._model,
            loss=recipe.loss_function(),
            num_nodes=len(graph.nodes),
            num_relations=len(graph.relations),
            settings=recipe.settings(DIM, EPOCHS),
        )
        compiled: list[jax.stages.Compiled] = []
        self._compile = harness.timed(lambda: compiled.append(lowered.compile())).wall
        self._fit = compiled[0]

    def run(self, seed: int) -> Run:
        """Trains from scratch and ranks."""
        trained: list[train.Trained] = []
        key = jax.random.key(seed)
        seconds = harness.timed(lambda: trained.append(jax.block_until_ready(self._fit(self._train, key))))
        found = {split: self._mrr(trained[0], getattr(self._graph, split)) for split in ("valid", "test")}
        return found | seconds._asdict() | {"compile": self._compile}

    def _mrr(self, trained: train.Trained, asked: np.ndarray) -> float:
        return evaluate.metrics(evaluate.filtered_ranks(self._model, trained.parameters, asked, self._known))["mrr"]


class Ours:
    """Our side on a graph."""

    def __init__(self, name: str, graph: triples.Triples, kept: Kept) -> None:
        self._name, self._graph, self._kept = name, graph, kept
        self._trainers: dict[str, Trainer] = {}

    def run(self, recipe: Recipe, seed: int) -> Run:
        """Returns what comes of a recipe and a seed."""
        asked = {"side": "ours", "graph": self._name, "dim": DIM, "epochs": EPOCHS} | reported(recipe)
        return self._kept.get(asked | {"seed": seed}, lambda: self._trainer(recipe, json.dumps(asked)).run(seed))

    def _trainer(self, recipe: Recipe, name: str) -> Trainer:
        if name not in self._trainers:
            self._trainers[name] = Trainer(self._graph, recipe)
        return self._trainers[name]


class Theirs:
    """PyKEEN's side on a graph; `worker` is called where a run is not kept, and starts it once."""

    def __init__(self, graph: str, worker: Callable[[], harness.Worker], kept: Kept) -> None:
        self._graph, self._worker, self._kept = graph, worker, kept

    def run(self, model: str, setting: Setting, seed: int) -> Run:
        """Returns what comes of a setting and a seed."""
        sizes = {"dim": DIM, "epochs": EPOCHS, "batch": BATCH, "seed": seed}
        asked = {"graph": self._graph, "model": model} | setting | sizes
        return self._kept.get({"side": "pykeen"} | asked, lambda: self._worker().ask(asked))


def reported(recipe: Recipe) -> dict[str, Any]:
    """Returns a recipe as JSON can hold it."""
    fields = {field.name: getattr(recipe, field.name) for field in dataclasses.fields(recipe)}
    return fields | {"make": recipe.make.__name__}


def best(candidates: Sequence[_Candidate], run: Callable[[_Candidate, int], Run]) -> _Candidate:
    """Returns the candidate with the best validation MRR at the first seed; of equal ones the first."""
    return max(candidates, key=lambda candidate: run(candidate, FIRST_SEED)["valid"])


def compare(
    name: str, ours: Ours, theirs: Theirs, *, graph: triples.Triples, about: str, against: Sequence[str], seeds: int
) -> None:
    """Chooses on both sides, tests, and prints the figures of the case `name` on a graph."""
    case = CASES[ALIKE[name][0] if name in ALIKE else name]

    def peer(setting: Setting, seed: int) -> Run:
        return theirs.run(case.peer, setting, seed)

    setting = best(case.theirs, peer)
    recipe = alike(name, setting) if name in ALIKE else best(case.ours, ours.run)
    settings = {"tuned": setting}
    if name not in ALIKE and not recipe.reciprocal:
        settings["default"] = DEFAULT[case.peer]
    settings = {kind: used for kind, used in settings.items() if kind in against}
    every_seed = range(FIRST_SEED, FIRST_SEED + seeds)
    mine = [ours.run(recipe, seed) for seed in every_seed]
    for kind, used in settings.items():
        runs = [peer(used, seed) for seed in every_seed]
        named = {"against": f"PyKEEN {case.peer}, {kind}", "case": f"{about}, {name}"}
        _report_speed(named, EPOCHS * len(graph.train), mine, runs)
        _report_mrr(named, mine, runs, {"chosen": reported(recipe), "peer_chosen": used})


def _report_speed(named: dict[str, str], trained: int, mine: Sequence[Run], theirs: Sequence[Run]) -> None:
    ours, peer = (
        harness.Seconds(*(min(run[kind] for run in runs) for kind in harness.Seconds._fields))
        for runs in (mine, theirs)
    )
    harness.print_figure(
        "kge.vs_pykeen_speed",
        peer.processor / ours.processor,
        "times as fast",
        **named,
        triples_per_s=round(trained / ours.processor),
        peer_triples_per_s=round(trained / peer.processor),
        wall_ratio=float(f"{peer.wall / ours.wall:.4g}"),
        compile_wall_s=round(min(run["compile"] for run in mine), 1),
        whole_run_wall_s=round(min(run["compile"] + run["wall"] for run in mine), 1),
        peer_whole_run_wall_s=round(peer.wall, 1),
    )


def _report_mrr(named: dict[str, str], mine: Sequence[Run], theirs: Sequence[Run], chosen: dict[str, Any]) -> None:
    (ours, ours_error), (peer, peer_error) = (mean_and_error([run["test"] for run in runs]) for runs in (mine, theirs))
    harness.print_figure(
        "kge.vs_pykeen_mrr",
        ours - peer,
        "MRR",
        **named,
        mrr=round(ours, 4),
        standard_error=ours_error,
        peer_mrr=round(peer, 4),
        peer_standard_error=peer_error,
        seeds=len(mine),
        valid_mrr=round(mine[0]["valid"], 4),
        peer_valid_mrr=round(theirs[0]["valid"], 4),
        **chosen,
    )


def mean_and_error(values: Sequence[float]) -> tuple[float, float | None]:
    """Returns the mean and its standard error; one value has none."""
    error = round(statistics.stdev(values) / len(values) ** 0.5, 4) if len(values) > 1 else None
    return statistics.mean(values), error


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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphs", nargs="+", default=GRAPHS, choices=GRAPHS)
    parser.add_argument("--cases", nargs="+", default=NAMES, choices=NAMES)
    parser.add_argument("--against", nargs="+", default=AGAINST, choices=AGAINST)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--kept", type=pathlib.Path, metavar="FILE", help="runs of earlier calls; new ones are added")
    args = parser.parse_args()
    python, kept = peers_python(), Kept(args.kept)
    folder = graphs_folder(python)
    command = [python, "-m", "benchmarks.peers.kge_pykeen"]
    with contextlib.ExitStack() as stack:
        worker = functools.cache(
            lambda: stack.enter_context(harness.Worker(command, env={**os.environ, "OMP_NUM_THREADS": "1"}))
        )
        for name in args.graphs:
            graph = triples.load(folder / name)
            ours, theirs = Ours(name, graph, kept), Theirs(name, worker, kept)
            for case in args.cases:
                compare(case, ours, theirs, graph=graph, about=name, against=args.against, seeds=args.seeds)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
