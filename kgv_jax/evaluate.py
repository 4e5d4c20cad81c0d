"""Every test domain of a config, evaluated: predictions files and records."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from kgv_jax.config.schema import Config, digest
from kgv_jax.data.types import ImageSet
from kgv_jax.methods.graph_arrays import GraphArrays
from kgv_jax.parallel import distributed
from kgv_jax.parallel.mesh import check_divisible, put_batch
from kgv_jax.report.stats import accuracy_interval
from kgv_jax.run.predictions import Predictions
from kgv_jax.run.state import State
from kgv_jax.run.workdir import Workdir

_log = logging.getLogger(__name__)


def predict(
    evaluate: Callable[..., tuple[Any, Any]],
    state: State,
    graph_arrays: GraphArrays,
    images: ImageSet,
    *,
    classes: tuple[str, ...],
    roles: tuple[str, ...],
    batch_size: int,
    mesh: Mesh,
) -> Predictions:
    """Returns the predictions for all images; the last batch is padded, never dropped."""
    check_divisible("config.evaluate.batch_size", batch_size, mesh)
    logits, scores = [], []
    for batch in _batches(images, batch_size):
        batch_logits, batch_scores = evaluate(state, put_batch({"image": batch}, mesh)["image"], graph_arrays)
        logits.append(np.asarray(batch_logits))
        if batch_scores is not None:
            scores.append(np.asarray(batch_scores))
    count = len(images)
    stacked = np.concatenate(logits)[:count]
    assert len(stacked) == count, (len(stacked), count)
    return Predictions(
        id=images.ids,
        group=images.groups,
        label=images.labels,
        logits=stacked,
        scores=np.concatenate(scores)[:count] if scores else np.zeros((count, 0), np.float32),
        classes=np.array(classes),
        also=images.alternative_labels,
        role=np.array(roles),
    )


def _batches(images: ImageSet, batch_size: int) -> Iterator[np.ndarray]:
    """Yields this process's rows of every global batch, the last one filled up with zeros."""
    per_process = batch_size // jax.process_count()
    start = jax.process_index() * per_process
    for first in range(start, len(images) + start, batch_size):
        rows = np.arange(first, max(first, min(first + per_process, len(images))))
        padding = np.zeros((per_process - len(rows), *images.shape), images.dtype)
        yield np.concatenate([images.read(rows, rows), padding])


def evaluate_domains(
    evaluate: Callable[..., tuple[Any, Any]],
    state: State,
    graph_arrays: GraphArrays,
    domains: Mapping[str, ImageSet],
    *,
    config: Config,
    classes: tuple[str, ...],
    roles: tuple[str, ...],
    workdir: Workdir | None,
    mesh: Mesh,
) -> list[dict[str, Any]]:
    """Evaluates every domain; writes `predictions/` and `outcomes/`, if there is a folder.

    Returns the records of `results.json`.
    """
    records = []
    for name, images in domains.items():
        predictions = predict(
            evaluate,
            state,
            graph_arrays,
            images,
            classes=classes,
            roles=roles,
            batch_size=config.evaluate.batch_size,
            mesh=mesh,
        )
        if workdir is not None and distributed.is_leader():
            predictions.save(workdir.predictions / f"{name}.npz")
            predictions.outcomes().save(workdir.outcomes / f"{name}.npz")
        records += make_records(predictions, domain=name, config=config)
    return records


def make_records(predictions: Predictions, *, domain: str, config: Config) -> list[dict[str, Any]]:
    """Returns one record a head; the interval resamples drawings, not photographs.

    Of a domain that lacks classes, the accuracy is that over all classes, as elsewhere; `masked_accuracy`, the one that
    ImageNet-R and -A are published with, chooses among those that occur.
    """
    records = []
    present = predictions.present()
    for head in predictions.heads():
        accuracy, low, high = accuracy_interval(predictions.correct(head), predictions.group)
        masked = accuracy, low, high
        if len(present) < len(predictions.classes):
            masked = accuracy_interval(predictions.correct(head, among=present), predictions.group)
        records.append(
            {
                "method": config.method,
                "seed": config.seed,
                "fraction": config.fraction,
                "shots": config.shots,
                "domain": domain,
                "head": head,
                "accuracy": float(accuracy),
                "low": float(low),
                "high": float(high),
                "classes": len(present),
                "masked_accuracy": float(masked[0]),
                "masked_low": float(masked[1]),
                "masked_high": float(masked[2]),
                "n": len(predictions.label),
                "config_digest": digest(config),
            }
        )
    return records
