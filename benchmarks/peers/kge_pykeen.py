"""Trains models of PyKEEN on its own graphs, for `benchmarks/kge.py`; runs in the peers' environment.

    echo '{"graph": "umls", "model": "TransE", "loss": "nssa", "negatives": 32, "inverse": false, \
           "learning_rate": 0.01, "dim": 64, "epochs": 60, "batch": 256, "seed": 0}' \
        | .venv-peers/bin/python -m benchmarks.peers.kge_pykeen

It is a worker (see `harness.answer`): every line read is a setting, and is answered with the filtered MRR on the
validation and the test triples and with the seconds of training. The keys are explained in `benchmarks/kge_grids.py`.

PyKEEN's own pipeline pieces do all the work: model, loss, sampler, training loop, evaluator. What is timed is training.
"""

from __future__ import annotations

import functools
import gc
import logging
from typing import Any

import torch
from pykeen import datasets
from pykeen.evaluation import RankBasedEvaluator
from pykeen.losses import loss_resolver
from pykeen.models import Model, model_resolver
from pykeen.training import LCWATrainingLoop, SLCWATrainingLoop, TrainingLoop
from pykeen.utils import set_random_seed

from benchmarks import harness


@functools.cache
def load(graph: str, inverse: bool) -> datasets.Dataset:
    """Returns one of PyKEEN's graphs; with inverse relations, heads are predicted as tails of the inverse."""
    return datasets.get_dataset(dataset=graph, dataset_kwargs={"create_inverse_triples": inverse})


def make(setting: dict[str, Any]) -> Model:
    """Returns the model before training; what the setting does not name is PyKEEN's default."""
    return model_resolver.make(
        setting["model"],
        triples_factory=load(setting["graph"], setting["inverse"]).training,
        embedding_dim=setting["dim"],
        random_seed=setting["seed"],
        loss=loss_resolver.make(setting["loss"]) if setting["loss"] else None,
    )


def loop(setting: dict[str, Any], model: Model) -> TrainingLoop:
    """Returns the training loop: against all nodes (0 negatives; PyKEEN trains tails alone), or against sampled."""
    optimizer = torch.optim.Adam(model.parameters(), lr=setting["learning_rate"])
    factory = load(setting["graph"], setting["inverse"]).training
    parts = {"model": model, "triples_factory": factory, "optimizer": optimizer}
    if not setting["negatives"]:
        return LCWATrainingLoop(**parts)
    return SLCWATrainingLoop(**parts, negative_sampler_kwargs={"num_negs_per_pos": setting["negatives"]})


def mrr(setting: dict[str, Any], model: Model, split: str) -> float:
    """Returns the filtered realistic mean reciprocal rank of both sides on `split`."""
    graph = load(setting["graph"], setting["inverse"])
    splits = {"training": graph.training, "validation": graph.validation, "testing": graph.testing}
    asked = splits.pop(split).mapped_triples
    found = RankBasedEvaluator(filtered=True).evaluate(
        model=model,
        mapped_triples=asked,
        additional_filter_triples=[other.mapped_triples for other in splits.values()],
        use_tqdm=False,
    )
    return float(found.get_metric("both.realistic.inverse_harmonic_mean_rank"))


def run(setting: dict[str, Any]) -> dict[str, Any]:
    """Trains from scratch and evaluates."""
    set_random_seed(setting["seed"])
    model = make(setting)
    trained = functools.partial(
        loop(setting, model).train,
        load(setting["graph"], setting["inverse"]).training,
        num_epochs=setting["epochs"],
        batch_size=setting["batch"],
        use_tqdm=False,
    )
    seconds = harness.timed(trained)
    splits = {"valid": "validation", "test": "testing"}
    return {name: mrr(setting, model, split) for name, split in splits.items()} | seconds._asdict()


def main() -> None:
    logging.disable(logging.WARNING)
    # PyKEEN collects garbage after every epoch, which looks at all that torch has imported: 0.2 seconds each time, most
    # of a run on a small graph. Objects that are frozen are not looked at; nothing else changes.
    gc.collect()
    gc.freeze()
    torch.set_num_threads(1)  # its small tensors gain nothing from more
    harness.answer(run)


if __name__ == "__main__":
    main()
