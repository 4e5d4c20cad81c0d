"""Many hosts: start, and the number of this process."""

from __future__ import annotations

import os

import jax


def start() -> None:
    """Joins the other processes of a launch, if the environment names a coordinator or a cluster.

    `KGV_COORDINATOR=host:port`, `KGV_PROCESSES` and `KGV_PROCESS` start processes by hand; on TPU
    pods, SLURM and GKE, `KGV_COORDINATOR=auto` lets JAX find them.
    """
    coordinator = os.environ.get("KGV_COORDINATOR")
    if coordinator == "auto":
        jax.distributed.initialize()
    elif coordinator:
        jax.distributed.initialize(coordinator, int(os.environ["KGV_PROCESSES"]), int(os.environ["KGV_PROCESS"]))


def is_leader() -> bool:
    """Returns whether this process writes reports."""
    return jax.process_index() == 0
