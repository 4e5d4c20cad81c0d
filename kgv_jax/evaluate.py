"""Evaluation of a trained run: predictions of every test domain, and their records."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from kgv_jax.config.schema import Config, digest
from kgv_jax.data.types import VALIDATION, ImageSet
from kgv_jax.methods.graph_arrays import GraphArrays
from kgv_jax.parallel import distributed
from kgv_jax.parallel.mesh import check_divisible, put_batch
from kgv_jax.report.stats import accuracy_interval
from kgv_jax.run import wise_ft
from kgv_jax.run.build import Run
from kgv_jax.run.domain_statistics import make_domain_statistics
from kgv_jax.run.predictions import Predictions
from kgv_jax.run.state import State
from kgv_jax.run.trained import write_trained_nodes
from kgv_jax.run.workdir import Workdir
from kgv_jax.train_step import jit_eval_step, make_eval_step

_log = logging.getLogger(__name__)


def evaluate_run(run: Run, state: State, workdir: Workdir) -> list[dict[str, Any]]:
    """Evaluates a run on every domain, and writes all that its folder holds at the end.

    Writes predictions and outcomes per domain, `wise_ft.json`, `embeddings.safetensors`, `validation.json`, and last
    `results.json`, whose records it returns.
    """
    evaluate = jit_eval_step(make_eval_step(run.classifier, run.objective), run.mesh, run.shardings)

    adapt = None
    if run.config.evaluate.statistics == "domain":
        adapt = make_domain_statistics(run.classifier, run.mesh, run.shardings)

    def records_of(state: State, workdir: Workdir | None) -> list[dict[str, Any]]:
        return evaluate_domains(
            evaluate,
            state,
            run.graph_arrays,
            run.experiment.domains,
            config=run.config,
            classes=run.experiment.dataset.classes,
            roles=run.experiment.roles,
            workdir=workdir,
            mesh=run.mesh,
            adapt=adapt,
        )

    # WiSE-FT: the curve between the weights before and after fine-tuning, then the state at the chosen point of it.
    if wise_ft.is_enabled(run.config.transfer):
        average = jax.jit(wise_ft.average, out_shardings=run.shardings)
        curve = wise_ft.curve(run.config.transfer, lambda alpha: records_of(average(state, alpha), None))
        if distributed.is_leader():
            workdir.write_records("wise_ft.json", curve)
        state = average(state, run.config.transfer.alpha)

    # Every domain, with predictions files.
    records = records_of(state, workdir)

    # The trained nodes and relations of the graph.
    write_trained_nodes(run.config, workdir, run.experiment, run.objective, state.ema or state.params, run.mesh)

    # Records: validation apart, and results.json last, because it is the mark of a finished run.
    if distributed.is_leader():
        workdir.write_records("validation.json", [r for r in records if r["domain"] == VALIDATION])
        workdir.write_records("results.json", [r for r in records if r["domain"] != VALIDATION])
    return workdir.read_results() or []


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
    """Returns the predictions for all examples; the last batch is padded, so that every example counts."""
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
    """Yields the rows of every global batch that this process holds; zeros pad the last one."""
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
    adapt: Callable[[State, ImageSet, int], State] | None = None,
) -> list[dict[str, Any]]:
    """Evaluates every domain; writes `predictions/` and `outcomes/`, if a folder is given.

    `adapt` gives the state that a domain is evaluated with (`run/domain_statistics.py`).

    Returns the records of `results.json`.
    """
    records = []
    for name, images in domains.items():
        predictions = predict(
            evaluate,
            adapt(state, images, config.evaluate.batch_size) if adapt else state,
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
    """Returns one record per prediction head; the interval resamples source images, not their views.

    `accuracy` is over all classes, also in a domain that lacks some. `masked_accuracy` chooses among the classes that
    occur; ImageNet-R and -A are published with it.
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
