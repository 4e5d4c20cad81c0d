"""Variables of a module without a run of its initialisers, which take longer to compile than the module."""

import jax
import numpy as np


def filled(module, *args, seed=0, **kwargs):
    """Returns random variables of the module's shapes: kernels of He's scale, all else positive around 0.5."""
    rng = np.random.default_rng(seed)

    def fill(leaf):
        if leaf.ndim > 1:
            return rng.normal(size=leaf.shape, scale=np.sqrt(2 / np.prod(leaf.shape[:-1]))).astype(leaf.dtype)
        return rng.uniform(0.3, 0.7, leaf.shape).astype(leaf.dtype)

    return jax.tree.map(fill, jax.eval_shape(lambda: module.init(jax.random.key(0), *args, **kwargs)))
