"""Trains one model of PyKEEN on one of its own graphs, for `benchmarks/kge.py`; runs in the peers' environment.

    .venv-peers/bin/python -m benchmarks.peers.kge_pykeen '{"graph": "umls", "model": "TransE", ...}'

It is a worker (see `harness.serve`); the keys of a setting stand in `benchmarks/kge.py`.

PyKEEN's own pipeline pieces do all the work: model, loss, sampler, training loop, evaluator. What is timed is training.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import torch
from pykeen import datasets
from pykeen.evaluation import RankBasedEvaluator
from pykeen.losses import loss_resolver
from pykeen.models import Model, model_resolver
from pykeen.training import LCWATrainingLoop, SLCWATrainingLoop, TrainingLoop
from pykeen.utils import set_random_seed

from benchmarks import harness


class Peer:
    """A setting of PyKEEN: every call trains from scratch with the next seed and tells the filtered MRR."""

    def __init__(self, setting: dict[str, Any]) -> None:
        self._setting = setting
        # Against all nodes, PyKEEN trains tails alone; heads are tails of inverse relations.
        inverse = {"create_inverse_triples": not setting["negatives"]}
        self._graph = datasets.get_dataset(dataset=setting["graph"], dataset_kwargs=inverse)
        self._seed = 0
        self.model: Model | None = None

    def train(self) -> None:
        """Trains with the next seed."""
        setting = self._setting
        set_random_seed(self._seed)
        self._seed += 1
        self.model = model_resolver.make(
            setting["model"],
            triples_factory=self._graph.training,
            embedding_dim=setting["dim"],
            random_seed=self._seed,
            loss=loss_resolver.make(setting["loss"]) if setting["loss"] else None,
        )
        self._loop().train(
            self._graph.training, num_epochs=setting["epochs"], batch_size=setting["batch"], use_tqdm=False
        )

    def _loop(self) -> TrainingLoop:
        optimizer = torch.optim.Adam(self.model.parameters(), lr=self._setting["learning_rate"])
        parts = {"model": self.model, "triples_factory": self._graph.training, "optimizer": optimizer}
        if not self._setting["negatives"]:
            return LCWATrainingLoop(**parts)
        return SLCWATrainingLoop(**parts, negative_sampler_kwargs={"num_negs_per_pos": self._setting["negatives"]})

    def mrr(self) -> float:
        """Returns the filtered realistic mean reciprocal rank, both sides, on test or on what `split` names."""
        splits = {"validation": self._graph.validation, "test": self._graph.testing}
        asked = splits.pop(self._setting.get("split", "test"))
        found = RankBasedEvaluator(filtered=True).evaluate(
            model=self.model,
            mapped_triples=asked.mapped_triples,
            additional_filter_triples=[x.mapped_triples for x in (self._graph.training, *splits.values())],
            use_tqdm=False,
        )
        return float(found.get_metric("both.realistic.inverse_harmonic_mean_rank"))


def main() -> None:
    if not sys.argv[1].startswith("{"):
        raise SystemExit(__doc__)
    logging.disable(logging.WARNING)
    setting = json.loads(sys.argv[1])
    torch.set_num_threads(1)  # its small tensors gain nothing from more
    peer = Peer(setting)

    def train_and_evaluate() -> dict[str, Any]:
        seconds = harness.timed(peer.train)
        return {"train": seconds._asdict(), "mrr": peer.mrr()}

    harness.serve(train_and_evaluate)


if __name__ == "__main__":
    main()
