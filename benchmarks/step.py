"""Prints how fast the training step is against the same model in PyTorch, on the same cores; one JSON line per figure.

    python -m benchmarks.step
    python -m benchmarks.step --models resnet8_flat vit_s16 --compiled
    taskset -c 0 python -m benchmarks.step

A step: uint8 images in, normalisation, forward, cross-entropy, backward, clipping, AdamW; all float32. Ours is made
of the project's encoder, classifier and optimiser. Each side is a process with the same cores, and they run in turns;
every turn begins with a step that is not timed.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
from typing import NamedTuple

from benchmarks.harness import Worker, print_figure, serve, workers_in_turns

PEERS_PYTHON = os.environ.get("KGV_PEERS_PYTHON", ".venv-peers/bin/python")


class Case(NamedTuple):
    """One model at one size; `steps` are timed as one, so that short ones weigh more than the clock's noise."""

    model: str
    size_px: int
    batch: int
    classes: int
    steps: int
    cpu_devices: int = 1  # of ours; the batch is split over them

    def __str__(self) -> str:
        split = f" over {self.cpu_devices} CPU devices" if self.cpu_devices > 1 else ""
        return f"{self.model}, {self.size_px} px, batch {self.batch}{split}"


CASES = (
    Case("resnet8_flat", 32, 192, 100, 20),
    Case("resnet8_flat", 32, 192, 100, 20, cpu_devices=2),
    Case("efficientnet_lite0", 64, 64, 100, 4),
    Case("efficientnet_lite0", 96, 32, 100, 4),
    Case("efficientnet_lite0", 224, 16, 1000, 1),
    Case("vit_s16", 224, 16, 1000, 1),
    Case("vit_b16", 224, 8, 1000, 1),
    Case("resnet18_small", 32, 64, 100, 2),
    Case("resnet18_small", 64, 32, 100, 1),
    Case("resnet50", 224, 8, 1000, 1),
)


def make_ours(case: Case):
    """Returns a jitted `step(state, batch) -> (state, loss)` made of the project's parts, a state, and a batch."""
    import jax
    import numpy as np
    import optax

    # Before the first array: elementwise work of one CPU device keeps to one core.
    jax.config.update("jax_num_cpu_devices", case.cpu_devices)

    from kgv_jax import losses
    from kgv_jax.config import schema as config_schema
    from kgv_jax.models import registry
    from kgv_jax.models.classifier import Classifier
    from kgv_jax.models.spec import EncoderOptions
    from kgv_jax.optim.optimizer import make_optimizer
    from kgv_jax.optim.stages import plan_stages
    from kgv_jax.parallel.compilation import compiler_options
    from kgv_jax.parallel.mesh import batch_sharding, make_mesh, replicated

    config = config_schema.default_config()
    config.train.steps = 1000
    config.optim.learning_rate = 1e-5  # on both sides: a batch learned by heart would leave denormal numbers
    config = config_schema.resolve(config)
    spec = registry.get(case.model)
    encoder = spec.make(EncoderOptions(norm="auto" if case.model.startswith("vit") else "batch"))
    classifier = Classifier(encoder, case.classes, config.model.dim, mean=spec.mean, std=spec.std)
    optimizer = make_optimizer(config.optim, plan_stages(config))
    draw = np.random.default_rng(0)
    mesh = make_mesh(case.cpu_devices, 1)
    images = jax.device_put(
        draw.integers(0, 256, (case.batch, case.size_px, case.size_px, 3), np.uint8), batch_sharding(mesh)
    )
    labels = jax.device_put(draw.integers(0, case.classes, case.batch).astype(np.int32), batch_sharding(mesh))

    @functools.partial(jax.jit, out_shardings=replicated(mesh))
    def initial(key: jax.Array):
        variables = classifier.init(key, images[:1], train=False)
        params = {"classifier": variables["params"], "knowledge": {}}
        return params, variables.get("batch_stats", {}), optimizer.init(params)

    @functools.partial(jax.jit, donate_argnums=0, compiler_options=compiler_options(mesh))
    def step(state, batch):
        params, batch_stats, opt_state = state

        def loss_fn(params):
            variables = {"params": params["classifier"], "batch_stats": batch_stats}
            outputs, updated = classifier.apply(variables, batch[0], train=True, mutable=["batch_stats"])
            return losses.cross_entropy(outputs.logits, batch[1]).mean(), updated.get("batch_stats", {})

        (loss, stats), grads = jax.value_and_grad(loss_fn, has_aux=True)(params)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        return (optax.apply_updates(params, updates), stats, opt_state), loss

    return step, initial(jax.random.key(0, impl="rbg")), (images, labels)


def serve_ours(case: Case) -> None:
    """Serves `case.steps` steps."""
    step, state, batch = make_ours(case)

    def steps(count: int) -> dict[str, float]:
        nonlocal state
        for _ in range(count):
            state, loss = step(state, batch)
        return {"loss": float(loss)}

    serve(functools.partial(steps, case.steps), before=functools.partial(steps, 1))


def compare(case: Case, *, compiled: bool, repeats: int) -> None:
    """Prints the figure of one case."""
    arguments = list(map(str, case))
    kind = "compiled" if compiled else "eager"
    with (
        Worker([PEERS_PYTHON, "-m", "benchmarks.peers.step_torch", kind, *arguments]) as theirs,
        Worker([sys.executable, "-m", "benchmarks.step", "--serve", *arguments]) as ours,
    ):
        seconds = workers_in_turns({"theirs": theirs, "ours": ours}, repeats=repeats, in_a_row=3)
        losses = {"our_loss": ours.reported["loss"], "their_loss": theirs.reported["loss"]}
    times = {
        f"{side}_{clock}_seconds": round(getattr(seconds[side], clock) / case.steps, 5)
        for side in ("ours", "theirs")
        for clock in ("wall", "processor")
    }
    print_figure(
        "step.vs_torch",
        seconds["theirs"].wall / seconds["ours"].wall,
        "times as fast",
        against=f"PyTorch, {kind}, channels last",
        case=f"{case}, {kind}",
        processor_ratio=round(seconds["theirs"].processor / seconds["ours"].processor, 3),
        **times,
        **losses,
        cores=len(os.sched_getaffinity(0)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=sorted({case.model for case in CASES}), help="default: all")
    parser.add_argument("--sizes_px", type=int, nargs="+", help="default: all")
    parser.add_argument("--compiled", action="store_true", help="against torch.compile, which takes a minute or two")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--serve", nargs=len(Case._fields), metavar=Case._fields, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        return serve_ours(Case(args.serve[0], *map(int, args.serve[1:])))
    if not os.access(PEERS_PYTHON, os.X_OK):
        parser.error(f"KGV_PEERS_PYTHON is {PEERS_PYTHON}, which is no program; `make peers` installs PyTorch there")
    for case in CASES:
        if (not args.models or case.model in args.models) and (not args.sizes_px or case.size_px in args.sizes_px):
            compare(case, compiled=args.compiled, repeats=args.repeats)


if __name__ == "__main__":
    main()
