"""`python -m kgv_jax.kg check FILE`: exit code 0 clean, 1 findings, 2 unreadable."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from kgv_jax.kg.check import HIERARCHY, check
from kgv_jax.util.errors import UserError


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m kgv_jax.kg", description="Knowledge graph files.")
    commands = parser.add_subparsers(dest="command", required=True)
    doctor = commands.add_parser("check", help="examine a graph: exit code 0 clean, 1 findings, 2 unreadable")
    doctor.add_argument("file", help="graph: .ttl .nt .rdf .xml .owl .csv .tsv")
    doctor.add_argument("--classes", metavar="DIR", help="images in DIR/<class>/ or DIR/<domain>/<class>/")
    doctor.add_argument("--class-type", default="Class", help="type of class nodes (default: %(default)s)")
    doctor.add_argument(
        "--hierarchy",
        metavar="NAME,...",
        help=f"hierarchical relations (default: those of {','.join(HIERARCHY)} that occur)",
    )
    options = parser.parse_args(argv)
    hierarchy = options.hierarchy.split(",") if options.hierarchy else None
    try:
        result = check(
            options.file, images=options.classes, class_type=options.class_type, hierarchy=hierarchy
        )
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for line in result.facts:
        print(line)
    if not result.findings:
        print("no findings")
        return 0
    print(f"{len(result.findings)} finding{'' if len(result.findings) == 1 else 's'}:")
    for line in result.findings:
        print(f"  {line}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
