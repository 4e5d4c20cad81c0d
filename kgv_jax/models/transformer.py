"""Pre-norm transformer blocks (Vaswani et al., arXiv 1706.03762), shared by image and text towers."""

from __future__ import annotations

import functools
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import DTypeLike

from kgv_jax.models.cpu.attention import attend
from kgv_jax.models.features import explainable
from kgv_jax.models.layers import Dense, LayerNorm

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "gelu": functools.partial(nn.gelu, approximate=False),
    # OpenAI's CLIP: x sigmoid(1.702 x), an approximation of GELU (arXiv 1606.08415, section 2).
    "quick_gelu": lambda x: x * nn.sigmoid(1.702 * x),
}


class Attention(nn.Module):
    """Multi-head self-attention, `softmax(q k^T / sqrt(D / heads)) v`; the softmax is float32.

    Attributes:
      heads: they divide the width `D`.
      causal: a token sees itself and those before it.
      dtype: of activations.
    """

    heads: int
    causal: bool = False
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> Array:
        batch, length, width = x.shape
        # LeCun's, of the fan-in alone, has the variance that Xavier's gives each of the three square matrices.
        qkv = Dense(3 * width, dtype=self.dtype, kernel_init=nn.initializers.lecun_uniform(), name="qkv")(x)
        query, key, value = jnp.split(qkv.reshape(batch, length, 3 * self.heads, -1), 3, axis=2)
        y = attend(query, key, value, causal=self.causal)
        out = Dense(width, dtype=self.dtype, kernel_init=nn.initializers.xavier_uniform(), name="out")
        return out(y.reshape(batch, length, width))


class Mlp(nn.Module):
    """Two dense layers, the first `width` wide."""

    width: int
    activation: str = "gelu"
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> Array:
        dense = functools.partial(Dense, dtype=self.dtype, kernel_init=nn.initializers.xavier_uniform())
        hidden = ACTIVATIONS[self.activation](dense(self.width, name="in")(x))
        return dense(x.shape[-1], name="out")(hidden)


class DropPath(nn.Module):
    """Stochastic depth (arXiv 1603.09382): drops a branch of a whole example, and scales up those it keeps."""

    rate: float

    @nn.compact
    def __call__(self, x: Array) -> Array:
        if self.rate == 0.0:
            return x
        shape = (len(x),) + (1,) * (x.ndim - 1)
        kept = jax.random.bernoulli(self.make_rng("drop_path"), 1.0 - self.rate, shape)
        return jnp.where(kept, x / (1.0 - self.rate), 0).astype(x.dtype)


class LayerScale(nn.Module):
    """Multiplies each channel of a branch by a learned factor (arXiv 2103.17239, section 2)."""

    initial: float
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> Array:
        scale = self.param("scale", nn.initializers.constant(self.initial), (x.shape[-1],))
        return x * scale.astype(self.dtype)


class Block(nn.Module):
    """`x + attention(norm(x))`, then `x + mlp(norm(x))`.

    Attributes:
      heads, mlp_width: of the attention, and of the hidden layer of the MLP.
      activation: a key of `ACTIVATIONS`.
      epsilon: of both layer norms.
      layer_scale: initial factor of both branches; None has no such parameters.
      drop_path: rate of dropping each branch; 0 outside training.
      causal: a token sees itself and those before it.
      dtype: of activations.
    """

    heads: int
    mlp_width: int
    activation: str = "gelu"
    epsilon: float = 1e-6
    layer_scale: float | None = None
    drop_path: float = 0.0
    causal: bool = False
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> Array:
        attention = Attention(self.heads, self.causal, self.dtype, name="attention")
        mlp = Mlp(self.mlp_width, self.activation, self.dtype, name="mlp")
        for number, branch in enumerate((attention, mlp), 1):
            y = branch(LayerNorm(self.epsilon, self.dtype, name=f"norm{number}")(x))
            if self.layer_scale is not None:
                y = LayerScale(self.layer_scale, self.dtype, name=f"layer_scale{number}")(y)
            x = x + DropPath(self.drop_path, name=f"drop_path{number}")(y)
        return x


class Transformer(nn.Module):
    """A stack of blocks, named "block0", "block1", ...; returns the output of each.

    Attributes:
      depth: number of blocks.
      heads, mlp_width, activation, epsilon, layer_scale, causal, dtype: see `Block`.
      drop_path: rate at the last block when training; it rises linearly from 0 at the first.
      remat: recompute each block in the backward pass instead of keeping its activations.
    """

    depth: int
    heads: int
    mlp_width: int
    activation: str = "gelu"
    epsilon: float = 1e-6
    layer_scale: float | None = None
    causal: bool = False
    dtype: DTypeLike = jnp.float32
    drop_path: float = 0.0
    remat: bool = False

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> tuple[Array, ...]:
        block = nn.remat(Block) if self.remat else Block
        outputs = []
        for number, rate in enumerate(np.linspace(0.0, self.drop_path if train else 0.0, self.depth)):
            x = block(
                heads=self.heads,
                mlp_width=self.mlp_width,
                activation=self.activation,
                epsilon=self.epsilon,
                layer_scale=self.layer_scale,
                drop_path=float(rate),
                causal=self.causal,
                dtype=self.dtype,
                name=f"block{number}",
            )(x)
            if number == self.depth - 2:
                # In the last block, an image's class token reads the patches for the last time.
                x = explainable(self, x)
            outputs.append(x)
        return tuple(outputs)
