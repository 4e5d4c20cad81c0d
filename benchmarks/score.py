"""Prints how fast loss and gradient of the score are, one JSON line per figure.

    python -m benchmarks.score
    python -m benchmarks.score --nodes 1024 --dims 128

256 images, 8 relations, all nodes as candidates, one positive an image and relation; gradients of embeddings,
translations, means, variances and temperature; ours is the form that a run chooses for the size. Against, in turns in
one process:

* `score.vs_vmap`: nested `vmap` over images, relations and nodes, differentiated by JAX (where its memory is there);
* `score.vs_matmul_limit`: one plain matrix product of as many FLOPs: what the machine can do. 1 is the limit;
* `score.peak_memory`: temporaries beyond the table and its gradient, beside those of the form with two products that
  holds all scores; its time is the field `times_two_products`.
"""

from __future__ import annotations

import argparse
import functools
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from benchmarks.harness import in_turns, print_figure

IMAGES, RELATIONS = 256, 8
_MOST_VMAP_BYTES = 6e9  # nested vmap holds about three arrays [B, R, N, D]


class Problem(NamedTuple):
    """One size: what is differentiated (z, r, mu, log var, T), and the form's losses of it."""

    arrays: tuple
    losses: dict[str, Callable[..., Any]]


def make_problem(nodes: int, dim: int) -> Problem:
    """Returns random nodes and images, and the loss in each form."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from kgv_jax import losses
    from kgv_jax.scoring import gaussian
    from kgv_jax.scoring.streamed import Pairs, Streaming, streamed_sums
    from kgv_jax.scoring.tile import Table
    from kgv_jax.scoring.tiling import cut_tiles

    rng = np.random.default_rng(0)
    shapes = ((IMAGES, dim), (RELATIONS, dim), (nodes, dim), (nodes, dim))
    scales = (1.0, 0.1, 1.0, 0.5)
    arrays = tuple(
        jnp.asarray(rng.normal(size=shape) * scale, jnp.float32) for shape, scale in zip(shapes, scales, strict=True)
    )
    positive = rng.integers(0, nodes, (IMAGES, RELATIONS))
    tiles = jax.tree.map(jnp.asarray, cut_tiles(mask_of_positives(positive, nodes)))
    relation = jnp.tile(jnp.arange(RELATIONS), (IMAGES, 1))
    rows = jnp.arange(IMAGES)[:, None]

    def streamed(z, r, mu, log_var, temperature):
        table, pairs = Table(mu, log_var), Pairs(relation, jnp.asarray(positive, jnp.int32))
        sums = streamed_sums(Streaming(_as_it_is), table, z, r, temperature, pairs, rows, tiles)
        values = losses.info_nce_of_sums(
            *sums, pair_relation=relation, candidate_set_relation=tiles.candidate_set_relation, num_relations=RELATIONS
        )
        return values.mean()

    def held(form, z, r, mu, log_var, temperature):
        score = form(z, r, mu, jnp.exp(log_var)) / temperature
        own = jnp.take_along_axis(score, positive[..., None], -1)[..., 0]
        return (jax.nn.logsumexp(score, -1) - own).mean()

    forms = {
        "streamed": streamed,
        "whole": functools.partial(held, gaussian.log_density),
        "two products": functools.partial(held, _two_products),
        "nested vmap": functools.partial(held, gaussian.log_density_oracle),
    }
    return Problem((*arrays, jnp.float32(math.sqrt(dim))), forms)


def mask_of_positives(positive, nodes: int):
    """The mask of images that each have a head of their own, with one positive a relation."""
    import numpy as np

    from kgv_jax.kg.graph import Graph
    from kgv_jax.kg.mask import CandidateSet, Entries, Mask

    every = np.arange(nodes, dtype=np.int32)
    heads = len(positive)
    relation = np.tile(np.arange(RELATIONS, dtype=np.int32), heads)
    return Mask(
        graph=Graph.from_triples([], types={f"n{index}": "Node" for index in every}),
        relations=tuple(f"r{index}" for index in range(RELATIONS)),
        candidate_sets=tuple(CandidateSet(index, every) for index in range(RELATIONS)),
        supervised=np.ones((heads, RELATIONS), bool),
        positive=Entries(np.arange(heads + 1) * RELATIONS, relation, positive.reshape(-1).astype(np.int32)),
        ignored_negatives=Entries(np.zeros(heads + 1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int32)),
        ignored_nodes=np.zeros(0, np.int32),
        query_rows={},
        fact_rows={},
    )


def _as_it_is(raw):
    return raw


def _two_products(z, r, mu, var):
    """The peer: `x^2.w - 2 x.a + c` with `x = z + r`, centred, all scores held."""
    import jax.numpy as jnp
    from jax import lax

    centre = lax.stop_gradient(mu.mean(0))
    x, mu, w = (z[:, None] + r - centre).reshape(-1, z.shape[-1]), mu - centre, 1 / var
    c = jnp.sum(mu * mu * w + jnp.log(var), -1) + mu.shape[-1] * math.log(2 * math.pi)
    dot = functools.partial(jnp.dot, precision=lax.Precision.HIGHEST)
    return -0.5 * (dot(x * x, w.T) - 2 * dot(x, (mu * w).T) + c).reshape(len(z), len(r), -1)


def chosen_form(nodes: int) -> str:
    """Returns the form that a run chooses for so many nodes."""
    from kgv_jax.methods.kgv import MOST_HELD

    return "whole" if IMAGES * RELATIONS * nodes <= MOST_HELD else "streamed"


def flops(nodes: int, dim: int, form: str) -> int:
    """Returns the FLOPs of a form's products: the scores, two gradients, and, streamed, the scores again."""
    passes = {"streamed": 4, "whole": 3}[form]
    return 2 * nodes * dim * passes * (IMAGES * RELATIONS + 2 * IMAGES + 2 * RELATIONS)


