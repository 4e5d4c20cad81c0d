"""`kgv explain --workdir=DIR --domain=NAME`: which parts of an image a finished run decides by (Grad-CAM).

    kgv explain --workdir=runs/infuse --domain=germany --count=8 --out=germany.png

Overlays maps on images of a domain (`validation` is one too), and prints how far they can be trusted: deletion and
insertion, and the pointing game and energy in box where the object's box is known, beside maps of random weights and
maps that know no image; and how alike the maps stay when weights are made random layer by layer. Images are taken at
equal distances of the domain, whatever is predicted for them. The numbers stand beside the image as JSON.
"""

from __future__ import annotations

import json
import pathlib
from typing import Any

from kgv_jax.config.flags import Options
from kgv_jax.run.workdir import Workdir
from kgv_jax.util.errors import UserError


def run(options: Options) -> None:
    """Checks the flags, and only then starts JAX."""
    workdir = Workdir(options.workdir)
    out = pathlib.Path(options.out) if options.out else workdir.path / "explain" / f"{options.domain}.png"
    if out.suffix.lower() != ".png":
        raise UserError(f"--out is {str(out)!r}; expected a file that ends in .png.")
    records = _explain(workdir, out, options)
    from kgv_jax.explain.measure import similarity_table, trust_table
    from kgv_jax.report.table import print_tables

    print_tables([trust_table(records["trust"]), similarity_table(records["randomised"])])
    print(f"Images and maps, side by side: {out}")


def _explain(workdir: Workdir, out: pathlib.Path, options: Options) -> dict[str, list[dict[str, Any]]]:
    """Writes the image and the numbers; returns the numbers."""
    from kgv_jax.explain.measure import GRAD_CAM, RANDOM_WEIGHTS, trust
    from kgv_jax.explain.overlay import draw_overlays
    from kgv_jax.explain.randomised import similarities
    from kgv_jax.explain.run import Explainer, at_full_size

    explainer = Explainer.restore(workdir)
    names = explainer.run.experiment.dataset.classes
    shown = explainer.choose(options.domain, options.count, of=options.of)
    measured = explainer.choose(options.domain, options.measured, of=options.of)
    learnt = explainer.maps(measured)
    cascaded = [(name, explainer.maps(measured, variables)) for name, variables in explainer.randomised()]
    maps = {GRAD_CAM: learnt, RANDOM_WEIGHTS: cascaded[-1][1]}
    records = {
        "trust": trust(
            measured, {name: at_full_size(own, measured) for name, own in maps.items()}, explainer.probabilities
        ),
        "randomised": similarities(learnt, cascaded),
    }
    captions = [
        f"is {names[label]}\n{options.of}: {names[own]}" for label, own in zip(shown.label, shown.classes, strict=True)
    ]
    try:
        draw_overlays(out, shown.images, at_full_size(explainer.maps(shown), shown), captions, shown.boxes)
        out.with_suffix(".json").write_text(json.dumps(records, indent=1) + "\n")
    except OSError as error:
        raise UserError(f"{out} cannot be written ({error.strerror}); name another with --out=FILE.png.") from error
    return records
