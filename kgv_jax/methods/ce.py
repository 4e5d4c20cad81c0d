"""`ce`: the encoder with cross-entropy alone, the baseline without a graph.

    L = CE(decoder(z), y)

`ebv` is the same with a decoder that is not trained: class vectors at nearly equal angles (Shen et al., arXiv
2303.11637; `models/equiangular.py`). `ce_compose_labelled` sees the labelled compositions of `kgv_compose_labelled`, so
the two differ in the regulariser alone.
"""

from __future__ import annotations

from kgv_jax.config.methods import Method
from kgv_jax.methods.objective import Objective
from kgv_jax.methods.settings import LABELLED, NO_IMAGES


class CrossEntropy(Objective):
    """The term `ce` that every objective has, and no other."""


METHODS = {
    "ce": Method(CrossEntropy, "cross-entropy alone", NO_IMAGES),
    "ebv": Method(CrossEntropy, "fixed near-equiangular class vectors", NO_IMAGES | {"model.decoder": "equiangular"}),
    "ce_compose_labelled": Method(
        CrossEntropy, "cross-entropy with the same labelled compositions: the control", LABELLED
    ),
}
