"""Prints how far the loss and its gradient are off when each step sums over a share of the candidates.

    python -m benchmarks.sampling

256 images, 8 relations, 8,192 nodes of 128 dimensions, all of them candidates; images lie near the node of their
positive. Nodes lie either anywhere, or in families whose members are neighbours in the table: tiles are drawn whole, so
families are what makes a draw differ from the sum. Every figure is a mean over draws with its standard error; 0 is no
bias.
"""

from __future__ import annotations

import math

from benchmarks.harness import print_figure

IMAGES, RELATIONS, NODES, DIM, FAMILY = 256, 8, 8192, 128, 64
SHARES, DRAWS = (1 / 2, 1 / 4, 1 / 8, 1 / 16), 32


def make_problem(families: bool):
    """Returns `loss(table means, z, tiles, correction)`, its arrays, and all tiles."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from benchmarks.score import mask_of_positives
    from kgv_jax import losses
    from kgv_jax.scoring.streamed import Pairs, Streaming, streamed_sums
    from kgv_jax.scoring.tile import Table
    from kgv_jax.scoring.tiling import cut_tiles

    rng = np.random.default_rng(0)
    mu = rng.normal(size=(NODES, DIM))
    if families:
        mu = np.repeat(rng.normal(size=(NODES // FAMILY, DIM)), FAMILY, 0) + 0.3 * mu
    log_var = 0.2 * rng.normal(size=(NODES, DIM))
    r = 0.1 * rng.normal(size=(RELATIONS, DIM))
    positive = rng.integers(0, NODES, (IMAGES, RELATIONS))
    z = mu[positive[:, 0]] - r[0] + 0.5 * rng.normal(size=(IMAGES, DIM))
    mu, log_var, r, z = (jnp.asarray(array, jnp.float32) for array in (mu, log_var, r, z))
    tiles = jax.tree.map(jnp.asarray, cut_tiles(mask_of_positives(positive, NODES)))
    pairs = Pairs(jnp.tile(jnp.arange(RELATIONS), (IMAGES, 1)), jnp.asarray(positive, jnp.int32))

    def loss(mu, z, tiles, correction):
        rows, temperature = jnp.arange(IMAGES)[:, None], jnp.float32(math.sqrt(DIM))
        sums = streamed_sums(Streaming(lambda raw: raw), Table(mu, log_var), z, r, temperature, pairs, rows, tiles)
        sums = sums._replace(log_sum=sums.log_sum + correction)
        return losses.info_nce_of_sums(
            *sums,
            pair_relation=pairs.relation,
            candidate_set_relation=tiles.candidate_set_relation,
            num_relations=RELATIONS,
        ).mean()

    return loss, (mu, z), tiles


def figures(families: bool) -> None:
    """Prints the figures of all shares."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from kgv_jax.scoring.sampling import make_sampling, sampled_share

    loss, arrays, tiles = make_problem(families)
    run = jax.jit(jax.value_and_grad(loss, (0, 1)))
    exact, exact_gradient = run(*arrays, tiles, jnp.zeros(()))
    for share in SHARES:
        sampling = make_sampling(tiles, share)
        correction = jnp.asarray(sampling.correction, jnp.float32)
        draws = [run(*arrays, sampling.draw(jax.random.key(seed), tiles), correction) for seed in range(DRAWS)]
        off = np.array([float(value - exact) for value, _ in draws])
        mean = jax.tree.map(lambda *leaves: sum(leaves) / DRAWS, *(gradient for _, gradient in draws))
        cosines = {
            f"cosine_of_{name}_gradient{suffix}": round(float(np.mean(values)), 4)
            for index, name in enumerate(("node", "image"))
            for suffix, values in (
                ("", [_cosine(gradient[index], exact_gradient[index]) for _, gradient in draws]),
                ("s_mean", [_cosine(mean[index], exact_gradient[index])]),
            )
        }
        print_figure(
            "score.sampled_bias",
            off.mean(),
            "nats",
            against="the loss over all candidates",
            case=f"{sampled_share(sampling):.4g} of the candidates, nodes {'in families' if families else 'anywhere'}",
            standard_error=round(float(off.std(ddof=1) / math.sqrt(DRAWS)), 5),
            deviation_of_a_draw=round(float(off.std(ddof=1)), 5),
            exact_loss=round(float(exact), 4),
            draws=DRAWS,
            **cosines,
        )


def _cosine(a, b) -> float:
    import jax.numpy as jnp

    return float(jnp.vdot(a, b) / jnp.linalg.norm(a) / jnp.linalg.norm(b))


def main() -> None:
    for families in (False, True):
        figures(families)


if __name__ == "__main__":
    main()
