"""`python -m kgv_jax.data.prepare WHAT`: fetches or converts a data set once; exit code 0, or 2 with an error."""

from __future__ import annotations

import argparse
import pathlib
import sys
from collections.abc import Sequence

from kgv_jax.data.prepare import artwork
from kgv_jax.data.prepare.emoji import emoji_folder, open_emoji, prepare_emoji
from kgv_jax.data.prepare.emoji_elements import elements_folder, prepare_elements
from kgv_jax.data.prepare.imagenet import prepare_imagenet
from kgv_jax.data.prepare.shards import PER_SHARD
from kgv_jax.kg.emoji import graph_path
from kgv_jax.kg.load import load_graph
from kgv_jax.util.errors import UserError


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m kgv_jax.data.prepare", description="Data sets, made once.")
    commands = parser.add_subparsers(dest="what", required=True)
    roadsigns = commands.add_parser("roadsigns", help="the real sign artwork, from three registry packages")
    roadsigns.add_argument("--cache", metavar="DIR", help="where to (default: the user's cache folder)")
    roadsigns.add_argument("--from", metavar="DIR", dest="archives", help="archives downloaded by hand")
    roadsigns.set_defaults(run=_roadsigns)
    drawings = commands.add_parser("emoji", help="emoji in eleven styles, from eleven registry packages")
    drawings.add_argument("--cache", metavar="DIR", help="where to (default: the user's cache folder)")
    drawings.add_argument("--from", metavar="DIR", dest="archives", help="archives downloaded by hand")
    drawings.set_defaults(run=_emoji)
    shards = commands.add_parser("imagenet", help="ImageNet, or a shift of it, in ArrayRecord shards")
    whence = "a tar file of ILSVRC2012, or the folder that holds train, val, imagenet-r, ..."
    shards.add_argument("--from", metavar="TAR|DIR", dest="source", required=True, type=pathlib.Path, help=whence)
    shards.add_argument("--out", metavar="ROOT", required=True, type=pathlib.Path, help="config.data.root of a run")
    shards.add_argument("--domains", default="train,val", help="of a folder, what to convert (default: %(default)s)")
    shards.add_argument("--labels", metavar="FILE", type=pathlib.Path, help="LOC_val_solution.csv, for the tar of val")
    shards.add_argument("--per-shard", type=int, default=PER_SHARD, help="images in a shard (default: %(default)s)")
    shards.set_defaults(run=_imagenet)
    options = parser.parse_args(argv)
    try:
        print(options.run(options))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _roadsigns(options: argparse.Namespace) -> str:
    fresh = artwork.prepare_roadsigns(cache=options.cache, archives=options.archives)
    count = len(artwork.read_table())
    return f"{'prepared' if fresh else 'already prepared'}: {count} images in {artwork.artwork_folder(options.cache)}"


def _emoji(options: argparse.Namespace) -> str:
    count = prepare_emoji(cache=options.cache, archives=options.archives)
    folder = emoji_folder(options.cache)
    drawings, graph = open_emoji(folder)[0], load_graph(graph_path()).graph
    elements = prepare_elements(graph, drawings, archives=options.archives)
    return "\n".join(
        f"prepared: {number} {what} in {where}" if number else f"already prepared: {where}"
        for number, what, where in ((count, "drawings", folder), (elements, "element images", elements_folder()))
    )


def _imagenet(options: argparse.Namespace) -> str:
    if options.per_shard < 1:
        raise UserError(f"--per-shard is {options.per_shard}; expected 1 or more.")
    written = prepare_imagenet(
        options.source,
        options.out,
        domains=[name for name in options.domains.split(",") if name],
        labels=options.labels,
        per_shard=options.per_shard,
        report=lambda line: print(line, file=sys.stderr, flush=True),
    )
    return f"{options.out}: " + ", ".join(f"{domain} {count} shards written" for domain, count in written.items())


if __name__ == "__main__":
    sys.exit(main())