def product_calls(nodes: int, dim: int) -> dict[str, Callable[[], Any]]:
    """Returns plain products `[B R, D] x [D, N]`, whole, and in pieces of 512 nodes that stay in a cache."""
    import jax
    import jax.numpy as jnp

    x, y = jnp.ones((IMAGES * RELATIONS, dim)), jnp.ones((nodes, dim))
    product = jax.jit(lambda x, y: x @ y.T)
    piece = jnp.ones((min(nodes, 512), dim))
    return {
        "product": lambda: jax.block_until_ready(product(x, y)),
        "piece": lambda: jax.block_until_ready(product(x, piece)),
    }


def figures(nodes: int, dim: int, repeats: int) -> Iterator[dict[str, Any]]:
    """Yields the figures of one size."""
    import jax

    problem = make_problem(nodes, dim)
    compiled = {
        name: jax.jit(jax.value_and_grad(loss, (0, 1, 2, 3, 4))).lower(*problem.arrays).compile()
        for name, loss in problem.losses.items()
        if name != "nested vmap" or 12 * IMAGES * RELATIONS * nodes * dim < _MOST_VMAP_BYTES
    }
    calls = {
        name: lambda run=run: jax.block_until_ready(run(*problem.arrays)) for name, run in compiled.items()
    } | product_calls(nodes, dim)
    slow = calls.pop("nested vmap", None)
    seconds = in_turns(calls, repeats=repeats)
    if slow:
        seconds |= in_turns({"nested vmap": slow}, repeats=1)
    form = chosen_form(nodes)
    ours = seconds[form]
    case = f"B 256, R 8, N {nodes}, D {dim}, {jax.default_backend()}"
    ms = {f"{name.replace(' ', '_')}_ms": round(1e3 * s.wall, 2) for name, s in seconds.items()}
    if slow:
        peer = seconds["nested vmap"]
        yield {
            "name": "score.vs_vmap",
            "value": peer.wall / ours.wall,
            "unit": "times as fast",
            "against": "nested vmap over images, relations and nodes, differentiated by JAX",
            "case": case,
            "form": form,
            "by_processor": round(peer.processor / ours.processor, 1),
        } | ms
    share = flops(nodes, dim, form) / (2 * IMAGES * RELATIONS * dim)
    limits = {"whole": seconds["product"].wall / nodes, "pieces": seconds["piece"].wall / min(nodes, 512)}
    yield {
        "name": "score.vs_matmul_limit",
        "value": ours.wall / (share * limits["whole"]),
        "unit": "times the time",
        "against": "one product [B R, D] x [D, N], by FLOPs",
        "case": case,
        "form": form,
        "times_product_in_cache": round(ours.wall / (share * limits["pieces"]), 2),
        "times_two_products": round(seconds["two products"].wall / ours.wall, 2),
    } | ms
    beyond = {name: run.memory_analysis().temp_size_in_bytes for name, run in compiled.items() if name != "nested vmap"}
    yield {
        "name": "score.peak_memory",
        "value": beyond[form] / 1e6,
        "unit": "MB of temporaries",
        "against": "the table and its gradient, which are not in it",
        "case": case,
        "form": form,
        "two_products_MB": round(beyond["two products"] / 1e6, 1),
        "table_and_gradient_MB": round(16 * nodes * dim / 1e6, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, nargs="+", default=(128, 1024, 10240, 82_115))
    parser.add_argument("--dims", type=int, nargs="+", default=(128, 512))
    parser.add_argument("--repeats", type=int, default=7)
    args = parser.parse_args()
    for nodes in args.nodes:
        for dim in args.dims:
            for figure in figures(nodes, dim, args.repeats if nodes * dim < 10**7 else 3):
                name, value, unit = (figure.pop(key) for key in ("name", "value", "unit"))
                print_figure(name, value, unit, **figure)


if __name__ == "__main__":
    main()
