"""`python -m kgv_jax.explain --workdir=DIR --domain=NAME`: where a finished run sees what it says (Grad-CAM).

    python -m kgv_jax.explain --workdir=runs/infuse --domain=germany --count=8 --out=germany.png

Draws maps over photographs of a domain (`validation` is one too), and prints how far they can be trusted: deletion and
insertion, and the pointing game and energy in box where the object's box is known, beside maps of random weights and
maps that know no image; and how alike the maps stay when weights are drawn anew layer by layer. Photographs are taken
at equal distances of the domain, never for what is said of them. The numbers stand beside the image as JSON.
"""

from __future__ import annotations

import json
import pathlib
from typing import Any

from absl import flags

from kgv_jax.config.flags import run_command
from kgv_jax.run.workdir import Workdir
from kgv_jax.util.cache import keep_compiled_programs
from kgv_jax.util.errors import UserError

_WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run.")
_DOMAIN = flags.DEFINE_string("domain", None, "A test domain of the run, or validation.")
_COUNT = flags.DEFINE_integer("count", 8, "Photographs that are drawn.", lower_bound=1)
_MEASURED = flags.DEFINE_integer("measured", 100, "Photographs that the numbers are of.", lower_bound=1)
_OF = flags.DEFINE_enum("of", "predicted", ["predicted", "label"], "The class that is explained.")
_OUT = flags.DEFINE_string("out", None, "The PNG; DIR/explain/NAME.png if left out.")


def main(argv: list[str]) -> None:
    """Checks the flags, and only then starts JAX."""
    if len(argv) > 1:
        raise UserError(f"Unknown argument {argv[1]!r}; options are given as --NAME=VALUE.")
    for name, value, example in (("workdir", _WORKDIR.value, "runs/NAME"), ("domain", _DOMAIN.value, "validation")):
        if not value:
            raise UserError(f"--{name} is missing; name it: --{name}={example}.")
    workdir = Workdir(_WORKDIR.value)
    out = pathlib.Path(_OUT.value) if _OUT.value else workdir.path / "explain" / f"{_DOMAIN.value}.png"
    if out.suffix.lower() != ".png":
        raise UserError(f"--out is {str(out)!r}; expected a file that ends in .png.")
    keep_compiled_programs()
    records = _explain(workdir, out)
    from kgv_jax.explain.measure import similarity_table, trust_table
    from kgv_jax.report.table import print_tables

    print_tables([trust_table(records["trust"]), similarity_table(records["randomised"])])
    print(f"Photographs and maps, side by side: {out}")


def _explain(workdir: Workdir, out: pathlib.Path) -> dict[str, list[dict[str, Any]]]:
    """Writes the image and the numbers; returns the numbers."""
    from kgv_jax.explain.measure import GRAD_CAM, RANDOM_WEIGHTS, trust
    from kgv_jax.explain.overlay import draw_overlays
    from kgv_jax.explain.randomised import similarities
    from kgv_jax.explain.run import Explainer, at_full_size

    explainer = Explainer.restore(workdir)
    names = explainer.run.experiment.dataset.classes
    shown = explainer.choose(_DOMAIN.value, _COUNT.value, of=_OF.value)
    measured = explainer.choose(_DOMAIN.value, _MEASURED.value, of=_OF.value)
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
        f"is {names[label]}\n{_OF.value}: {names[own]}" for label, own in zip(shown.label, shown.classes, strict=True)
    ]
    try:
        draw_overlays(out, shown.images, at_full_size(explainer.maps(shown), shown), captions, shown.boxes)
        out.with_suffix(".json").write_text(json.dumps(records, indent=1) + "\n")
    except OSError as error:
        raise UserError(f"{out} cannot be written ({error.strerror}); name another with --out=FILE.png.") from error
    return records


if __name__ == "__main__":
    run_command(main)
