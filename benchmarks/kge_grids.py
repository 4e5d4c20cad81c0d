"""What `benchmarks/kge.py` trains: for every case four candidates of ours and four of PyKEEN's.

Which of the four is used on a graph, validation triples of that graph decide, on each side by itself. Four are few, so
they are not drawn blindly: loss and options of both were found on UMLS' validation triples (docs/embed.md), and a grid
has mainly learning rates around the best one there.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

from kgv_jax.embed.registry import RECIPES, Recipe

GRAPHS = ("umls", "kinships", "nations")
DIM, EPOCHS, BATCH = 64, 60, 256
NEGATIVES = 32

Setting = dict[str, Any]
"""One of PyKEEN's: `loss` (None: the model's own), `negatives` (0: against all nodes), `inverse`, `learning_rate`."""


class Case(NamedTuple):
    """A model on both sides, four candidates each.

    Attributes:
      peer: PyKEEN's name of the model.
      ours: how we may train it.
      theirs: how PyKEEN may.
    """

    peer: str
    ours: tuple[Recipe, ...]
    theirs: tuple[Setting, ...]


def _rates(recipe: Recipe, *rates: float, **changes: Any) -> tuple[Recipe, ...]:
    return tuple(dataclasses.replace(recipe, learning_rate=rate, **changes) for rate in rates)


def _sampled(loss: str | None, *rates: float, negatives: int = NEGATIVES) -> tuple[Setting, ...]:
    common = {"loss": loss, "negatives": negatives, "inverse": False}
    return tuple(common | {"learning_rate": rate} for rate in rates)


def _with_inverses(*rates: float) -> tuple[Setting, ...]:
    """Against all nodes PyKEEN trains tails alone, so it has heads from inverse relations."""
    common = {"loss": "crossentropy", "negatives": 0, "inverse": True}
    return tuple(common | {"learning_rate": rate} for rate in rates)


def _products(recipe: Recipe) -> tuple[Recipe, ...]:
    """How much the rows of a product are held back matters as much as the rate."""
    light, firm = (dataclasses.replace(recipe, n3=weight) for weight in (0.01, 0.03))
    return (*_rates(recipe, 0.1, n3=0.0), *_rates(light, 0.3), *_rates(firm, 0.1, 0.3))


def _of_densities(recipe: Recipe) -> tuple[Recipe, ...]:
    """As the registry has it, or by smaller steps from variances that start apart: a small graph has few steps."""
    apart = {"batch": 64, "options": {"var_init": 0.3, "var_spread": 0.5}}
    return (*_rates(recipe, 0.05, 0.1), *_rates(recipe, 0.05, 0.1, **apart))


_KG2E = (*_sampled("softplus", 0.003, 0.01, 0.03), *_sampled("marginranking", 0.01))
_RECIPROCAL = {name: dataclasses.replace(RECIPES[name], reciprocal=True) for name in ("distmult", "complex", "kgv")}

CASES: dict[str, Case] = {
    "transe": Case(
        "TransE",
        _rates(RECIPES["transe"], 0.01, 0.03, 0.1, 0.3),
        (*_sampled("nssa", 0.003, 0.01, 0.03), *_sampled("marginranking", 0.01)),
    ),
    "transh": Case(
        "TransH",
        (
            *_rates(RECIPES["transh"], 0.01, 0.03),
            *_rates(RECIPES["transh"], 0.03, 0.1, options={"distance": "l1", "lengths": "sphere"}),
        ),
        (*_sampled("infonce", 0.003, 0.01, 0.03), *_sampled("marginranking", 0.01)),
    ),
    "distmult": Case(
        "DistMult",
        (
            *_rates(RECIPES["distmult"], 0.1, 0.3),
            *_rates(RECIPES["distmult"], 0.1, 0.3, n3=0.0, options={"lengths": "sphere"}),
        ),
        (*_sampled("infonce", 0.01, 0.03, 0.1), *_sampled("marginranking", 0.03)),
    ),
    "distmult reciprocal": Case("DistMult", _products(_RECIPROCAL["distmult"]), _with_inverses(0.01, 0.03, 0.1, 0.3)),
    # Ours without inverses stands against PyKEEN's with them, its better way.
    "complex": Case("ComplEx", _products(RECIPES["complex"]), _with_inverses(0.01, 0.03, 0.1, 0.3)),
    "complex reciprocal": Case("ComplEx", _products(_RECIPROCAL["complex"]), _with_inverses(0.01, 0.03, 0.1, 0.3)),
    "rotate": Case(
        "RotatE",
        _rates(RECIPES["rotate"], 0.03, 0.05, 0.1, 0.3),
        (*_sampled("nssa", 0.01, 0.03, 0.1), *_sampled("infonce", 0.03)),
    ),
    "kg2e": Case("KG2E", _rates(RECIPES["kg2e"], 0.03, 0.05, 0.1, 0.2), _KG2E),
    # PyKEEN has no model of densities: KG2E is the nearest.
    "kgv": Case("KG2E", _of_densities(RECIPES["kgv"]), _KG2E),
    "kgv reciprocal": Case("KG2E", _of_densities(_RECIPROCAL["kgv"]), _KG2E),
}

DEFAULT = {case.peer: _sampled(None, 0.01, negatives=1)[0] for case in CASES.values()}
"""PyKEEN as it comes: the model's own loss and one negative, the fastest way to use it."""

_LOSSES = {
    "nssa": ("nssa", {"margin": 9.0}),
    "softplus": ("softplus", {}),
    "marginranking": ("margin", {"margin": 1.0}),
}

# Cases in which ours has the setting that PyKEEN chose, and differs in nothing but the program.
ALIKE = {
    "transe alike": ("transe", Recipe(RECIPES["transe"].make, options={"distance": "l1", "lengths": "sphere"})),
    "kg2e alike": (
        "kg2e",
        # Half of PyKEEN's covariances start at the smallest they may be, the others anywhere up to 3.
        Recipe(RECIPES["kg2e"].make, options={"lengths": "ball", "var_init": 0.3, "var_spread": 0.5}),
    ),
}


def alike(name: str, setting: Setting) -> Recipe:
    """Returns our recipe of a case of `ALIKE` with PyKEEN's loss, negatives and constant learning rate."""
    loss, settings = _LOSSES[setting["loss"]]
    return dataclasses.replace(
        ALIKE[name][1],
        loss=loss,
        loss_settings=settings | {"negatives": setting["negatives"]},
        learning_rate=setting["learning_rate"],
        last_rate=1.0,
    )
