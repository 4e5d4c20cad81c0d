"""WiSE-FT (Wortsman et al., arXiv 2109.01903, equation 1): weights interpolated along fine-tuning.

    theta(alpha) = (1 - alpha) theta_anchor + alpha theta

`theta_anchor` are the weights before fine-tuning, `theta` those after it. The paper's networks have no batch norm;
here its running statistics are interpolated as the weights are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from kgv_jax.config.schema import Transfer
from kgv_jax.run.state import State


def is_enabled(transfer: Transfer) -> bool:
    """Returns whether any interpolation is evaluated."""
    return bool(transfer.wise_ft) or transfer.alpha < 1


def anchored(state: State) -> State:
    """Returns the state with its anchor moved to its present weights: fine-tuning begins here."""
    return state._replace(anchor=jax.tree.map(jnp.copy, {"params": state.params, "batch_stats": state.batch_stats}))


def average(state: State, alpha: Array | float) -> State:
    """Returns the state with the weights `theta(alpha)`; `theta` is the moving average where there is one."""
    final = {"params": state.ema or state.params, "batch_stats": state.batch_stats}
    mixed = jax.tree.map(lambda start, end: (1 - alpha) * start + alpha * end, state.anchor, final)
    ema = mixed["params"] if state.ema else {}
    return state._replace(params=mixed["params"], batch_stats=mixed["batch_stats"], ema=ema)


def curve(transfer: Transfer, evaluate: Callable[[float], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Returns the records of every alpha of `transfer.wise_ft`, each with its `alpha`."""
    return [record | {"alpha": alpha} for alpha in transfer.wise_ft for record in evaluate(alpha)]
