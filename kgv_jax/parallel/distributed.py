"""Runs of several processes: joining the others, and which of them writes."""

from __future__ import annotations

import os

import jax


def start() -> None:
    """Joins the other processes of a launch, if the environment names a coordinator or a cluster.

    `KGV_COORDINATOR=host:port` with `KGV_PROCESSES` (how many) and `KGV_PROCESS` (which of them) describe a launch by
    hand. On TPU pods, SLURM and GKE, `KGV_COORDINATOR=auto` lets JAX find the others.
    """
    coordinator = os.environ.get("KGV_COORDINATOR")
    if coordinator == "auto":
        jax.distributed.initialize()
    elif coordinator:
        jax.distributed.initialize(coordinator, int(os.environ["KGV_PROCESSES"]), int(os.environ["KGV_PROCESS"]))


def is_leader() -> bool:
    """Returns whether this process writes reports."""
    return jax.process_index() == 0
