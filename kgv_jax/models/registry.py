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
    **given.ENCODERS,
}


def list_models() -> tuple[str, ...]:
    """Returns the names that `get` knows."""
    return tuple(_ENCODERS)


def get(name: str) -> EncoderSpec:
    """Returns the specification of the encoder `name`."""
    if name not in _ENCODERS:
        raise UserError(f"model.encoder is {name!r}{nearest(name, _ENCODERS)}; known: {', '.join(_ENCODERS)}.")
    return _ENCODERS[name]
