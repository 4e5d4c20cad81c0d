"""Prints how much faster than XLA's grouped convolution our depthwise convolution is, one JSON line per figure.

    taskset -c 0 python -m benchmarks.depthwise

The shapes are those of EfficientNet-Lite0. Both forms alternate in one process. A last line of each size
sums the times over all its shapes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array, lax

from benchmarks.harness import in_turns, print_figure
from kgv_jax.models.cpu import depthwise

# (side of the map of a 32 px input, channels, kernel, stride), each once.
SHAPES = (
    (16, 32, 3, 1),
    (16, 96, 3, 2),
    (8, 144, 3, 1),
    (8, 144, 5, 2),
    (4, 240, 5, 1),
    (4, 240, 3, 2),
    (2, 480, 3, 1),
    (2, 480, 5, 1),
    (2, 672, 5, 1),
    (2, 672, 5, 2),
    (1, 1152, 5, 1),
    (1, 1152, 3, 1),
)
FORMS = {"grouped": depthwise.grouped, "ours": depthwise.depthwise_conv}
DIRECTIONS = ("forward", "forward and backward")


def make_call(form: str, x: Array, kernel: Array, stride: int, *, backward: bool) -> Callable[[], Array]:
    """Returns a compiled run of one form at one shape, padded "SAME"."""
    pads = tuple(lax.padtype_to_pads(x.shape[1:3], kernel.shape[:2], (stride, stride), "SAME"))

    def forward(x: Array, kernel: Array) -> Array:
        return FORMS[form](x, kernel, stride, pads)

    def forward_and_backward(x: Array, kernel: Array) -> tuple[Array, Array]:
        y, pullback = jax.vjp(forward, x, kernel)
        return pullback(jnp.cos(y))

    run = jax.jit(forward_and_backward if backward else forward)
    return lambda: jax.block_until_ready(run(x, kernel))


def compare(size_px: int, batch: int, repeats: int) -> None:
    """Prints the ratio of both forms at every shape and direction, then over all shapes."""
    totals = {direction: dict.fromkeys(FORMS, 0.0) for direction in DIRECTIONS}
    for side, channels, size, stride in SHAPES:
        side = side * size_px // 32
        keys = jax.random.split(jax.random.key(0))
        x = jax.random.normal(keys[0], (batch, side, side, channels))
        kernel = jax.random.normal(keys[1], (size, size, 1, channels))
        for direction in DIRECTIONS:
            backward = direction != DIRECTIONS[0]
            calls = {form: make_call(form, x, kernel, stride, backward=backward) for form in FORMS}
            seconds = {form: taken.wall for form, taken in in_turns(calls, repeats=repeats).items()}
            for form in FORMS:
                totals[direction][form] += seconds[form]
            _report_metrics(seconds, f"{direction}, {batch}x{side}x{side}x{channels}, kernel {size}, stride {stride}")
    for direction, seconds in totals.items():
        _report_metrics(seconds, f"{direction}, all shapes of EfficientNet-Lite0 at {size_px} px, batch {batch}")


def _report_metrics(seconds: dict[str, float], case: str) -> None:
    print_figure(
        "model.depthwise_vs_grouped",
        seconds["grouped"] / seconds["ours"],
        "times as fast",
        against=f"lax.conv_general_dilated with feature_group_count, {jax.default_backend()}",
        case=case,
        seconds={form: float(f"{taken:.3g}") for form, taken in seconds.items()},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes_px", type=int, nargs="+", default=(96, 224))
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    for size_px in args.sizes_px:
        compare(size_px, args.batch, args.repeats)


if __name__ == "__main__":
    main()
