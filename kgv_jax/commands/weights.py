"""`kgv weights convert|features|list`: published weights are converted, and applied to images or texts."""

from __future__ import annotations

import pathlib

from kgv_jax.config.flags import Options
from kgv_jax.models import registry
from kgv_jax.models.pretrained import apply, converted
from kgv_jax.models.pretrained.expected import count_parameters
from kgv_jax.models.pretrained.published import load_flat, load_published
from kgv_jax.util.errors import UserError


def convert(options: Options) -> None:
    """Writes weights by our own names, with a manifest."""
    (file,), out = options.operands, pathlib.Path(options.out)
    arrays, manifest = load_flat(file, options.model, verbose=options.verbose)
    converted.check_target(out, options.model, sum(array.nbytes for array in arrays.values()))
    converted.write(out, arrays, manifest)
    head = f"a head of {manifest.head_classes} classes" if manifest.head_classes else "no head"
    print(
        f"{out}: {len(arrays)} arrays of {options.model} from {manifest.source} (layout {manifest.layout}), {head},"
        f" {len(manifest.ignored)} keys not needed"
    )


def features(options: Options) -> None:
    """Writes features, logits or text features as a .npy file."""
    (file,) = options.operands
    if bool(options.images) == bool(options.texts):
        given = "both" if options.images else "neither"
        raise UserError(f"--images and --texts: {given} is given; name one file of inputs.")
    if options.batch_size < 1:
        raise UserError(f"--batch_size is {options.batch_size}; expected at least 1.")
    if options.texts and options.logits:
        raise UserError("--logits goes with --images; a text tower has no classification head.")
    out = apply.check_output(options.out)
    # What can be wrong with the small inputs is said before the weights are read.
    inputs = apply.read_texts(options.texts) if options.texts else apply.read_images(options.images)
    published = load_published(file, options.model, verbose=options.verbose)
    if options.texts:
        result = apply.text_features(published, options.model, inputs, batch_size=options.batch_size)
    else:
        result = apply.image_features(
            published, options.model, inputs, logits=options.logits, batch_size=options.batch_size
        )
    apply.write_output(out, result)
    print(f"{out}: {list(result.shape)} float32 of {options.model} from {published.source}")


def list_models(_: Options) -> None:
    """Prints the models."""
    print(f"{'name':22} {'input':>5} {'mean':23} {'std':23} {'parameters':>11}  about")
    for name in registry.list_models():
        spec = registry.get(name)
        mean, std = (" ".join(f"{value:.5f}" for value in values) for values in (spec.mean, spec.std))
        print(f"{name:22} {spec.size_px:5} {mean:23} {std:23} {count_parameters(spec):11,}  {spec.about}", flush=True)
