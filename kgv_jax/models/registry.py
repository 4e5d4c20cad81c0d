"""Encoders by name."""

from __future__ import annotations

from kgv_jax.models.spec import EncoderSpec
from kgv_jax.util.errors import UserError, nearest
from kgv_jax.util.registry import Registry

# Each family is a module of this subpackage that states its own `ENCODERS`.
ENCODERS: Registry[EncoderSpec] = Registry("encoder", attribute="ENCODERS", package="kgv_jax.models", of=EncoderSpec)


def list_models() -> tuple[str, ...]:
    """Returns the names of the encoders of images."""
    return tuple(name for name, spec in ENCODERS.items() if spec.images)


def get(name: str) -> EncoderSpec:
    """Returns the specification of the encoder `name`, of images or of feature vectors."""
    if name not in ENCODERS:
        raise UserError(f"model.encoder is {name!r}{nearest(name, ENCODERS)}; known: {', '.join(ENCODERS)}.")
    return ENCODERS[name]
