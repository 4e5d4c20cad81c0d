"""Encoders by name."""

from __future__ import annotations

from kgv_jax.models import clip, dinov2, efficientnet, given, resnet, small_resnet, vit
from kgv_jax.models.spec import EncoderSpec
from kgv_jax.util.errors import UserError, nearest

# One line a family: each owns its rows.
_ENCODERS: dict[str, EncoderSpec] = {
    **small_resnet.ENCODERS,
    **resnet.ENCODERS,
    **efficientnet.ENCODERS,
    **vit.ENCODERS,
    **clip.ENCODERS,
    **dinov2.ENCODERS,
}


def list_models() -> tuple[str, ...]:
    """Returns the names of the encoders of images."""
    return tuple(_ENCODERS)


def get(name: str) -> EncoderSpec:
    """Returns the specification of the encoder `name`, of images or of feature vectors."""
    known = _ENCODERS | given.ENCODERS
    if name not in known:
        raise UserError(f"model.encoder is {name!r}{nearest(name, known)}; known: {', '.join(known)}.")
    return known[name]
