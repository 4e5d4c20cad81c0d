"""Mistakes measured along the graph's hierarchy: their severity, and accuracy by branch."""

from __future__ import annotations

import numpy as np

from kgv_jax.kg import load_named_graph
from kgv_jax.report import severity, stats
from kgv_jax.report.protocols.base import Options, Result
from kgv_jax.report.study import Study
from kgv_jax.report.table import decimals, interval_text, percent, pivot, tabulate
from kgv_jax.run.predictions import Predictions
from kgv_jax.util.errors import UserError

DECISIONS = ("most probable", "least risk")  # the second: `severity.least_risk_classes`
_TOP = (1, 5, 20)  # as Bertinetto et al. 2020


def report_severity(study: Study, options: Options) -> Result:
    """Returns the mean height of mistakes, and of the best 1, 5 and 20 classes, averaged over seeds.

    Every head decides twice: for the most probable class, and for the one of least risk
    (`severity.least_risk_classes`).
    """
    hierarchy, _ = _hierarchy(study)
    heights = severity.lca_heights(hierarchy)
    top = [k for k in _TOP if k <= len(heights)]
    columns = {"mistakes": percent("mistakes"), "severity": decimals("severity of a mistake", 2)}
    columns |= {f"distance_{k}": decimals(f"distance, top {k}", 2) for k in top}
    records = []
    for setting, head, domain, predictions in study.each_head():
        for decision in DECISIONS:
            found = [_distances(heights, of_seed, head, decision, top[-1]) for of_seed in predictions]
            record = setting.label(head=head, decision=decision, domain=domain)
            record["mistakes"] = float(np.mean([distance[:, 0] > 0 for distance in found]))
            of_mistakes = [severity.mistake_severity(distance[:, 0]) for distance in found]
            record["severity"] = float(np.mean(of_mistakes)) if np.isfinite(of_mistakes).all() else None
            record |= {f"distance_{k}": float(np.mean([distance[:, :k].mean() for distance in found])) for k in top}
            records.append(record)
    title = f"Severity of mistakes: height of the lowest common ancestor, of at most {heights.max()}"
    return Result(records, [tabulate(title, records, ("head", "decision", "domain"), columns)])


def _distances(heights: np.ndarray, predictions: Predictions, head: str, decision: str, k: int) -> np.ndarray:
    log_p = predictions.log_probabilities(head)
    probable = decision == DECISIONS[0]
    chosen = severity.top_classes(log_p, k) if probable else severity.least_risk_classes(log_p, heights, k)
    return severity.distances(heights, chosen, predictions.label, predictions.also)


def report_branches(study: Study, options: Options) -> Result:
    """Returns accuracies with intervals of the images whose class is in a branch."""
    hierarchy, names = _hierarchy(study)
    records = []
    for node, members in severity.branches(hierarchy).items():
        for setting, head, domain, predictions in study.each_head():
            inside = members[predictions[0].label]
            if inside.any():
                correct = study.correct(setting, head, (domain,))[domain][:, inside]
                interval = stats.mean_interval(correct, predictions[0].group[inside])
                about = setting.label(head=head, branch=names[node], domain=domain)
                records.append(about | interval._asdict() | {"classes": int(members.sum()), "n": int(inside.sum())})
    table = pivot("Accuracy per branch", records, ("head", "branch", "classes"), "domain", interval_text)
    return Result(records, [table])


def _hierarchy(study: Study) -> tuple[severity.Hierarchy, tuple[str, ...]]:
    """Returns the hierarchy above the classes, of the graph before any ablation, and the labels of its nodes."""
    kgs = [run.config.kg for runs in study.runs.values() for run in runs.values()]
    if len({(kg.path, kg.class_by, kg.class_type, kg.hierarchy) for kg in kgs}) > 1:
        raise UserError(
            f"The runs differ in their graph ({', '.join(sorted({kg.path for kg in kgs}))}), or in kg.class_by, "
            "kg.class_type or kg.hierarchy, so one severity cannot measure all of their mistakes; report them apart."
        )
    # It starts JAX with what it imports, which only this protocol needs.
    from kgv_jax.experiment.class_roles import map_class_names

    config = study.first.config
    graph, _ = load_named_graph(config.kg.path, class_type=config.kg.class_type)
    nodes = map_class_names(config, graph, study.first.predictions(study.source).classes.tolist())
    return severity.class_hierarchy(graph, nodes, config.kg.hierarchy), graph.labels
