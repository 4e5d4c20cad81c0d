"""`ce`: the encoder with cross-entropy alone, the baseline without a graph.

    L = CE(decoder(z), y)

`ebv` is the same with a decoder that is not trained: class vectors at nearly equal angles (Shen et al., arXiv
2303.11637; `models/equiangular.py`). `ce_compose_labelled` sees the labelled compositions of `kgv_compose_labelled`, so
the two differ in the regulariser alone. `ce_compose_alone` sees the compositions and no photograph of any class.

`oracle_K` is `ce` with K photographs per class of each target's own training part: the ceiling that says what facts
are worth (`report/gap.py`). It sees the target, so it is no method to choose.
"""

from __future__ import annotations

from kgv_jax.config.methods import Method
from kgv_jax.methods.objective import Objective
from kgv_jax.methods.settings import LABELLED, NO_IMAGES


class CrossEntropy(Objective):
    """The term `ce` that every objective has, and no other."""


_PHOTOGRAPHS, _UNLABELLED = "photographs", "unlabelled images"
_ADAPTED = {"evaluate.statistics": "domain"}
_ALONE = LABELLED | {"synthetic.alone": True, "synthetic.scenes": "drawn"}
_ORACLES = {"1": 1, "2": 2, "4": 4, "8": 8, "16": 16, "all": 10**6}

METHODS = {
    "ce": Method(CrossEntropy, "cross-entropy alone", NO_IMAGES),
    "ebv": Method(CrossEntropy, "fixed near-equiangular class vectors", NO_IMAGES | {"model.decoder": "equiangular"}),
    "ce_compose_labelled": Method(
        CrossEntropy, "cross-entropy with the same labelled compositions: the control", LABELLED
    ),
    "ce_adapted": Method(
        CrossEntropy,
        "ce, with batch norm adapted to each domain: it sees unlabelled images of the target",
        NO_IMAGES | _ADAPTED,
        sees=_UNLABELLED,
    ),
    "ce_compose_labelled_adapted": Method(
        CrossEntropy, "ce_compose_labelled, adapted in the same way", LABELLED | _ADAPTED, sees=_UNLABELLED
    ),
    "ce_compose_alone": Method(CrossEntropy, "labelled compositions alone: no photograph of any class", _ALONE),
    **{
        f"oracle_{name}": Method(
            CrossEntropy,
            f"an oracle that sees the target: ce with {name} of its photographs per class",
            NO_IMAGES | {"data.target_images": count},
            sees=_PHOTOGRAPHS,
        )
        for name, count in _ORACLES.items()
    },
    **{
        f"oracle_{name}_compose": Method(
            CrossEntropy,
            f"an oracle that sees the target: ce_compose_labelled with {name} of its photographs per class",
            LABELLED | {"data.target_images": _ORACLES[name]},
            sees=_PHOTOGRAPHS,
        )
        for name in ("1", "4", "16", "all")
    },
}
