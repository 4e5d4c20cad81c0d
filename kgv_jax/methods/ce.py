"""`ce`: the encoder with cross-entropy only."""

from kgv_jax.methods.objective import Objective as CrossEntropy

__all__ = ["CrossEntropy"]
