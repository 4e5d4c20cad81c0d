"""Prints how much faster a step is with our compiler options than with XLA's own, one JSON line a model.

    python -m benchmarks.compiler --models resnet8_flat efficientnet_lite0

Both are the step of `benchmarks.step`, compiled twice, in turns in one process.
"""

from __future__ import annotations

import argparse
import os

import jax

from benchmarks.harness import in_turns, print_figure
from benchmarks.step import CASES, Case, make_ours

# What XLA does where nothing is said (jaxlib 0.10.2): the compiled programs are the same.
_XLA = "LIBRARY_FUSION_TYPE_REDUCE,LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_INDIVIDUAL_CONVOLUTION"


def compare(case: Case, repeats: int) -> None:
    """Prints the ratio of one case."""
    step, state, batch = make_ours(case)
    lowered = step.lower(state, batch)
    forms = {
        "ours": lowered.compile(),
        "xla": lowered.compile(compiler_options={"xla_cpu_experimental_ynn_fusion_type": _XLA}),
    }

    def run(form: str) -> None:
        nonlocal state
        for _ in range(case.steps):
            state, loss = forms[form](state, batch)
        jax.block_until_ready(loss)

    seconds = in_turns({form: lambda form=form: run(form) for form in forms}, repeats=repeats)
    print_figure(
        "step.compiler_options",
        seconds["xla"].wall / seconds["ours"].wall,
        "times as fast",
        against="the same step with XLA's own options, which give convolutions to YNNPACK",
        case=str(case),
        by_processor=round(seconds["xla"].processor / seconds["ours"].processor, 3),
        ours_wall_seconds=round(seconds["ours"].wall / case.steps, 5),
        xla_wall_seconds=round(seconds["xla"].wall / case.steps, 5),
        cores=len(os.sched_getaffinity(0)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=("resnet8_flat", "efficientnet_lite0"))
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    for case in CASES:
        # A process has one number of CPU devices.
        if case.model in args.models and case.cpu_devices == 1:
            compare(case, args.repeats)


if __name__ == "__main__":
    main()
