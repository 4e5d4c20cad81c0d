"""A user's plugin file, and tables that forget it when a test ends."""

import importlib
import textwrap

import pytest

from kgv_jax.util import plugin

# A method with a term and a section of its own, an encoder, a loss and a renderer.
MINE = textwrap.dedent('''
    """Cross-entropy, and a term that keeps embeddings short."""

    from __future__ import annotations

    import dataclasses
    import functools

    import flax.linen as nn
    import jax.numpy as jnp
    import numpy as np

    from kgv_jax import losses
    from kgv_jax.config.methods import Method, Section
    from kgv_jax.config.setting import setting
    from kgv_jax.data.types import SourceImage
    from kgv_jax.methods.objective import Objective
    from kgv_jax.methods.settings import NO_IMAGES
    from kgv_jax.models.features import Features
    from kgv_jax.models.spec import EncoderSpec
    from kgv_jax.util.errors import UserError


    @dataclasses.dataclass(frozen=True)
    class ShortSettings(Section):
        """Embeddings that are kept short."""

        weight: float = setting(0.5, "weight of the squared length", low=0.0)
        parts: tuple[str, ...] = setting((), "parts of mine")

        def check(self, config):
            if self.weight and config.model.dim > 64:
                raise UserError(f"config.model.dim is {config.model.dim}; short takes up to 64. Set less.")


    class Short(Objective):
        """Term `short`: the squared length of z."""

        def coefficients(self):
            return super().coefficients() | {"short": self.config.short.weight}

        def weights(self, batch, graph_arrays):
            return super().weights(batch, graph_arrays) | {"short": batch["labelled"]}

        def values(self, params, outputs, batch, graph_arrays, key):
            short = jnp.sum(outputs.z**2, -1)
            return super().values(params, outputs, batch, graph_arrays, key) | {"short": short}


    class Means(nn.Module):
        """The mean colour, through one layer."""

        @nn.compact
        def __call__(self, images, *, train):
            x = nn.Dense(8, name="dense")(jnp.mean(images, (1, 2)))
            return Features(x, x[:, None, None], ())


    def halved(score, mask):
        return losses.info_nce_nodes(score, mask) / 2


    def paint(colour, size_px):
        return np.full((size_px, size_px, 4), (*colour, 255), np.uint8)


    def render(graph):
        for name, colour in {"red": (200, 0, 0), "white": (250, 250, 250)}.items():
            depicts = (("instanceOf", graph.nodes[graph.node(name)]),)
            yield SourceImage(f"{name}/0", "elements", None, functools.partial(paint, colour), depicts)


    SETTINGS = {"short": ShortSettings}
    METHODS = {"short": Method(Short, "cross-entropy on short embeddings", NO_IMAGES, {"short.weight": 0.25})}
    ENCODERS = {"means": EncoderSpec(make=lambda options: Means(), size_px=16, about="mean colours")}
    REGULARISERS = {"halved": halved}
    RENDERERS = {"flat": render}
''')


@pytest.fixture
def forgetting(monkeypatch):
    """Takes what plugins add out of the tables again."""
    monkeypatch.setattr(plugin, "_loaded", {})
    for name, module in plugin.TABLES.items():
        if table := getattr(importlib.import_module(module), name, None):
            monkeypatch.setattr(table, "_added", {})
