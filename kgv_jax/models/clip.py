"""CLIP: an image and a text tower with one embedding space (Radford et al., arXiv 2103.00020).

The image tower is `vit.VisionTransformer` with CLIP's differences: a layer norm before the first block, no bias of the
patches' embedding, a projection of the class token. Computation is that of the published code; `tests/golden` compares.
"""

from __future__ import annotations

import functools

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from kgv_jax.models import tokenizer
from kgv_jax.models.layers import LayerNorm
from kgv_jax.models.pretrained.clip import clip_layouts
from kgv_jax.models.spec import EncoderSpec
from kgv_jax.models.transformer import Transformer
from kgv_jax.models.vit import last_read, make_vit, vit_layers
from kgv_jax.util.errors import UserError

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
_EPSILON = 1e-5


class TextTower(nn.Module):
    """Tokens to one embedding: causal transformer blocks, a layer norm, a projection of the last word's token.

    Attributes:
      width, depth, heads: `D`, number of blocks, heads of each.
      projection: width `F` of the embedding.
      vocabulary: number of tokens; `tokenizer.load_tokenizer(vocabulary)` makes them.
      context: most tokens in a text.
      activation: see `transformer.Block`.
    """

    width: int
    depth: int
    heads: int
    projection: int
    vocabulary: int = tokenizer.VOCABULARY
    context: int = tokenizer.CONTEXT
    activation: str = "gelu"

    @nn.compact
    def __call__(self, tokens: Array) -> Array:
        """Maps tokens `[B, L]`, `L <= context`, to embeddings `[B, F]`, not normalised."""
        length = tokens.shape[1]
        if length > self.context:
            raise UserError(
                f"The texts have {length} tokens; this text tower reads {self.context}: "
                f"tokenize them with context={self.context}."
            )
        normal = nn.initializers.normal
        position = self.param("position", normal(0.01), (self.context, self.width))
        x = nn.Embed(self.vocabulary, self.width, embedding_init=normal(0.02), name="tokens")(tokens)
        blocks = Transformer(
            depth=self.depth,
            heads=self.heads,
            mlp_width=4 * self.width,
            activation=self.activation,
            epsilon=_EPSILON,
            causal=True,
            name="transformer",
        )(x + position[:length], train=False)
        # The end of the text is the largest token. Tokens after it are padding; attention is causal, so the end does
        # not see them. (transformers looks for `eos_token_id`, unless that is 2, a wrong value in old configs, and then
        # takes the largest as here. Both find the same position in every text.)
        end = jnp.take_along_axis(blocks[-1], jnp.argmax(tokens, axis=1)[:, None, None], axis=1)[:, 0]
        end = LayerNorm(_EPSILON, name="norm")(end)
        init = normal(self.width**-0.5)
        return nn.Dense(self.projection, use_bias=False, kernel_init=init, name="projection")(end)


def _spec(
    about: str,
    *,
    patch: int,
    grid: int,
    image: tuple[int, int, int],
    text: tuple[int, int, int],
    projection: int,
    activation: str,
    vocabulary: int = tokenizer.VOCABULARY,
    context: int = tokenizer.CONTEXT,
) -> EncoderSpec:
    """Returns the specification of a CLIP whose `image` and `text` towers have (width, depth, heads)."""
    vision = dict(zip(("width", "depth", "heads"), image, strict=True))
    make = make_vit(
        patch=patch,
        grid=grid,
        projection=projection,
        activation=activation,
        epsilon=_EPSILON,
        pre_norm=True,
        **vision,
    )
    make_text = functools.partial(
        TextTower, *text, projection, vocabulary=vocabulary, context=context, activation=activation
    )
    return EncoderSpec(
        make,
        patch * grid,
        about,
        mean=MEAN,
        std=STD,
        layers=vit_layers(vision["depth"]),
        multiple_px=patch,
        layouts=functools.partial(clip_layouts, vision["depth"], text[1]),
        explained=last_read,
        make_text=make_text,
    )


_B32 = {"patch": 32, "grid": 7, "image": (768, 12, 12), "text": (512, 12, 8), "projection": 512}
_B16 = {**_B32, "patch": 16, "grid": 14}
_L14 = {"patch": 14, "grid": 16, "image": (1024, 24, 16), "text": (768, 12, 12), "projection": 768}

# OpenAI trained with an approximation of GELU, later publishers mostly with GELU itself. A file of weights does not
# say which, so the name of the encoder has to.
ENCODERS: dict[str, EncoderSpec] = {
    "clip_test": _spec(
        "CLIP of two towers with two blocks; for tests",
        patch=4,
        grid=4,
        image=(16, 2, 2),
        text=(12, 2, 3),
        projection=8,
        activation="quick_gelu",
        vocabulary=520,
        context=10,
    ),
    "clip_vit_b32": _spec("CLIP ViT-B/32: OpenAI, LAION-400M, MetaCLIP", activation="quick_gelu", **_B32),
    "clip_vit_b16": _spec("CLIP ViT-B/16: OpenAI, DFN, MetaCLIP", activation="quick_gelu", **_B16),
    "clip_vit_l14": _spec("CLIP ViT-L/14: OpenAI, DFN, MetaCLIP", activation="quick_gelu", **_L14),
    "clip_vit_b32_gelu": _spec("CLIP ViT-B/32, exact GELU: LAION-2B, DataComp", activation="gelu", **_B32),
    "clip_vit_b16_gelu": _spec("CLIP ViT-B/16, exact GELU: LAION-400M, LAION-2B, DataComp", activation="gelu", **_B16),
    # LAION-2B's L/14 has another mean and standard deviation, 0.5 both.
    "clip_vit_l14_gelu": _spec("CLIP ViT-L/14, exact GELU: LAION-400M, DataComp", activation="gelu", **_L14),
}
