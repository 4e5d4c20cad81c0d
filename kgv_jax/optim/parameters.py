"""Which parameters a setting means: regular expressions over their paths.

Paths are those of the classifier ("encoder/block0/kernel", "projection/bias", "decoder/kernel") and, under
"knowledge/", those of the method's own parameters ("knowledge/mu").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import jax

from kgv_jax.util.errors import UserError, nearest

ENCODER = "encoder/.*"


def path_of(keys: tuple) -> str:
    """Returns the path of a leaf of `{"classifier": ..., "knowledge": ...}`."""
    return jax.tree_util.keystr(keys, simple=True, separator="/").removeprefix("classifier/")


def matching(params: Any, patterns: Sequence[str]) -> Any:
    """Returns a tree of bool: whether any pattern matches the whole path.

    Raises:
      UserError: a pattern is no regular expression, or matches nothing.
    """
    paths = [path_of(keys) for keys, _ in jax.tree_util.tree_leaves_with_path(params)]
    compiled = [_compile(pattern) for pattern in patterns]
    for pattern in compiled:
        if not any(map(pattern.fullmatch, paths)):
            raise UserError(
                f"config.transfer.freeze or config.train.stages: {pattern.pattern!r} matches no parameter"
                f"{nearest(pattern.pattern, paths)} There are {len(paths)}, from {paths[0]} to {paths[-1]}; write "
                "encoder/.* for the whole encoder."
            )
    return jax.tree_util.tree_map_with_path(
        lambda keys, _: any(pattern.fullmatch(path_of(keys)) for pattern in compiled), params
    )


def layer_rates(params: Any, layers: Sequence[str], decay: float) -> Any:
    """Returns a tree of factors on the learning rate: `decay ** (L - l)` in layer `l` of the encoder's `L`, 1 above.

    Layer-wise learning-rate decay (ULMFiT, arXiv 1801.06146; BEiT, arXiv 2106.08254, appendix).

    Args:
      params: `{"classifier": ..., "knowledge": ...}`.
      layers: `EncoderSpec.layers`: patterns of paths below the encoder, from the input to the output.
      decay: the factor from a layer to the one below.
    """
    patterns = [re.compile(pattern) for pattern in layers]

    def rate(keys: tuple, _: Any) -> float:
        path = path_of(keys)
        if not path.startswith("encoder/"):
            return 1.0
        below = path.removeprefix("encoder/")
        layer = next((i for i, pattern in enumerate(patterns) if pattern.fullmatch(below)), None)
        assert layer is not None, f"{below} is in no layer of the encoder's specification"
        return decay ** (len(layers) - layer)

    return jax.tree_util.tree_map_with_path(rate, params)


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise UserError(
            f"config.transfer.freeze or config.train.stages: {pattern!r} is no regular expression ({error}); "
            "expected one, such as encoder/block[0-5]/.*."
        ) from error
